using System.Net;
using System.Text.Json;

namespace Selfsame.Connectors.Supabase;

/// <summary>What became of one request.</summary>
internal abstract record SupabaseReply;

/// <summary>No connection came about, so nothing was asked.</summary>
/// <param name="Why">A clause that goes on after the system's name.</param>
internal sealed record NotReached(string Why) : SupabaseReply;

/// <summary>The request left and no whole answer came.</summary>
/// <param name="Why">A clause that goes on after the system's name.</param>
internal sealed record NoAnswer(string Why) : SupabaseReply;

/// <summary>
/// An answer. Errors come in four bodies: <c>{"code": 422, "error_code", "msg"}</c>; <c>{"code": "email_exists", "message"}</c> of the API version
/// 2024-01-01; <c>{"code": "23505", "message"}</c> where PostgreSQL refused; and <c>{"message"}</c> of the gateway before it.
/// </summary>
internal sealed record Answer : SupabaseReply
{
    private const int LongestMessage = 300;

    public required HttpStatusCode Status { get; init; }

    /// <summary>The body; null where it is not JSON.</summary>
    public required JsonElement? Body { get; init; }

    /// <summary>From <c>Retry-After</c>; the connector's own patience where the header is missing.</summary>
    public required TimeSpan RetryAfter { get; init; }

    /// <summary><c>X-Total-Count</c> of a list; null where it is missing.</summary>
    public required long? Total { get; init; }

    public bool IsSuccess => (int)Status is >= 200 and < 300;

    /// <summary><c>email_exists</c>, <c>user_not_found</c>, an SQLSTATE …, or empty.</summary>
    public string Code => Text("error_code") ?? Text("code") ?? "";

    /// <summary>What it says, for people; never long.</summary>
    public string Message
    {
        get
        {
            var text = Text("msg") ?? Text("message") ?? Text("error_description") ?? Text("error") ?? "it gave no reason";
            return text.Length > LongestMessage ? text[..LongestMessage] + "…" : text;
        }
    }

    /// <summary>The SQLSTATE by which PostgreSQL refused and rolled back; null where it did not.</summary>
    public string? SqlState
        => (int)Status >= 500 && Text("code") is { Length: 5 } code && code.All(character => char.IsAsciiDigit(character) || char.IsAsciiLetterUpper(character))
            ? code
            : null;

    public bool IsUserNotFound => Status == HttpStatusCode.NotFound && Code == "user_not_found";

    private string? Text(string property)
        => Body is { ValueKind: JsonValueKind.Object } body && body.TryGetProperty(property, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;
}
