namespace Selfsame.Core.Reconciliation;

/// <summary>The places in an apply at which the kill -9 tests end the process.</summary>
public static class ApplyCrashPoints
{
    /// <summary>The lease is taken; the run is not begun.</summary>
    public const string LeaseTaken = "apply.lease-taken";

    /// <summary>The run stands in the journal; no change does.</summary>
    public const string RunBegun = "apply.run-begun";

    /// <summary>Intents and before-images are durable; no change has left.</summary>
    public const string IntentDurable = "apply.intent-durable";

    /// <summary>A change was made; its outcome is not durable.</summary>
    public const string ChangeLeft = "apply.change-left";

    /// <summary>Outcomes are durable; the run is not finished.</summary>
    public const string OutcomeDurable = "apply.outcome-durable";

    /// <summary>The run is finished; the lease is not given back.</summary>
    public const string RunFinished = "apply.run-finished";

    /// <summary>An index is dropped and the one in its place is not made: only where a system has no transactions for that.</summary>
    public const string IndexDropped = "apply.index-dropped";

    /// <summary>Those that every apply reaches.</summary>
    public static IReadOnlyList<string> All { get; } = [LeaseTaken, RunBegun, IntentDurable, ChangeLeft, OutcomeDurable, RunFinished];
}
