namespace Selfsame.Core.Accounts;

/// <summary>What came of one attempted change.</summary>
public abstract record WriteOutcome;

/// <summary>It happened.</summary>
public sealed record Done : WriteOutcome;

/// <summary>A unique constraint refused it; <paramref name="Fields"/> are those of the constraint, where the system names them.</summary>
public sealed record AlreadyExists(IReadOnlyList<string> Fields, string Message) : WriteOutcome;

/// <summary>The system refused it for good; trying again changes nothing.</summary>
public sealed record Refused(string Message) : WriteOutcome
{
    /// <summary>The fields whose values it does not take, where that is the reason: other values may do.</summary>
    public IReadOnlyList<string> Fields { get; init; } = [];

    /// <summary>Whether only a permission was lacking: once that is granted, the same may be sent again.</summary>
    public bool LacksPermission { get; init; }
}

/// <summary>The account is gone or no longer what the precondition says; nothing was changed.</summary>
public sealed record Drifted(string Message) : WriteOutcome;

/// <summary>Too many calls: nothing was changed, ask again after <paramref name="RetryAfter"/>.</summary>
public sealed record Throttled(TimeSpan RetryAfter) : WriteOutcome
{
    /// <summary>Whether the limit is one of this account alone: what others ask of the system goes on.</summary>
    public bool LimitIsOfAccount { get; init; }
}

/// <summary>The system was not reached: nothing was changed.</summary>
public sealed record Unavailable(string Message) : WriteOutcome;

/// <summary>The request left and no answer came: it may or may not have happened. Look before trying again.</summary>
public sealed record Unknown(string Message) : WriteOutcome
{
    /// <summary>What the connector did not foresee in the answer, for the log; null where none came.</summary>
    public Exception? Unforeseen { get; init; }
}
