using Selfsame.Core.Accounts;

namespace Selfsame.Contract.Tests.Connectors;

/// <summary>References, keys and schema steps that are SQLite's own.</summary>
public sealed partial class SqliteConnectorTests
{
    private static readonly Account Five = new()
    {
        Id = new AccountId("5"),
        Identifiers = new Dictionary<IdentifierKind, string>(),
        Attributes = Fields.Empty,
        Record = Of(("id", "5"), ("login", "ann")),
    };

    [Fact]
    public async Task Tables_of_every_kind_of_key_refer()
    {
        Execute(
            """
            CREATE TABLE plain (who text REFERENCES "mem""bers" (id));
            CREATE TABLE hidden (rowid text, who text REFERENCES "mem""bers" (id));
            CREATE TABLE without (who text REFERENCES "mem""bers" (id), n integer, PRIMARY KEY (n, who)) WITHOUT ROWID;
            CREATE TABLE profile (who integer PRIMARY KEY REFERENCES "mem""bers" (id));
            INSERT INTO "mem""bers" (id, login) VALUES ('5', 'ann');
            INSERT INTO plain VALUES ('5'), ('5'); INSERT INTO hidden VALUES ('x', '5'); INSERT INTO without VALUES ('5', 1); INSERT INTO profile VALUES (5)
            """);
        var system = Open();
        var places = await system.FindPlacesAsync([], CancellationToken.None);

        var rows = await system.ReadReferringAsync(places, [Five], CancellationToken.None);

        rows.Select(row => $"{row.Place} {row.Key}").ShouldBe(
            ["hidden.who _rowid_=1", "plain.who rowid=1", "plain.who rowid=2", "profile.who who=5", "without.who n=1, who=5"], ignoreOrder: true);
        places.ShouldAllBe(place => place.Enforced && !place.IsGuarded, "who does not switch foreign keys on may write what they like: such references are swept");
        places.Single(place => place.Table == "profile").UniqueSets.Single().ShouldBe(["who"]);
        places.Single(place => place.Table == "without").UniqueSets.Single().ShouldBe(["n", "who"]);
    }

    [Fact]
    public async Task Rows_without_a_key_move_and_come_back_under_their_row_id()
    {
        Execute(
            """
            INSERT INTO "mem""bers" (id, login) VALUES ('5', 'ann'), ('6', 'bob');
            CREATE TABLE plain (who text); INSERT INTO plain VALUES ('5'), ('6'), ('5')
            """);
        var system = Open();
        var places = await system.FindPlacesAsync([new ReferencePlace { Table = "plain", Fields = ["who"], AccountFields = ["id"] }], CancellationToken.None);
        var rows = await system.ReadReferringAsync(places, [Five], CancellationToken.None);
        RowWrite[] writes = [.. rows.Select(row => new RowWrite
        {
            Table = "plain", Action = RowAction.Delete, Key = row.Key, Before = row.Row, After = Fields.Empty,
        })];

        (await TogetherAsync(writes)).ShouldBeOfType<Done>();
        Scalar("SELECT group_concat(rowid || who) FROM plain").ShouldBe("26");
        (await TogetherAsync([.. writes.Select(write => write.Reversed())])).ShouldBeOfType<Done>();

        Scalar("SELECT group_concat(rowid || who, ' ') FROM plain").ShouldBe("15 26 35");
    }

    [Fact]
    public async Task A_foreign_key_is_followed_under_the_collation_of_the_column_it_names()
    {
        Execute(
            """
            CREATE TABLE folded (id text COLLATE NOCASE PRIMARY KEY, login, mail, name, seen);
            CREATE TABLE badges (who text REFERENCES folded ON DELETE SET NULL);
            INSERT INTO folded (id) VALUES ('Ann'); INSERT INTO badges VALUES ('ANN')
            """);
        var system = Open(table: "folded");
        var account = (await system.ReadByIdAsync([new AccountId("Ann")], CancellationToken.None)).Single();
        var places = await system.FindPlacesAsync([], CancellationToken.None);
        var deletion = new RowWrite { Table = "folded", Action = RowAction.Delete, Key = Of(("id", "Ann")), Before = account.Record, After = Fields.Empty };

        (await system.ReadReferringAsync(places, [account], CancellationToken.None)).Single().Row["who"].ShouldBe(FieldValue.Text("ANN"));

        (await system.WriteTogetherAsync([deletion], [], CancellationToken.None)).ShouldBeOfType<Refused>().Message.ShouldContain("SET NULL");
    }

    [Fact]
    public async Task An_id_and_what_refers_to_it_change_together_whatever_the_order()
    {
        await TwoPeopleAsync();
        RowWrite[] writes =
        [
            new() { Table = Table, Action = RowAction.Update, Key = Of(("id", "1")), Before = Of(("id", "1")), After = Of(("id", "one")) },
            new() { Table = "prints", Action = RowAction.Update, Key = Of(("id", 10)), Before = Of(("owner", "1")), After = Of(("owner", "one")) },
            new()
            {
                Table = "memberships",
                Action = RowAction.Update,
                Key = Of(("club", "chess"), ("member", "1")),
                Before = Of(("member", "1")),
                After = Of(("member", "one")),
            },
        ];

        (await TogetherAsync(writes[..2])).ShouldBeOfType<Refused>();
        (await TogetherAsync(writes)).ShouldBeOfType<Done>();
        (await TogetherAsync(writes)).ShouldBeOfType<Done>();

        Scalar("SELECT count(*) FROM prints JOIN memberships ON owner = member WHERE owner = 'one'").ShouldBe(1L);
    }

    [Fact]
    public async Task Computed_columns_are_part_of_the_record_and_never_written()
    {
        Execute("CREATE TABLE computed (id text PRIMARY KEY, login, mail, name, seen, twice AS (login || login) STORED); INSERT INTO computed (id, login) VALUES ('1', 'ann')");
        var system = Open(table: "computed");
        var before = (await system.ReadByIdAsync([new AccountId("1")], CancellationToken.None)).Single().Record;

        await system.DeleteAsync(new AccountId("1"), before, CancellationToken.None);
        (await system.CreateAsync(new AccountId("1"), before, CancellationToken.None)).ShouldBeOfType<Done>();

        Scalar("SELECT twice FROM computed").ShouldBe("annann");
    }

    [Fact]
    public async Task Only_a_full_unique_index_that_folds_case_is_canonical()
    {
        Execute(
            """
            CREATE UNIQUE INDEX exact ON "mem""bers" (login);
            CREATE UNIQUE INDEX two ON "mem""bers" (login COLLATE NOCASE, seen);
            CREATE INDEX slow ON "mem""bers" (login COLLATE NOCASE);
            CREATE UNIQUE INDEX part ON "mem""bers" (login COLLATE NOCASE) WHERE seen > 0;
            CREATE UNIQUE INDEX good ON "mem""bers" (login COLLATE nocase)
            """);
        var system = Open();

        var indexes = await system.ReadIndexesAsync(CancellationToken.None);

        indexes.Where(index => system.IsCanonical(index, IdentifierKind.Username)).Select(index => index.Name).ShouldBe(["good"]);
    }

    [Fact]
    public async Task What_SQLite_cannot_change_in_place_is_refused_with_the_reason()
    {
        (await ChangeAsync(new SchemaStep(SchemaAction.RequireValue, "login"))).ShouldBeOfType<Refused>().Message.ShouldContain("NOT NULL");
        (await ChangeAsync(new SchemaStep(SchemaAction.AllowNull, "login"))).ShouldBeOfType<Done>();
        (await ChangeAsync(new SchemaStep(SchemaAction.RequireValue, "id"))).ShouldBeOfType<Done>();
        (await ChangeAsync(new SchemaStep(SchemaAction.DropIndex, "sqlite_autoindex_mem\"bers_1"))).ShouldBeOfType<Refused>();
    }
}
