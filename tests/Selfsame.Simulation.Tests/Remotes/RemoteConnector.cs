using System.Runtime.CompilerServices;
using Selfsame.Core.Accounts;

namespace Selfsame.Simulation.Tests.Remotes;

/// <summary>A server's way to a connected system, through the network.</summary>
internal abstract class RemoteConnector(RemoteAccounts remote, Network network) : IReadsAccounts, IReadsAccountsById, IFindsAccounts, IUpdatesAccounts
{
    public AccountMapping Mapping => remote.Mapping;

    protected RemoteAccounts Remote => remote;

    protected Network Network => network;

    public abstract Task<SystemFacts> DescribeAsync(CancellationToken cancellation);

    public async IAsyncEnumerable<ReadPart> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        var accounts = await network.ReadAsync(remote, [], lag => remote.See(lag).ToList(), mayLag: true, cancellation);
        if (accounts.Count > 0)
        {
            yield return new ReadAccounts(accounts);
        }

        yield return new ReadEnd(accounts.Count, Complete: true);
    }

    public Task<IReadOnlyList<Account>> ReadByIdAsync(IReadOnlyList<AccountId> ids, CancellationToken cancellation)
        => network.ReadAsync<IReadOnlyList<Account>>(
            remote, ids.Select(id => id.ToText()), _ => [.. remote.See(TimeSpan.Zero).Where(account => ids.Contains(account.Id))], mayLag: false, cancellation);

    public virtual Task<IReadOnlyList<Account>> FindAsync(IReadOnlyDictionary<IdentifierKind, IReadOnlyList<string>> identifiers, CancellationToken cancellation)
        => network.ReadAsync<IReadOnlyList<Account>>(
            remote,
            identifiers.GetValueOrDefault(IdentifierKind.Email, []),
            lag => [.. remote.See(lag).Where(account => identifiers.Any(pair => account.Identifiers.TryGetValue(pair.Key, out var text)
                && pair.Value.Contains(text, StringComparer.OrdinalIgnoreCase)))],
            mayLag: true,
            cancellation);

    public Task<WriteOutcome> UpdateAsync(AccountId id, Fields set, Fields precondition, CancellationToken cancellation)
        => network.WriteAsync(remote, id.ToText(), () => remote.Update(id, set, precondition), outcome => outcome, cancellation);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    protected static AlreadyExists Exists(IReadOnlyList<string> taken) => new(taken, $"Another account has the {string.Join(" and the ", taken)}.");
}

/// <summary>A system that takes an id of ours and keeps e-mails unique, as Supabase Auth.</summary>
internal sealed class ChosenIdConnector(RemoteAccounts remote, Network network) : RemoteConnector(remote, network), ICreatesAccounts
{
    public static AccountMapping AccountsMapping { get; } = new()
    {
        Id = ["id"],
        Identifiers = new Dictionary<IdentifierKind, string> { [IdentifierKind.Username] = "login", [IdentifierKind.Email] = "email" },
        Attributes = new Dictionary<string, AttributeMapping> { ["firstName"] = new("first"), [AccountMapping.Active] = new("active") },
    };

    public override Task<SystemFacts> DescribeAsync(CancellationToken cancellation)
        => Task.FromResult(new SystemFacts { TakesChosenId = true, AtomicPreconditions = true });

    public Task<WriteOutcome> CreateAsync(AccountId id, Fields fields, CancellationToken cancellation)
        => Network.WriteAsync<WriteOutcome>(
            Remote, id.ToText(), () => Remote.Create(id, fields, null) is { Count: > 0 } taken ? Exists(taken) : new Done(), outcome => outcome, cancellation);
}

/// <summary>A system that gives ids itself, keeps handles and e-mails unique, and lets whoever knows the password in, as an ATProto PDS.</summary>
internal class PasswordConnector(RemoteAccounts remote, Network network) : RemoteConnector(remote, network), ICreatesWithPassword
{
    public static AccountMapping AccountsMapping { get; } = new()
    {
        Id = ["did"],
        Identifiers = new Dictionary<IdentifierKind, string> { [IdentifierKind.Handle] = "handle", [IdentifierKind.Email] = "email" },
        Attributes = new Dictionary<string, AttributeMapping> { [AccountMapping.Active] = new("active") },
    };

    public override Task<SystemFacts> DescribeAsync(CancellationToken cancellation) => Task.FromResult(new SystemFacts
    {
        TakesChosenId = false,
        RefusesTakenIdentifiers = Remote.SaysThatItRefuses,
        AtomicPreconditions = true,
        NotNullFields = new HashSet<string> { "did", "handle", "email", "active" },
    });

    /// <summary>The record of a new account.</summary>
    public static Fields Record(AccountId did, string handle, string email) => new(new Dictionary<string, FieldValue>
    {
        ["did"] = FieldValue.Text(did.ToText()),
        ["handle"] = FieldValue.Text(handle),
        ["email"] = FieldValue.Text(email),
        ["active"] = FieldValue.Boolean(true),
    });

    public Task<CreationOutcome> CreateAsync(Fields fields, string password, CancellationToken cancellation)
        => Network.WriteAsync<CreationOutcome>(
            Remote,
            fields["email"].AsText!,
            () =>
            {
                var did = new AccountId($"did:plc:{Remote.Accounts.Count}");
                return Remote.Create(did, Record(did, fields["handle"].AsText!, fields["email"].AsText!).With(fields.Only(["active"])), password) is { Count: > 0 } taken
                    ? new NotCreated(Exists(taken))
                    : new CreatedAccount(did);
            },
            outcome => new NotCreated(outcome),
            cancellation);

    public virtual Task<Ownership> FindOursAsync(Fields fields, string password, CancellationToken cancellation)
        => Network.ReadAsync<Ownership>(
            Remote,
            [fields["email"].AsText!],
            _ =>
            {
                var holders = Remote.Holders(fields).ToList();
                return holders.FirstOrDefault(holder => Remote.Accounts[holder.Id].Password == password).Id is { } ours ? new Ours(ours)
                    : holders.Count == 0 ? new Nobodys()
                    : new Anothers([.. holders.Select(holder => holder.Field).Distinct()], "Another account has its e-mail or handle.");
            },
            mayLag: false,
            cancellation);
}
