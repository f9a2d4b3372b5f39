using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>The accounts and rows that a run changed, as they are now.</summary>
public sealed class PresentState
{
    private readonly Dictionary<(string System, AccountId Id), Account> accounts = [];
    private readonly Dictionary<(string System, string Table, Fields Key), Fields> rows = [];

    /// <summary>The account, or null when it is gone.</summary>
    public Account? Account(string system, AccountId id) => accounts.GetValueOrDefault((system, id));

    /// <summary>The row, or null when it is gone.</summary>
    public Fields? Row(string system, string table, Fields key) => rows.GetValueOrDefault((system, table, key));

    /// <summary>Reads all that the run changed, freshly; throws <see cref="SystemUnavailableException"/> where the config lacks a system of it.</summary>
    public static async Task<PresentState> ReadAsync(
        RunRecord run, IReadOnlyDictionary<string, IConnectedSystem> systems, CancellationToken cancellation)
    {
        var state = new PresentState();
        foreach (var changes in run.Plan.Changes.Where(change => change.Action != ChangeAction.Schema).GroupBy(change => change.System))
        {
            if (systems.GetValueOrDefault(changes.Key) is not IReadsAccountsById system)
            {
                throw new SystemUnavailableException($"The run changed '{changes.Key}', which the config does not have. Use the config it was made with.");
            }

            foreach (var (id, account) in await system.ReadFreshAsync(changes.Key, [.. changes.Select(change => change.Account).Distinct()], cancellation))
            {
                state.accounts.Add((changes.Key, id), account);
            }

            var written = changes.SelectMany(change => run.Entries.GetValueOrDefault(change.Number)?.Rows ?? []).ToList();
            await state.ReadRowsAsync(changes.Key, system, [.. written.SelectMany(row => new[] { (row.Table, row.KeyAfter), (row.Table, row.Key) }).Distinct()], cancellation);
        }

        return state;
    }

    private async Task ReadRowsAsync(string name, IConnectedSystem system, IReadOnlyList<(string Table, Fields Key)> keys, CancellationToken cancellation)
    {
        if (keys.Count == 0)
        {
            return;
        }

        var found = await ((IWritesTogether)system).ReadRowsAsync(keys, cancellation);
        foreach (var ((table, key), row) in keys.Zip(found))
        {
            if (row is not null)
            {
                rows.Add((name, table, key), row);
            }
        }
    }
}
