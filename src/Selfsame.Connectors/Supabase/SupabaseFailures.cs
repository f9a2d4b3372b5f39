using System.Net;
using System.Text.Json;
using Selfsame.Connectors.Http;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Supabase;

/// <summary>What an answer other than success means, and what a person can do about it.</summary>
internal sealed class SupabaseFailures(string name)
{
    private const string UniqueViolation = "23505";

    /// <summary>The constraints of <c>auth.users</c> by the name that PostgreSQL tells, and the field each keeps unique.</summary>
    private static readonly (string Constraint, string Field)[] Constraints =
        [("users_email_partial_key", SupabaseFields.Email), ("users_phone_key", SupabaseFields.Phone), ("users_pkey", SupabaseFields.Id)];

    /// <summary>Why nothing can be read.</summary>
    public SystemUnavailableException Unreadable(HttpReply reply) => reply switch
    {
        Answer { Status: HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden } answer => new SystemUnavailableException(WrongKey(answer)),
        Answer { Status: HttpStatusCode.NotFound } => new SystemUnavailableException(
            $"'{name}' has no admin API of Supabase Auth at its 'url' (404). Give the project's address; where Supabase Auth runs without Supabase, its own with the path."),
        Answer { IsSuccess: true, Body: { } body } when !body.IsText() => Unreadable(body),
        Answer { IsSuccess: true } => new SystemUnavailableException($"'{name}' answered something that no Supabase Auth answers. Correct 'url' in the config."),
        Answer answer => new SystemUnavailableException($"'{name}' could not be read: {Said(answer)} Run it again when it works.") { RetryAfter = reply.Patience },
        NotAsked not => new SystemUnavailableException($"'{name}' {not.Why}") { RetryAfter = reply.Patience },
        NoAnswer none => new SystemUnavailableException($"'{name}' {none.Why} Run it again."),
        _ => throw new InvalidOperationException($"The reply {reply.GetType().Name} is unknown."),
    };

    /// <summary>Why a user can't be read who is there.</summary>
    private SystemUnavailableException Unreadable(JsonElement user)
        => new($"'{name}' told about {(user.ValueKind == JsonValueKind.Object ? user.TextOrNull(SupabaseFields.Id) : null) ?? "a user"}, and {JsonMembers.NoText} Correct it there.") { Answered = true };

    /// <summary>What a read before a change, in which nothing was changed, came to.</summary>
    public WriteOutcome BeforeChange(HttpReply reply) => reply switch
    {
        { Patience: { } wait } => new Throttled(wait),
        Answer { Status: HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden } answer => new Refused(WrongKey(answer)),
        _ => new Unavailable(Unreadable(reply).Message),
    };

    /// <summary>What a change that did not succeed came to.</summary>
    public WriteOutcome Change(HttpReply reply) => reply switch
    {
        { Patience: { } wait } => new Throttled(wait),
        NotAsked not => new Unavailable($"'{name}' {not.Why}"),
        NoAnswer none => new Unknown($"'{name}' {none.Why}"),
        Answer { Status: HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden } answer => new Refused(WrongKey(answer)),
        Answer { SqlState: { } state } answer => OfDatabase(answer, state),
        Answer { Code: "email_exists" } answer => new AlreadyExists([SupabaseFields.Email], Said(answer)),
        Answer { Code: "phone_exists" } answer => new AlreadyExists([SupabaseFields.Phone], Said(answer)),
        Answer { Code: "user_already_exists" } answer => new AlreadyExists([], Said(answer)),
        // The loser of a race of two creations gets a 500 where the database's reason is not told (supabase/auth#2675).
        Answer answer when (int)answer.Status >= 500 || answer.IsSuccess || answer.Status == HttpStatusCode.RequestTimeout => new Unknown(Said(answer)),
        Answer answer => new Refused(Said(answer)),
        _ => throw new InvalidOperationException($"The reply {reply.GetType().Name} is unknown."),
    };

    // PostgreSQL named its reason, so the transaction was rolled back and this is no unknown outcome.
    private static WriteOutcome OfDatabase(Answer answer, string state)
        => state == UniqueViolation
            ? new AlreadyExists(
                [.. Constraints.Where(pair => answer.Message.Contains($"\"{pair.Constraint}\"", StringComparison.Ordinal)).Select(pair => pair.Field)], Said(answer))
            : new Refused($"{Said(answer)} The project's database refused it, most likely a trigger or a constraint on auth.users (SQLSTATE {state}): correct that.");

    private string WrongKey(Answer answer)
        => $"'{name}' refused the key: {Said(answer)} Set 'serviceRoleKey' to the project's service_role key or a secret key; the anon key may not administer users.";

    private static string Said(Answer answer) => $"{(int)answer.Status}{(answer.Code.Length > 0 ? $" {answer.Code}" : "")}: {answer.Message.TrimEnd('.')}.";
}
