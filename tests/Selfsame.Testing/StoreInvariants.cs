using System.Collections.Concurrent;
using System.Text.Json;
using Selfsame.Core.Identifiers;
using Selfsame.Databases;

namespace Selfsame.Testing;

/// <summary>
/// What holds in every committed state of a store, whatever raced or crashed: nobody twice, nobody half made, nothing
/// that belongs to nobody. Keys are computed anew from the users' own columns, never taken from the rows under test.
/// </summary>
public static class StoreInvariants
{
    /// <summary>Throws an <see cref="InvalidOperationException"/> that lists every violation.</summary>
    public static async Task CheckAsync(Database database, CancellationToken cancellation = default)
    {
        var violations = await FindAsync(database, cancellation);
        if (violations.Count > 0)
        {
            throw new InvalidOperationException($"The store is broken:\n{string.Join('\n', violations)}");
        }
    }

    /// <summary>Every violation, one sentence each; none in a sound store.</summary>
    public static Task<IReadOnlyList<string>> FindAsync(Database database, CancellationToken cancellation = default) => FindAsync(database, new HashSet<Guid>(), cancellation);

    /// <summary>As above, where users may have been purged sooner than their creation's answer is forgotten.</summary>
    public static async Task<IReadOnlyList<string>> FindAsync(Database database, IReadOnlySet<Guid> purged, CancellationToken cancellation = default)
    {
        var state = await database.ReadAsync(ReadAsync, cancellation);
        return
        [
            .. FindStrangers(state),
            .. FindPeopleTwice(state.Users),
            .. state.Users.SelectMany(user => FindHalfMade(user, state)),
            .. FindBrokenAnswers(state, purged),
        ];
    }

    // A simulation asks for the same few people thousands of times.
    private static readonly ConcurrentDictionary<string, string> Keys = new(StringComparer.Ordinal);

    private static readonly string[] TablesOfUsers =
    [
        "identifiers", "lookalikes", "mails", "sessions", "link_tokens", "audit_events", "known_sources", "user_group_members", "handle_changes",
    ];

    private static readonly string RowsOfNobody = string.Join(" UNION ALL ", TablesOfUsers.Select(table =>
        $"SELECT 'A row of {table} belongs to a user that does not exist.' FROM {table} t LEFT JOIN users u ON u.id = t.user_id WHERE t.user_id IS NOT NULL AND u.id IS NULL"));

    private static async Task<StoreState> ReadAsync(Transaction transaction)
    {
        return new StoreState(
            await transaction.QueryAsync<string>(RowsOfNobody),
            await transaction.QueryAsync<UserState>(
                """
                SELECT u.id, u.uuid, u.tenant, u.username, u.email, u.phone, u.phone_verified_at IS NOT NULL AS phone_is_verified,
                  u.handle, u.user_code, (SELECT c.handle FROM handle_changes c WHERE c.user_id = u.id AND NOT c.refused) AS handle_under_way,
                  u.is_active AND u.deleted_at IS NULL AS can_sign_in,
                  (SELECT count(*) FROM audit_events e WHERE e.user_id = u.id AND e.event IN ('user.created', 'user.moved-in')) AS created_events,
                  (SELECT count(*) FROM sessions s WHERE s.user_id = u.id) AS sessions
                FROM users u
                """),
            (await transaction.QueryAsync<KeyState>("SELECT user_id, tenant, space, key FROM identifiers")).ToLookup(row => row.UserId),
            await transaction.QueryAsync<AnswerState>("SELECT key, answer FROM idempotency_records"),
            await transaction.ScalarAsync<long>("SELECT count(*) FROM mails WHERE user_id IS NULL"));
    }

    private static IEnumerable<string> FindStrangers(StoreState state)
    {
        foreach (var stranger in state.Strangers)
        {
            yield return stranger;
        }

        if (state.MailsToNobody > 0)
        {
            yield return $"{state.MailsToNobody} mail(s) belong to no user.";
        }
    }

    private static IEnumerable<string> FindPeopleTwice(List<UserState> users) =>
        from user in users
        from key in LoginKeys(user).Select(key => (Space: "login", Key: key)).Concat(HandleKeys(user).Select(key => (Space: "handle", Key: key)))
        group user by (user.Tenant, key.Space, key.Key) into same
        where same.Count() > 1
        select $"{same.Count()} users of tenant {same.Key.Tenant} are {same.Key.Key}.";

    private static IEnumerable<string> FindHalfMade(UserState user, StoreState state)
    {
        var expected = LoginKeys(user).Select(key => $"login {key}")
            .Concat(HandleKeys(user).Select(key => $"handle {key}"))
            .Concat(user is { Phone: not null, PhoneIsVerified: true } ? [$"phone {user.Phone}"] : [])
            .ToHashSet(StringComparer.Ordinal);
        var present = state.Keys[user.Id]
            .Where(row => row.Tenant == user.Tenant && row.Space is "login" or "handle" or "phone")
            .Select(row => $"{row.Space} {row.Key}")
            .ToHashSet(StringComparer.Ordinal);
        if (!expected.SetEquals(present))
        {
            yield return $"User {user.Uuid} should have the identifiers [{string.Join(", ", expected)}] and has [{string.Join(", ", present)}].";
        }

        if (user.CreatedEvents != 1)
        {
            yield return $"User {user.Uuid} was created {user.CreatedEvents} times, says the audit trail.";
        }

        if (user.Sessions > 0 && !user.CanSignIn)
        {
            yield return $"User {user.Uuid} is disabled or deleted and has {user.Sessions} session(s).";
        }
    }

    private static IEnumerable<string> FindBrokenAnswers(StoreState state, IReadOnlySet<Guid> purged)
    {
        var uuids = state.Users.Select(user => user.Uuid).ToHashSet();
        foreach (var record in state.Answers)
        {
            if (record.Answer is null)
            {
                yield return $"The idempotency record {record.Key} has no answer.";
            }
            else if (UserOf(record.Answer) is { } uuid && !uuids.Contains(uuid) && !purged.Contains(uuid))
            {
                yield return $"The idempotency record {record.Key} answers with a user that does not exist.";
            }
        }
    }

    /// <summary>The user in a stored answer; null in one that names none.</summary>
    private static Guid? UserOf(string answer)
    {
        using var json = JsonDocument.Parse(answer);
        return json.RootElement.TryGetProperty("User", out var user) && user.ValueKind == JsonValueKind.Object ? user.GetProperty("Uuid").GetGuid() : null;
    }

    private static IEnumerable<string> LoginKeys(UserState user) =>
        new[] { user.Username, user.Email }.OfType<string>().Select(text => Keys.GetOrAdd(text, KeyOf)).Distinct(StringComparer.Ordinal);

    private static string KeyOf(string text) => LoginName.TryParse(text, out var name, out var refusal)
        ? name.Key
        : throw new InvalidOperationException($"A user holds an identifier that has no key: {refusal.Rule}");

    private static IEnumerable<string> HandleKeys(UserState user) => new[] { user.Handle, user.HandleUnderWay, user.UserCode }.OfType<string>().Distinct(StringComparer.Ordinal);

    private sealed record StoreState(
        List<string> Strangers, List<UserState> Users, ILookup<long, KeyState> Keys, List<AnswerState> Answers, long MailsToNobody);

    private sealed class UserState
    {
        public long Id { get; init; }

        public Guid Uuid { get; init; }

        public string Tenant { get; init; } = "";

        public string? Username { get; init; }

        public string? Email { get; init; }

        public string? Phone { get; init; }

        public bool PhoneIsVerified { get; init; }

        public string? Handle { get; init; }

        /// <summary>Asked for, and not confirmed by another system yet: reserved beside the other.</summary>
        public string? HandleUnderWay { get; init; }

        public string UserCode { get; init; } = "";

        public bool CanSignIn { get; init; }

        public long CreatedEvents { get; init; }

        public long Sessions { get; init; }
    }

    private sealed class KeyState
    {
        public long UserId { get; init; }

        public string Tenant { get; init; } = "";

        public string Space { get; init; } = "";

        public string Key { get; init; } = "";
    }

    private sealed class AnswerState
    {
        public string Key { get; init; } = "";

        public string? Answer { get; init; }
    }
}
