using Selfsame.Core.Accounts;

namespace Selfsame.Core.Provisioning;

/// <summary>How far a user's account in one connected system is.</summary>
public enum ProvisioningState
{
    /// <summary>To be looked at.</summary>
    Pending,

    /// <summary>An account is being made under an id that we chose; whether it arrived is found out by looking.</summary>
    Intent,

    /// <summary>The account is there and is ours.</summary>
    Linked,

    /// <summary>A person must look: the evidence stands in the row.</summary>
    Conflict,

    /// <summary>The user went while the account was being made.</summary>
    Compensating,

    /// <summary>Nothing of the user is active in the system.</summary>
    Compensated,
}

/// <summary>One user and one connected system.</summary>
public sealed record ProvisioningRow
{
    public required Guid User { get; init; }

    public required string System { get; init; }

    public required ProvisioningState State { get; init; }

    /// <summary>Grows with every claim; a row changes only for whoever holds its epoch.</summary>
    public required long Epoch { get; init; }

    /// <summary>The id that we chose for the account; set with the intent.</summary>
    public AccountId? TargetId { get; init; }

    /// <summary>Attempts in a row that came to nothing.</summary>
    public int Attempts { get; init; }

    /// <summary>It is not looked at before.</summary>
    public required DateTimeOffset NotBefore { get; init; }

    /// <summary>The last error, or the evidence of a conflict.</summary>
    public string? Problem { get; init; }
}

/// <summary>A row on loan.</summary>
/// <param name="Row">The row under the epoch of this claim.</param>
/// <param name="Taken">The clock's timestamp (monotonic) just before it was claimed.</param>
/// <param name="Lease">For how long nobody else claims it.</param>
public sealed record ClaimedRow(ProvisioningRow Row, long Taken, TimeSpan Lease)
{
    public TimeSpan Remaining(TimeProvider clock) => Lease - clock.GetElapsedTime(Taken);
}

/// <summary>Where the rows stand. The insertion belongs to the sign-up's own transaction and is not here.</summary>
public interface IProvisioningRows
{
    /// <summary>Takes at most <paramref name="most"/> rows that are due and nobody's, each under a new epoch.</summary>
    Task<IReadOnlyList<ClaimedRow>> ClaimAsync(int most, TimeSpan lease, CancellationToken cancellation);

    /// <summary>Writes the row if its epoch still stands; false means that another holder has it and nothing was written.</summary>
    Task<bool> SaveAsync(ProvisioningRow row, bool release, CancellationToken cancellation);
}
