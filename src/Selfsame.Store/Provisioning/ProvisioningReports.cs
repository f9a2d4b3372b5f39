using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Databases;

namespace Selfsame.Store.Provisioning;

/// <summary>How the provisioning into one system stands.</summary>
public sealed record SystemProvisioning
{
    public required string System { get; init; }

    /// <summary>How many rows are in each state; one that has none is not here.</summary>
    public required IReadOnlyDictionary<ProvisioningState, long> Counts { get; init; }

    /// <summary>How many linked rows are to be looked at again.</summary>
    public required long DueAgain { get; init; }

    /// <summary>When the oldest row was made that waits to be worked on; null when none does. What the config does not want yet does not wait.</summary>
    public DateTimeOffset? OldestWaiting { get; init; }

    /// <summary>The error of the row that was written last, of those that have one.</summary>
    public string? LastProblem { get; init; }

    public DateTimeOffset? LastProblemAt { get; init; }

    /// <summary>Nothing is sent before, because the system asked for it.</summary>
    public DateTimeOffset? PausedUntil { get; init; }
}

/// <summary>One line of a row's history.</summary>
/// <param name="At">When.</param>
/// <param name="State">The state from then on.</param>
/// <param name="What">A sentence; null where the state says it.</param>
public sealed record ProvisioningHappening(DateTimeOffset At, ProvisioningState State, string? What);

/// <summary>A row as people see it; nothing of it is secret.</summary>
public sealed record ProvisioningStatus
{
    public required ProvisioningRow Row { get; init; }

    public required DateTimeOffset Created { get; init; }

    public required DateTimeOffset Updated { get; init; }

    /// <summary>What happened, the oldest first.</summary>
    public IReadOnlyList<ProvisioningHappening> History { get; init; } = [];
}

/// <summary>Which rows to list.</summary>
/// <param name="Systems">Of these target systems.</param>
/// <param name="State">In this state; null: in any.</param>
/// <param name="Page">From 1.</param>
/// <param name="PageSize">Rows on a page.</param>
public sealed record ProvisioningQuery(IReadOnlyList<string> Systems, ProvisioningState? State, int Page, int PageSize);

/// <summary>A page of rows, without their history.</summary>
public sealed record ProvisioningRowPage(IReadOnlyList<ProvisioningStatus> Rows, long Total, int Page, int PageSize);

/// <summary>What administrators see of the provisioning. Reads only; passwords stay sealed.</summary>
public sealed class ProvisioningReports(Database database, TimeProvider clock)
{
    // Account to account to account: more systems in a row than any config has.
    private const int LongestChain = 10;

    /// <summary>Every system that has rows, by name.</summary>
    public Task<IReadOnlyList<SystemProvisioning>> SummariseAsync(CancellationToken cancellation)
        => database.ReadAsync<IReadOnlyList<SystemProvisioning>>(
            async transaction =>
            {
                // A pending row that waits for its time without a problem is one that the config does not want yet: nobody waits for it.
                var now = clock.GetUtcNow();
                var counts = await transaction.QueryAsync<CountRow>(
                    """
                    SELECT system, state, count(*) AS rows, sum(CASE WHEN due_because IS NULL THEN 0 ELSE 1 END) AS due_again,
                      min(CASE WHEN state NOT IN ('Pending', 'Intent', 'Compensating') OR (state = 'Pending' AND problem IS NULL AND not_before > @now) THEN NULL ELSE created_at END) AS oldest
                    FROM provisioning GROUP BY system, state ORDER BY system, state
                    """,
                    new { now });
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
                        OldestWaiting = system.Min(count => count.Oldest),
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
                var where = $"system {(transaction.Dialect == Dialect.Sqlite ? "IN @systems" : "= ANY(@systems)")} AND (@state IS NULL OR state = @state)";
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

    /// <summary>Rows in a state, the oldest first; of one system or, for null, of all.</summary>
    public Task<IReadOnlyList<ProvisioningStatus>> InStateAsync(ProvisioningState state, string? system, int most, CancellationToken cancellation)
        => SelectAsync("state = @state AND (@system IS NULL OR system = @system)", new { state = state.ToString(), system, most }, cancellation);

    /// <summary>Rows that were made before <paramref name="before"/> and are neither linked, nor given up, nor yet unwanted by the config: sign-ups that have not become whole.</summary>
    public Task<IReadOnlyList<ProvisioningStatus>> NotWholeAsync(DateTimeOffset before, int most, CancellationToken cancellation)
        => SelectAsync(
            """
            created_at <= @before AND (state IN ('Intent', 'Conflict', 'Compensating')
              OR (state = 'Pending' AND (problem IS NOT NULL OR not_before <= @now)))
            """,
            new { before, most, now = clock.GetUtcNow() },
            cancellation);

    /// <summary>The accounts that were made in <paramref name="system"/>, each by the account of <paramref name="source"/> for which it was made.</summary>
    public Task<IReadOnlyDictionary<AccountId, AccountId>> LinksAsync(string source, string system, CancellationToken cancellation)
        => database.ReadAsync<IReadOnlyDictionary<AccountId, AccountId>>(
            async transaction => (await transaction.QueryAsync<StoredRow>(
                "SELECT source_id, target_id FROM provisioning WHERE source = @source AND system = @system AND target_id IS NOT NULL", new { source, system }))
                .ToDictionary(row => AccountId.FromText(row.SourceId), row => AccountId.FromText(row.TargetId!)),
            cancellation);

    private Task<IReadOnlyList<ProvisioningStatus>> SelectAsync(string where, object parameters, CancellationToken cancellation)
        => database.ReadAsync<IReadOnlyList<ProvisioningStatus>>(
            async transaction => (await transaction.QueryAsync<StatusRow>(
                $"SELECT {StatusRow.StatusColumns} FROM provisioning WHERE {where} ORDER BY created_at, source, source_id, system LIMIT @most", parameters))
                .ConvertAll(row => row.ToStatus([])),
            cancellation);

    private static async Task AddAsync(Transaction transaction, List<ProvisioningStatus> found, string source, AccountId account, int left)
    {
        var rows = await transaction.QueryAsync<StatusRow>(
            $"SELECT {StatusRow.StatusColumns} FROM provisioning WHERE source = @source AND source_id = @account ORDER BY system",
            new { source, account = account.ToText() });
        foreach (var row in rows.Where(row => !found.Exists(known => known.Row.Key == row.Key)))
        {
            var events = await transaction.QueryAsync<EventRow>(
                $"SELECT at, state, what FROM provisioning_events WHERE {ProvisioningTable.IsKey} ORDER BY id", ProvisioningTable.Parameters(row.Key));
            found.Add(row.ToStatus(events.ConvertAll(happening => new ProvisioningHappening(happening.At, Enum.Parse<ProvisioningState>(happening.State), happening.What))));
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

        public DateTimeOffset? Oldest { get; init; }
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
    }

    private sealed record StatusRow : StoredRow
    {
        /// <summary>Without what is sealed.</summary>
        public const string StatusColumns
            = "source, source_id, system, state, epoch, asked, due_because, lane, target_id, disabled, attempts, not_before, problem, note, created_at, updated_at";

        public DateTimeOffset CreatedAt { get; init; }

        public DateTimeOffset UpdatedAt { get; init; }

        public ProvisioningStatus ToStatus(IReadOnlyList<ProvisioningHappening> history)
            => new() { Row = ToDomain(null), Created = CreatedAt, Updated = UpdatedAt, History = history };
    }
}
