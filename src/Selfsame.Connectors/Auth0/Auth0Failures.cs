using System.Net;
using System.Text.Json;
using Selfsame.Connectors.Http;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Auth0;

/// <summary>What an answer other than success means, and what a person can do about it.</summary>
internal sealed class Auth0Failures(string name)
{
    /// <summary>Why nothing can be read.</summary>
    public SystemUnavailableException Unreadable(HttpReply reply) => reply is Answer { IsSuccess: true, Body: { } body } && !body.IsText() ? Unreadable(body) : new(reply switch
    {
        NotAsked not => $"'{name}' {not.Why}",
        NoAnswer none => $"'{name}' {none.Why} Run it again.",
        Answer { Status: HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden } answer => NotAllowed(answer),
        Answer { IsSuccess: true } or Answer { Status: HttpStatusCode.NotFound } => $"'{name}' answered something that no Auth0 answers. Correct 'domain' in the config.",
        Answer answer => $"'{name}' could not be read: {Said(answer)} Run it again when it works.",
        _ => throw new InvalidOperationException($"The reply {reply.GetType().Name} is unknown."),
    })
    {
        RetryAfter = reply.Patience,
    };

    /// <summary>Why a user can't be read who is there.</summary>
    public SystemUnavailableException Unreadable(JsonElement user)
        => new($"'{name}' told about {(user.ValueKind == JsonValueKind.Object ? user.TextOrNull(Auth0Fields.Id) : null) ?? "a user"}, and {JsonMembers.NoText} Correct it there.") { Answered = true };

    /// <summary>What a read before a change, in which nothing was changed, came to.</summary>
    public WriteOutcome BeforeChange(HttpReply reply) => reply switch
    {
        { Patience: { } wait } => new Throttled(wait),
        NoToken { Lasting: true } or Answer { Status: HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden } => new Refused(Unreadable(reply).Message),
        _ => new Unavailable(Unreadable(reply).Message),
    };

    /// <summary>What a change that did not succeed came to.</summary>
    public WriteOutcome Change(HttpReply reply) => reply switch
    {
        NotAsked => BeforeChange(reply),
        NoAnswer none => new Unknown($"'{name}' {none.Why}"),
        { Patience: { } wait } => new Throttled(wait),
        Answer { Status: HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden } answer => new Refused(NotAllowed(answer)),
        Answer { Status: HttpStatusCode.Conflict } answer => new AlreadyExists([], Said(answer)),
        // The same refusal where an address or name is changed into a taken one is a 400.
        Answer { Status: HttpStatusCode.BadRequest, Code: "auth0_idp_error" } answer when answer.Message.Contains("already exists", StringComparison.OrdinalIgnoreCase)
            => new AlreadyExists([answer.Message.Contains("email", StringComparison.OrdinalIgnoreCase) ? Auth0Fields.Email : Auth0Fields.Username], Said(answer)),
        Answer answer when (int)answer.Status >= 500 || answer.IsSuccess || answer.Status == HttpStatusCode.RequestTimeout => new Unknown(Said(answer)),
        Answer answer => new Refused(Said(answer)),
        _ => throw new InvalidOperationException($"The reply {reply.GetType().Name} is unknown."),
    };

    private string NotAllowed(Answer answer)
        => $"'{name}' refused it: {Said(answer)} Grant the application the scopes read:users, create:users, update:users, delete:users, read:logs and read:log_streams of the Management API, as far as you use them.";

    private static string Said(Answer answer) => $"{(int)answer.Status}{(answer.Code.Length > 0 ? $" {answer.Code}" : "")}: {answer.Message.TrimEnd('.')}.";
}
