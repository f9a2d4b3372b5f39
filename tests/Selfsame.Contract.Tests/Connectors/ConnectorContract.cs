using Selfsame.Core.Accounts;

namespace Selfsame.Contract.Tests.Connectors;

/// <summary>What the engine relies on besides where records take the fields of a table or collection. Each connector runs it on its own kind of system.</summary>
public abstract partial class ConnectorContract : WriteContract
{
    /// <summary>
    /// A system with no accounts, whose records have the fields id (text), login, mail (unique), name and seen, mapped as
    /// id, username, email and the attributes name and lastSignIn (noise).
    /// </summary>
    protected abstract override Task<IConnectedSystem> OpenAsync();

    protected override string PlainField => "name";

    protected override Fields RecordOf(int number)
        => Of(("id", $"{number}"), ("login", $"user{number}"), ("mail", $"user{number}@example.org"), ("name", $"Name of user {number}"), ("seen", null));

    /// <summary>Whether records have fixed fields, as rows have; documents have not, and take any.</summary>
    protected virtual bool HasFixedFields => true;

    [Fact]
    public async Task It_takes_chosen_ids()
        => (await Connected.DescribeAsync(CancellationToken.None)).TakesChosenId.ShouldBeTrue();

    // Whatever goes along with it: the record itself is what it was to the last field.
    [Fact]
    public async Task A_deleted_account_is_put_back_exactly_from_its_record()
    {
        await CreateAsync("1", "ann");
        var before = (await ReadByIdAsync("1"))!.Record;
        await ((IDeletesAccounts)Connected).DeleteAsync(new AccountId("1"), before, CancellationToken.None);

        (await ((ICreatesAccounts)Connected).CreateAsync(new AccountId("1"), before, CancellationToken.None)).ShouldBeOfType<Done>();

        (await ReadByIdAsync("1"))!.Record.ShouldBe(before);
    }

    [Fact]
    public async Task A_field_that_is_not_there_is_refused_where_records_have_fixed_fields()
    {
        await CreateAsync("1", "ann");
        if (!HasFixedFields)
        {
            (await ((IUpdatesAccounts)Connected).UpdateAsync(new AccountId("1"), Of(("shoe_size", "42")), Fields.Empty, CancellationToken.None)).ShouldBeOfType<Done>();
            (await ReadByIdAsync("1"))!.Record["shoe_size"].ShouldBe(FieldValue.Text("42"));
            return;
        }

        (await ((ICreatesAccounts)Connected).CreateAsync(new AccountId("2"), Of(("id", "2"), ("shoe_size", "42")), CancellationToken.None))
            .ShouldBeOfType<Refused>().Message.ShouldContain("shoe_size");
        (await ((IUpdatesAccounts)Connected).UpdateAsync(new AccountId("1"), Of(("shoe_size", "42")), Fields.Empty, CancellationToken.None)).ShouldBeOfType<Refused>();
    }

    [Fact]
    public async Task Accounts_are_found_by_an_identifier_in_another_case()
    {
        await CreateAsync("1", "Ann");
        await CreateAsync("2", "bob");
        var wanted = new Dictionary<IdentifierKind, IReadOnlyList<string>> { [IdentifierKind.Username] = ["ann"] };

        var found = await ((IFindsAccounts)Connected).FindAsync(wanted, CancellationToken.None);

        found.Single().Id.ShouldBe(new AccountId("1"));
    }

    [Fact]
    public async Task Its_unique_indexes_are_told()
    {
        var indexes = await ((IInspectsIndexes)Connected).ReadIndexesAsync(CancellationToken.None);

        indexes.ShouldContain(index => index.Fields.SequenceEqual(new[] { "mail" }) && index.Predicate == null);
        indexes.ShouldNotContain(index => index.Fields.Contains("name"));
    }

    [Fact]
    public async Task A_value_that_looks_like_SQL_is_only_a_value()
    {
        const string evil = "x'); DROP TABLE members; --";

        await CreateAsync(evil, evil);

        (await ReadByIdAsync(evil))!.Label.ShouldBe(evil);
    }

    protected Task<WriteOutcome> CreateAsync(string id, string login, string? mail = null)
        => ((ICreatesAccounts)Connected).CreateAsync(
            new AccountId(id), Of(("id", id), ("login", login), ("mail", mail ?? $"{login}@example.org"), ("name", $"Name of {login}"), ("seen", null)), CancellationToken.None);

    protected async Task<Account?> ReadByIdAsync(string id) => (await ReadByIdsAsync([new AccountId(id)])).Values.SingleOrDefault();
}
