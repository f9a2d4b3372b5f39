using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Simulation.Tests.Remotes.Services;
using Selfsame.Store;

namespace Selfsame.Simulation.Tests.Remotes;

/// <summary>Rows without one of the promises that the provisioning rests on: with them a simulation must see a violation.</summary>
internal abstract class BrokenRows(IProvisioningRows rows) : IProvisioningRows
{
    public virtual Task<IReadOnlyList<ClaimedRow>> ClaimAsync(ProvisioningClaim claim, CancellationToken cancellation) => rows.ClaimAsync(claim, cancellation);

    public Task<ClaimedRow?> ClaimAsync(ProvisioningKey key, TimeSpan lease, CancellationToken cancellation) => rows.ClaimAsync(key, lease, cancellation);

    public virtual Task<bool> SaveAsync(ProvisioningRow row, bool release, IReadOnlyList<string> followers, CancellationToken cancellation)
        => rows.SaveAsync(row, release, followers, cancellation);

    /// <summary>In two transactions, so that what breaks <see cref="SaveAsync"/> breaks this.</summary>
    public async Task<ReleasedRow> ReleaseAsync(ProvisioningRow row, ProvisioningClaim next, CancellationToken cancellation)
        => new(await SaveAsync(row, release: true, [], cancellation), await ClaimAsync(next, cancellation));

    public virtual Task<DisablingAnswer> SaveDisablingAsync(ProvisioningRow row, int mostPerHour, CancellationToken cancellation)
        => rows.SaveDisablingAsync(row, mostPerHour, cancellation);

    public virtual Task<AddressClaim> ClaimAddressAsync(ProvisioningRow row, string? address, AccountId? former, IReadOnlyCollection<AccountId> others, CancellationToken cancellation)
        => rows.ClaimAddressAsync(row, address, former, others, cancellation);

    public Task<AnnouncedCreations> AnnounceAsync(IReadOnlyCollection<ProvisioningKey> keys, CancellationToken cancellation) => rows.AnnounceAsync(keys, cancellation);

    public Task AskAgainAsync(IReadOnlyCollection<ProvisioningKey> keys, string reason, bool disabled, CancellationToken cancellation)
        => rows.AskAgainAsync(keys, reason, disabled, cancellation);

    public Task AskAgainAboutAsync(string system, IReadOnlyCollection<AccountId> targets, bool disabled, CancellationToken cancellation)
        => rows.AskAgainAboutAsync(system, targets, disabled, cancellation);

    public Task PauseAsync(string system, TimeSpan pause, CancellationToken cancellation) => rows.PauseAsync(system, pause, cancellation);

    public Task<TimeSpan> PausedForAsync(string system, CancellationToken cancellation) => rows.PausedForAsync(system, cancellation);

    public Task<TimeSpan> TakeTokenAsync(string system, double perSecond, CancellationToken cancellation) => rows.TakeTokenAsync(system, perSecond, cancellation);

    /// <summary>An intent is not written before the request leaves, only what came of it.</summary>
    internal sealed class ForgettingIntents(IProvisioningRows rows) : BrokenRows(rows)
    {
        public override Task<bool> SaveAsync(ProvisioningRow row, bool release, IReadOnlyList<string> followers, CancellationToken cancellation)
            => row.State == ProvisioningState.Intent && !release ? Task.FromResult(true) : base.SaveAsync(row, release, followers, cancellation);
    }

    /// <summary>Everybody gets every address.</summary>
    internal sealed class GrantingAddresses(IProvisioningRows rows) : BrokenRows(rows)
    {
        public override Task<AddressClaim> ClaimAddressAsync(ProvisioningRow row, string? address, AccountId? former, IReadOnlyCollection<AccountId> others, CancellationToken cancellation)
            => Task.FromResult<AddressClaim>(new AddressClaimed());
    }

    /// <summary>Whoever writes has the row, however long it slept.</summary>
    internal sealed class IgnoringEpochs(IProvisioningRows rows, StoreContext store) : BrokenRows(rows)
    {
        public override async Task<bool> SaveAsync(ProvisioningRow row, bool release, IReadOnlyList<string> followers, CancellationToken cancellation)
            => await base.SaveAsync(row with { Epoch = await PresentAsync(row) }, release, followers, cancellation);

        public override async Task<DisablingAnswer> SaveDisablingAsync(ProvisioningRow row, int mostPerHour, CancellationToken cancellation)
            => await base.SaveDisablingAsync(row with { Epoch = await PresentAsync(row) }, mostPerHour, cancellation);

        private Task<long> PresentAsync(ProvisioningRow row)
            => store.Database.ReadAsync(transaction => transaction.ScalarAsync<long>(
                "SELECT epoch FROM provisioning WHERE source = @Source AND source_id = @account AND system = @System", new { row.Key.Source, account = row.Key.Account.ToText(), row.Key.System }));
    }
}

/// <summary>Says that nothing of ours is there, whatever was sent before.</summary>
internal sealed class BlindPasswordSystem(IConnectedSystem inner, Network network, bool saysThatItRefuses) : ObservedPasswordSystem(inner, network, saysThatItRefuses)
{
    public override Task<Ownership> FindOursAsync(Fields fields, string password, CancellationToken cancellation) => Task.FromResult<Ownership>(new Nobodys());
}

/// <summary>Sees nobody, under the id that we chose or by an address.</summary>
internal sealed class BlindChosenIdSystem(IConnectedSystem inner, Network network) : ObservedChosenIdSystem(inner, network)
{
    public override Task<IReadOnlyList<Account>> ReadByIdAsync(IReadOnlyList<AccountId> ids, CancellationToken cancellation) => Task.FromResult<IReadOnlyList<Account>>([]);

    public override Task<IReadOnlyList<Account>> FindAsync(IReadOnlyDictionary<IdentifierKind, IReadOnlyList<string>> identifiers, CancellationToken cancellation)
        => Task.FromResult<IReadOnlyList<Account>>([]);
}

/// <summary>Holds an equal address to be proof, and so calls nobody's account another's.</summary>
internal sealed class AdoptingPasswordSystem(IConnectedSystem inner, RemoteAccounts remote, Network network, bool saysThatItRefuses) : ObservedPasswordSystem(inner, network, saysThatItRefuses)
{
    public override Task<IReadOnlyList<Account>> FindAsync(IReadOnlyDictionary<IdentifierKind, IReadOnlyList<string>> identifiers, CancellationToken cancellation)
        => Task.FromResult<IReadOnlyList<Account>>([]);

    public override Task<Ownership> FindOursAsync(Fields fields, string password, CancellationToken cancellation)
        => Network.ReadAsync<Ownership>(
            remote,
            [fields["email"].AsText!],
            _ => remote.Holders(fields.Only(["email"])).Select(holder => holder.Id).FirstOrDefault() is { } adopted ? new Ours(adopted) : new Nobodys(),
            mayLag: false,
            cancellation);
}
