using Microsoft.Extensions.Logging;

namespace Selfsame.Store;

/// <summary>Every log message of the store. None carries an identifier's value or a secret.</summary>
internal static partial class LogMessages
{
    [LoggerMessage(1001, LogLevel.Information, "Somebody in tenant {Tenant} asked for a taken {Field} (repeat within 10 s: {Repeats}, correlation {CorrelationId})")]
    public static partial void IdentifierTaken(ILogger logger, string tenant, string field, bool repeats, string? correlationId);

    [LoggerMessage(1002, LogLevel.Warning, "The stored password hash of user {Uuid} can't be verified on this machine")]
    public static partial void HashCannotBeVerified(ILogger logger, Guid uuid);

    [LoggerMessage(1003, LogLevel.Information, "An unverified address of user {Loser} was taken over by user {Winner}, who proved it")]
    public static partial void EmailTakenOver(ILogger logger, Guid loser, Guid winner);

    [LoggerMessage(1004, LogLevel.Debug, "That a session or a token was used could not be noted; the next use notes it")]
    public static partial void UseNotNoted(ILogger logger, Exception exception);

    [LoggerMessage(1010, LogLevel.Information, "Event {EventId} of {System}: {Outcome} (correlation {CorrelationId})")]
    public static partial void EventDone(ILogger logger, string eventId, string system, string outcome, string correlationId);

    [LoggerMessage(1011, LogLevel.Warning, "Event {EventId} of {System} failed at attempt {Attempt} and is tried again: {Problem} (correlation {CorrelationId})")]
    public static partial void EventFailed(ILogger logger, string eventId, string system, int attempt, string problem, string correlationId);

    [LoggerMessage(1012, LogLevel.Information, "The log of {System} held {Count} events that no webhook had brought yet; they are in the inbox now (correlation {CorrelationId})")]
    public static partial void EventsFound(ILogger logger, string system, int count, string correlationId);

    [LoggerMessage(1014, LogLevel.Error, "Event {EventId} of {System} failed in a way that was not foreseen; it is tried again later, and holds nobody else up (correlation {CorrelationId})")]
    public static partial void EventUnforeseen(ILogger logger, string system, string eventId, string correlationId, Exception exception);

    [LoggerMessage(1015, LogLevel.Error, "Reading {Account} of {System} failed in a way that was not foreseen; its events are tried again later, and hold nobody else up")]
    public static partial void AccountUnforeseen(ILogger logger, string system, string account, Exception exception);

    [LoggerMessage(1016, LogLevel.Warning, "The loan of event {EventId} of {System} was over before its work was, so that nothing of it is kept: whoever has it now does it (correlation {CorrelationId})")]
    public static partial void EventLoanOver(ILogger logger, string eventId, string system, string correlationId);

    [LoggerMessage(1017, LogLevel.Warning, "A value that neither secret opens is left as it is: {Column} of {Table}, {Key}. It could not be read before the change either")]
    public static partial void SealedValueLeft(ILogger logger, string table, string column, string key);

    [LoggerMessage(1018, LogLevel.Warning, "The log of {System} held {Count} lines that can't be read, and they are passed over: whom they are about is found by an audit. The first {Problem} (correlation {CorrelationId})")]
    public static partial void EventsUnreadable(ILogger logger, string system, int count, string? problem, string correlationId);

    [LoggerMessage(1013, LogLevel.Debug, "Event {EventId} of {System} is about no account (correlation {CorrelationId})")]
    public static partial void EventAboutNobody(ILogger logger, string eventId, string system, string correlationId);
}
