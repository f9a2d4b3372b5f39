using Selfsame.Core.Accounts;

namespace Selfsame.Simulation.Tests.Remotes.Services;

/// <summary>Passes everything on, and has the network know when each call began: what belongs to it arrives within its time, or never.</summary>
internal abstract class ObservedSystem(IConnectedSystem inner, Network network) : IReadsAccounts, IReadsAccountsById, IFindsAccounts, IUpdatesAccounts, IDeletesAccounts
{
    public AccountMapping Mapping => inner.Mapping;

    public bool AsksOneByOne => ((IReadsAccountsById)inner).AsksOneByOne;

    protected Network Network => network;

    public virtual Task<SystemFacts> DescribeAsync(CancellationToken cancellation) => inner.DescribeAsync(cancellation);

    public IAsyncEnumerable<ReadPart> ReadAllAsync(CancellationToken cancellation) => ((IReadsAccounts)inner).ReadAllAsync(cancellation);

    public virtual Task<IReadOnlyList<Account>> ReadByIdAsync(IReadOnlyList<AccountId> ids, CancellationToken cancellation) => ((IReadsAccountsById)inner).ReadByIdAsync(ids, cancellation);

    public virtual Task<IReadOnlyList<Account>> FindAsync(IReadOnlyDictionary<IdentifierKind, IReadOnlyList<string>> identifiers, CancellationToken cancellation)
        => ((IFindsAccounts)inner).FindAsync(identifiers, cancellation);

    public Task<WriteOutcome> UpdateAsync(AccountId id, Fields set, Fields precondition, CancellationToken cancellation)
        => network.CallAsync(() => ((IUpdatesAccounts)inner).UpdateAsync(id, set, precondition, cancellation));

    public Task<WriteOutcome> DeleteAsync(AccountId id, Fields precondition, CancellationToken cancellation)
        => network.CallAsync(() => ((IDeletesAccounts)inner).DeleteAsync(id, precondition, cancellation));

    public ValueTask DisposeAsync() => inner.DisposeAsync();
}

/// <summary>A system that takes an id of ours.</summary>
internal class ObservedChosenIdSystem(IConnectedSystem inner, Network network) : ObservedSystem(inner, network), ICreatesAccounts
{
    private readonly ICreatesAccounts inner = (ICreatesAccounts)inner;

    public Task<WriteOutcome> CreateAsync(AccountId id, Fields fields, CancellationToken cancellation) => Network.CallAsync(() => inner.CreateAsync(id, fields, cancellation));
}

/// <summary>A system that gives ids itself and lets whoever knows the password in.</summary>
/// <param name="inner">The connector.</param>
/// <param name="network">What it goes through.</param>
/// <param name="saysThatItRefuses">Whether it says that it refuses what another has, as a PDS does, so that nobody looks before the first creation; it refuses in any case.</param>
internal class ObservedPasswordSystem(IConnectedSystem inner, Network network, bool saysThatItRefuses) : ObservedSystem(inner, network), ICreatesWithPassword
{
    private readonly ICreatesWithPassword inner = (ICreatesWithPassword)inner;

    public override async Task<SystemFacts> DescribeAsync(CancellationToken cancellation)
        => (await inner.DescribeAsync(cancellation)) with { RefusesTakenIdentifiers = saysThatItRefuses };

    public Task<CreationOutcome> CreateAsync(Fields fields, string password, CancellationToken cancellation)
        => Network.CallAsync(() => inner.CreateAsync(fields, password, cancellation));

    public virtual Task<Ownership> FindOursAsync(Fields fields, string password, CancellationToken cancellation)
        => inner.FindOursAsync(fields, password, cancellation);
}
