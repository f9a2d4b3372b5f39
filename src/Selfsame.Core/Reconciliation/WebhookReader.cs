using System.Text.RegularExpressions;
using Selfsame.Core.Webhooks;

namespace Selfsame.Core.Reconciliation;

/// <summary>Reads <c>webhooks:</c>, the addresses that are told what happens to users.</summary>
internal static partial class WebhookReader
{
    /// <param name="node">The mapping, one entry for each endpoint.</param>
    /// <param name="tenants">The tenants that the config names.</param>
    public static IReadOnlyList<WebhookConfig> Read(ConfigNode node, IReadOnlyCollection<string> tenants)
        => [.. node.Entries().Select(entry => ReadOne(entry.Key, entry.Value, tenants)).OfType<WebhookConfig>()];

    private static WebhookConfig? ReadOne(string name, ConfigNode node, IReadOnlyCollection<string> tenants)
    {
        node.RejectOthers(["url", "secret", "events", "tenant"]);
        if (!EndpointName().IsMatch(name))
        {
            node.Reject($"'{name}' can't name an endpoint: take 1 to 64 letters, digits, hyphens and underscores.");
        }

        var entries = node.Entries();
        if (!entries.TryGetValue("url", out var url) || !entries.TryGetValue("secret", out var secret))
        {
            node.Reject($"'{node.Path}' needs 'url' and 'secret'.");
            return null;
        }

        return ReadAddress(url) is { } address
            ? new WebhookConfig
            {
                Name = name,
                Url = address,
                Signatures = [.. (secret.IsText ? [secret] : secret.Items()).Select(ReadSecret).OfType<WebhookSignature>()],
                Events = entries.TryGetValue("events", out var events) ? [.. events.Items().Select(ReadEvent).Distinct()] : WebhookEvents.All,
                Tenant = entries.TryGetValue("tenant", out var tenant) ? ReadTenant(tenant, tenants) : "main",
            }
            : null;
    }

    private static Uri? ReadAddress(ConfigNode node)
    {
        if (Uri.TryCreate(node.Text(), UriKind.Absolute, out var address) && address is { Scheme: "http" or "https", UserInfo: "", Fragment: "" })
        {
            return address;
        }

        node.Reject($"'{node.Path}' must be an http or https address without a user, for example https://app.example.com/webhooks.");
        return null;
    }

    private static WebhookSignature? ReadSecret(ConfigNode node)
    {
        if (WebhookSignature.Parse(node.Text()) is { } signature)
        {
            return signature;
        }

        node.Reject($"'{node.Path}' must be whsec_ and base64 of 24 to 64 random bytes, for instance from: echo \"whsec_$(head -c 32 /dev/urandom | base64)\"");
        return null;
    }

    private static string ReadEvent(ConfigNode node) => node.OneOf([.. WebhookEvents.All.Select(name => (name, name))]);

    private static string ReadTenant(ConfigNode node, IReadOnlyCollection<string> tenants)
        => node.OneOf([.. tenants.Append("main").Distinct().Select(name => (name, name))]);

    [GeneratedRegex(@"^[A-Za-z0-9_-]{1,64}\z", RegexOptions.CultureInvariant)]
    private static partial Regex EndpointName();
}
