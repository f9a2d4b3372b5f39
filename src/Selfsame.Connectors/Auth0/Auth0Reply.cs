using System.Net;
using System.Text.Json;

namespace Selfsame.Connectors.Auth0;

/// <summary>What became of one request.</summary>
internal abstract record Auth0Reply;

/// <summary>The request never left: there was no connection, or no token for it.</summary>
/// <param name="Why">A clause that goes on after the system's name.</param>
/// <param name="Lasting">Whether asking again changes nothing: the credentials are wrong.</param>
/// <param name="RetryAfter">When to ask again, where the token endpoint said so.</param>
internal sealed record NotAsked(string Why, bool Lasting = false, TimeSpan? RetryAfter = null) : Auth0Reply;

/// <summary>The request left and no whole answer came.</summary>
/// <param name="Why">A clause that goes on after the system's name.</param>
internal sealed record NoAnswer(string Why) : Auth0Reply;

/// <summary>
/// An answer. Errors are <c>{"statusCode", "error", "message", "errorCode"}</c>; those of the token endpoint <c>{"error", "error_description"}</c>.
/// </summary>
internal sealed record Answer : Auth0Reply
{
    private const int LongestMessage = 300;

    public required HttpStatusCode Status { get; init; }

    /// <summary>The body; null where it is not JSON.</summary>
    public required JsonElement? Body { get; init; }

    /// <summary>From <c>Retry-After</c> or <c>x-ratelimit-reset</c>; the connector's own patience where both are missing.</summary>
    public required TimeSpan RetryAfter { get; init; }

    public bool IsSuccess => (int)Status is >= 200 and < 300;

    public string Code => Text("errorCode") ?? "";

    /// <summary>What it says, for people; never long.</summary>
    public string Message
    {
        get
        {
            var text = Text("message") ?? Text("error_description") ?? Text("error") ?? "it gave no reason";
            return text.Length > LongestMessage ? text[..LongestMessage] + "…" : text;
        }
    }

    public string? Text(string property)
        => Body is { ValueKind: JsonValueKind.Object } body && body.TryGetProperty(property, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;
}
