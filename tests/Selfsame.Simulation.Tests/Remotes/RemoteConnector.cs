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
        => network.WriteAsync(remote, id.ToText(), creates: false, () => remote.Update(id, set, precondition), outcome => outcome, cancellation);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    protected static AlreadyExists Exists(IReadOnlyList<string> taken) => new(taken, $"Another account has the {string.Join(" and the ", taken)}.");
}

/// <summary>The application's own records, which have no HTTP: a system that takes an id of ours gives a user code, and in some runs keeps e-mails unique.</summary>
internal sealed class ApplicationConnector(RemoteAccounts remote, Network network) : RemoteConnector(remote, network), ICreatesAccounts
{
    private const string Consonants = "bdfg";
    private const string Vowels = "aeiou";

    public static AccountMapping AccountsMapping { get; } = new()
    {
        Id = ["id"],
        Identifiers = new Dictionary<IdentifierKind, string> { [IdentifierKind.Email] = "email", [IdentifierKind.UserCode] = "code" },
        Attributes = new Dictionary<string, AttributeMapping>
        {
            ["fullName"] = new("name"),
            [AccountMapping.Active] = new("active"),
            [AccountMapping.EmailVerified] = new("verified"),
            ["verificationCount"] = new("verifications"),
        },
    };

    /// <summary>The record of somebody who came by themselves.</summary>
    public static Fields Record(AccountId id, string email, string name) => new(new Dictionary<string, FieldValue>
    {
        ["id"] = FieldValue.Text(id.ToText()),
        ["email"] = FieldValue.Text(email),
        ["name"] = FieldValue.Text(name),
        ["active"] = FieldValue.Boolean(true),
        ["verified"] = FieldValue.Boolean(false),
        ["verifications"] = FieldValue.Integer(0),
    });

    public override Task<SystemFacts> DescribeAsync(CancellationToken cancellation)
        => Task.FromResult(new SystemFacts { TakesChosenId = true, AtomicPreconditions = true });

    public Task<WriteOutcome> CreateAsync(AccountId id, Fields fields, CancellationToken cancellation)
        => Network.WriteAsync<WriteOutcome>(
            Remote,
            id.ToText(),
            creates: true,
            () => Remote.Create(id, fields.With(Code(Remote.EverMade)), null) is { Count: > 0 } taken ? Exists(taken) : new Done(),
            outcome => outcome,
            cancellation);

    /// <summary>The user code that the application's store gives a new record.</summary>
    private static Fields Code(int number)
        => new([KeyValuePair.Create("code", FieldValue.Text($"ac26{Consonants[number / Vowels.Length % Consonants.Length]}{Vowels[number % Vowels.Length]}ba"))]);
}
