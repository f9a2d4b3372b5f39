using Selfsame.Core.Provisioning;

namespace Selfsame.Store.Provisioning;

/// <summary>How the provisioning into one system stands.</summary>
public sealed record SystemProvisioning
{
    public required string System { get; init; }

    /// <summary>How many rows are in each state; one that has none is not here.</summary>
    public required IReadOnlyDictionary<ProvisioningState, long> Counts { get; init; }

    /// <summary>How many linked rows are to be looked at again.</summary>
    public required long DueAgain { get; init; }

    /// <summary>
    /// Since when the row waits that waits longest: since it was made, asked about or failed first after it had last come to rest; null when none does. A linked one that is
    /// to be looked at again waits, too; what the config does not want yet does not.
    /// </summary>
    public DateTimeOffset? OldestWaiting { get; init; }

    /// <summary>The error of the row that was written last, of those that have one.</summary>
    public string? LastProblem { get; init; }

    public DateTimeOffset? LastProblemAt { get; init; }

    /// <summary>Nothing is sent before, because the system asked for it.</summary>
    public DateTimeOffset? PausedUntil { get; init; }
}
