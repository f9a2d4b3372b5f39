using Selfsame.Core.Accounts;

namespace Selfsame.Contract.Tests.Connectors;

/// <summary>What the engine relies on in every connector that writes. Each connector runs it on its own kind of system.</summary>
public abstract partial class ConnectorContract : ReadContract
{
    /// <summary>
    /// A system with no accounts, whose records have the fields id (text), login, mail (unique), name and seen, mapped as
    /// id, username, email and the attributes name and lastSignIn (noise).
    /// </summary>
    protected abstract override Task<IConnectedSystem> OpenAsync();

    /// <summary>Sets a field behind the connector's back, as another program would.</summary>
    protected abstract Task ChangeOutsideAsync(string id, string field, string value);

    /// <summary>Whether records have fixed fields, as rows have; documents have not, and take any.</summary>
    protected virtual bool HasFixedFields => true;

    [Fact]
    public async Task A_created_account_is_read_back_by_id_and_in_bulk()
    {
        (await CreateAsync("1", "ann")).ShouldBeOfType<Done>();

        var account = (await ReadByIdAsync("1")).ShouldNotBeNull();
        account.Identifiers[IdentifierKind.Username].ShouldBe("ann");
        account.Attributes["name"].ShouldBe(FieldValue.Text("Name of ann"));
        var read = await ((IReadsAccounts)Connected).ReadEverythingAsync("system", null, CancellationToken.None);
        read.Accounts.Single().Record.ShouldBe(account.Record);
    }

    [Fact]
    public async Task A_taken_unique_field_is_named_and_nothing_is_created()
    {
        await CreateAsync("1", "ann");

        (await CreateAsync("2", "bob", mail: "ann@example.org")).ShouldBeOfType<AlreadyExists>().Fields.ShouldBe(["mail"]);

        (await ReadByIdAsync("2")).ShouldBeNull();
    }

    [Fact]
    public async Task A_taken_id_exists_already_and_stays_as_it_is()
    {
        await CreateAsync("1", "ann");

        (await CreateAsync("1", "bob")).ShouldBeOfType<AlreadyExists>();

        (await ReadByIdAsync("1"))!.Label.ShouldBe("ann");
    }

    [Fact]
    public async Task An_update_under_a_true_precondition_sets_exactly_its_fields()
    {
        await CreateAsync("1", "ann");
        var before = (await ReadByIdAsync("1"))!.Record;

        var outcome = await ((IUpdatesAccounts)Connected).UpdateAsync(new AccountId("1"), Of(("name", "New")), before.Only(["name", "login"]), CancellationToken.None);

        outcome.ShouldBeOfType<Done>();
        (await ReadByIdAsync("1"))!.Record.ShouldBe(before.With(Of(("name", "New"))));
    }

    [Fact]
    public async Task An_update_of_an_account_that_changed_meanwhile_changes_nothing()
    {
        await CreateAsync("1", "ann");
        var before = (await ReadByIdAsync("1"))!.Record;
        await ChangeOutsideAsync("1", "name", "Other");

        var outcome = await ((IUpdatesAccounts)Connected).UpdateAsync(new AccountId("1"), Of(("name", "New")), before.Only(["name"]), CancellationToken.None);

        outcome.ShouldBeOfType<Drifted>().Message.ShouldContain("name");
        (await ReadByIdAsync("1"))!.Record["name"].ShouldBe(FieldValue.Text("Other"));
    }

    [Fact]
    public async Task An_update_into_a_taken_value_is_refused_whole()
    {
        await CreateAsync("1", "ann");
        await CreateAsync("2", "bob");

        var outcome = await ((IUpdatesAccounts)Connected).UpdateAsync(
            new AccountId("2"), Of(("mail", "ann@example.org"), ("name", "New")), Fields.Empty, CancellationToken.None);

        outcome.ShouldBeOfType<AlreadyExists>();
        (await ReadByIdAsync("2"))!.Record["name"].ShouldBe(FieldValue.Text("Name of bob"));
    }

    [Fact]
    public async Task A_deletion_under_a_true_precondition_deletes_that_account_alone()
    {
        await CreateAsync("1", "ann");
        await CreateAsync("2", "bob");
        var before = (await ReadByIdAsync("1"))!.Record;

        (await ((IDeletesAccounts)Connected).DeleteAsync(new AccountId("1"), before, CancellationToken.None)).ShouldBeOfType<Done>();

        (await ReadByIdAsync("1")).ShouldBeNull();
        (await ReadByIdAsync("2")).ShouldNotBeNull();
    }

    [Fact]
    public async Task A_deletion_of_an_account_that_changed_meanwhile_deletes_nothing()
    {
        await CreateAsync("1", "ann");
        var before = (await ReadByIdAsync("1"))!.Record;
        await ChangeOutsideAsync("1", "name", "Other");

        (await ((IDeletesAccounts)Connected).DeleteAsync(new AccountId("1"), before, CancellationToken.None)).ShouldBeOfType<Drifted>();

        (await ReadByIdAsync("1")).ShouldNotBeNull();
    }

    [Fact]
    public async Task What_is_gone_has_drifted()
    {
        (await ((IUpdatesAccounts)Connected).UpdateAsync(new AccountId("9"), Of(("name", "New")), Fields.Empty, CancellationToken.None)).ShouldBeOfType<Drifted>();
        (await ((IDeletesAccounts)Connected).DeleteAsync(new AccountId("9"), Fields.Empty, CancellationToken.None)).ShouldBeOfType<Drifted>();
    }

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

    protected static Fields Of(params (string Field, object? Value)[] fields)
        => new(fields.Select(field => KeyValuePair.Create(field.Field, FieldValue.From(field.Value))));

    protected Task<WriteOutcome> CreateAsync(string id, string login, string? mail = null)
        => ((ICreatesAccounts)Connected).CreateAsync(
            new AccountId(id), Of(("id", id), ("login", login), ("mail", mail ?? $"{login}@example.org"), ("name", $"Name of {login}"), ("seen", null)), CancellationToken.None);

    protected async Task<Account?> ReadByIdAsync(string id) => (await ReadByIdsAsync([new AccountId(id)])).Values.SingleOrDefault();
}
