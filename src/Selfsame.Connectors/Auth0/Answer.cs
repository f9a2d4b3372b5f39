using Selfsame.Connectors.Http;

namespace Selfsame.Connectors.Auth0;

/// <summary>There was no token for the request.</summary>
/// <param name="Why">A clause that goes on after the system's name.</param>
/// <param name="Lasting">Whether asking again changes nothing: the credentials are wrong.</param>
/// <param name="RetryAfter">When to ask again, where the token endpoint said so.</param>
internal sealed record NoToken(string Why, bool Lasting = false, TimeSpan? RetryAfter = null) : NotAsked(Why)
{
    public override TimeSpan? Patience => RetryAfter;
}

/// <summary>
/// An answer. Errors are <c>{"statusCode", "error", "message", "errorCode"}</c>; those of the token endpoint <c>{"error", "error_description"}</c>.
/// </summary>
internal sealed record Answer : HttpAnswer
{
    public string Code => WithoutSecrets(Text("errorCode") ?? "");

    protected override string? Reason => Text("message") ?? Text("error_description") ?? Text("error");
}
