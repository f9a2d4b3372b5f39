using System.Net;
using Selfsame.Databases;
using Selfsame.Store.Requests;

namespace Selfsame.Store.Sessions;

/// <summary>
/// A door beside the strangers' bucket: where strangers who ask without pause keep it closed, the first attempt of a network on a login within an
/// hour is let through without it. What many networks gain by it is bounded per login and hour (decision 0133).
/// </summary>
internal sealed class FirstAttempts(StoreContext context)
{
    /// <summary>So many first attempts on one login are let through in an hour, from all networks together.</summary>
    public const int MostOfLogin = 300;

    private static readonly RateLimit OfNetwork = new("first-attempt-of-network", 1, TimeSpan.FromHours(1));
    private static readonly RateLimit OfLogin = new("first-attempts-on-login", MostOfLogin, TimeSpan.FromHours(1));

    /// <summary>Whether the attempt is let through: counted in the caller's transaction, which rolls back if not.</summary>
    public async Task<bool> ClaimAsync(Transaction transaction, string tenant, string key, string? network, DateTimeOffset now)
        => network is not null
            && await RateLimits.CountAsync(transaction, tenant, OfNetwork, Subject(tenant, key, network), now) is { Allowed: true }
            && await RateLimits.CountAsync(transaction, tenant, OfLogin, Subject(tenant, key, null), now) is { Allowed: true };

    /// <summary>Gives back what an attempt took that was not a wrong one.</summary>
    public IEnumerable<Statement> GiveBack(string tenant, string key, string? network)
        => new[]
        {
            RateLimits.GiveBack(tenant, OfNetwork, network is null ? null : Subject(tenant, key, network)),
            RateLimits.GiveBack(tenant, OfLogin, Subject(tenant, key, null)),
        }.OfType<Statement>();

    private string Subject(string tenant, string key, string? network)
        => Convert.ToHexString(context.Secrets.Hash("first-attempts", $"{tenant}\n{(network is null ? "" : Site(network))}\n{key}"));

    /// <summary>The address, or the IPv6 /48 around a /64: a site is given one whole, with 65,536 of those.</summary>
    private static string Site(string network)
    {
        if (!network.EndsWith("/64", StringComparison.Ordinal) || !IPAddress.TryParse(network[..^3], out var address))
        {
            return network;
        }

        var bytes = address.GetAddressBytes();
        bytes.AsSpan(6).Clear();
        return $"{new IPAddress(bytes)}/48";
    }
}
