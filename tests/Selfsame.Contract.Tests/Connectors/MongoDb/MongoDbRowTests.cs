using Selfsame.Connectors.MongoDb;
using Selfsame.Core.Accounts;

namespace Selfsame.Contract.Tests.Connectors.MongoDb;

/// <summary>
/// References and documents written together: on the server that SELFSAME_TEST_MONGODB names, else on a replica set with
/// transactions; and always on a stand-in without transactions, where the same must come of it.
/// </summary>
[Trait("needs", "node, libmongoc")]
public class MongoDbRowTests : IAsyncLifetime
{
    private protected static readonly ReferencePlace Prints = new() { Table = "prints", Fields = ["owner"], AccountFields = ["_id"] };
    private static readonly ReferencePlace Memberships = new() { Table = "memberships", Fields = ["member"], AccountFields = ["_id"] };
    private static readonly ReferencePlace Notes = new() { Table = "notes", Fields = ["author"], AccountFields = ["login"] };
    private static readonly ReferencePlace[] All = [Prints, Memberships, Notes];

    private MongoTestDatabase database = null!;
    private MongoDbSystem system = null!;

    private protected virtual Task<MongoTestDatabase> OpenDatabaseAsync() => MongoTestDatabase.OnChosenServerAsync();

    /// <summary>Ann twice, 1 and 2, whose ids are ObjectIds; 2 has a print, two memberships (one of them also 1's) and a note by login.</summary>
    public async ValueTask InitializeAsync()
    {
        database = await OpenDatabaseAsync();
        await database.RunAsync("""{"createIndexes": "members", "indexes": [{"key": {"mail": 1}, "name": "mail_1", "unique": true}]}""");
        await database.RunAsync("""{"createIndexes": "memberships", "indexes": [{"key": {"club": 1, "member": 1}, "name": "club_1_member_1", "unique": true}]}""");
        await database.InsertAsync(
            "members",
            $$"""{"_id": {{Id(1)}}, "login": "ann", "mail": "ann@example.org", "age": {"$numberLong": "30"} }""",
            $$"""{"_id": {{Id(2)}}, "login": "Ann", "mail": "ANN@example.org", "age": 31}""",
            $$"""{"_id": {{Id(3)}}, "login": "carol", "mail": "carol@example.org"}""");
        await database.InsertAsync(
            "prints", $$"""{"_id": 10, "owner": {{Id(1)}} }""", $$"""{"_id": 11, "owner": {{Id(2)}}, "title": "boat"}""", """{"_id": 12, "owner": null}""", """{"_id": 13}""");
        await database.InsertAsync(
            "memberships",
            $$"""{"_id": 20, "club": "chess", "member": {{Id(1)}} }""",
            $$"""{"_id": 21, "club": "chess", "member": {{Id(2)}} }""",
            $$"""{"_id": 22, "club": "go", "member": {{Id(2)}} }""");
        await database.InsertAsync("notes", """{"_id": 30, "author": "Ann"}""", """{"_id": 31, "author": "carol"}""", """{"_id": 32, "author": "ann"}""");
        system = database.Open(id: "_id");
    }

    public async ValueTask DisposeAsync()
    {
        await database.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Declared_places_are_completed_with_their_unique_sets()
    {
        var places = await system.FindPlacesAsync(All, CancellationToken.None);

        places.Select(place => place.ToString()).ShouldBe(["prints.owner", "memberships.member", "notes.author"]);
        places[1].UniqueSets.Single().ShouldBe(["club", "member"]);
        places[0].UniqueSets.ShouldBeEmpty();
        places.ShouldAllBe(place => !place.Enforced);
    }

    [Fact]
    public async Task A_declared_place_that_is_not_there_is_told()
    {
        var error = await Should.ThrowAsync<SystemUnavailableException>(system.FindPlacesAsync([Prints with { Table = "drawings" }], CancellationToken.None));

        error.Message.ShouldContain("drawings");
        error.Message.ShouldContain("Correct it");
    }

    [Fact]
    public async Task Documents_that_refer_are_read_with_their_account_key_and_fields()
    {
        var rows = await system.ReadReferringAsync(All, await AccountsAsync(1, 2), CancellationToken.None);

        rows.Select(row => $"{row.Place} {row.Key["_id"]} {row.Account}").ShouldBe(
            [$"prints.owner 10 {Hex(1)}", $"prints.owner 11 {Hex(2)}", $"memberships.member 20 {Hex(1)}", $"memberships.member 21 {Hex(2)}", $"memberships.member 22 {Hex(2)}", $"notes.author 30 {Hex(2)}", $"notes.author 32 {Hex(1)}"]);
        rows[1].Row.ShouldBe(new Fields(
            [new("_id", FieldValue.Integer(11)), new("owner", FieldValue.Native("objectId", Hex(2))), new("title", FieldValue.Text("boat"))]));
    }

    [Fact]
    public async Task References_that_hold_the_id_as_text_are_found_too()
    {
        await database.InsertAsync("prints", $$"""{"_id": 14, "owner": "{{Hex(2)}}"}""");

        var rows = await system.ReadReferringAsync([Prints], await AccountsAsync(2), CancellationToken.None);

        rows.Select(row => row.Key["_id"].ToString()).ShouldBe(["11", "14"]);
    }

    [Fact]
    public async Task References_that_hold_a_number_as_text_or_a_text_as_a_number_are_found_too()
    {
        await database.InsertAsync("members", """{"_id": {"$numberLong": "7"}, "login": "dan", "mail": "dan@example.org"}""", """{"_id": "8", "login": "eve", "mail": "eve@example.org"}""");
        await database.InsertAsync("prints", """{"_id": 14, "owner": "7"}""", """{"_id": 15, "owner": 8}""", """{"_id": 16, "owner": 7}""", """{"_id": 17, "owner": "07"}""");
        var accounts = await system.ReadByIdAsync([new AccountId("7"), new AccountId("8")], CancellationToken.None);

        var rows = await system.ReadReferringAsync([Prints], accounts, CancellationToken.None);

        rows.Select(row => $"{row.Key["_id"]} {row.Account}").ShouldBe(["14 7", "15 8", "16 7"], ignoreOrder: true);
        (await system.CountReferringAsync([Prints], accounts, CancellationToken.None)).Select(count => $"{count.Place} {count.Account} {count.Rows}")
            .ShouldBe(["prints.owner 7 2", "prints.owner 8 1"], ignoreOrder: true);
    }

    [Fact]
    public async Task A_document_that_gained_a_field_meanwhile_stops_the_writes()
    {
        var writes = await MergeWritesAsync();
        await database.RunAsync("""{"update": "members", "updates": [{"q": {"login": "Ann"}, "u": {"$set": {"phone": "+64211234567"} } }]}""");

        (await TogetherAsync(writes, await NoneLeftAsync())).ShouldBeOfType<Drifted>().Message.ShouldContain("phone");

        (await database.DocumentsAsync("members")).Count.ShouldBe(3);
    }

    [Fact]
    public async Task A_document_that_the_writes_rely_on_must_be_as_it_was()
    {
        var survivor = (await AccountsAsync(1))[0].Record;
        var kept = new RowWrite { Table = "members", Action = RowAction.Keep, Key = survivor.Only(["_id"]), Before = survivor.Only(["login"]), After = Fields.Empty };
        var writes = await MergeWritesAsync();

        (await TogetherAsync([kept with { Before = new Fields([new("login", FieldValue.Text("anna"))]) }, .. writes])).ShouldBeOfType<Drifted>().Message.ShouldContain("login");
        (await database.DocumentsAsync("members")).Count.ShouldBe(3);

        (await TogetherAsync([kept, .. writes], await NoneLeftAsync())).ShouldBe(new Done());
        await ShouldBeMergedAsync();
    }

    [Fact]
    public async Task References_within_lists_are_told_and_never_lost_in_silence()
    {
        await database.InsertAsync("prints", $$"""{"_id": 14, "owner": [{{Id(2)}}, {{Id(3)}}]}""");

        var error = await Should.ThrowAsync<SystemUnavailableException>(async () => await system.ReadReferringAsync([Prints], await AccountsAsync(2), CancellationToken.None));

        error.Message.ShouldContain("list");
    }

    [Fact]
    public async Task References_move_and_the_account_goes_in_one_change()
    {
        (await MergeAsync()).ShouldBe(new Done());

        await ShouldBeMergedAsync();
    }

    [Fact]
    public async Task The_same_writes_again_are_done_and_change_nothing()
    {
        var writes = await MergeWritesAsync();
        var checks = await NoneLeftAsync();
        (await TogetherAsync(writes, checks)).ShouldBe(new Done());

        (await TogetherAsync(writes, checks)).ShouldBe(new Done());

        await ShouldBeMergedAsync();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    public async Task Writes_of_which_the_first_were_made_already_are_completed(int made)
    {
        var writes = await MergeWritesAsync();
        var checks = await NoneLeftAsync();
        (await TogetherAsync([.. writes.Take(made)])).ShouldBe(new Done());

        (await TogetherAsync(writes, checks)).ShouldBe(new Done());

        await ShouldBeMergedAsync();
    }

    [Fact]
    public async Task Writes_taken_back_restore_every_document()
    {
        var before = await EverythingAsync();
        var writes = await MergeWritesAsync();
        await TogetherAsync(writes, await NoneLeftAsync());

        (await TogetherAsync([.. writes.Reverse().Select(write => write.Reversed())])).ShouldBe(new Done());

        (await EverythingAsync()).ShouldBe(before);
    }

    [Fact]
    public async Task A_document_that_changed_meanwhile_stops_the_writes()
    {
        var writes = await MergeWritesAsync();
        await database.RunAsync($$$"""{"update": "members", "updates": [{"q": {"login": "Ann"}, "u": {"$set": {"age": {"$numberLong": "31"} } } }]}""");

        (await TogetherAsync(writes, await NoneLeftAsync())).ShouldBeOfType<Drifted>().Message.ShouldContain("age");

        (await database.DocumentsAsync("members")).Count.ShouldBe(3);
    }

    [Theory]
    [InlineData("prints", "owner")]
    [InlineData("notes", "author")]
    public async Task A_reference_that_arrived_meanwhile_stops_the_deletion(string collection, string field)
    {
        var writes = await MergeWritesAsync();
        await database.InsertAsync(collection, $$"""{"_id": 99, "{{field}}": {{(collection == "notes" ? "\"Ann\"" : Id(2))}} }""");

        (await TogetherAsync(writes, await NoneLeftAsync())).ShouldBeOfType<Drifted>().Message.ShouldContain($"{collection}.{field}");

        (await system.ReadByIdAsync([new AccountId(Hex(2))], CancellationToken.None)).Count.ShouldBe(1);
    }

    [Fact]
    public async Task Documents_are_read_by_key_in_the_order_asked_for()
    {
        var rows = await system.ReadRowsAsync(
            [("prints", Key(11)), ("prints", Key(99)), ("notes", new Fields([new("author", FieldValue.Text("carol"))]))], CancellationToken.None);

        rows[0]!["title"].ShouldBe(FieldValue.Text("boat"));
        rows[1].ShouldBeNull();
        rows[2]!["_id"].ShouldBe(FieldValue.Integer(31));
    }

    [Fact]
    public async Task A_field_that_MongoDB_reads_as_something_else_stops_the_writes()
    {
        var write = new RowWrite { Table = "prints", Action = RowAction.Update, Key = Key(11), Before = Fields.Empty, After = new Fields([new("a.b", FieldValue.Text("x"))]) };

        (await TogetherAsync([write])).ShouldBeOfType<Refused>().Message.ShouldContain("a.b");
    }

    private protected MongoTestDatabase Database => database;

    private protected MongoDbSystem System => system;

    private protected static string Hex(int number) => $"64b7f0c2a1b2c3d4e5f6071{number}";

    private protected static string Id(int number) => $$"""{"$oid": "{{Hex(number)}}"}""";

    private protected static Fields Key(int id) => new([new("_id", FieldValue.Integer(id))]);

    private protected static Fields IdKey(int number) => new([new("_id", FieldValue.Native("objectId", Hex(number)))]);

    private protected Task<WriteOutcome> TogetherAsync(IReadOnlyList<RowWrite> writes, IReadOnlyList<NoReferenceLeft>? noneLeft = null)
        => system.WriteTogetherAsync(writes, noneLeft ?? [], CancellationToken.None);

    private protected async Task<WriteOutcome> MergeAsync() => await TogetherAsync(await MergeWritesAsync(), await NoneLeftAsync());

    private protected async Task<IReadOnlyList<Account>> AccountsAsync(params int[] numbers)
        => [.. (await system.ReadByIdAsync([.. numbers.Select(number => new AccountId(Hex(number)))], CancellationToken.None)).OrderBy(account => account.Id, AccountId.Order)];

    /// <summary>The merge of 2 into 1: references moved, the repeated membership removed, the address handed over, 2 removed.</summary>
    private protected async Task<IReadOnlyList<RowWrite>> MergeWritesAsync()
    {
        var accounts = await AccountsAsync(1, 2);
        var (winner, loser) = (accounts[0].Record, accounts[1].Record);
        var rows = (await system.ReadReferringAsync(All, [accounts[1]], CancellationToken.None)).Select(row => row.Key.Equals(Key(21))
            ? new RowWrite { Table = row.Place.Table, Action = RowAction.Delete, Key = row.Key, Before = row.Row, After = Fields.Empty }
            : Set(row.Place.Table, row.Key, row.Place.Fields[0], row.Row[row.Place.Fields[0]], winner[row.Place.AccountFields[0]]));
        var freed = FieldValue.Text("freed");
        return
        [
            .. rows,
            Set("members", IdKey(2), "mail", loser["mail"], freed),
            Set("members", IdKey(1), "mail", winner["mail"], loser["mail"]),
            new RowWrite
            {
                Table = "members",
                Action = RowAction.Delete,
                Key = IdKey(2),
                Before = loser.With(new Fields([new("mail", freed)])),
                After = Fields.Empty,
            },
        ];
    }

    private protected async Task<IReadOnlyList<NoReferenceLeft>> NoneLeftAsync()
    {
        var places = await system.FindPlacesAsync(All, CancellationToken.None);
        return [.. places.Select(place => new NoReferenceLeft(place, [place.AccountFields[0] == "_id" ? IdKey(2)["_id"] : FieldValue.Text("Ann")]))];
    }

    private protected async Task ShouldBeMergedAsync()
    {
        (await database.DocumentsAsync("members")).ShouldBe(
        [
            $$$"""{"_id":{"$oid":"{{{Hex(1)}}}"},"login":"ann","mail":"ANN@example.org","age":{"$numberLong":"30"}}""",
            $$"""{"_id":{"$oid":"{{Hex(3)}}"},"login":"carol","mail":"carol@example.org"}""",
        ]);
        (await database.DocumentsAsync("prints"))[1].ShouldBe($$"""{"_id":11,"owner":{"$oid":"{{Hex(1)}}"},"title":"boat"}""");
        (await database.DocumentsAsync("memberships")).Select(document => document.Contains(Hex(1), StringComparison.Ordinal)).ShouldBe([true, true]);
        (await database.DocumentsAsync("notes")).ShouldBe(["""{"_id":30,"author":"ann"}""", """{"_id":31,"author":"carol"}""", """{"_id":32,"author":"ann"}"""]);
    }

    private protected async Task<IReadOnlyList<string>> EverythingAsync()
    {
        var all = new List<string>();
        foreach (var collection in (string[])["members", "prints", "memberships", "notes"])
        {
            all.AddRange((await database.DocumentsAsync(collection)).Select(document => string.Join(',', document.TrimEnd('}').Split(',').Order(StringComparer.Ordinal))));
        }

        return all;
    }

    private protected static RowWrite Set(string table, Fields key, string field, FieldValue before, FieldValue after) => new()
    {
        Table = table,
        Action = RowAction.Update,
        Key = key,
        Before = new Fields([new(field, before)]),
        After = new Fields([new(field, after)]),
    };
}

/// <summary>The same on a server without transactions.</summary>
[Trait("needs", "node, libmongoc")]
public sealed class MongoDbStandaloneRowTests : MongoDbRowTests
{
    private protected override Task<MongoTestDatabase> OpenDatabaseAsync() => MongoTestDatabase.OnStandInAsync(replicaSet: false);

    [Fact]
    public async Task It_says_that_it_has_no_transactions_and_that_ids_can_not_change()
    {
        var facts = await System.DescribeAsync(CancellationToken.None);
        (facts.AtomicPreconditions, facts.CanChangeIds).ShouldBe((false, false));
    }

    [Fact]
    public async Task Drift_tells_how_many_writes_were_made_before()
    {
        var writes = await MergeWritesAsync();
        await Database.RunAsync("""{"update": "members", "updates": [{"q": {"login": "Ann"}, "u": {"$set": {"mail": "other@example.org"} } }]}""");

        (await TogetherAsync(writes, await NoneLeftAsync())).ShouldBeOfType<Drifted>().Message.ShouldContain("4 of 7");
    }

    [Fact]
    public async Task An_id_can_not_change_without_a_transaction()
    {
        (await TogetherAsync([Set("members", IdKey(3), "_id", IdKey(3)["_id"], FieldValue.Text("auth0|carol"))])).ShouldBeOfType<Refused>().Message.ShouldContain("_id");

        (await Database.DocumentsAsync("members")).Count.ShouldBe(3);
    }
}

/// <summary>What transactions promise, and their faults; always on the stand-in.</summary>
[Trait("needs", "node, libmongoc")]
public sealed class MongoDbTransactionTests : MongoDbRowTests
{
    private protected override Task<MongoTestDatabase> OpenDatabaseAsync() => MongoTestDatabase.OnStandInAsync(replicaSet: true);

    [Fact]
    public async Task It_says_that_it_has_transactions_and_that_ids_can_change()
    {
        var facts = await System.DescribeAsync(CancellationToken.None);
        (facts.AtomicPreconditions, facts.CanChangeIds).ShouldBe((true, true));
    }

    [Fact]
    public async Task Two_who_have_each_others_ids_exchange_them_and_a_reference_that_came_meanwhile_stops_it()
    {
        var before = await EverythingAsync();
        var aside = new Fields([KeyValuePair.Create("_id", FieldValue.Text("aside"))]);
        RowWrite Id(Fields from, Fields to, string login) => new()
        {
            Table = "members",
            Action = RowAction.Update,
            Key = from,
            Before = from.With(Login(login)),
            After = to.With(Login(login)),
        };
        RowWrite Print(int print, Fields from, Fields to) => new()
        {
            Table = "prints",
            Action = RowAction.Update,
            Key = new Fields([KeyValuePair.Create("_id", FieldValue.Integer(print))]),
            Before = Owner(from),
            After = Owner(to),
        };
        RowWrite[] writes = [Id(IdKey(1), aside, "ann"), Print(10, IdKey(1), aside), Id(IdKey(2), IdKey(1), "Ann"), Print(11, IdKey(2), IdKey(1)), Id(aside, IdKey(2), "ann"), Print(10, aside, IdKey(2))];
        NoReferenceLeft[] left = [new(Prints, [IdKey(1)["_id"]]) { AfterWrites = 2 }, new(Prints, [IdKey(2)["_id"]]) { AfterWrites = 4 }];

        (await TogetherAsync(writes, left)).ShouldBe(new Done());
        var exchanged = await EverythingAsync();
        exchanged.ShouldNotBe(before);
        (await TogetherAsync(writes, left)).ShouldBe(new Done());
        (await EverythingAsync()).ShouldBe(exchanged);
        (await TogetherAsync([.. writes.Reverse().Select(write => write.Reversed())])).ShouldBe(new Done());
        (await EverythingAsync()).ShouldBe(before, ignoreOrder: true);
        await Database.RunAsync($$"""{"update": "prints", "updates": [{"q": {"_id": 12}, "u": {"$set": {"owner": {{MongoDbRowTests.Id(1)}} } } }]}""");
        (await TogetherAsync(writes, left)).ShouldBeOfType<Drifted>();

        static Fields Login(string login) => new([KeyValuePair.Create("login", FieldValue.Text(login))]);
        static Fields Owner(Fields id) => new([KeyValuePair.Create("owner", id["_id"])]);
    }

    [Fact]
    public async Task A_write_that_fails_late_leaves_everything_as_it_was()
    {
        var before = await EverythingAsync();
        var writes = await MergeWritesAsync();

        var outcome = await TogetherAsync([.. writes.Take(6), Set("members", IdKey(1), "mail", FieldValue.Text("ANN@example.org"), FieldValue.Text("carol@example.org"))]);

        outcome.ShouldBeOfType<AlreadyExists>().Fields.ShouldBe(["mail"]);
        (await EverythingAsync()).ShouldBe(before);
    }

    [Theory]
    [InlineData("update", 112, "TransientTransactionError")]
    [InlineData("commitTransaction", 251, "TransientTransactionError")]
    [InlineData("find", 246, "TransientTransactionError")]
    public async Task A_transient_error_makes_the_whole_transaction_again(string command, int code, string label)
    {
        var writes = await MergeWritesAsync();
        var checks = await NoneLeftAsync();
        await Database.FaultAsync(command, "error", code, label: label);

        (await TogetherAsync(writes, checks)).ShouldBe(new Done());

        await ShouldBeMergedAsync();
    }

    [Fact]
    public async Task An_error_that_stays_transient_changes_nothing_and_says_so()
    {
        var before = await EverythingAsync();
        var writes = await MergeWritesAsync();
        await Database.FaultAsync("update", "error", 112, count: 50, label: "TransientTransactionError");

        (await TogetherAsync(writes)).ShouldBeOfType<Unavailable>();

        (await EverythingAsync()).ShouldBe(before);
    }

    [Theory]
    [InlineData("dropBefore")]
    [InlineData("dropAfter")]
    public async Task A_lost_answer_before_the_commit_changes_nothing(string action)
    {
        var before = await EverythingAsync();
        var writes = await MergeWritesAsync();
        await Database.FaultAsync("delete", action);

        (await TogetherAsync(writes)).ShouldBeOfType<Unavailable>();

        (await EverythingAsync()).ShouldBe(before);
    }

    [Theory]
    [InlineData("dropBefore", 1)]
    [InlineData("dropAfter", 2)]
    public async Task A_commit_whose_answer_is_lost_is_asked_for_again(string action, int lost)
    {
        var writes = await MergeWritesAsync();
        var checks = await NoneLeftAsync();
        await Database.FaultAsync("commitTransaction", action, count: lost);

        (await TogetherAsync(writes, checks)).ShouldBe(new Done());

        await ShouldBeMergedAsync();
    }

    [Fact]
    public async Task A_commit_that_never_answers_is_unknown_and_the_same_writes_again_tell()
    {
        var writes = await MergeWritesAsync();
        var checks = await NoneLeftAsync();
        await Database.FaultAsync("commitTransaction", "dropAfter", count: 3);

        (await TogetherAsync(writes, checks)).ShouldBeOfType<Unknown>();
        (await TogetherAsync(writes, checks)).ShouldBe(new Done());

        await ShouldBeMergedAsync();
    }

    [Fact]
    public async Task A_server_that_refuses_transactions_after_all_gets_one_write_after_the_other()
    {
        var writes = await MergeWritesAsync();
        var checks = await NoneLeftAsync();
        await Database.FaultAsync("find", "error", 20);

        (await TogetherAsync(writes, checks)).ShouldBe(new Done());

        await ShouldBeMergedAsync();
        (await System.DescribeAsync(CancellationToken.None)).AtomicPreconditions.ShouldBeFalse();
    }

    [Fact]
    public async Task An_id_changes_with_its_whole_document_and_back()
    {
        var before = await EverythingAsync();
        var write = Set("members", IdKey(3), "_id", IdKey(3)["_id"], FieldValue.Text("auth0|carol"));

        (await TogetherAsync([write])).ShouldBe(new Done());
        (await TogetherAsync([write])).ShouldBe(new Done());

        (await Database.DocumentsAsync("members")).ShouldContain("""{"_id":"auth0|carol","login":"carol","mail":"carol@example.org"}""");
        (await TogetherAsync([write.Reversed()])).ShouldBe(new Done());
        (await EverythingAsync()).ShouldBe(before);
    }
}
