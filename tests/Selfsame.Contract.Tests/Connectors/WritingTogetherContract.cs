using System.Globalization;
using Selfsame.Core.Accounts;

namespace Selfsame.Contract.Tests.Connectors;

/// <summary>What merging, renaming and indexing rely on in a connector to an SQL database.</summary>
public abstract partial class WritingTogetherContract : ConnectorContract
{
    private static readonly ReferencePlace Notes = new() { Table = "notes", Fields = ["author"], AccountFields = ["login"] };

    /// <summary>
    /// The name of the accounts' own table. Beside it <see cref="ConnectorContract.OpenAsync"/> makes <c>prints (id, owner → id, title)</c>,
    /// <c>memberships (club, member → id, since)</c> with the primary key club and member, and <c>notes (body, author)</c>, which has no key
    /// and whose author is a login.
    /// </summary>
    protected abstract string AccountsTable { get; }

    protected abstract Task ExecuteAsync(string sql);

    protected abstract Task<long> CountAsync(string table, string where);

    private string Quoted => $"\"{AccountsTable.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    [Fact]
    public async Task Places_that_refer_are_found_with_their_unique_sets()
    {
        var members = new ReferencePlace { Table = "memberships", Fields = ["member"], AccountFields = ["id"] };

        var places = await PlacesAsync(Notes, members);

        places.Select(place => place.ToString()).ShouldBe(["memberships.member", "notes.author", "prints.owner"], ignoreOrder: true);
        places.Where(place => place.Enforced).Select(place => place.Table).ShouldBe(["memberships", "prints"], ignoreOrder: true);
        places.Single(place => place.Table == "memberships").UniqueSets.Single().ShouldBe(["club", "member"]);
        places.Single(place => place.Table == "prints").UniqueSets.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("nothing", "author", "login", "nothing")]
    [InlineData("notes", "writer", "login", "writer")]
    [InlineData("notes", "author", "shoe_size", "shoe_size")]
    public async Task A_declared_place_that_is_not_there_is_told(string table, string field, string accountField, string named)
    {
        var place = new ReferencePlace { Table = table, Fields = [field], AccountFields = [accountField] };

        var error = await Should.ThrowAsync<SystemUnavailableException>(PlacesAsync(place));

        error.Message.ShouldContain(named);
        error.Message.ShouldContain("Correct 'references'");
    }

    [Fact]
    public async Task Rows_that_refer_are_read_with_their_account_key_and_fields()
    {
        await TwoPeopleAsync();
        var accounts = await AccountsAsync("1", "2");

        var rows = await ReferringAsync(accounts);

        rows.Select(row => $"{row.Place} {row.Account}").ShouldBe(
            ["prints.owner 1", "prints.owner 2", "memberships.member 1", "memberships.member 2", "memberships.member 2", "notes.author 2"], ignoreOrder: true);
        var print = rows.Single(row => row.Place.Table == "prints" && row.Account.Equals(new AccountId("2")));
        print.Key.ShouldBe(Of(("id", 11)));
        print.Row.ShouldBe(Of(("id", 11), ("owner", "2"), ("title", "boat")));
        (await ReferringAsync(accounts)).Select(row => row.Key).ShouldBe(rows.Select(row => row.Key));
    }

    [Fact]
    public async Task References_move_and_the_account_goes_in_one_change()
    {
        await TwoPeopleAsync();

        (await MergeAsync()).ShouldBeOfType<Done>();

        await ShouldBeMergedAsync();
    }

    [Fact]
    public async Task The_same_writes_again_are_done_and_change_nothing()
    {
        await TwoPeopleAsync();
        var writes = await MergeWritesAsync();
        var checks = await NoneLeftAsync();
        await TogetherAsync(writes, checks);

        (await TogetherAsync(writes, checks)).ShouldBeOfType<Done>();

        await ShouldBeMergedAsync();
    }

    [Fact]
    public async Task Writes_of_which_some_were_made_already_are_completed()
    {
        await TwoPeopleAsync();
        var writes = await MergeWritesAsync();
        await ExecuteAsync("UPDATE prints SET owner = '1' WHERE id = 11");
        await ExecuteAsync("DELETE FROM memberships WHERE club = 'chess' AND member = '2'");

        (await TogetherAsync(writes, await NoneLeftAsync())).ShouldBeOfType<Done>();

        await ShouldBeMergedAsync();
    }

    [Fact]
    public async Task Writes_taken_back_restore_every_row()
    {
        await TwoPeopleAsync();
        var before = await EverythingAsync();
        var writes = await MergeWritesAsync();
        await TogetherAsync(writes, await NoneLeftAsync());

        var outcome = await TogetherAsync([.. writes.Reverse().Select(write => write.Reversed())]);

        outcome.ShouldBeOfType<Done>();
        (await EverythingAsync()).ShouldBe(before);
    }

    // Two who exchange their ids: what refers to one by the other's cannot be told from a late reference afterwards.
    [Fact]
    public async Task What_must_not_be_left_after_a_certain_write_is_looked_for_then()
    {
        await TwoPeopleAsync();
        var prints = (await PlacesAsync(Notes)).Single(place => place.Table == "prints");
        RowWrite Give(int print, string from, string to) => new() { Table = "prints", Action = RowAction.Update, Key = Of(("id", print)), Before = Owner(from), After = Owner(to) };
        RowWrite[] there = [Give(11, "2", "1"), Give(10, "1", "2")];
        RowWrite[] back = [Give(11, "1", "2"), Give(10, "2", "1")];
        var left = new NoReferenceLeft(prints, [FieldValue.Text("2")]) { AfterWrites = 1 };

        (await TogetherAsync(there, [left])).ShouldBeOfType<Done>();
        foreach (var after in new[] { 0, 1, 2 })
        {
            (await TogetherAsync(back, [left with { AfterWrites = after }])).ShouldBeOfType<Drifted>();
        }

        await ExecuteAsync("INSERT INTO prints (id, owner, title) VALUES (13, '2', 'late')");
        (await TogetherAsync([back[1]], [left])).ShouldBeOfType<Drifted>();
        (await CountAsync("prints", "owner = '2'")).ShouldBe(2);
        await ExecuteAsync("DELETE FROM prints WHERE id = 13");
        (await TogetherAsync([back[1]], [left])).ShouldBeOfType<Done>();

        static Fields Owner(string id) => new([KeyValuePair.Create("owner", FieldValue.Text(id))]);
    }

    [Fact]
    public async Task A_row_that_changed_meanwhile_stops_all_writes()
    {
        await TwoPeopleAsync();
        var writes = await MergeWritesAsync();
        await ChangeOutsideAsync("2", "name", "Other");
        var before = await EverythingAsync();

        (await TogetherAsync(writes, await NoneLeftAsync())).ShouldBeOfType<Drifted>().Message.ShouldContain("name");

        (await EverythingAsync()).ShouldBe(before);
    }

    [Fact]
    public async Task A_row_that_the_writes_rely_on_must_be_as_it_was_and_is_not_written()
    {
        await TwoPeopleAsync();
        var kept = new RowWrite { Table = AccountsTable, Action = RowAction.Keep, Key = Of(("id", "1")), Before = Of(("login", "ann")), After = Fields.Empty };
        RowWrite[] writes = [kept, .. await MergeWritesAsync()];
        var before = await EverythingAsync();

        (await TogetherAsync([kept with { Before = Of(("login", "anna")) }, .. writes.Skip(1)])).ShouldBeOfType<Drifted>().Message.ShouldContain("login");
        (await TogetherAsync([kept with { Key = Of(("id", "9")) }, .. writes.Skip(1)])).ShouldBeOfType<Drifted>().Message.ShouldContain("gone");
        (await EverythingAsync()).ShouldBe(before);

        (await TogetherAsync(writes, await NoneLeftAsync())).ShouldBeOfType<Done>();
        await ShouldBeMergedAsync();
        (await TogetherAsync(writes, await NoneLeftAsync())).ShouldBeOfType<Done>();
        await ShouldBeMergedAsync();
    }

    [Theory]
    [InlineData("INSERT INTO prints (id, owner, title) VALUES (12, '2', 'late')", "prints.owner")]
    [InlineData("INSERT INTO notes (body, author) VALUES ('late', 'Ann')", "notes.author")]
    public async Task A_reference_that_arrived_meanwhile_stops_all_writes(string late, string place)
    {
        await TwoPeopleAsync();
        var writes = await MergeWritesAsync();
        await ExecuteAsync(late);
        var before = await EverythingAsync();

        (await TogetherAsync(writes, await NoneLeftAsync())).ShouldBeOfType<Drifted>().Message.ShouldContain(place);

        (await EverythingAsync()).ShouldBe(before);
    }

    [Fact]
    public async Task A_deletion_that_would_take_other_rows_along_is_refused_and_names_them()
    {
        await TwoPeopleAsync();
        await ExecuteAsync($"CREATE TABLE badges (id integer PRIMARY KEY, holder text REFERENCES {Quoted} (id) ON DELETE CASCADE)");
        var writes = await MergeWritesAsync();
        await ExecuteAsync("INSERT INTO badges (id, holder) VALUES (1, '2')");

        (await TogetherAsync(writes)).ShouldBeOfType<Refused>().Message.ShouldContain("badges");

        (await CountAsync("badges", "holder = '2'")).ShouldBe(1);
        (await ReadByIdAsync("2")).ShouldNotBeNull();
    }

    // What refers to what goes along goes too, whoever refers to themselves or in a circle.
    [Fact]
    public async Task A_deletion_takes_along_what_was_counted_before_and_no_row_more()
    {
        await TwoPeopleAsync();
        await ExecuteAsync("DELETE FROM prints");
        await ExecuteAsync("DELETE FROM memberships");
        await ExecuteAsync($"ALTER TABLE {Quoted} ADD COLUMN boss text REFERENCES {Quoted} (id) ON DELETE CASCADE");
        await ExecuteAsync($"INSERT INTO {Quoted} (id, login, boss) VALUES ('3', 'cy', '2'), ('4', 'di', '3')");
        await ExecuteAsync($"UPDATE {Quoted} SET boss = '4' WHERE id = '2'");
        await ExecuteAsync($"CREATE TABLE badges (id integer PRIMARY KEY, holder text REFERENCES {Quoted} (id) ON DELETE CASCADE)");
        await ExecuteAsync("CREATE TABLE pins (id integer PRIMARY KEY, badge integer REFERENCES badges (id) ON DELETE CASCADE, since integer REFERENCES pins (id) ON DELETE SET NULL)");
        await ExecuteAsync("INSERT INTO badges (id, holder) VALUES (1, '1'), (2, '2'), (3, '2'), (4, '4')");
        await ExecuteAsync("INSERT INTO pins (id, badge, since) VALUES (1, 1, NULL), (2, 2, NULL), (3, 4, 2), (4, 4, 1)");
        var deleting = (IDeletesWithRows)Connected;
        var two = (await ReadByIdAsync("2"))!;

        var taken = await deleting.CountTakenAsync([new AccountId("1"), two.Id, new AccountId("99")], CancellationToken.None);

        Said(taken[new AccountId("1")]).ShouldBe(["badges.holder 1", "pins.badge 1", "pins.since 1"]);
        Said(taken[two.Id]).ShouldBe(["badges.holder 3", $"{AccountsTable}.boss 3", "pins.badge 3", "pins.since 1"], ignoreOrder: true);
        taken.Count.ShouldBe(2);
        await ExecuteAsync("INSERT INTO pins (id, badge) VALUES (5, 4)");
        var more = (await deleting.DeleteAsync(two.Id, two.Record, taken[two.Id], CancellationToken.None)).ShouldBeOfType<Drifted>();
        more.Message.ShouldBe("More would go along with it than the plan says: pins.badge (4 rows, 3 in the plan).");
        (await deleting.DeleteAsync(two.Id, two.Record, [], CancellationToken.None)).ShouldBeOfType<Drifted>();
        (await CountAsync("pins", "1 = 1")).ShouldBe(5);
        await ExecuteAsync("DELETE FROM pins WHERE id IN (4, 5)");
        (await deleting.DeleteAsync(two.Id, two.Record, taken[two.Id], CancellationToken.None)).ShouldBeOfType<Done>();
        (await CountAsync("pins", "1 = 1")).ShouldBe(1);
        (await CountAsync(Quoted, "1 = 1")).ShouldBe(1);

        static IEnumerable<string> Said(IEnumerable<TakenRows> rows) => rows.Select(row => $"{row.Place} {row.Rows}");
    }

    [Fact]
    public async Task A_write_to_a_table_or_column_that_is_gone_is_refused()
    {
        await TwoPeopleAsync();
        var write = new RowWrite
        {
            Table = "prints",
            Action = RowAction.Update,
            Key = Of(("id", 11)),
            Before = Of(("colour", "red")),
            After = Of(("colour", "blue")),
        };

        (await TogetherAsync([write])).ShouldBeOfType<Refused>().Message.ShouldContain("colour");
        (await TogetherAsync([write with { Table = "drawings" }])).ShouldBeOfType<Refused>().Message.ShouldContain("drawings");
    }

    [Fact]
    public async Task A_taken_unique_value_stops_all_writes()
    {
        await TwoPeopleAsync();
        RowWrite[] writes =
        [
            Set("1", "name", (await ReadByIdAsync("1"))!.Record["name"], FieldValue.Text("New")),
            Set("1", "mail", FieldValue.Text("ann@example.org"), FieldValue.Text("ANN@example.org")),
        ];

        (await TogetherAsync(writes)).ShouldBeOfType<AlreadyExists>().Fields.ShouldBe(["mail"]);

        (await ReadByIdAsync("1"))!.Attributes["name"].ShouldBe(FieldValue.Text("Name of ann"));
    }

    [Fact]
    public async Task Hundreds_of_rows_change_in_one_call_and_unique_values_are_handed_on_in_order()
    {
        const int half = 300;
        await FillAsync(2 * half);
        await ExecuteAsync($"INSERT INTO prints (id, owner, title) SELECT cast(id AS integer), id, login FROM {Quoted} WHERE length(id) < 3 OR id < '300'");
        var accounts = await AccountsAsync([.. Enumerable.Range(0, half).Select(number => $"{number}")]);
        var moves = (await ReferringAsync(accounts)).Select(row => Move(row, Of(("id", $"{int.Parse(row.Account.ToString(), CultureInfo.InvariantCulture) + half}")))).ToList();
        var deletions = accounts.Select(account => new RowWrite
        {
            Table = AccountsTable,
            Action = RowAction.Delete,
            Key = account.Record.Only(["id"]),
            Before = account.Record,
            After = Fields.Empty,
        });
        var mails = Enumerable.Range(half - 1, half + 1).Select(number => FieldValue.Text($"user{number}@example.org")).ToList();
        var handing = Enumerable.Range(1, half).Select(number => Set($"{half - 1 + number}", "mail", mails[number], number == 1 ? FieldValue.Null : mails[number - 1]));
        var checks = (await PlacesAsync(Notes)).Where(place => place.Enforced).SelectMany(place => accounts.Select(account => new NoReferenceLeft(place, [FieldValue.Text(account.Id.ToString())])));
        RowWrite[] writes = [.. moves, .. deletions, .. handing];

        (await TogetherAsync(writes, [.. checks])).ShouldBeOfType<Done>();
        (await TogetherAsync(writes, [.. checks])).ShouldBeOfType<Done>();

        moves.Count.ShouldBe(half);
        (await CountAsync($"prints p JOIN {Quoted} m ON m.id = p.owner", "p.title <> m.login")).ShouldBe(half);
        (await CountAsync(Quoted, "mail IS NOT NULL")).ShouldBe(half - 1);
        (await ReadByIdAsync("599"))!.Identifiers[IdentifierKind.Email].ShouldBe("user598@example.org");
        (await TogetherAsync([.. writes.Reverse().Select(write => write.Reversed())])).ShouldBeOfType<Done>();
        (await CountAsync($"prints p JOIN {Quoted} m ON m.id = p.owner", "p.title = m.login")).ShouldBe(half);
    }

    [Fact]
    public async Task Accounts_that_refer_to_accounts_go_in_one_change()
    {
        await ExecuteAsync($"ALTER TABLE {Quoted} ADD COLUMN invited_by text REFERENCES {Quoted} (id) ON DELETE CASCADE");
        await ExecuteAsync($"INSERT INTO {Quoted} (id, login, invited_by) VALUES ('1', 'ann', NULL), ('2', 'bob', '1'), ('3', 'carol', '2')");
        var deletions = (await AccountsAsync("3", "2", "1")).Select(account => new RowWrite
        {
            Table = AccountsTable,
            Action = RowAction.Delete,
            Key = account.Record.Only(["id"]),
            Before = account.Record,
            After = Fields.Empty,
        }).ToList();

        (await PlacesAsync()).Single(place => place.Fields[0] == "invited_by").Table.ShouldBe(AccountsTable);
        (await TogetherAsync([deletions[1]])).ShouldBeOfType<Refused>().Message.ShouldContain("invited_by");
        (await TogetherAsync(deletions)).ShouldBeOfType<Done>();
        (await CountAsync(Quoted, "1 = 1")).ShouldBe(0);
    }

    [Fact]
    public async Task What_a_partial_index_or_one_over_an_expression_would_hold_to_be_equal_is_told_before()
    {
        await CreateAsync("1", "ann");
        await CreateAsync("2", "Ann", mail: "ANN@example.org");
        await CreateAsync("3", "carol", mail: "carol@example.org");
        await ExecuteAsync($"CREATE TABLE addresses (number integer PRIMARY KEY, who varchar(40) REFERENCES {Quoted} (id), label varchar(40), main integer)");
        await ExecuteAsync("CREATE UNIQUE INDEX one_main ON addresses (who) WHERE main = 1; CREATE UNIQUE INDEX labels ON addresses (who, lower(label))");
        await ExecuteAsync("INSERT INTO addresses VALUES (1, '1', 'Home', 1), (2, '2', 'work', 0), (3, '3', 'home', 1), (4, '2', NULL, 0), (5, '1', NULL, 0), (6, '3', 'Work', 0)");
        var places = (await PlacesAsync()).Where(place => place.Table == "addresses").ToList();

        var clashes = await Referring.FindClashesAsync(places, await AccountsAsync("1", "2", "3"), CancellationToken.None);

        places.Single().UniqueSets.ShouldAllBe(set => !set.Contains("who"));
        clashes.Select(clash => $"{clash.Place} {clash.Index} {string.Join('+', clash.Accounts.Order(AccountId.Order))}").ShouldBe(
            ["addresses.who one_main 1+3", "addresses.who labels 1+3", "addresses.who labels 2+3"], ignoreOrder: true);
    }

    [Fact]
    public async Task Rows_are_read_by_key_in_the_order_asked_for()
    {
        await TwoPeopleAsync();

        var rows = await Writer.ReadRowsAsync(
            [("prints", Of(("id", 11))), ("prints", Of(("id", 99))), (AccountsTable, Of(("id", "1")))], CancellationToken.None);

        rows[0]!["title"].ShouldBe(FieldValue.Text("boat"));
        rows[1].ShouldBeNull();
        rows[2]!["login"].ShouldBe(FieldValue.Text("ann"));
    }

    private IHasReferences Referring => (IHasReferences)Connected;

    private IWritesTogether Writer => (IWritesTogether)Connected;

    protected Task<WriteOutcome> TogetherAsync(IReadOnlyList<RowWrite> writes, IReadOnlyList<NoReferenceLeft>? noneLeft = null)
        => Writer.WriteTogetherAsync(writes, noneLeft ?? [], CancellationToken.None);

    protected Task<WriteOutcome> ChangeAsync(params SchemaStep[] steps) => ((IChangesSchema)Connected).ChangeSchemaAsync(steps, CancellationToken.None);

    protected Task<IReadOnlyList<ReferencePlace>> PlacesAsync(params ReferencePlace[] declared) => Referring.FindPlacesAsync(declared, CancellationToken.None);

    protected async Task<IReadOnlyList<ReferringRow>> ReferringAsync(IReadOnlyList<Account> accounts)
    {
        var places = await PlacesAsync(Notes);
        var rows = await Referring.ReadReferringAsync(places, accounts, CancellationToken.None);
        var counts = await Referring.CountReferringAsync(places, accounts, CancellationToken.None);
        counts.Select(count => (count.Place.ToString(), count.Account, count.Rows)).ShouldBe(
            rows.GroupBy(row => (Place: row.Place.ToString(), row.Account)).Select(group => (group.Key.Place, group.Key.Account, group.Count())), ignoreOrder: true);
        return rows;
    }

    /// <summary>Ann twice: 1, who stays, and 2, who has a print, two memberships (one of them also 1's) and a note by login.</summary>
    protected async Task TwoPeopleAsync()
    {
        await CreateAsync("1", "ann");
        await CreateAsync("2", "Ann", mail: "ANN@example.org");
        await ExecuteAsync("INSERT INTO prints (id, owner, title) VALUES (10, '1', 'house'), (11, '2', 'boat'), (12345, NULL, 'nobody''s')");
        await ExecuteAsync("INSERT INTO memberships (club, member, since) VALUES ('chess', '1', 2001), ('chess', '2', 2002), ('go', '2', 2003)");
        await ExecuteAsync("INSERT INTO notes (body, author) VALUES ('hello', 'Ann'), ('other', 'carol')");
    }

    /// <summary>In the order of the ids.</summary>
    protected async Task<IReadOnlyList<Account>> AccountsAsync(params string[] ids)
    {
        var found = await ReadByIdsAsync([.. ids.Select(id => new AccountId(id))]);
        return [.. ids.Select(id => found[new AccountId(id)])];
    }

    /// <summary>What the merge of 2 into 1 writes: references moved, the repeated membership removed, the address handed over, 2 removed.</summary>
    protected async Task<IReadOnlyList<RowWrite>> MergeWritesAsync()
    {
        var accounts = await AccountsAsync("1", "2");
        var (winner, loser) = (accounts[0].Record, accounts[1].Record);
        var rows = (await ReferringAsync([accounts[1]])).Select(row => row.Row.TryGetValue("club", out var club) && club == FieldValue.Text("chess")
            ? new RowWrite { Table = row.Place.Table, Action = RowAction.Delete, Key = row.Key, Before = row.Row, After = Fields.Empty }
            : Move(row, winner));
        return
        [
            .. rows,
            Set("2", "mail", loser["mail"], FieldValue.Null),
            Set("1", "mail", winner["mail"], loser["mail"]),
            new RowWrite
            {
                Table = AccountsTable,
                Action = RowAction.Delete,
                Key = Of(("id", "2")),
                Before = loser.With(Of(("mail", null))),
                After = Fields.Empty,
            },
        ];
    }

    protected async Task<IReadOnlyList<NoReferenceLeft>> NoneLeftAsync()
    {
        var loser = (await ReadByIdAsync("2"))?.Record ?? Of(("id", "2"), ("login", "Ann"));
        return [.. (await PlacesAsync(Notes)).Select(place => new NoReferenceLeft(place, [.. place.AccountFields.Select(field => loser[field])]))];
    }

    private static RowWrite Move(ReferringRow row, Fields winner)
    {
        var after = new Fields(row.Place.Fields.Zip(row.Place.AccountFields, (field, to) => KeyValuePair.Create(field, winner[to])));
        return new RowWrite { Table = row.Place.Table, Action = RowAction.Update, Key = row.Key, Before = row.Row.Only(after.Keys), After = after };
    }

    private RowWrite Set(string id, string field, FieldValue before, FieldValue after) => new()
    {
        Table = AccountsTable,
        Action = RowAction.Update,
        Key = Of(("id", id)),
        Before = new Fields([KeyValuePair.Create(field, before)]),
        After = new Fields([KeyValuePair.Create(field, after)]),
    };

    private async Task<WriteOutcome> MergeAsync() => await TogetherAsync(await MergeWritesAsync(), await NoneLeftAsync());

    private async Task ShouldBeMergedAsync()
    {
        (await ReadByIdAsync("2")).ShouldBeNull();
        (await ReadByIdAsync("1"))!.Identifiers[IdentifierKind.Email].ShouldBe("ANN@example.org");
        (await CountAsync("prints", "owner = '1'")).ShouldBe(2);
        (await CountAsync("memberships", "member = '1'")).ShouldBe(2);
        (await CountAsync("memberships", "member = '2'")).ShouldBe(0);
        (await CountAsync("notes", "author = 'ann'")).ShouldBe(1);
        (await CountAsync("notes", "author = 'carol'")).ShouldBe(1);
    }

    private async Task<IReadOnlyList<string>> EverythingAsync()
    {
        var people = (await ((IReadsAccounts)Connected).ReadEverythingAsync("system", null, CancellationToken.None)).Accounts;
        var rows = await ReferringAsync(people);
        return [.. people.Select(account => account.Record.ToString()).Concat(rows.Select(row => $"{row.Place} {row.Row}")).Order(StringComparer.Ordinal)];
    }
}
