using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Selfsame.Core.Webhooks;

/// <summary>Signs a webhook as the Standard Webhooks specification says (standardwebhooks.com, "Signature scheme", v1).</summary>
public sealed class WebhookSignature
{
    private const string Prefix = "whsec_";
    private const int LeastBytes = 24;
    private const int MostBytes = 64;

    private readonly byte[] key;

    private WebhookSignature(byte[] key) => this.key = key;

    /// <summary>Reads a secret: <c>whsec_</c> and base64 of 24 to 64 bytes; null where it is none.</summary>
    public static WebhookSignature? Parse(string secret)
    {
        var buffer = new byte[secret.Length];
        return secret.StartsWith(Prefix, StringComparison.Ordinal)
            && Convert.TryFromBase64String(secret[Prefix.Length..], buffer, out var length)
            && length is >= LeastBytes and <= MostBytes
            ? new WebhookSignature(buffer[..length])
            : null;
    }

    /// <summary>The value of the header <c>webhook-signature</c>.</summary>
    /// <param name="id">The header <c>webhook-id</c>.</param>
    /// <param name="sent">The header <c>webhook-timestamp</c>, in whole seconds.</param>
    /// <param name="body">The body as it is sent.</param>
    public string Sign(string id, DateTimeOffset sent, string body)
        => "v1," + Convert.ToBase64String(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes($"{id}.{Timestamp(sent)}.{body}")));

    /// <summary>Seconds since 1970.</summary>
    public static string Timestamp(DateTimeOffset sent) => sent.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
}
