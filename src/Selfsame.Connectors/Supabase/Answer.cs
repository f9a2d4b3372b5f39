using System.Net;
using Selfsame.Connectors.Http;

namespace Selfsame.Connectors.Supabase;

/// <summary>
/// An answer. Errors come in four bodies: <c>{"code": 422, "error_code", "msg"}</c>; <c>{"code": "email_exists", "message"}</c> of the API version
/// 2024-01-01; <c>{"code": "23505", "message"}</c> where PostgreSQL refused; and <c>{"message"}</c> of the gateway before it.
/// </summary>
internal sealed record Answer : HttpAnswer
{
    /// <summary><c>X-Total-Count</c> of a list; null where it is missing.</summary>
    public required long? Total { get; init; }

    /// <summary><c>email_exists</c>, <c>user_not_found</c>, an SQLSTATE …, or empty.</summary>
    public string Code => WithoutSecrets(Text("error_code") ?? Text("code") ?? "");

    protected override string? Reason => Text("msg") ?? Text("message") ?? Text("error_description") ?? Text("error");

    /// <summary>The SQLSTATE by which PostgreSQL refused and rolled back; null where it did not.</summary>
    public string? SqlState
        => (int)Status >= 500 && Text("code") is { Length: 5 } code && code.All(character => char.IsAsciiDigit(character) || char.IsAsciiLetterUpper(character))
            ? code
            : null;

    public bool IsUserNotFound => Status == HttpStatusCode.NotFound && Code == "user_not_found";
}
