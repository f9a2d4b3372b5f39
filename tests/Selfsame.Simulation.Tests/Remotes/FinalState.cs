using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Simulation.Tests.Remotes.Services;

namespace Selfsame.Simulation.Tests.Remotes;

/// <summary>What must hold of users, rows and accounts once nothing is left to do.</summary>
internal sealed class FinalState(World world, RemoteSystems remotes)
{
    private readonly IReadOnlyList<RemoteAccounts> systems = remotes.Systems;

    /// <summary>Every violation, one sentence each.</summary>
    public IEnumerable<string> Find(IReadOnlySet<Guid> acknowledged)
    {
        var users = world.Inspect(transaction => transaction.QueryAsync<UserState>(
            """
            SELECT CAST(u.uuid AS text) AS uuid, u.email, u.handle, u.user_code, u.role, u.is_active AND u.deleted_at IS NULL AS is_wanted,
              u.email_verified_at IS NOT NULL AS is_verified, EXISTS (SELECT 1 FROM handle_changes c WHERE c.user_id = u.id AND NOT c.refused) AS waits_for_handle FROM users u
            """)).ToDictionary(user => user.Uuid);
        var rows = world.Inspect(transaction => transaction.QueryAsync<RowState>("SELECT source, source_id, system, state, target_id, due_because, problem, note FROM provisioning"));
        return
        [
            .. acknowledged.Select(uuid => uuid.ToString("D")).Where(users.ContainsKey)
                .SelectMany(uuid => systems.Where(system => system.Name != RemoteSystems.App).Where(system => !rows.Exists(row => row.SourceId == uuid && row.System == system.Name)).Select(system => $"User {uuid} has no row into {system.Name}.")),
            .. rows.Where(row => row.Source == RemoteSystems.Users).SelectMany(row => users.TryGetValue(row.SourceId, out var user)
                ? FindUnfinished(row, user)
                : [$"User {row.SourceId} was purged, and the row into {row.System} is still {row.State} ({row.DueBecause}{row.Problem})."]),
            .. remotes.Provider.Accounts.Accounts.Select(pair => FindUnfinished(pair.Key, pair.Value.Record, rows)).OfType<string>(),
            .. rows.Where(row => row.Source == RemoteSystems.Idp).Select(FindLeft).OfType<string>(),
            .. remotes.Flow == Flow.Chain ? System(RemoteSystems.App).Accounts.Where(pair => !pair.Value.IsStrangers).Select(pair => FindUnfinishedOfChain(pair.Key, pair.Value.Record, rows)).OfType<string>() : [],
            .. FindShared(rows),
            .. FindNobodys(users, rows),
        ];
    }

    private IEnumerable<string> FindUnfinished(RowState row, UserState user)
    {
        var state = Enum.Parse<ProvisioningState>(row.State);
        var who = $"User {user.Uuid}, {row.System}:";
        var account = row.TargetId is null ? null : System(row.System).Accounts.GetValueOrDefault(AccountId.FromText(row.TargetId));
        switch (state)
        {
            case ProvisioningState.Conflict when !IsJustified(row, user, account):
                yield return $"{who} a conflict that nothing justifies ({row.Problem}): the user has {user.Email}{(user.IsVerified ? ", proved" : "")}, the account is {account?.Record}.";
                break;
            case ProvisioningState.Conflict:
                break;
            case ProvisioningState.Pending when row.System == RemoteSystems.Pds && !user.IsVerified:
                break;
            case ProvisioningState.Linked when row.DueBecause is null:
            case ProvisioningState.Compensated when !user.IsWanted:
                foreach (var difference in account is null ? [] : Differences(row, user, account.Record))
                {
                    yield return $"{who} the {difference} did not converge: the row is {state}{(user.IsWanted ? "" : ", not wanted")} ({row.Problem}{row.Note}), the account {account!.Record}.";
                }

                break;
            default:
                yield return $"{who} it is still {state} ({row.DueBecause}{row.Problem}), and {(user.IsWanted ? "wanted" : "not wanted")}.";
                break;
        }
    }

    /// <summary>
    /// Whether somebody else had what stands in the way when that was found, or the system can't be given what the user has become. That there is a sentence is no evidence.
    /// </summary>
    private bool IsJustified(RowState row, UserState user, StoredAccount? account)
    {
        var system = System(row.System);
        return !string.IsNullOrEmpty(row.Problem)
            && (IsAnothers(row, IdentifierKind.Email, user.Email)
                || (row.System == RemoteSystems.Pds && user.Handle is not null && IsAnothers(row, IdentifierKind.Handle, Whole(user.Handle)))
                // The refusal of what was sent stands until the address that came after it is proved: no account is wanted before.
                || (row.System == RemoteSystems.Pds && !user.IsVerified && NamesAnothersAddress(system, row.Problem, user.Uuid))
                // Supabase Auth takes no proof of an address back, nor lets another address stand unproved in its place.
                || (row.System == RemoteSystems.Auth && account is not null && account.Record["confirmed"].IsTruthy && !user.IsVerified));
    }

    private bool NamesAnothersAddress(RemoteAccounts system, string problem, string person)
        => system.Accounts.Any(pair => remotes.OwnerOf(system.Name, pair.Key)?.ToText() != person && problem.Contains(pair.Value.Record["email"].AsText!, StringComparison.Ordinal));

    /// <summary>Whether somebody else had the value while what stands in the row was found out: who had it before or came by it since was in nobody's way.</summary>
    private bool IsAnothers(RowState row, IdentifierKind kind, string? value)
    {
        var system = System(row.System);
        var (from, to) = remotes.TimeOf(new ProvisioningKey(row.Source, AccountId.FromText(row.SourceId), row.System));
        return system.HeldDuring(kind, value, from, to).Any(holder => remotes.OwnerOf(system.Name, holder)?.ToText() != row.SourceId);
    }

    private RemoteAccounts System(string name) => systems.Single(system => system.Name == name);

    /// <summary>A person of the identity provider: whatever became of the webhooks, they are in the application.</summary>
    private string? FindUnfinished(AccountId person, Fields record, List<RowState> rows)
    {
        var row = rows.SingleOrDefault(row => row.System == RemoteSystems.App && row.SourceId == person.ToText());
        var system = System(RemoteSystems.App);
        var account = system.Accounts.GetValueOrDefault(person)?.Record;
        var active = !record["blocked"].IsTruthy;
        var isAsItShouldBe = account is not null && account["active"].IsTruthy == active && account["email"] == record["email"] && account["name"] == record["name"]
            && account["verified"].IsTruthy == record["verified"].IsTruthy
            && account["verifications"] == FieldValue.Integer(Verifications(person));
        return (row?.State, account) switch
        {
            (nameof(ProvisioningState.Conflict), _) when !string.IsNullOrEmpty(row!.Problem)
                && (IsAnothers(row, IdentifierKind.Email, record["email"].AsText) || IsProvedByAnother(person, record)) => null,
            (nameof(ProvisioningState.Linked), not null) when row!.DueBecause is null && isAsItShouldBe => null,
            (nameof(ProvisioningState.Compensated), null) when !active => null,
            // What can't follow of who is not active shows when they come back.
            (nameof(ProvisioningState.Compensated), not null) when !active && (isAsItShouldBe || (!account["active"].IsTruthy && IsAnothers(row!, IdentifierKind.Email, record["email"].AsText))) => null,
            _ => $"{person} is {row?.State} in the application as {account}, and should be {record} ({row?.DueBecause}{row?.Problem}).",
        };
    }

    /// <summary>The size of the set of events; of who never deleted themselves it has all that ever happened.</summary>
    private long Verifications(AccountId person)
    {
        var kept = world.Inspect(transaction => transaction.ScalarAsync<long>(
            "SELECT count(*) FROM verification_events WHERE system = @system AND account_id = @person", new { system = RemoteSystems.Idp, person = person.ToText() }));
        var happened = remotes.Provider.Log.Where(one => one.Account!.Equals(person)).ToList();
        return happened.Count(one => one.Type == "ss") == 1 || kept > happened.Count(one => one.ProvesEmail) ? happened.Count(one => one.ProvesEmail) : kept;
    }

    /// <summary>A person who is gone from the identity provider: what was made of them is disabled.</summary>
    private string? FindLeft(RowState row)
        => remotes.Provider.Accounts.Accounts.ContainsKey(AccountId.FromText(row.SourceId)) || row.State == nameof(ProvisioningState.Compensated)
            ? null
            : $"{row.SourceId} is gone from the identity provider, and the row into {row.System} is still {row.State} ({row.DueBecause}{row.Problem}).";

    /// <summary>A record of the application, from which an account of the PDS is made.</summary>
    private string? FindUnfinishedOfChain(AccountId person, Fields record, List<RowState> rows)
    {
        var row = rows.SingleOrDefault(row => row.Source == RemoteSystems.App && row.SourceId == person.ToText());
        var system = System(RemoteSystems.Pds);
        var account = row?.TargetId is null ? null : system.Accounts.GetValueOrDefault(AccountId.FromText(row.TargetId))?.Record;
        var (email, active, verified) = (record["email"].AsText!, record["active"].IsTruthy, record["verified"].IsTruthy);
        // An address is carried when it is proved.
        var isAsItShouldBe = account is not null && account["active"].IsTruthy && (!verified || Same(IdentifierKind.Email, email, account["email"].AsText))
            && account["handle"].AsText == Whole(record["code"].AsText!);
        return (row?.State, account) switch
        {
            (null, _) when !verified || !active || !rows.Exists(of => of.Source == RemoteSystems.Idp && of.SourceId == person.ToText() && of.State == nameof(ProvisioningState.Linked)) => null,
            (nameof(ProvisioningState.Pending), null) when !verified => null,
            (nameof(ProvisioningState.Linked), not null) when row!.DueBecause is null && active && isAsItShouldBe => null,
            (nameof(ProvisioningState.Compensated), null) when !active => null,
            (nameof(ProvisioningState.Compensated), not null) when !active && !account["active"].IsTruthy => null,
            (nameof(ProvisioningState.Conflict), _) when !string.IsNullOrEmpty(row!.Problem)
                && (IsAnothers(row, IdentifierKind.Email, email) || (!verified && NamesAnothersAddress(system, row.Problem, person.ToText()))
                    || (verified && IsProvedByAnotherRecord(person, email))) => null,
            _ => $"{person} is {row?.State} from the application in the PDS as {account}, and should be {record} ({row?.DueBecause}{row?.Problem}).",
        };
    }

    private bool IsProvedByAnotherRecord(AccountId person, string email)
        => System(RemoteSystems.App).Accounts.Any(
            other => !other.Key.Equals(person) && other.Value.Record["verified"].IsTruthy && Same(IdentifierKind.Email, email, other.Value.Record["email"].AsText));

    // Its proof stands for good, so that it may have had the address before it was blocked.
    private bool IsProvedByAnother(AccountId person, Fields record)
        => record["verified"].IsTruthy && remotes.Provider.Accounts.Accounts.Any(
            other => !other.Key.Equals(person) && other.Value.Record["verified"].IsTruthy && other.Value.Record["email"] == record["email"]);

    /// <summary>One who proved an address under two ids has an account of the application under one of them; the other waits for a person.</summary>
    private IEnumerable<string> FindShared(List<RowState> rows)
        => from person in remotes.Provider.Accounts.Accounts
           where person.Value.Record["verified"].IsTruthy && !person.Value.Record["blocked"].IsTruthy
               && rows.Exists(row => row.System == RemoteSystems.App && row.SourceId == person.Key.ToText() && row.State == nameof(ProvisioningState.Linked))
           group person.Key by person.Value.Record["email"].AsText into ids
           where ids.Count() > 1
           select $"The address {ids.Key} is that of several in the application: {string.Join(" and ", ids)}.";

    private IEnumerable<string> Differences(RowState row, UserState user, Fields account)
    {
        if (account["active"].IsTruthy != user.IsWanted)
        {
            yield return "activity";
        }

        // Who is deleted or disabled is disabled there, even where an address that another has can't follow: what changed of them shows when they come back.
        if (!user.IsWanted)
        {
            yield break;
        }

        // Where the rule asks for the proof, an address is carried when it is proved.
        if ((row.System != RemoteSystems.Pds || user.IsVerified) && !Same(IdentifierKind.Email, user.Email, account["email"].AsText))
        {
            yield return "e-mail";
        }

        if (row.System == RemoteSystems.Auth && account["role"].AsText != user.Role)
        {
            yield return "role";
        }

        if (row.System == RemoteSystems.Auth && account["confirmed"].IsTruthy != user.IsVerified)
        {
            yield return "proof of the e-mail";
        }

        if (row.System == RemoteSystems.Pds && !HasHandle(row, user, account["handle"].AsText!))
        {
            yield return "handle";
        }

        if (row.System == RemoteSystems.Pds && user.WaitsForHandle)
        {
            yield return "change of the handle";
        }
    }

    /// <summary>The user's own handle, or the code where there is none; also where somebody else over there has, or had, the user's.</summary>
    private bool HasHandle(RowState row, UserState user, string handle)
        => handle == Whole(user.Handle ?? user.UserCode)
            || (handle == Whole(user.UserCode) && IsAnothers(row, IdentifierKind.Handle, Whole(user.Handle!)));

    private static string Whole(string label) => $"{label}.{SimulatedPds.Domain}";

    private static bool Same(IdentifierKind kind, string? one, string? other) => RemoteSystems.KeyOf(kind, one) == RemoteSystems.KeyOf(kind, other);

    private IEnumerable<string> FindNobodys(Dictionary<string, UserState> users, List<RowState> rows) =>
        from system in systems
        from account in system.Accounts
        where !account.Value.IsStrangers
        let person = remotes.OwnerOf(system.Name, account.Key)!.ToText()
        let active = account.Value.Record["active"].IsTruthy
        where system.Name == RemoteSystems.App ? active && !remotes.Provider.Accounts.Accounts.ContainsKey(account.Key)
            : remotes.SourceOf(system.Name, account.Key) == RemoteSystems.App
                ? rows.Count(row => row.System == system.Name && row.TargetId == account.Key.ToText()) != 1
                    || (active && !(System(RemoteSystems.App).Accounts.TryGetValue(AccountId.FromText(person), out var record) && record.Record["active"].IsTruthy))
            // Of who was purged the account is deleted, or the config keeps it, disabled.
            : !users.ContainsKey(person) ? active || remotes.Topology.DeletedWith(RemoteSystems.Users).Contains(system.Name)
            : system.Name == RemoteSystems.Pds && rows.Count(row => row.System == system.Name && row.TargetId == account.Key.ToText()) != 1
        select $"The account {account.Key} of {system.Name} was made by us for {person} and is nobody's.";

    private sealed class UserState
    {
        public string Uuid { get; init; } = "";

        public string? Email { get; init; }

        public string? Handle { get; init; }

        public string UserCode { get; init; } = "";

        public string? Role { get; init; }

        public bool IsWanted { get; init; }

        public bool IsVerified { get; init; }

        public bool WaitsForHandle { get; init; }
    }

    private sealed class RowState
    {
        public string Source { get; init; } = "";

        public string SourceId { get; init; } = "";

        public string System { get; init; } = "";

        public string State { get; init; } = "";

        public string? TargetId { get; init; }

        public string? DueBecause { get; init; }

        public string? Problem { get; init; }

        public string? Note { get; init; }
    }
}
