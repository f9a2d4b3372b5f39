namespace Selfsame.Core.Webhooks;

/// <summary>An address that is told what happens to users. Its secrets are kept as keys that can sign and not be read.</summary>
public sealed record WebhookConfig
{
    /// <summary>What the config calls it: 1 to 64 letters, digits, <c>-</c> and <c>_</c>.</summary>
    public required string Name { get; init; }

    /// <summary>http or https.</summary>
    public required Uri Url { get; init; }

    /// <summary>One, or while a secret is replaced, several: every message carries a signature of each.</summary>
    public required IReadOnlyList<WebhookSignature> Signatures { get; init; }

    /// <summary>Of <see cref="WebhookEvents.All"/>.</summary>
    public required IReadOnlyList<string> Events { get; init; }

    /// <summary>Whose users it is told about.</summary>
    public string Tenant { get; init; } = "main";
}
