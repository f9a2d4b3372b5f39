using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Tests.Reconciliation;

/// <summary>References of accounts' own rows by several fields, and values of which only the bytes are known.</summary>
public sealed class ReferenceMovesTests
{
    private const string Table = "people";
    private static readonly AccountMapping Mapping = new() { Id = ["tenant", "id"], Identifiers = new Dictionary<IdentifierKind, string>(), Attributes = new Dictionary<string, AttributeMapping>() };
    private static readonly Account Stays = Person(1, null);

    // The tenant stands in the foreign key and in the primary key: whoever goes refers to nobody, and is still found by its key.
    [Fact]
    public void Whoever_goes_refers_to_nobody_and_keeps_its_key()
        => Moved(Person(2, 2), [["tenant", "id"], ["tenant", "manager"]]).ShouldBe(Row(("manager", null)));

    // The primary key shares a field with the foreign key and says nothing about how many may refer.
    [Fact]
    public void A_unique_key_that_the_reference_does_not_change_keeps_nobody_from_referring_too()
        => Moved(Person(2, 2), [["tenant", "id"]]).ShouldBe(Row(("tenant", 7), ("manager", 1)));

    [Fact]
    public void Bytes_that_are_no_text_are_written_as_they_are()
    {
        var name = FieldValue.BrokenText([0x4A, 0xE9]);
        var place = new ReferencePlace { Table = "posts", Fields = ["author"], AccountFields = ["name"] };
        var loser = Person(2, null) with { Record = Person(2, null).Record.With(Row(("name", "jose"))) };
        var stays = Stays with { Record = Stays.Record.With(new Fields([KeyValuePair.Create("name", name)])) };

        var moved = new ReferenceMoves(Table, Mapping).Of(
            [new ReferringRow(place, loser.Id, Row(("id", 1)), Row(("id", 1), ("author", "jose")))], new HashSet<AccountId> { loser.Id }, stays, Fields.Empty);

        moved.Writes.ShouldHaveSingleItem().After["author"].ShouldBe(name);
        name.InTheFormOf(FieldValue.Text("jose")).ShouldBe(name);
        FieldValue.Text("jose").InTheFormOf(name).ShouldBe(FieldValue.Text("jose"));
    }

    private static Fields Moved(Account loser, IReadOnlyList<IReadOnlyList<string>> unique)
    {
        var place = new ReferencePlace { Table = Table, Fields = ["tenant", "manager"], AccountFields = ["tenant", "id"], UniqueSets = unique, Enforced = true };
        return new ReferenceMoves(Table, Mapping).Of([new ReferringRow(place, loser.Id, loser.Record.Only(Mapping.Id), loser.Record)], new HashSet<AccountId> { loser.Id }, Stays, Fields.Empty)
            .Writes.ShouldHaveSingleItem().After;
    }

    private static Account Person(int id, int? manager)
    {
        var record = Row(("tenant", 7), ("id", id), ("manager", manager));
        return Mapping.ToAccount(record)!;
    }

    private static Fields Row(params (string Field, object? Value)[] values)
        => new(values.Select(pair => KeyValuePair.Create(pair.Field, FieldValue.From(pair.Value is int number ? (long)number : pair.Value))));
}
