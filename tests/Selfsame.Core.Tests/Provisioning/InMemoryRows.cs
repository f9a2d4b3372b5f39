using Selfsame.Core.Provisioning;

namespace Selfsame.Core.Tests.Provisioning;

/// <summary>Rows in memory; a claim takes what is not settled, whatever its time and lease are.</summary>
internal sealed class InMemoryRows : IProvisioningRows
{
    private readonly Dictionary<ProvisioningKey, ProvisioningRow> rows = [];

    /// <summary>The one row of a test about one.</summary>
    public ProvisioningRow Only
    {
        get => rows.Values.Single();
        set => rows[value.Key] = value;
    }

    public IReadOnlyCollection<ProvisioningRow> All => rows.Values;

    /// <summary>How many disablings the guard has counted.</summary>
    public int Disablings { get; private set; }

    /// <summary>The pauses that systems asked for.</summary>
    public List<TimeSpan> Pauses { get; } = [];

    /// <summary>Every row as it was written, in order.</summary>
    public List<ProvisioningRow> Written { get; } = [];

    /// <summary>Another node claims the only row.</summary>
    public void TakeOver() => Only = Only with { Epoch = Only.Epoch + 1 };

    /// <summary>Something changed: the only row is looked at again.</summary>
    public void Ask() => Only = ProvisioningMachine.Next(Only, new LookAgain("It changed."), Only.NotBefore, 0) with { Asked = Only.Asked + 1 };

    public Task<IReadOnlyList<ClaimedRow>> ClaimAsync(ProvisioningClaim claim, CancellationToken cancellation)
    {
        var due = rows.Values.Where(row => row.Key.System == claim.System
            && (row.State is ProvisioningState.Pending or ProvisioningState.Intent or ProvisioningState.Compensating || row.DueBecause is not null)).ToList();
        return Task.FromResult<IReadOnlyList<ClaimedRow>>([.. due.Take(claim.Most).Select(row => Take(row, claim.Lease))]);
    }

    public Task<ClaimedRow?> ClaimAsync(ProvisioningKey key, TimeSpan lease, CancellationToken cancellation)
    {
        var row = rows.GetValueOrDefault(key) ?? New(key);
        if (row.State is ProvisioningState.Conflict or ProvisioningState.Compensated)
        {
            row = ProvisioningMachine.Next(row, new LookAgain("A plan is applied."), row.NotBefore, 0);
        }

        return Task.FromResult<ClaimedRow?>(Take(row, lease));
    }

    public Task<bool> SaveAsync(ProvisioningRow row, bool release, IReadOnlyList<string> followers, CancellationToken cancellation)
    {
        var present = rows[row.Key];
        if (row.Epoch != present.Epoch)
        {
            return Task.FromResult(false);
        }

        Written.Add(row);
        var saved = release && present.Asked != row.Asked ? ProvisioningMachine.Next(row, new LookAgain("It changed meanwhile."), row.NotBefore, 0) : row;
        rows[row.Key] = saved with { Asked = present.Asked };
        foreach (var key in followers.Where(_ => row.TargetId is not null).Select(system => new ProvisioningKey(row.Key.System, row.TargetId!, system)))
        {
            rows.TryAdd(key, New(key));
        }

        return Task.FromResult(true);
    }

    public Task<DisablingAnswer> SaveDisablingAsync(ProvisioningRow row, int mostPerHour, CancellationToken cancellation)
    {
        if (row.Epoch != rows[row.Key].Epoch)
        {
            return Task.FromResult<DisablingAnswer>(new DisablingLost());
        }

        if (Disablings >= mostPerHour)
        {
            return Task.FromResult<DisablingAnswer>(new DisablingGuarded(TimeSpan.FromMinutes(30)));
        }

        Disablings++;
        rows[row.Key] = row;
        return Task.FromResult<DisablingAnswer>(new DisablingCounted());
    }

    public Task PauseAsync(string system, TimeSpan pause, CancellationToken cancellation)
    {
        Pauses.Add(pause);
        return Task.CompletedTask;
    }

    public static ProvisioningRow New(ProvisioningKey key)
        => new() { Key = key, State = ProvisioningState.Pending, Epoch = 0, NotBefore = DateTimeOffset.UnixEpoch };

    private ClaimedRow Take(ProvisioningRow row, TimeSpan lease)
    {
        rows[row.Key] = row with { Epoch = row.Epoch + 1 };
        return new ClaimedRow(rows[row.Key], TimeProvider.System.GetTimestamp(), lease);
    }
}
