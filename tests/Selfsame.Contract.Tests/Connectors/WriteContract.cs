using Selfsame.Core.Accounts;

namespace Selfsame.Contract.Tests.Connectors;

/// <summary>
/// What the engine relies on in every connector that writes, whatever its records look like: a creation, a refusal, a change, a deletion and what takes it back. What a system can't do it says in
/// its <see cref="SystemFacts"/>, which are believed here.
/// </summary>
public abstract class WriteContract : ReadContract
{
    private const string New = "newname";
    private const string Other = "othername";

    /// <summary>What the account with that number is made of: the id where one may be chosen, an address and the <see cref="PlainField"/>, in which no two numbers are equal.</summary>
    protected abstract Fields RecordOf(int number);

    /// <summary>A field besides the address that takes a name.</summary>
    protected abstract string PlainField { get; }

    /// <summary>What is set beside a taken address, and must not come to be.</summary>
    protected virtual Fields Beside => Of((PlainField, New));

    /// <summary>Sets a field behind the connector's back, as another program would.</summary>
    protected abstract Task ChangeOutsideAsync(string id, string field, string value);

    /// <summary>Makes the account with that number of these fields.</summary>
    protected virtual Task<WriteOutcome> MakeAsync(int number, Fields fields)
        => ((ICreatesAccounts)Connected).CreateAsync(IdOf(number), fields, CancellationToken.None);

    [Fact]
    public async Task What_is_created_is_read_back_by_id_and_in_bulk_as_it_was_written()
    {
        (await MakeAsync(1, RecordOf(1))).ShouldBeOfType<Done>();

        var record = await PresentAsync(1);
        RecordOf(1).DifferencesFrom(record, "").ShouldBeEmpty();
        (await RecordsAsync()).ShouldBe([record]);
    }

    [Fact]
    public async Task A_taken_address_is_named_and_nothing_is_created_or_changed()
    {
        (await MakeAsync(1, RecordOf(1))).ShouldBeOfType<Done>();
        var before = await RecordsAsync();

        (await MakeAsync(2, RecordOf(2).With(AddressOf(1)))).ShouldBeOfType<AlreadyExists>().Fields.ShouldBe([Address]);

        (await RecordsAsync()).ShouldBe(before);
    }

    [Fact]
    public async Task A_taken_id_exists_already_and_its_account_stays_as_it_is()
    {
        (await MakeAsync(1, RecordOf(1))).ShouldBeOfType<Done>();
        var before = await RecordsAsync();
        if (await ChoosesIdsAsync())
        {
            (await MakeAsync(1, RecordOf(2).With(RecordOf(1).Only(Connected.Mapping.Id)))).ShouldBeOfType<AlreadyExists>();
        }

        (await RecordsAsync()).ShouldBe(before);
    }

    [Fact]
    public async Task An_update_under_a_true_precondition_sets_exactly_its_fields_and_takes_itself_back()
    {
        await MakeAsync(1, RecordOf(1));
        var before = await PresentAsync(1);
        var set = Of((PlainField, New));

        (await UpdateAsync(1, set, before.Only([PlainField, Address]))).ShouldBeOfType<Done>();

        var mapped = Connected.Mapping.MappedFields.ToList();
        (await PresentAsync(1)).Only(mapped).ShouldBe(before.With(set).Only(mapped));
        (await UpdateAsync(1, before.Only(set.Keys), set)).ShouldBeOfType<Done>();
        (await PresentAsync(1)).ShouldBe(before);
    }

    [Fact]
    public async Task An_update_of_an_account_that_changed_meanwhile_changes_nothing()
    {
        await MakeAsync(1, RecordOf(1));
        var before = await PresentAsync(1);
        await ChangeOutsideAsync(IdOf(1).ToString(), PlainField, Other);
        var changed = await PresentAsync(1);

        (await UpdateAsync(1, Of((PlainField, New)), before.Only([PlainField]))).ShouldBeOfType<Drifted>().Message.ShouldContain(PlainField);

        changed[PlainField].ShouldBe(FieldValue.Text(Other));
        (await PresentAsync(1)).ShouldBe(changed);
    }

    [Fact]
    public async Task An_update_into_a_taken_address_is_refused_whole()
    {
        await MakeAsync(1, RecordOf(1));
        await MakeAsync(2, RecordOf(2));
        var before = await RecordsAsync();

        (await UpdateAsync(2, Beside.With(AddressOf(1)), Fields.Empty)).ShouldBeOfType<AlreadyExists>().Fields.ShouldBe([Address]);

        (await RecordsAsync()).ShouldBe(before);
    }

    [Fact]
    public async Task A_deletion_under_a_true_precondition_deletes_that_account_alone()
    {
        await MakeAsync(1, RecordOf(1));
        await MakeAsync(2, RecordOf(2));
        var other = await PresentAsync(2);

        (await DeleteAsync(1, await PresentAsync(1))).ShouldBeOfType<Done>();

        (await RecordsAsync()).ShouldBe([other]);
    }

    [Fact]
    public async Task A_deletion_of_an_account_that_changed_meanwhile_deletes_nothing()
    {
        await MakeAsync(1, RecordOf(1));
        var before = await PresentAsync(1);
        await ChangeOutsideAsync(IdOf(1).ToString(), PlainField, Other);
        var changed = await PresentAsync(1);

        (await DeleteAsync(1, before)).ShouldBeOfType<Drifted>();

        (await PresentAsync(1)).ShouldBe(changed);
    }

    [Fact]
    public async Task What_is_gone_has_drifted()
    {
        (await UpdateAsync(9, Of((PlainField, New)), Fields.Empty)).ShouldBeOfType<Drifted>();
        (await DeleteAsync(9, Fields.Empty)).ShouldBeOfType<Drifted>();

        (await RecordsAsync()).ShouldBeEmpty();
    }

    // As undo does. What a deletion takes along for good, a plan has told before.
    [Fact]
    public async Task A_deleted_account_is_put_back_from_its_record_but_for_what_the_system_says_it_loses()
    {
        await MakeAsync(1, RecordOf(1));
        var before = await PresentAsync(1);
        var facts = await Connected.DescribeAsync(CancellationToken.None);
        (await DeleteAsync(1, before)).ShouldBeOfType<Done>();
        if (!facts.TakesChosenId)
        {
            facts.DeletionEffects.ShouldNotBeEmpty();
            return;
        }

        (await MakeAsync(1, before)).ShouldBeOfType<Done>();

        IEnumerable<string> lost = facts.DeletionEffects.Count == 0 ? [] : Connected.Mapping.NoiseFields;
        before.DifferencesFrom(await PresentAsync(1), "").ShouldBeSubsetOf(lost);
    }

    protected static Fields Of(params (string Field, object? Value)[] fields)
        => new(fields.Select(field => KeyValuePair.Create(field.Field, FieldValue.From(field.Value))));

    private string Address => Connected.Mapping.Identifiers[IdentifierKind.Email];

    private Fields AddressOf(int number) => RecordOf(number).Only([Address]);

    private async Task<bool> ChoosesIdsAsync() => (await Connected.DescribeAsync(CancellationToken.None)).TakesChosenId;

    private Task<WriteOutcome> UpdateAsync(int number, Fields set, Fields precondition)
        => ((IUpdatesAccounts)Connected).UpdateAsync(IdOf(number), set, precondition, CancellationToken.None);

    private Task<WriteOutcome> DeleteAsync(int number, Fields precondition)
        => ((IDeletesAccounts)Connected).DeleteAsync(IdOf(number), precondition, CancellationToken.None);

    private async Task<Fields> PresentAsync(int number) => (await ReadByIdsAsync([IdOf(number)])).Values.ShouldHaveSingleItem().Record;

    private async Task<IReadOnlyList<Fields>> RecordsAsync()
        => [.. (await ReadEverybodyAsync()).OrderBy(account => account.Id, AccountId.Order).Select(account => account.Record)];
}
