using System.Net;
using System.Text.RegularExpressions;
using Selfsame.Connectors.Http;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.AtProto;

/// <summary>
/// What an answer other than success means, and what a person can do about it. The meaning counts, not the status: a PDS tells a refusal of its DID
/// directory for too many requests as 400, and a lost race for a handle as 500.
/// </summary>
internal sealed partial class AtProtoFailures(string name, AtProtoApi api)
{
    private static readonly TimeSpan DirectoryPatience = TimeSpan.FromSeconds(30);

    /// <summary>Why nothing can be read.</summary>
    public SystemUnavailableException Unreadable(HttpReply reply) => new(reply switch
    {
        Answer { Status: HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden } answer => WrongPassword(answer),
        Answer answer when IsNoPds(answer) => NoPds(answer),
        Answer answer => $"'{name}' could not be read: {Said(answer)} Run it again when it works.",
        NotAsked not => $"'{name}' {not.Why}",
        NoAnswer none => $"'{name}' {none.Why} Run it again.",
        _ => throw Unexpected(reply),
    })
    {
        RetryAfter = reply.Patience,
    };

    /// <summary>What a step before a change, in which nothing was changed, came to.</summary>
    public WriteOutcome BeforeChange(HttpReply reply)
        => reply.Patience is { } wait ? new Throttled(wait) : new Unavailable(Unreadable(reply).Message);

    /// <summary>What a step before a change that could not be read came to: nothing was changed.</summary>
    public static WriteOutcome BeforeChange(SystemUnavailableException exception)
        => exception.RetryAfter is { } wait ? new Throttled(wait) : new Unavailable(exception.Message);

    /// <summary>What a change that did not succeed came to.</summary>
    public WriteOutcome Change(HttpReply reply) => reply switch
    {
        { Patience: { } wait } => new Throttled(wait),
        NotAsked not => new Unavailable($"'{name}' {not.Why}"),
        NoAnswer none => new Unknown($"'{name}' {none.Why}"),
        // The configuration is wrong, not the person: with the right password the same change goes through.
        Answer { Status: HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden } answer => new Unavailable(WrongPassword(answer)),
        Answer { Status: HttpStatusCode.BadRequest, Body: not null } answer => OfBadRequest(answer),
        // A proxy may answer 5xx, or a page with 200, for a request that went through.
        Answer answer when (int)answer.Status >= 500 || answer.IsSuccess || answer.Status == HttpStatusCode.RequestTimeout => new Unknown($"'{name}' answered {Said(answer)}"),
        Answer answer => new Unavailable(IsNoPds(answer) ? NoPds(answer) : $"'{name}' answered {Said(answer)}"),
        _ => throw Unexpected(reply),
    };

    /// <summary>
    /// What a change of a handle that did not succeed came to. It is an operation of the account's own log in the DID directory, which takes so many of each DID and no
    /// two after the same one: neither says anything about other accounts, and the second nothing about the handle.
    /// </summary>
    public WriteOutcome HandleChange(HttpReply reply) => (Change(reply), reply) switch
    {
        (Throttled throttled, Answer { Status: HttpStatusCode.BadRequest }) => throttled with { LimitIsOfAccount = true },
        (Refused { Fields.Count: 0 }, Answer answer) when Overtaken().IsMatch(answer.Message) => new Unknown($"Another operation of the account came first in the DID directory. '{name}' answered {Said(answer)}"),
        (var outcome, _) => outcome,
    };

    /// <summary>Whether an invite code was asked for that we had not sent, or is no longer good.</summary>
    public static bool WantsInvite(HttpReply reply) => reply is Answer { Error: "InvalidInviteCode" };

    /// <summary>Whether the PDS says that there is no such account.</summary>
    public static bool IsNotFound(HttpReply reply) => reply is Answer { Status: HttpStatusCode.BadRequest, Error: "NotFound" or "AccountNotFound" };

    /// <summary>Whether the PDS failed by itself, as it does where two of its accounts would have one handle or address.</summary>
    public static bool IsInternalError(HttpReply reply) => reply is Answer { Status: HttpStatusCode.InternalServerError, Error: "InternalServerError" };

    private WriteOutcome OfBadRequest(Answer answer)
    {
        var said = Said(answer);
        return answer.Error switch
        {
            "InvalidHandle" or "HandleNotAvailable" => new Refused(said) { Fields = [AtProtoFields.Handle] },
            "UnsupportedDomain" => new Unavailable($"'{name}' does not serve the configured 'handleDomain': {said} Correct one of the two."),
            "InvalidInviteCode" => new Unavailable($"'{name}' did not take the invite code that it had just made: {said}"),
            _ when Starts(answer, "Handle already taken") => new AlreadyExists([AtProtoFields.Handle], said),
            _ when Starts(answer, "Email already taken") => new AlreadyExists([AtProtoFields.Email], said),
            _ when Starts(answer, "This email address is not supported") => new Refused(said) { Fields = [AtProtoFields.Email] },
            // The DID directory's words behind the PDS's 400; it has no others for us where a genesis operation is well formed.
            _ when TooMany().IsMatch(answer.Message) || Starts(answer, "Unable to perform PLC operation") => new Throttled(DirectoryPatience),
            _ when Starts(answer, "Input/handle") => new Refused(said) { Fields = [AtProtoFields.Handle] },
            _ => new Refused(said),
        };
    }

    private static bool Starts(Answer answer, string text) => answer.Message.StartsWith(text, StringComparison.Ordinal);

    private static bool IsNoPds(Answer answer) => answer.IsSuccess || answer.Body is null || answer.Status == HttpStatusCode.NotFound || (int)answer.Status is >= 300 and < 400;

    private string NoPds(Answer answer)
        => $"'{name}' answered at {api.Address.GetLeftPart(UriPartial.Authority)} with {(int)answer.Status} and nothing that a PDS says. Correct 'url', or look at what stands before the PDS.";

    private string WrongPassword(Answer answer)
        => $"'{name}' refused the administrator: {Said(answer)} Set 'adminPassword' to the PDS's PDS_ADMIN_PASSWORD.";

    private static string Said(Answer answer) => $"{(int)answer.Status}{(answer.Error.Length > 0 ? $" {answer.Error}" : "")}: {answer.Message.TrimEnd('.')}.";

    private static InvalidOperationException Unexpected(HttpReply reply) => new($"The reply {reply.GetType().Name} is unknown.");

    // The directory's words for an operation that builds on one that is no longer the last.
    [GeneratedRegex("prev does not match|invalid signature|not in correct order", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Overtaken();

    [GeneratedRegex("too many|rate limit|limit exceeded|try again later", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex TooMany();
}
