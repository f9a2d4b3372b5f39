namespace Selfsame.Store.Inbox;

/// <summary>How a system's inbox stands.</summary>
public sealed record InboxReport
{
    public required string System { get; init; }

    /// <summary>Events that are not done.</summary>
    public long Waiting { get; init; }

    /// <summary>Those of them that failed at least once.</summary>
    public long Failing { get; init; }

    /// <summary>When the oldest of those that wait came.</summary>
    public DateTimeOffset? OldestWaiting { get; init; }

    /// <summary>When the last event came, by webhook or sweep.</summary>
    public DateTimeOffset? LastReceived { get; init; }

    /// <summary>Why one of those failed; null where none did.</summary>
    public string? LastProblem { get; init; }

    /// <summary>How many events of each type are kept, by the system's word; also of types that nobody here knows.</summary>
    public IReadOnlyDictionary<string, long> Types { get; init; } = new Dictionary<string, long>();
}

/// <summary>Tells how the inbox stands, for administrators, alerts and metrics.</summary>
public sealed class InboxReports(StoreContext context)
{
    /// <summary>One report for each system that ever reported something, by name.</summary>
    public Task<IReadOnlyList<InboxReport>> ReadAsync(CancellationToken cancellation)
        => context.Database.ReadAsync<IReadOnlyList<InboxReport>>(
            async transaction =>
            {
                var totals = await transaction.QueryAsync<Total>(
                    """
                    SELECT system, count(CASE WHEN state = 'Waiting' THEN 1 END) AS waiting, count(CASE WHEN state = 'Waiting' AND outcome IS NOT NULL THEN 1 END) AS failing,
                      min(CASE WHEN state = 'Waiting' THEN received_at END) AS oldest_waiting, max(received_at) AS last_received,
                      max(CASE WHEN state = 'Waiting' THEN outcome END) AS last_problem
                    FROM inbox GROUP BY system ORDER BY system
                    """);
                var types = (await transaction.QueryAsync<TypeCount>("SELECT system, type, count(*) AS events FROM inbox GROUP BY system, type")).ToLookup(row => row.System);
                return totals.ConvertAll(total => new InboxReport
                {
                    System = total.System,
                    Waiting = total.Waiting,
                    Failing = total.Failing,
                    OldestWaiting = total.OldestWaiting,
                    LastReceived = total.LastReceived,
                    LastProblem = total.LastProblem,
                    Types = types[total.System].ToDictionary(row => row.Type, row => row.Events, StringComparer.Ordinal),
                });
            },
            cancellation);

    private sealed record Total
    {
        public string System { get; init; } = "";

        public long Waiting { get; init; }

        public long Failing { get; init; }

        public DateTimeOffset? OldestWaiting { get; init; }

        public DateTimeOffset? LastReceived { get; init; }

        public string? LastProblem { get; init; }
    }

    private sealed record TypeCount
    {
        public string System { get; init; } = "";

        public string Type { get; init; } = "";

        public long Events { get; init; }
    }
}
