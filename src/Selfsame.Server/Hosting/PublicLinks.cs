using System.Net;

namespace Selfsame.Server.Hosting;

/// <summary>Where the links in a tenant's mails lead: what the config says, never a request.</summary>
internal static class PublicLinks
{
    /// <summary>The tenant's <c>publicUrl</c>; without one its first host, by https; null where the config names neither, or only this machine.</summary>
    public static Uri? Configured(ServerOptions options, string tenant)
        => options.PublicAddresses.GetValueOrDefault(tenant)
            ?? (options.FirstHosts.TryGetValue(tenant, out var host) && Uri.TryCreate($"https://{host}/", UriKind.Absolute, out var address) && !IsThisMachine(address) ? address : null);

    /// <summary>Whether it matters where they lead: somebody is to read the mails, or to come from elsewhere.</summary>
    public static bool Matter(ServerOptions options, IEnumerable<string> listening)
        => options.Smtp is not null || listening.Any(address => !Uri.TryCreate(address, UriKind.Absolute, out var uri) || !uri.IsLoopback);

    /// <summary>Why links to <paramref name="address"/> reach nobody else, or not this tenant; null where they do.</summary>
    public static string? Problem(ServerOptions options, string tenant, Uri address)
    {
        if (IsThisMachine(address))
        {
            return "which only this machine reaches";
        }

        var reached = options.TenantsByHost.GetValueOrDefault(address.Host, "main");
        return reached == tenant ? null : $"where the tenant {reached} is";
    }

    /// <summary>Whether an address is one of this machine's own, or none that can be called (0.0.0.0).</summary>
    public static bool IsThisMachine(Uri address)
        => address.IsLoopback || (IPAddress.TryParse(address.Host.Trim('[', ']'), out var ip) && (IPAddress.IsLoopback(ip) || ip.Equals(IPAddress.Any) || ip.Equals(IPAddress.IPv6Any)));
}
