using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;

namespace Selfsame.Simulation.Tests.Remotes;

/// <summary>
/// Passes everything on and remembers which rows a server holds, in which states, and for whom a password is. Rounds are simulated, in which no place takes
/// its next row as it gives one back: what is taken so waits here for the system's next round.
/// </summary>
internal sealed class ObservedRows(
    IProvisioningRows rows, SimulatedProcess node, Func<bool> takesNext, Action<ProvisioningKey> claiming, Action<ProvisioningRow, bool?> writing, Action<string, ProvisioningKey> intended)
    : IProvisioningRows
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(120);

    private readonly Dictionary<ProvisioningKey, ProvisioningState> held = [];
    private readonly List<ClaimedRow> handedOver = [];

    /// <summary>The states of the rows that the server holds, or believes that it holds.</summary>
    public IReadOnlyCollection<ProvisioningState> Held => held.Values;

    public async Task<IReadOnlyList<ClaimedRow>> ClaimAsync(ProvisioningClaim claim, CancellationToken cancellation)
    {
        List<ClaimedRow> claims = [.. handedOver.Where(waiting => waiting.Row.Key.System == claim.System)];
        handedOver.RemoveAll(claims.Contains);
        foreach (var claimed in await rows.ClaimAsync(claim, cancellation))
        {
            NoteClaimed(claimed);
            claims.Add(claimed);
        }

        return claims;
    }

    public async Task<ClaimedRow?> ClaimAsync(ProvisioningKey key, TimeSpan lease, CancellationToken cancellation)
    {
        var claim = await rows.ClaimAsync(key, lease, cancellation);
        if (claim is not null)
        {
            NoteClaimed(claim);
        }

        return claim;
    }

    public async Task<bool> SaveAsync(ProvisioningRow row, bool release, IReadOnlyList<string> followers, CancellationToken cancellation)
    {
        if (row.Intended is { } account)
        {
            intended(account.Password, row.Key);
        }

        if (release && followers.Count == 0 && takesNext())
        {
            var released = await ReleaseAsync(row, new ProvisioningClaim(row.Key.System, 1, 0, Lease, null), cancellation);
            handedOver.AddRange(released.Next);
            return released.Saved;
        }

        writing(row, null);
        var saved = await WriteAsync(row.State, () => rows.SaveAsync(row, release, followers, cancellation));
        held[row.Key] = row.State;
        if (release || !saved)
        {
            held.Remove(row.Key);
        }

        // After a commit that was repeated, too.
        writing(row, saved);
        return saved;
    }

    public async Task<ReleasedRow> ReleaseAsync(ProvisioningRow row, ProvisioningClaim next, CancellationToken cancellation)
    {
        writing(row, null);
        var released = await WriteAsync(row.State, () => rows.ReleaseAsync(row, next, cancellation));
        held.Remove(row.Key);
        writing(row, released.Saved);
        foreach (var claimed in released.Next)
        {
            NoteClaimed(claimed);
        }

        return released;
    }

    public async Task<DisablingAnswer> SaveDisablingAsync(ProvisioningRow row, int mostPerHour, CancellationToken cancellation)
    {
        writing(row, null);
        var answer = await WriteAsync(row.State, () => rows.SaveDisablingAsync(row, mostPerHour, cancellation));
        if (answer is DisablingCounted)
        {
            held[row.Key] = row.State;
        }

        return answer;
    }

    public Task<AddressClaim> ClaimAddressAsync(ProvisioningRow row, string? address, AccountId? former, IReadOnlyCollection<AccountId> others, CancellationToken cancellation)
        => rows.ClaimAddressAsync(row, address, former, others, cancellation);

    public Task<AnnouncedCreations> AnnounceAsync(IReadOnlyCollection<ProvisioningKey> keys, CancellationToken cancellation) => rows.AnnounceAsync(keys, cancellation);

    public Task AskAgainAsync(IReadOnlyCollection<ProvisioningKey> keys, string reason, bool disabled, CancellationToken cancellation)
        => rows.AskAgainAsync(keys, reason, disabled, cancellation);

    public Task AskAgainAboutAsync(string system, IReadOnlyCollection<AccountId> targets, bool disabled, CancellationToken cancellation)
        => rows.AskAgainAboutAsync(system, targets, disabled, cancellation);

    public Task PauseAsync(string system, TimeSpan pause, CancellationToken cancellation) => rows.PauseAsync(system, pause, cancellation);

    public Task<TimeSpan> PausedForAsync(string system, CancellationToken cancellation) => rows.PausedForAsync(system, cancellation);

    public Task<TimeSpan> TakeTokenAsync(string system, double perSecond, CancellationToken cancellation) => rows.TakeTokenAsync(system, perSecond, cancellation);

    private void NoteClaimed(ClaimedRow claimed)
    {
        held[claimed.Row.Key] = claimed.Row.State;
        claiming(claimed.Row.Key);
    }

    // A transaction that is not repeated runs to its end before the task comes back.
    private async Task<T> WriteAsync<T>(ProvisioningState state, Func<Task<T>> write)
    {
        node.Faults.Writing = state;
        Task<T> task;
        try
        {
            task = write();
        }
        finally
        {
            node.Faults.Writing = null;
        }

        return await task;
    }
}
