using Selfsame.Core.Accounts;
using Selfsame.Databases;
using Selfsame.Store.Provisioning;

namespace Selfsame.Store.Inbox;

/// <summary>What became of events that came in.</summary>
/// <param name="New">So many had never come before.</param>
/// <param name="Repeats">So many had.</param>
public sealed record Received(int New, int Repeats)
{
    /// <summary>So many lines of a log could not be read, and were passed over.</summary>
    public int Unreadable { get; init; }
}

/// <summary>An event on loan.</summary>
public sealed record InboxEvent
{
    public required string System { get; init; }

    public required string Id { get; init; }

    public required string Type { get; init; }

    public AccountId? Account { get; init; }

    public bool ProvesEmail { get; init; }

    /// <summary>Of the request, or the sweep, that brought it first.</summary>
    public required string CorrelationId { get; init; }

    /// <summary>Which attempt this is, from 1.</summary>
    public required int Attempt { get; init; }
}

/// <summary>
/// What connected systems report, durable before they are answered. The key (system, event id) absorbs repeats; nothing is concluded from an event's type
/// or from the order in which events come.
/// </summary>
public sealed class EventInbox(StoreContext context)
{
    private const int EventsAtOnce = 1000;

    private const string Columns =
        "system, event_id, type, account_id, proves_email, occurred_at, received_at, correlation_id, deliveries, state, attempts, not_before";

    private const string CountRepeats = "ON CONFLICT (system, event_id) DO UPDATE SET deliveries = inbox.deliveries + excluded.deliveries";

    private const string InsertOne =
        $"INSERT INTO inbox ({Columns}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'Waiting', 0, $7) {CountRepeats} RETURNING deliveries";

    // Looking for repeats costs a third of the whole, so what a webhook brings is inserted without it first.
    private const string InsertFresh =
        $"""
        INSERT INTO inbox ({Columns})
        SELECT @system, event_id, type, account_id, proves_email, occurred_at, @now, @correlationId, deliveries, 'Waiting', 0, @now
        FROM unnest(@ids, @types, @accounts, @proving, @occurred, @times) e(event_id, type, account_id, proves_email, occurred_at, deliveries)
        """;

    // What came oftener than in this body had come before.
    private const string InsertOrCount =
        $"""
        WITH kept AS ({InsertFresh} {CountRepeats} RETURNING event_id, deliveries)
        SELECT count(*) FROM kept JOIN unnest(@ids, @times) e(event_id, times) ON e.event_id = kept.event_id AND e.times = kept.deliveries
        """;

    // A holder that slept past its loan read what may be no longer so, whether or not another has the event by now.
    private const string IsOnLoan = "system = @System AND event_id = @Id AND state = 'Waiting' AND attempts = @Attempt AND leased_until > @now";

    /// <summary>Keeps events; when this returns they are durable.</summary>
    public Task<Received> ReceiveAsync(string system, IReadOnlyList<SystemEvent> events, string correlationId, CancellationToken cancellation)
    {
        var mayRepeat = false;
        return context.Database.TransactAsync(
            async transaction =>
            {
                try
                {
                    return await InsertAsync(transaction, system, events, correlationId, mayRepeat);
                }
                catch (Exception exception) when (!mayRepeat && Database.IsUniqueViolation(exception))
                {
                    mayRepeat = true;
                    throw new TransientDatabaseException("Some of the events had come before.", exception);
                }
            },
            cancellation);
    }

    /// <summary>Keeps events of the system's log, most of which a webhook brought before, and with them, in one transaction, how far it was read.</summary>
    public Task<Received> ReceiveAsync(string system, EventPage page, string correlationId, CancellationToken cancellation)
        => context.Database.TransactAsync(
            async transaction =>
            {
                var received = await InsertAsync(transaction, system, page.Events, correlationId, mayRepeat: true);
                await transaction.ExecuteAsync(
                    """
                    INSERT INTO inbox_checkpoints (system, checkpoint, swept_at) VALUES (@system, @Checkpoint, @now)
                    ON CONFLICT (system) DO UPDATE SET checkpoint = coalesce(@Checkpoint, inbox_checkpoints.checkpoint), swept_at = @now
                    """,
                    new { system, page.Checkpoint, now = context.Now() });
                return received;
            },
            cancellation);

    /// <summary>Where the next read of the system's log goes on, null before the first that found something; and when it was read last, null for never.</summary>
    public Task<(string? Checkpoint, DateTimeOffset? SweptAt)> CheckpointAsync(string system, CancellationToken cancellation)
        => context.Database.ReadAsync(
            async transaction => await transaction.QueryFirstOrDefaultAsync<LogPlace>("SELECT checkpoint, swept_at FROM inbox_checkpoints WHERE system = @system", new { system }) is { } place
                ? (place.Checkpoint, place.SweptAt)
                : ((string?)null, (DateTimeOffset?)null),
            cancellation);

    /// <summary>The systems of which events are due, also those that the config no longer names.</summary>
    public Task<List<string>> DueSystemsAsync(CancellationToken cancellation)
        => context.Database.ReadAsync(
            transaction => transaction.QueryAsync<string>(
                $"""
                SELECT DISTINCT system FROM inbox
                WHERE state = 'Waiting' AND not_before <= @now AND (leased_until IS NULL OR leased_until <= @now) AND {SystemPace.NotPaused("inbox.system", "@now", "@latestPause")}
                ORDER BY system
                """,
                new { now = context.Now(), latestPause = SystemPace.LatestPause(context.Now()) }),
            cancellation);

    /// <summary>Takes a system's due events on loan, none while it asked to be left alone; a holder that dies leaves them due again when the loan ends.</summary>
    public Task<IReadOnlyList<InboxEvent>> ClaimAsync(string system, int most, TimeSpan lease, CancellationToken cancellation) => ClaimAsync(system, most, lease, perSecond: null, cancellation);

    /// <summary>As above.</summary>
    /// <param name="system">The system.</param>
    /// <param name="most">At most so many.</param>
    /// <param name="lease">For how long.</param>
    /// <param name="perSecond">So many accounts of it may be read a second, over all nodes; null for no limit.</param>
    /// <param name="cancellation">Gives up.</param>
    public async Task<IReadOnlyList<InboxEvent>> ClaimAsync(string system, int most, TimeSpan lease, double? perSecond, CancellationToken cancellation)
    {
        var rows = await context.Database.TransactAsync(
            async transaction =>
            {
                var pace = new SystemPace(transaction, system, context.Now());
                var some = perSecond is { } rate ? Math.Min(most, await pace.RowsAsync(rate)) : most;
                var claimed = some == 0 ? [] : await ClaimAsync(transaction, system, some, lease);
                // Several events of one account are one read.
                await (perSecond is null ? Task.CompletedTask : pace.TakeAsync(claimed.Select(row => row.AccountId).OfType<string>().Distinct().Count()));
                return claimed;
            },
            cancellation);
        return rows.ConvertAll(row => row.ToDomain());
    }

    private Task<List<Row>> ClaimAsync(Transaction transaction, string system, int most, TimeSpan lease)
    {
        var now = context.Now();
        return transaction.QueryAsync<Row>(
            $"""
            UPDATE inbox SET leased_until = @until, attempts = attempts + 1
            WHERE (system, event_id) IN (
              SELECT system, event_id FROM inbox
              WHERE system = @system AND state = 'Waiting' AND not_before <= @now AND (leased_until IS NULL OR leased_until <= @now)
                AND {SystemPace.NotPaused("@system", "@now", "@latestPause")}
              ORDER BY not_before, event_id LIMIT @most{(transaction.Dialect == Dialect.PostgreSql ? " FOR UPDATE SKIP LOCKED" : "")})
            RETURNING system, event_id, type, account_id, proves_email, correlation_id, attempts
            """,
            new { system, now, latestPause = SystemPace.LatestPause(now), until = now + lease, most });
    }

    /// <summary>
    /// Ends the loan of events that led to <paramref name="outcome"/>, in the transaction of what they led to; false, and nothing of that transaction is kept, where the loan of one
    /// of them is over.
    /// </summary>
    internal static async Task<bool> MarkDoneAsync(Transaction transaction, IReadOnlyList<InboxEvent> events, string outcome, DateTimeOffset now)
    {
        foreach (var one in events)
        {
            var marked = await transaction.ExecuteAsync(
                $"UPDATE inbox SET state = 'Done', outcome = @outcome, leased_until = NULL WHERE {IsOnLoan}",
                new { one.System, one.Id, one.Attempt, now, outcome });
            if (marked == 0)
            {
                transaction.RollBack = true;
                return false;
            }
        }

        return true;
    }

    /// <summary>Whether the commit of this attempt, whose answer was lost, happened.</summary>
    internal static async Task<bool> IsDoneAsync(Transaction transaction, InboxEvent one)
        => await transaction.ScalarAsync<long>(
            "SELECT count(*) FROM inbox WHERE system = @System AND event_id = @Id AND state = 'Done' AND attempts = @Attempt", new { one.System, one.Id, one.Attempt }) > 0;

    /// <summary>The system asked to be left alone: nothing of it is read for so long, on any node.</summary>
    internal Task PauseAsync(string system, TimeSpan pause, CancellationToken cancellation)
        => context.Database.TransactAsync(transaction => new SystemPace(transaction, system, context.Now()).PauseAsync(pause), cancellation);

    /// <summary>How long that still lasts; zero where it may be called.</summary>
    internal Task<TimeSpan> PausedForAsync(string system, CancellationToken cancellation)
        => context.Database.ReadAsync(transaction => new SystemPace(transaction, system, context.Now()).PausedForAsync(), cancellation);

    /// <summary>
    /// Keeps events of one system for a later attempt, with the reason; those whose loan is over stay as they are. With <paramref name="pause"/> the system asked to be left alone for
    /// so long.
    /// </summary>
    internal Task MarkFailedAsync(
        IReadOnlyList<InboxEvent> events, string problem, Func<InboxEvent, TimeSpan> delay, TimeSpan? pause, CancellationToken cancellation)
        => context.Database.TransactAsync(
            async transaction =>
            {
                var (outcome, now, marked) = (StoredText.Of(problem), context.Now(), 0);
                foreach (var one in events)
                {
                    marked += await transaction.ExecuteAsync(
                        $"UPDATE inbox SET outcome = @outcome, not_before = @notBefore, leased_until = NULL WHERE {IsOnLoan}",
                        new { one.System, one.Id, one.Attempt, now, outcome, notBefore = now + delay(one) });
                }

                if (marked > 0 && pause is { } asked)
                {
                    await new SystemPace(transaction, events[0].System, now).PauseAsync(asked);
                }
            },
            cancellation);

    /// <summary>Inserts events; where they may not repeat what came before, one that does is a unique violation.</summary>
    private async Task<Received> InsertAsync(Transaction transaction, string system, IReadOnlyList<SystemEvent> events, string correlationId, bool mayRepeat)
    {
        // One that stands twice in a body is one row. In one order: two bodies with the same events wait for each other, but never in a circle.
        var arrivals = events.GroupBy(one => one.Id, StringComparer.Ordinal).OrderBy(group => group.Key, StringComparer.Ordinal)
            .Select(group => new Arrival(group.First(), group.LongCount()));
        var fresh = 0L;
        foreach (var chunk in arrivals.Chunk(EventsAtOnce))
        {
            fresh += await (transaction.Dialect == Dialect.PostgreSql
                ? InsertManyAsync(transaction, system, chunk, correlationId, mayRepeat)
                : InsertEachAsync(transaction, system, chunk, correlationId));
        }

        return new Received((int)fresh, events.Count - (int)fresh);
    }

    /// <summary>Keeps each with a statement of its own, as SQLite has no arrays; how many had never come.</summary>
    private async Task<long> InsertEachAsync(Transaction transaction, string system, Arrival[] arrivals, string correlationId)
    {
        var now = context.Now();
        var statements = arrivals.Select(arrival => new Statement(
            InsertOne, system, arrival.Event.Id, arrival.Event.Type, arrival.Event.Account?.ToText(), arrival.Event.ProvesEmail, arrival.Event.Occurred, now, correlationId,
            arrival.Times)).ToList();
        var deliveries = await transaction.BatchAsync(statements, reader => reader.GetInt64(0));
        return deliveries.Zip(arrivals).Count(pair => pair.First == pair.Second.Times);
    }

    /// <summary>Keeps them all with one statement; how many had never come.</summary>
    private async Task<long> InsertManyAsync(Transaction transaction, string system, Arrival[] arrivals, string correlationId, bool mayRepeat)
    {
        var rows = new
        {
            system,
            now = context.Now(),
            correlationId,
            ids = Array.ConvertAll(arrivals, arrival => arrival.Event.Id),
            types = Array.ConvertAll(arrivals, arrival => arrival.Event.Type),
            accounts = Array.ConvertAll(arrivals, arrival => arrival.Event.Account?.ToText()),
            proving = Array.ConvertAll(arrivals, arrival => arrival.Event.ProvesEmail),
            occurred = Array.ConvertAll(arrivals, arrival => arrival.Event.Occurred),
            times = Array.ConvertAll(arrivals, arrival => arrival.Times),
        };
        return mayRepeat ? await transaction.ScalarAsync<long>(InsertOrCount, rows) : await transaction.ExecuteAsync(InsertFresh, rows);
    }

    /// <summary>An event, and how often it came with this body.</summary>
    private sealed record Arrival(SystemEvent Event, long Times);

    private sealed record Row
    {
        public string System { get; init; } = "";

        public string EventId { get; init; } = "";

        public string Type { get; init; } = "";

        public string? AccountId { get; init; }

        public bool ProvesEmail { get; init; }

        public string CorrelationId { get; init; } = "";

        public long Attempts { get; init; }

        public InboxEvent ToDomain() => new()
        {
            System = System,
            Id = EventId,
            Type = Type,
            Account = AccountId is null ? null : Core.Accounts.AccountId.FromText(AccountId),
            ProvesEmail = ProvesEmail,
            CorrelationId = CorrelationId,
            Attempt = (int)Attempts,
        };
    }

    private sealed record LogPlace
    {
        public string? Checkpoint { get; init; }

        public DateTimeOffset SweptAt { get; init; }
    }
}
