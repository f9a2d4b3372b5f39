using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Provisioning;

/// <summary>What the provisioner works with.</summary>
public sealed record ProvisionerParts
{
    public required Topology Topology { get; init; }

    public required IReadOnlyDictionary<string, IConnectedSystem> Systems { get; init; }

    public required IProvisioningRows Rows { get; init; }

    public required IdentifierKeying Keying { get; init; }

    public required TimeProvider Clock { get; init; }

    public required RandomSource Random { get; init; }

    /// <summary>Told of what a connector, or we, did not foresee: the row gets a sentence and its back-off, and the log must have the whole.</summary>
    public required Action<ProvisioningRow, Exception> Unforeseen { get; init; }

    /// <summary>Told of each row that was given back, as it was taken and as it was written.</summary>
    public Action<ProvisioningRow, ProvisioningRow> Concluded { get; init; } = (_, _) => { };

    public CrashPoints CrashPoints { get; init; } = CrashPoints.None;
}

/// <summary>What came of making the account of a plan's change.</summary>
/// <param name="Row">The row afterwards.</param>
/// <param name="WasThere">The account was there and ours before.</param>
/// <param name="PlanIsOld">Another account would be made now than the plan says; nothing was done.</param>
public sealed record PlannedCreation(ProvisioningRow Row, bool WasThere, bool PlanIsOld);

/// <summary>What came of holding an address for an account that a plan brings it to.</summary>
/// <param name="IsOpen">Whether that could not be told now, and why is in <paramref name="Why"/>; else <paramref name="Why"/> is whose it is.</param>
/// <param name="Why">A sentence; null where nothing is against the change.</param>
public sealed record HeldForPlan(bool IsOpen, string? Why);

/// <summary>
/// Brings each row to its end: looks, asks the planner what the person needs, commits the intent, creates, looks again.
/// Each target system has a lane of its own, so that one which is slow or fails holds no other up.
/// </summary>
public sealed class Provisioner
{
    /// <summary>No remote call may take longer; a call leaves only while the row's lease outlasts this.</summary>
    public static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(20);

    /// <summary>
    /// How far apart the clocks of two nodes may be where that alone decides: a request that was on its way is held to be lost when its time is over by whoever's clock.
    /// </summary>
    public static readonly TimeSpan ClockMargin = TimeSpan.FromMinutes(5);

    /// <summary>After so long a call that left has arrived or got lost, by whoever's clock.</summary>
    public static readonly TimeSpan LateTime = CallTimeout + ClockMargin;

    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(120);

    private readonly ProvisionerParts parts;

    public Provisioner(ProvisionerParts parts)
    {
        this.parts = parts;
        Lanes = [.. parts.Topology.Rules.Where(rule => rule.Missing == MissingAction.CreateInTarget)
            .Select(rule => rule.Target).Distinct().Select(system => new SystemLane(parts, system))];
    }

    /// <summary>One for each system into which the config provisions.</summary>
    public IReadOnlyList<SystemLane> Lanes { get; }

    /// <summary>
    /// Makes the account of a plan's change, through the same row and the same steps as the service: null while another works on it.
    /// </summary>
    /// <param name="key">Of whom, into what.</param>
    /// <param name="planned">The fields as the plan has them; where they would be others now, nothing is done.</param>
    /// <param name="cancellation">Gives up between steps.</param>
    public async Task<PlannedCreation?> CreateAsync(ProvisioningKey key, Fields planned, CancellationToken cancellation)
    {
        if (await parts.Rows.ClaimAsync(key, Lease, cancellation) is not { } claim)
        {
            return null;
        }

        parts.CrashPoints.Reach(ProvisioningCrashPoints.Claimed);
        var work = new RowWork(parts, claim, planned);
        await work.RunAsync(cancellation);
        return new PlannedCreation(work.Row, WasThere: claim.Row.State == ProvisioningState.Linked && claim.Row.TargetId!.Equals(work.Row.TargetId), work.PlanIsOld);
    }

    /// <summary>How long the system, if accounts are provisioned into it, is still to be left alone, because it said so on any node; zero where it may be called.</summary>
    public Task<TimeSpan> PausedForAsync(string system, CancellationToken cancellation)
        => Lanes.Any(lane => lane.System == system) ? parts.Rows.PausedForAsync(system, cancellation) : Task.FromResult(TimeSpan.Zero);

    /// <summary>
    /// Waits until the system's rate, if the config gives it one, has room for one account more, over all nodes, and takes that; false where it was cancelled before. The lanes take
    /// theirs with their claims.
    /// </summary>
    public async Task<bool> WaitForTurnAsync(string system, CancellationToken cancellation)
    {
        try
        {
            while (parts.Topology.Systems[system].Pace.PerSecond is { } perSecond && await parts.Rows.TakeTokenAsync(system, perSecond, cancellation) is var left && left > TimeSpan.Zero)
            {
                await Task.Delay(left, parts.Clock, cancellation);
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
        }

        return !cancellation.IsCancellationRequested;
    }

    /// <summary>The system asked to be left alone for this long: the nodes of the service leave it alone as well.</summary>
    public Task PauseAsync(string system, TimeSpan pause, CancellationToken cancellation) => parts.Rows.PauseAsync(system, pause, cancellation);

    /// <summary>
    /// Has the row of an account hold its person's verified address before a plan brings that to the target, or makes the account active with it: as the service, a plan makes no two
    /// of one person. The service looks at the row afterwards, whatever becomes of the plan.
    /// </summary>
    /// <param name="key">Of whom, into what.</param>
    /// <param name="cancellation">Gives up between steps.</param>
    public async Task<HeldForPlan> HoldAddressAsync(ProvisioningKey key, CancellationToken cancellation)
        => !IsProvisioned(key) || (await parts.Systems[key.Source].DescribeAsync(cancellation)).AddressesAreUnique ? new HeldForPlan(false, null)
            : await parts.Rows.ClaimAsync(key, Lease, cancellation) is { } claim ? await new RowWork(parts, claim).HoldAddressAsync(cancellation)
            : new HeldForPlan(true, "The service is at work on it.");

    /// <summary>
    /// Has the rows of accounts keep that a plan is about to make these under the same ids, and those are looked for as if the service had made them: of somebody who goes meanwhile none stays.
    /// </summary>
    /// <param name="keys">Of whom, into what.</param>
    /// <param name="cancellation">Gives up.</param>
    public Task<AnnouncedCreations> AnnounceAsync(IEnumerable<ProvisioningKey> keys, CancellationToken cancellation)
        => parts.Rows.AnnounceAsync([.. keys.Where(IsProvisioned)], cancellation);

    /// <summary>Has the service look at accounts that a plan made: whoever they were made for may have gone, or changed, since.</summary>
    /// <param name="keys">Of whom, into what.</param>
    /// <param name="cancellation">Gives up.</param>
    public Task AskAgainAsync(IEnumerable<ProvisioningKey> keys, CancellationToken cancellation)
        => parts.Rows.AskAgainAsync([.. keys.Where(IsProvisioned)], LookAgain.OfPlan, disabled: false, cancellation);

    /// <summary>Has the service look at accounts that a plan changed: their sources may have changed since the plan was made.</summary>
    /// <param name="system">The system of the accounts.</param>
    /// <param name="accounts">Their ids there.</param>
    /// <param name="disabled">Whether the plan disabled them.</param>
    /// <param name="cancellation">Gives up.</param>
    public Task AskAgainAsync(string system, IReadOnlyCollection<AccountId> accounts, bool disabled, CancellationToken cancellation)
        => Lanes.Any(lane => lane.System == system) ? parts.Rows.AskAgainAboutAsync(system, accounts, disabled, cancellation) : Task.CompletedTask;

    private bool IsProvisioned(ProvisioningKey key)
        => parts.Topology.Rules.Any(rule => rule.Source == key.Source && rule.Target == key.System && rule.Missing == MissingAction.CreateInTarget);

    /// <summary>Works on what is due now in every system; how many rows that were.</summary>
    public async Task<int> RunOnceAsync(CancellationToken cancellation)
        => (await Task.WhenAll(Lanes.Select(lane => lane.RunOnceAsync(cancellation)))).Sum();
}
