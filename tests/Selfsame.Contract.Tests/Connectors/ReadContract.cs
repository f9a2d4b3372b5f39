using Selfsame.Core.Accounts;

namespace Selfsame.Contract.Tests.Connectors;

/// <summary>What the engine relies on in every connector that reads, also where records have a shape of their own, or where nothing is written.</summary>
public abstract class ReadContract : IAsyncLifetime
{
    /// <summary>The system under test.</summary>
    protected IConnectedSystem Connected { get; private set; } = null!;

    /// <summary>More accounts than the connector hands on, or asks for, at once.</summary>
    protected virtual int Many => 2345;

    /// <summary>A system with no accounts.</summary>
    protected abstract Task<IConnectedSystem> OpenAsync();

    /// <summary>Puts accounts with the numbers from 0 to <paramref name="count"/> - 1 there, each with an e-mail address of its own.</summary>
    protected abstract Task FillAsync(int count);

    /// <summary>The id of such an account.</summary>
    protected virtual AccountId IdOf(int number) => new($"{number}");

    /// <summary>An identifier by which it looks people up.</summary>
    protected virtual IdentifierKind LookedUpBy => IdentifierKind.Email;

    /// <summary>Such an identifier that nobody has.</summary>
    protected virtual string Nobodys => "nobody@example.org";

    public async ValueTask InitializeAsync() => Connected = await OpenAsync();

    public virtual async ValueTask DisposeAsync()
    {
        await Connected.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task A_bulk_read_of_more_than_one_portion_gives_everybody_once()
    {
        await FillAsync(Many);

        (await ReadEverybodyAsync()).Select(account => account.Id.ToString()).Order(StringComparer.Ordinal)
            .ShouldBe(Enumerable.Range(0, Many).Select(number => IdOf(number).ToString()).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task An_empty_system_is_read_to_its_end()
    {
        await FillAsync(0);

        (await ReadEverybodyAsync()).ShouldBeEmpty();
    }

    [Fact]
    public async Task Reading_by_id_leaves_out_what_is_not_there()
    {
        await FillAsync(3);

        var accounts = await ReadByIdsAsync([IdOf(1), IdOf(77)]);

        accounts.Keys.Single().ShouldBe(IdOf(1));
    }

    [Fact]
    public async Task Each_account_is_the_same_by_its_id_and_in_bulk()
    {
        await FillAsync(30);
        var everybody = await ReadEverybodyAsync();

        var single = await ReadByIdsAsync([.. everybody.Select(account => account.Id)]);

        foreach (var account in everybody)
        {
            single[account.Id].Record.ShouldBe(account.Record);
        }
    }

    [Fact]
    public async Task Whoever_is_looked_for_by_an_identifier_is_found_and_nobody_else()
    {
        await FillAsync(30);
        if (Connected is not IFindsAccounts finding)
        {
            return;
        }

        var wanted = (await ReadEverybodyAsync()).Single(account => account.Id.Equals(IdOf(7)));
        var found = await finding.FindAsync(
            new Dictionary<IdentifierKind, IReadOnlyList<string>> { [LookedUpBy] = [wanted.Identifiers[LookedUpBy], Nobodys] }, CancellationToken.None);

        found.ShouldHaveSingleItem().Record.ShouldBe(wanted.Record);
    }

    protected Task<IReadOnlyDictionary<AccountId, Account>> ReadByIdsAsync(IReadOnlyCollection<AccountId> ids)
        => ((IReadsAccountsById)Connected).ReadFreshAsync("system", ids, CancellationToken.None);

    protected async Task<IReadOnlyList<Account>> ReadEverybodyAsync()
        => (await ((IReadsAccounts)Connected).ReadEverythingAsync("system", null, CancellationToken.None)).Accounts;
}
