using Selfsame.Core.Accounts;

namespace Selfsame.Core.Provisioning;

/// <summary>What was found out or decided about a row.</summary>
public abstract record ProvisioningEvent;

/// <summary>The account is missing and will be made under this id.</summary>
public sealed record Intended(AccountId TargetId) : ProvisioningEvent;

/// <summary>The account is there under the id that we chose.</summary>
public sealed record FoundOurs(AccountId TargetId) : ProvisioningEvent;

/// <summary>Nobody can go on without a person's decision.</summary>
public sealed record FoundConflict(string Evidence) : ProvisioningEvent;

/// <summary>It did not work and may later.</summary>
public sealed record Failed(string Problem, TimeSpan? RetryAfter = null) : ProvisioningEvent;

/// <summary>The config's condition does not hold yet.</summary>
public sealed record NotWantedYet : ProvisioningEvent;

/// <summary>The user is no longer there.</summary>
public sealed record UserGone : ProvisioningEvent;

/// <summary>Nothing of the user is active in the system.</summary>
public sealed record NothingLeft : ProvisioningEvent;

/// <summary>An administrator asked to look again.</summary>
public sealed record RetryAsked : ProvisioningEvent;

/// <summary>
/// <c>pending → intent → linked | conflict | compensating → compensated</c>. Pure: the row after an event; an event that a
/// state can't have is a bug and throws.
/// </summary>
public static class ProvisioningMachine
{
    private static readonly TimeSpan FirstDelay = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromHours(1);

    /// <param name="row">The row as it is.</param>
    /// <param name="happened">What happened.</param>
    /// <param name="now">The present instant.</param>
    /// <param name="jitter">A random number in [0, 1) that spreads retries.</param>
    public static ProvisioningRow Next(ProvisioningRow row, ProvisioningEvent happened, DateTimeOffset now, double jitter)
        => (row.State, happened) switch
        {
            (ProvisioningState.Pending, Intended intended) => row with { State = ProvisioningState.Intent, TargetId = intended.TargetId },
            // A creation that did not arrive is made again under the same id.
            (ProvisioningState.Intent, Intended intended) when intended.TargetId.Equals(row.TargetId) => row,
            (ProvisioningState.Pending or ProvisioningState.Intent, FoundOurs ours)
                => Settled(row, ProvisioningState.Linked, null) with { TargetId = ours.TargetId },
            (ProvisioningState.Pending or ProvisioningState.Intent or ProvisioningState.Compensating, FoundConflict conflict)
                => Settled(row, ProvisioningState.Conflict, conflict.Evidence),
            (ProvisioningState.Pending or ProvisioningState.Intent or ProvisioningState.Compensating, Failed failed)
                => Later(row, failed, now, jitter),
            (ProvisioningState.Pending, NotWantedYet) => row with { Attempts = 0, Problem = null, NotBefore = now + LongestDelay },
            (ProvisioningState.Pending, UserGone) => Settled(row, ProvisioningState.Compensated, null),
            (ProvisioningState.Intent, UserGone) => row with { State = ProvisioningState.Compensating, Attempts = 0 },
            (ProvisioningState.Compensating, NothingLeft) => Settled(row, ProvisioningState.Compensated, null),
            (ProvisioningState.Conflict, RetryAsked) => row with
            {
                State = row.TargetId is null ? ProvisioningState.Pending : ProvisioningState.Intent,
                Attempts = 0,
                Problem = null,
                NotBefore = now,
            },
            _ => throw new InvalidOperationException($"A row that is {row.State} can't have the event {happened.GetType().Name}."),
        };

    private static ProvisioningRow Settled(ProvisioningRow row, ProvisioningState state, string? problem)
        => row with { State = state, Attempts = 0, Problem = problem };

    private static ProvisioningRow Later(ProvisioningRow row, Failed failed, DateTimeOffset now, double jitter)
    {
        var ceiling = FirstDelay * Math.Pow(2, Math.Min(row.Attempts, 20));
        var delay = (ceiling < LongestDelay ? ceiling : LongestDelay) * (0.5 + (jitter / 2));
        return row with
        {
            Attempts = row.Attempts + 1,
            Problem = failed.Problem,
            NotBefore = now + (failed.RetryAfter > delay ? failed.RetryAfter.Value : delay),
        };
    }
}
