using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Databases;

namespace Selfsame.Store.Provisioning;

/// <summary>What administrators see of the provisioning. Reads only; passwords stay sealed.</summary>
public sealed class ProvisioningReports(Database database, TimeProvider clock)
{
    // Account to account to account: more systems in a row than any config has.
    private const int LongestChain = 10;

    // What waits for its time without a problem is what the config does not want yet, or is to be looked at later on: nobody waits for it.
    private const string Waits =
        """
        (p.state IN ('Intent', 'Compensating')
          OR ((p.state = 'Pending' OR (p.state = 'Linked' AND p.due_because IS NOT NULL)) AND (p.problem IS NOT NULL OR p.not_before <= @now)))
        """;

    private const string IsOfRow = "e.source = p.source AND e.source_id = p.source_id AND e.system = p.system";

    // What a row came to rest by says its state, and the note that it keeps; any other line says why it was asked about, or what failed.
    private const string Rests = "(e.state IN ('Conflict', 'Compensated') OR (e.state = 'Linked' AND (e.what IS NULL OR e.what = p.note)))";

    // Since the first line after the last rest. What was just made, or is wanted only now, and has met with nothing yet, waits since it was due.
    private const string OldestWaiting =
        $"""
        SELECT system AS "System", min(since) AS "Since" FROM (
          SELECT p.system, coalesce(
            (SELECT min(e.at) FROM provisioning_events e WHERE {IsOfRow} AND e.what IS NOT NULL AND (p.note IS NULL OR e.what <> p.note)
              AND e.id > coalesce((SELECT max(e.id) FROM provisioning_events e WHERE {IsOfRow} AND {Rests}), 0)),
            (SELECT max(e.at) FROM provisioning_events e WHERE {IsOfRow} AND {Rests}),
            CASE WHEN p.not_before <= @now THEN p.not_before ELSE p.created_at END) AS since
          FROM provisioning p WHERE {Waits}) waiting GROUP BY system
        """;

    /// <summary>Every system that has rows, by name.</summary>
    public Task<IReadOnlyList<SystemProvisioning>> SummariseAsync(CancellationToken cancellation)
        => database.ReadAsync<IReadOnlyList<SystemProvisioning>>(
            async transaction =>
            {
                var now = clock.GetUtcNow();
                var counts = await transaction.QueryAsync<CountRow>(
                    """
                    SELECT system, state, count(*) AS rows, sum(CASE WHEN due_because IS NULL THEN 0 ELSE 1 END) AS due_again
                    FROM provisioning GROUP BY system, state ORDER BY system, state
                    """);
                var oldest = await transaction.QueryAsync<WaitingRow>(OldestWaiting, new { now });
                var pauses = await transaction.QueryAsync<PauseRow>(
                    "SELECT system, paused_until FROM provisioning_systems WHERE paused_until > @now", new { now });
                var summaries = new List<SystemProvisioning>();
                foreach (var system in counts.GroupBy(count => count.System))
                {
                    var problem = await transaction.QueryFirstOrDefaultAsync<ProblemRow>(
                        "SELECT problem, updated_at FROM provisioning WHERE system = @system AND problem IS NOT NULL ORDER BY updated_at DESC LIMIT 1",
                        new { system = system.Key });
                    summaries.Add(new SystemProvisioning
                    {
                        System = system.Key,
                        Counts = system.ToDictionary(count => Enum.Parse<ProvisioningState>(count.State), count => count.Rows),
                        DueAgain = system.Sum(count => count.DueAgain),
                        OldestWaiting = oldest.Find(waiting => waiting.System == system.Key)?.Since,
                        LastProblem = problem?.Problem,
                        LastProblemAt = problem?.UpdatedAt,
                        PausedUntil = pauses.Find(pause => pause.System == system.Key)?.PausedUntil,
                    });
                }

                return summaries;
            },
            cancellation);

    /// <summary>The rows of an account with their history, by system, each followed by those of the account that it made.</summary>
    public Task<IReadOnlyList<ProvisioningStatus>> OfAccountAsync(string source, AccountId account, CancellationToken cancellation)
        => database.ReadAsync<IReadOnlyList<ProvisioningStatus>>(
            async transaction =>
            {
                var found = new List<ProvisioningStatus>();
                await AddAsync(transaction, found, source, account, LongestChain);
                return found;
            },
            cancellation);

    /// <summary>A page of the rows of some systems, the oldest first.</summary>
    public Task<ProvisioningRowPage> ListAsync(ProvisioningQuery query, CancellationToken cancellation)
        => database.ReadAsync(
            async transaction =>
            {
                var where = $"{IsOneOf(transaction)} AND (@state IS NULL OR state = @state)";
                var parameters = new
                {
                    systems = query.Systems.ToArray(),
                    state = query.State?.ToString(),
                    limit = query.PageSize,
                    offset = (long)(query.Page - 1) * query.PageSize,
                };
                var rows = await transaction.QueryAsync<StatusRow>(
                    $"SELECT {StatusRow.StatusColumns} FROM provisioning WHERE {where} ORDER BY created_at, source, source_id, system LIMIT @limit OFFSET @offset", parameters);
                var total = await transaction.ScalarAsync<long>($"SELECT count(*) FROM provisioning WHERE {where}", parameters);
                return new ProvisioningRowPage(rows.ConvertAll(row => row.ToStatus([])), total, query.Page, query.PageSize);
            },
            cancellation);

    /// <summary>What the service decided on the way to an account of these systems and somebody may want to know, as a handle that was not to be had; the newest first.</summary>
    /// <param name="systems">Into which.</param>
    /// <param name="most">At most so many.</param>
    /// <param name="cancellation">Gives up.</param>
    public Task<IReadOnlyList<ProvisioningNote>> NotesAsync(IReadOnlyCollection<string> systems, int most, CancellationToken cancellation)
        => database.ReadAsync<IReadOnlyList<ProvisioningNote>>(
            async transaction => (await transaction.QueryAsync<StoredRow>(
                $"""
                SELECT source, source_id, system, note FROM provisioning WHERE note IS NOT NULL AND state = 'Linked' AND {IsOneOf(transaction)}
                ORDER BY updated_at DESC, source, source_id, system LIMIT @most
                """,
                new { systems = systems.ToArray(), most })).ConvertAll(row => new ProvisioningNote(row.Key, row.Note!)),
            cancellation);

    /// <summary>The accounts that were made in <paramref name="system"/>, each by the account of <paramref name="source"/> for which it was made.</summary>
    public Task<IReadOnlyDictionary<AccountId, AccountId>> LinksAsync(string source, string system, CancellationToken cancellation)
        => database.ReadAsync<IReadOnlyDictionary<AccountId, AccountId>>(
            async transaction => (await transaction.QueryAsync<StoredRow>(
                "SELECT source_id, target_id FROM provisioning WHERE source = @source AND system = @system AND target_id IS NOT NULL", new { source, system }))
                .ToDictionary(row => AccountId.FromText(row.SourceId), row => AccountId.FromText(row.TargetId!)),
            cancellation);

    private static string IsOneOf(Transaction transaction) => $"system {(transaction.Dialect == Dialect.Sqlite ? "IN @systems" : "= ANY(@systems)")}";

    private static async Task AddAsync(Transaction transaction, List<ProvisioningStatus> found, string source, AccountId account, int left)
    {
        var rows = await transaction.QueryAsync<StatusRow>(
            $"SELECT {StatusRow.StatusColumns} FROM provisioning WHERE source = @source AND source_id = @account ORDER BY system",
            new { source, account = account.ToText() });
        foreach (var row in rows.Where(row => !found.Exists(known => known.Row.Key == row.Key)))
        {
            var events = await transaction.QueryAsync<EventRow>(
                $"SELECT at, state, what, correlation_id FROM provisioning_events WHERE {ProvisioningTable.IsKey} ORDER BY id", ProvisioningTable.Parameters(row.Key));
            found.Add(row.ToStatus(events.ConvertAll(happening => new ProvisioningHappening(happening.At, Enum.Parse<ProvisioningState>(happening.State), happening.What, happening.CorrelationId))));
            if (row.TargetId is { } target && left > 0)
            {
                await AddAsync(transaction, found, row.System, AccountId.FromText(target), left - 1);
            }
        }
    }

    private sealed record CountRow
    {
        public string System { get; init; } = "";

        public string State { get; init; } = "";

        public long Rows { get; init; }

        public long DueAgain { get; init; }
    }

    private sealed record WaitingRow
    {
        public string System { get; init; } = "";

        public DateTimeOffset Since { get; init; }
    }

    private sealed record PauseRow
    {
        public string System { get; init; } = "";

        public DateTimeOffset PausedUntil { get; init; }
    }

    private sealed record ProblemRow
    {
        public string Problem { get; init; } = "";

        public DateTimeOffset UpdatedAt { get; init; }
    }

    private sealed record EventRow
    {
        public DateTimeOffset At { get; init; }

        public string State { get; init; } = "";

        public string? What { get; init; }

        public string? CorrelationId { get; init; }
    }

    private sealed record StatusRow : StoredRow
    {
        /// <summary>Without what is sealed.</summary>
        public const string StatusColumns
            = "source, source_id, system, state, epoch, asked, due_because, lane, target_id, disabled, deleting, attempts, not_before, problem, note, forget, correlation_id, created_at, updated_at";

        public DateTimeOffset CreatedAt { get; init; }

        public DateTimeOffset UpdatedAt { get; init; }

        public ProvisioningStatus ToStatus(IReadOnlyList<ProvisioningHappening> history)
            => new() { Row = ToDomain(null), Created = CreatedAt, Updated = UpdatedAt, History = history };
    }
}
