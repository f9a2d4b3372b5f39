using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;

namespace Selfsame.Core.Tests.Provisioning;

/// <summary>Rows in memory; a claim takes what is not settled, whatever its time is, and its lease unless a test wants it kept.</summary>
internal sealed class InMemoryRows : IProvisioningRows
{
    private readonly Dictionary<ProvisioningKey, ProvisioningRow> rows = [];
    private readonly HashSet<ProvisioningKey> held = [];

    /// <summary>The one row of a test about one.</summary>
    public ProvisioningRow Only
    {
        get => rows.Values.Single();
        set => rows[value.Key] = value;
    }

    public IReadOnlyCollection<ProvisioningRow> All => rows.Values;

    public ProvisioningRow Of(ProvisioningKey key) => rows[key];

    /// <summary>Whether a row that is worked on is not claimed again; else the next claim is as one after a crash.</summary>
    public bool KeepsLeases { get; init; }

    /// <summary>How many disablings the guard has counted.</summary>
    public int Disablings { get; private set; }

    /// <summary>How many deletions the guard has counted.</summary>
    public int Deletions { get; private set; }

    /// <summary>The pauses that systems asked for.</summary>
    public List<TimeSpan> Pauses { get; } = [];

    /// <summary>Who asked for them.</summary>
    public List<string> PausedSystems { get; } = [];

    /// <summary>The systems whose rows heard that an account changed, in order.</summary>
    public List<string> Woken { get; } = [];

    /// <summary>Every row as it was written, in order.</summary>
    public List<ProvisioningRow> Written { get; } = [];

    /// <summary>How often rows were claimed by themselves.</summary>
    public int Claims { get; private set; }

    /// <summary>How many rows were taken with one that was given back.</summary>
    public int HandedOver { get; private set; }

    /// <summary>Happens when a row was given back and others were taken, before anybody hears of it.</summary>
    public Action GivenBack { get; set; } = () => { };

    /// <summary>Whether somebody works on the row.</summary>
    public bool IsHeld(ProvisioningKey key) => held.Contains(key);

    /// <summary>Another node claims the only row.</summary>
    public void TakeOver() => Only = Only with { Epoch = Only.Epoch + 1 };

    /// <summary>Something changed: the only row is looked at again.</summary>
    public void Ask() => Ask(Only.Key, "It changed.");

    /// <summary>The user of the row was purged.</summary>
    public void Purge(ProvisioningKey key)
    {
        rows[key] = rows[key] with { Purged = true };
        Ask(key, LookAgain.OfPurge);
    }

    /// <summary>The row's user was purged, and nothing was under way.</summary>
    public void Forget(ProvisioningKey key) => rows.Remove(key);

    public void Ask(ProvisioningKey key, string reason, bool disabled = false)
    {
        var row = rows[key];
        rows[key] = ProvisioningMachine.Next(row, new LookAgain(reason), row.NotBefore, 0) with { Asked = row.Asked + 1, Disabled = disabled || row.Disabled };
    }

    public Task<IReadOnlyList<ClaimedRow>> ClaimAsync(ProvisioningClaim claim, CancellationToken cancellation)
    {
        Claims++;
        return Task.FromResult(TakeDue(claim));
    }

    public async Task<ReleasedRow> ReleaseAsync(ProvisioningRow row, ProvisioningClaim next, CancellationToken cancellation)
    {
        var released = new ReleasedRow(await SaveAsync(row, release: true, [], cancellation), TakeDue(next));
        HandedOver += released.Next.Count;
        GivenBack();
        return released;
    }

    private IReadOnlyList<ClaimedRow> TakeDue(ProvisioningClaim claim)
    {
        var due = rows.Values.Where(row => row.Key.System == claim.System && !(KeepsLeases && held.Contains(row.Key))
            && (row.State is ProvisioningState.Pending or ProvisioningState.Intent or ProvisioningState.Compensating || row.DueBecause is not null)).ToList();
        return [.. due.Take(claim.Most).Select(row => Take(row, claim.Lease))];
    }

    public Task<ClaimedRow?> ClaimAsync(ProvisioningKey key, TimeSpan lease, CancellationToken cancellation)
    {
        var row = rows.GetValueOrDefault(key) ?? New(key);
        if (row.State is ProvisioningState.Conflict or ProvisioningState.Compensated || row is { State: ProvisioningState.Compensating, DueBecause: not null } or { DueBecause: UpdateUnanswered.Late })
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
        if (release)
        {
            held.Remove(row.Key);
        }

        var asked = present.Asked != row.Asked;
        var next = asked && release ? ProvisioningMachine.Next(row, DueReason.Meanwhile(present.DueBecause), row.NotBefore, 0) : row;
        var keeps = asked && !release && row.State is ProvisioningState.Linked or ProvisioningState.Intent && DueReason.IsKept(present.DueBecause);
        var saved = next with { Disabled = row.Disabled || (asked && present.Disabled), DueBecause = keeps ? DueReason.AfterAsking(next.DueBecause, present.DueBecause!) : next.DueBecause };
        rows[row.Key] = saved with { Asked = present.Asked };
        foreach (var key in followers.Where(_ => row.TargetId is not null).Select(system => new ProvisioningKey(row.Key.System, row.TargetId!, system)))
        {
            Woken.Add(key.System);
            if (row.State == ProvisioningState.Conflict && !rows.ContainsKey(key))
            {
                continue;
            }

            if (!rows.TryAdd(key, New(key)))
            {
                rows[key] = rows[key] with { Purged = rows[key].Purged || (row.Deleting && saved.State == ProvisioningState.Compensated) };
                Ask(key, LookAgain.OfChain);
            }
        }

        return Task.FromResult(true);
    }

    public Task<DisablingAnswer> SaveDisablingAsync(ProvisioningRow row, int mostPerHour, CancellationToken cancellation)
    {
        if (row.Epoch != rows[row.Key].Epoch)
        {
            return Task.FromResult<DisablingAnswer>(new DisablingLost());
        }

        if ((row.Deleting ? Deletions : Disablings) >= mostPerHour)
        {
            return Task.FromResult<DisablingAnswer>(new DisablingGuarded(TimeSpan.FromMinutes(30)));
        }

        (Disablings, Deletions) = row.Deleting ? (Disablings, Deletions + 1) : (Disablings + 1, Deletions);
        rows[row.Key] = row;
        return Task.FromResult<DisablingAnswer>(new DisablingCounted());
    }

    /// <summary>Who holds which address, by source and system.</summary>
    public Dictionary<(string Source, string System, string Address), AccountId> Addresses { get; } = [];

    /// <summary>Who stands beside who holds it.</summary>
    public HashSet<((string Source, string System, string Address) Address, AccountId Account)> Beside { get; } = [];

    public Task<AddressClaim> ClaimAddressAsync(ProvisioningRow row, string? address, AccountId? former, IReadOnlyCollection<AccountId> others, CancellationToken cancellation)
    {
        foreach (var own in Addresses.Where(held => held.Value.Equals(row.Key.Account) && held.Key.System == row.Key.System && held.Key.Address != address).ToList())
        {
            Addresses.Remove(own.Key);
        }

        Beside.RemoveWhere(beside => beside.Account.Equals(row.Key.Account) && beside.Address.System == row.Key.System);
        if (address is null)
        {
            return Task.FromResult<AddressClaim>(new AddressClaimed());
        }

        var key = (row.Key.Source, row.Key.System, address);
        Beside.RemoveWhere(beside => beside.Address == key && beside.Account.Equals(former));
        if (former is not null && former.Equals(Addresses.GetValueOrDefault(key)))
        {
            Addresses.Remove(key);
        }

        if (Addresses.TryAdd(key, row.Key.Account) || Addresses[key].Equals(row.Key.Account))
        {
            return Task.FromResult<AddressClaim>(new AddressClaimed());
        }

        var held = new AddressHeld(Addresses[key]) { Beside = [.. Beside.Where(beside => beside.Address == key).Select(beside => beside.Account)] };
        var isBeside = held.Beside.Prepend(held.Holder).All(others.Contains) && Beside.Add((key, row.Key.Account));
        return Task.FromResult<AddressClaim>(isBeside ? new AddressClaimed() : held);
    }

    public Task<AnnouncedCreations> AnnounceAsync(IReadOnlyCollection<ProvisioningKey> keys, CancellationToken cancellation)
    {
        var (kept, busy) = (new HashSet<ProvisioningKey>(), new HashSet<ProvisioningKey>());
        foreach (var row in keys.Where(rows.ContainsKey).Select(key => rows[key]))
        {
            (held.Contains(row.Key) ? busy : kept).Add(row.Key);
            rows[row.Key] = !held.Contains(row.Key) && row.State is ProvisioningState.Pending or ProvisioningState.Intent
                ? ProvisioningMachine.Next(row, new Announced(row.Key.Account), DateTimeOffset.UnixEpoch, 0)
                : row;
        }

        return Task.FromResult(new AnnouncedCreations(kept, busy));
    }

    public Task AskAgainAsync(IReadOnlyCollection<ProvisioningKey> keys, string reason, bool disabled, CancellationToken cancellation)
    {
        foreach (var key in keys.Where(rows.ContainsKey))
        {
            Ask(key, reason, disabled);
        }

        return Task.CompletedTask;
    }

    public Task AskAgainAboutAsync(string system, IReadOnlyCollection<AccountId> targets, bool disabled, CancellationToken cancellation)
    {
        foreach (var row in rows.Values.Where(row => row.Key.System == system && row.TargetId is not null && targets.Contains(row.TargetId)).ToList())
        {
            Ask(row.Key, LookAgain.OfPlan, disabled);
        }

        return Task.CompletedTask;
    }

    public Task PauseAsync(string system, TimeSpan pause, CancellationToken cancellation)
    {
        Pauses.Add(pause);
        PausedSystems.Add(system);
        return Task.CompletedTask;
    }

    /// <summary>A pause that runs, by system.</summary>
    public Dictionary<string, TimeSpan> Paused { get; } = [];

    public Task<TimeSpan> PausedForAsync(string system, CancellationToken cancellation) => Task.FromResult(Paused.GetValueOrDefault(system));

    /// <summary>Each time a token was asked for: of which system, at which rate, and whether there was one.</summary>
    public List<(string System, double PerSecond, bool Taken)> Tokens { get; } = [];

    /// <summary>How long who gets no token is to wait.</summary>
    public TimeSpan TokenWait { get; set; } = TimeSpan.FromMilliseconds(1);

    /// <summary>Of each two who ask for a token the first gets none.</summary>
    public Task<TimeSpan> TakeTokenAsync(string system, double perSecond, CancellationToken cancellation)
    {
        lock (Tokens)
        {
            Tokens.Add((system, perSecond, Tokens.Count % 2 == 1));
            return Task.FromResult(Tokens[^1].Taken ? TimeSpan.Zero : TokenWait);
        }
    }

    public static ProvisioningRow New(ProvisioningKey key)
        => new() { Key = key, State = ProvisioningState.Pending, Epoch = 0, NotBefore = DateTimeOffset.UnixEpoch };

    private ClaimedRow Take(ProvisioningRow row, TimeSpan lease)
    {
        held.Add(row.Key);
        rows[row.Key] = row with { Epoch = row.Epoch + 1 };
        return new ClaimedRow(rows[row.Key], TimeProvider.System.GetTimestamp(), lease);
    }
}
