using Microsoft.Extensions.Logging;

namespace Selfsame.Store;

/// <summary>Every log message of the store. None carries an identifier's value or a secret.</summary>
internal static partial class LogMessages
{
    [LoggerMessage(1001, LogLevel.Information, "A sign-up in tenant {Tenant} asked for a taken {Field} (repeat within 10 s: {Repeats}, correlation {CorrelationId})")]
    public static partial void IdentifierTaken(ILogger logger, string tenant, string field, bool repeats, string? correlationId);

    [LoggerMessage(1002, LogLevel.Warning, "The stored password hash of user {Uuid} can't be verified on this machine")]
    public static partial void HashCannotBeVerified(ILogger logger, Guid uuid);

    [LoggerMessage(1003, LogLevel.Information, "An unverified address of user {Loser} was taken over by user {Winner}, who proved it")]
    public static partial void EmailTakenOver(ILogger logger, Guid loser, Guid winner);
}
