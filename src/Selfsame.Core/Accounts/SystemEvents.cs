namespace Selfsame.Core.Accounts;

/// <summary>What a system reports about one of its accounts. It is a hint (promise 4): what is so now is read from the account.</summary>
public sealed record SystemEvent
{
    /// <summary>The longest id, type or account id that an event may have, in characters.</summary>
    public const int LongestText = 300;

    /// <summary>The system's own id of the event: equal ids are one event, however often it comes.</summary>
    public required string Id { get; init; }

    /// <summary>The system's word for what happened; unknown ones are kept as they are.</summary>
    public required string Type { get; init; }

    /// <summary>The account that it is about; null where it is about none.</summary>
    public AccountId? Account { get; init; }

    /// <summary>When it happened, by the system's clock; null where it does not say.</summary>
    public DateTimeOffset? Occurred { get; init; }

    /// <summary>Whether it says that the account's e-mail was proved once more.</summary>
    public bool ProvesEmail { get; init; }
}

/// <summary>What a body of events came to.</summary>
public abstract record EventReading;

/// <summary>All of its events, in its order, repeats included.</summary>
public sealed record ReadEvents(IReadOnlyList<SystemEvent> Events) : EventReading;

/// <summary>It can't be read, and nothing of it counts.</summary>
/// <param name="Problem">A sentence that says where and why.</param>
public sealed record UnreadableEvents(string Problem) : EventReading;

/// <summary>Some events after a checkpoint.</summary>
/// <param name="Events">At most as many as were asked for; none at the end of the log.</param>
/// <param name="Checkpoint">Where the next read goes on; null while nothing was ever logged.</param>
/// <param name="Complete">Whether these are all there is for now.</param>
public sealed record EventPage(IReadOnlyList<SystemEvent> Events, string? Checkpoint, bool Complete)
{
    /// <summary>How many lines of the log between them can't be read; the checkpoint is behind them all the same, if any line of the page has an id.</summary>
    public int Unreadable { get; init; }

    /// <summary>What is wrong with the first of those, as a clause about it.</summary>
    public string? Problem { get; init; }
}

/// <summary>One place to which a system delivers its events.</summary>
/// <param name="Name">Its name there.</param>
/// <param name="Endpoint">The address.</param>
/// <param name="Status">The system's word for its state.</param>
/// <param name="Active">Whether it delivers.</param>
/// <param name="Authorization">What it sends as proof; a secret.</param>
public sealed record EventStream(string Name, string Endpoint, string Status, bool Active, string Authorization);

/// <summary>How a system delivers its events.</summary>
/// <param name="Streams">Where to.</param>
/// <param name="ClockAhead">How far its clock is ahead of ours; null where it does not tell the time.</param>
public sealed record EventDelivery(IReadOnlyList<EventStream> Streams, TimeSpan? ClockAhead);

/// <summary>Reports events: by a webhook, and in a log that is read from a checkpoint.</summary>
public interface IReportsEvents : IConnectedSystem
{
    /// <summary>Reads a webhook's body. Pure: nothing is asked of the system.</summary>
    EventReading ReadBody(ReadOnlyMemory<byte> body);

    /// <summary>
    /// The events after <paramref name="checkpoint"/> in the log's order; without one from <paramref name="since"/> on. A checkpoint that the log
    /// no longer knows counts as none. Throws <see cref="SystemUnavailableException"/>.
    /// </summary>
    Task<EventPage> ReadEventsAsync(string? checkpoint, DateTimeOffset since, CancellationToken cancellation);

    /// <summary>Where events are delivered to. Throws <see cref="SystemUnavailableException"/>.</summary>
    Task<EventDelivery> DescribeDeliveryAsync(CancellationToken cancellation);
}

/// <summary>
/// How often each account proved its e-mail: the size of a set of event ids, so that a repeat can't raise it. Accounts that never did are left out;
/// null asks for everybody.
/// </summary>
public delegate Task<IReadOnlyDictionary<AccountId, long>> VerificationCounts(IReadOnlyCollection<AccountId>? accounts, CancellationToken cancellation);
