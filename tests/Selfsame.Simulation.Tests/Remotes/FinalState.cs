using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;

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
            SELECT CAST(uuid AS text) AS uuid, username, email, handle, user_code, first_name, is_active AND deleted_at IS NULL AS is_wanted,
              email_verified_at IS NOT NULL AS is_verified FROM users
            """)).ToDictionary(user => user.Uuid);
        var rows = world.Inspect(transaction => transaction.QueryAsync<RowState>("SELECT source_id, system, state, target_id, due_because, problem, note FROM provisioning"));
        var told = world.Inspect(transaction => transaction.QueryAsync<string>("SELECT what FROM provisioning_events WHERE what IS NOT NULL"))
            .Concat(rows.SelectMany(row => new[] { row.Problem, row.Note }.OfType<string>()));
        return
        [
            .. acknowledged.Select(uuid => uuid.ToString("D")).Where(users.ContainsKey)
                .SelectMany(uuid => systems.Where(system => system.Name != RemoteSystems.App).Where(system => !rows.Exists(row => row.SourceId == uuid && row.System == system.Name)).Select(system => $"User {uuid} has no row into {system.Name}.")),
            .. rows.Where(row => row.System != RemoteSystems.App).SelectMany(row => FindUnfinished(row, users[row.SourceId])),
            .. remotes.Provider.Accounts.Accounts.Select(pair => FindUnfinished(pair.Key, pair.Value.Record, rows)).OfType<string>(),
            .. FindNobodys(users, rows),
            .. told.Where(remotes.HoldsSecret).Select(_ => "A secret stands in a row's problem, note or history."),
        ];
    }

    private IEnumerable<string> FindUnfinished(RowState row, UserState user)
    {
        var state = Enum.Parse<ProvisioningState>(row.State);
        var who = $"User {user.Uuid}, {row.System}:";
        switch (state)
        {
            case ProvisioningState.Conflict when string.IsNullOrEmpty(row.Problem):
                yield return $"{who} a conflict without evidence.";
                break;
            case ProvisioningState.Conflict:
                break;
            case ProvisioningState.Pending when row.System == RemoteSystems.Pds && !user.IsVerified:
                break;
            case ProvisioningState.Linked when row.DueBecause is null:
            case ProvisioningState.Compensated when !user.IsWanted:
                if (row.TargetId is not null && systems.Single(system => system.Name == row.System).Accounts.TryGetValue(AccountId.FromText(row.TargetId), out var account))
                {
                    foreach (var difference in Differences(row, user, account.Record))
                    {
                        yield return $"{who} the {difference} did not converge: the row is {state}{(user.IsWanted ? "" : ", not wanted")} ({row.Problem}{row.Note}), the account {account.Record}.";
                    }
                }

                break;
            default:
                yield return $"{who} it is still {state} ({row.DueBecause}{row.Problem}), and {(user.IsWanted ? "wanted" : "not wanted")}.";
                break;
        }
    }

    /// <summary>A person of the identity provider: whatever became of the webhooks, they are in the application.</summary>
    private string? FindUnfinished(AccountId person, Fields record, List<RowState> rows)
    {
        var row = rows.SingleOrDefault(row => row.System == RemoteSystems.App && row.SourceId == person.ToText());
        var account = systems.Single(system => system.Name == RemoteSystems.App).Accounts.GetValueOrDefault(person)?.Record;
        var active = record["active"].IsTruthy;
        return (row?.State, account) switch
        {
            (nameof(ProvisioningState.Conflict), _) when !string.IsNullOrEmpty(row!.Problem) => null,
            (nameof(ProvisioningState.Linked), not null) when row!.DueBecause is null && record.DifferencesFrom(account, "").Count == 0 => null,
            (nameof(ProvisioningState.Compensated), null) when !active => null,
            (nameof(ProvisioningState.Compensated), not null) when !active && record.DifferencesFrom(account, "").Count == 0 => null,
            _ => $"{person} is {row?.State} in the application as {account}, and should be {record}.",
        };
    }

    private static IEnumerable<string> Differences(RowState row, UserState user, Fields account)
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

        if (!Same(IdentifierKind.Email, user.Email, account["email"].AsText))
        {
            yield return "e-mail";
        }

        var name = row.System == RemoteSystems.Auth
            ? Same(IdentifierKind.Username, user.Username, account.ValueOrNull("login").AsText) && user.FirstName == account.ValueOrNull("first").AsText
            : account["handle"].AsText is var handle && (handle == user.Handle || handle == user.UserCode);
        if (!name)
        {
            yield return "name or handle";
        }
    }

    private static bool Same(IdentifierKind kind, string? one, string? other) => RemoteSystems.KeyOf(kind, one) == RemoteSystems.KeyOf(kind, other);

    private IEnumerable<string> FindNobodys(Dictionary<string, UserState> users, List<RowState> rows) =>
        from system in systems
        from account in system.Accounts
        where !account.Value.IsStrangers
        where system.Name == RemoteSystems.App ? !remotes.Provider.Accounts.Accounts.ContainsKey(account.Key)
            : system.Name == RemoteSystems.Auth ? !users.ContainsKey(account.Key.ToText())
            : rows.Count(row => row.System == system.Name && row.TargetId == account.Key.ToText()) != 1
        select $"The account {account.Key} of {system.Name} was made by us and is nobody's.";

    private sealed class UserState
    {
        public string Uuid { get; init; } = "";

        public string? Username { get; init; }

        public string? Email { get; init; }

        public string? Handle { get; init; }

        public string UserCode { get; init; } = "";

        public string? FirstName { get; init; }

        public bool IsWanted { get; init; }

        public bool IsVerified { get; init; }
    }

    private sealed class RowState
    {
        public string SourceId { get; init; } = "";

        public string System { get; init; } = "";

        public string State { get; init; } = "";

        public string? TargetId { get; init; }

        public string? DueBecause { get; init; }

        public string? Problem { get; init; }

        public string? Note { get; init; }
    }
}
