using Microsoft.Data.Sqlite;
using Selfsame.Connectors.Sqlite;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Connectors;

public sealed partial class SqliteConnectorTests : WritingTogetherContract, IDisposable
{
    private const string Table = "mem\"bers";

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    protected override string AccountsTable => Table;

    protected override Task ExecuteAsync(string sql)
    {
        Execute(sql);
        return Task.CompletedTask;
    }

    protected override Task<long> CountAsync(string table, string where)
        => Task.FromResult((long)Scalar($"SELECT count(*) FROM {table} WHERE {where}")!);

    protected override Task<IConnectedSystem> OpenAsync()
    {
        Execute(
            """
            CREATE TABLE "mem""bers" (id text PRIMARY KEY, login text, mail text UNIQUE, name text, seen integer);
            CREATE UNIQUE INDEX partly ON "mem""bers" (login) WHERE seen IS NOT NULL;
            CREATE TABLE prints (id integer PRIMARY KEY, owner text REFERENCES "mem""bers", title text);
            CREATE TABLE memberships (club text, member text REFERENCES "mem""bers" (id), since integer, PRIMARY KEY (club, member));
            CREATE TABLE notes (body text, author text)
            """);
        return Task.FromResult<IConnectedSystem>(Open());
    }

    protected override Task ChangeOutsideAsync(string id, string field, string value)
    {
        Execute($"UPDATE \"mem\"\"bers\" SET {field} = '{value}' WHERE id = '{id}'");
        return Task.CompletedTask;
    }

    protected override Task FillAsync(int count)
    {
        Execute(
            $"""
            WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {count - 1})
            INSERT INTO "mem""bers" SELECT cast(i AS text), 'user' || i, 'user' || i || '@example.org', NULL, NULL FROM n WHERE i < {count}
            """);
        return Task.CompletedTask;
    }

    [Fact]
    public async Task A_file_that_is_not_there_is_not_made()
    {
        var missing = folder["missing.db"];

        var error = await Should.ThrowAsync<SystemUnavailableException>(Open(missing).DescribeAsync(CancellationToken.None));

        error.Message.ShouldContain("there is no file");
        File.Exists(missing).ShouldBeFalse();
    }

    [Fact]
    public async Task A_file_that_is_no_database_is_told()
    {
        File.WriteAllText(folder["text.db"], new string('x', 4096));

        await Should.ThrowAsync<SystemUnavailableException>(Open(folder["text.db"]).DescribeAsync(CancellationToken.None));
    }

    [Theory]
    [InlineData("nobody", "login", "has no table 'nobody'")]
    [InlineData(Table, "shoe_size", "has no column shoe_size")]
    public async Task A_table_or_column_that_is_not_there_is_told(string table, string usernameField, string message)
    {
        var system = Open(table: table, usernameField: usernameField);

        (await Should.ThrowAsync<SystemUnavailableException>(system.DescribeAsync(CancellationToken.None))).Message.ShouldContain(message);
        await Should.ThrowAsync<SystemUnavailableException>(system.ReadEverythingAsync("app", null, CancellationToken.None));
    }

    [Fact]
    public async Task Its_journal_mode_is_left_alone()
    {
        await CreateAsync("1", "ann");

        Scalar("PRAGMA journal_mode").ShouldBe("delete");
    }

    [Fact]
    public async Task Rows_whose_id_is_bytes_are_told_and_are_nobody()
    {
        Execute("CREATE TABLE odd (id blob PRIMARY KEY, login, mail, name, seen); INSERT INTO odd (id, login) VALUES (x'00ff', 'ann'), (x'01ff', 'bob')");

        var read = await Open(table: "odd").ReadEverythingAsync("app", null, CancellationToken.None);

        read.Accounts.ShouldBeEmpty();
        read.Unreadable.Select(record => record.Problem).Distinct().ShouldBe(["its id is null, or bytes, which Selfsame takes for no id, be it in a column of texts."]);
        read.Unreadable.Count.ShouldBe(2);
    }

    [Fact]
    public async Task A_text_that_is_no_UTF_8_is_no_id_no_identifier_and_nothing_that_another_system_takes()
    {
        Execute("CREATE TABLE odd (id text PRIMARY KEY, login, mail, name, seen); INSERT INTO odd (id, login, name) VALUES (CAST(x'31FF' AS TEXT), 'ann', NULL), ('2', CAST(x'62F662' AS TEXT), CAST(x'62F662' AS TEXT))");
        var system = Open(table: "odd");

        var read = await system.ReadEverythingAsync("app", null, CancellationToken.None);

        read.Unreadable.ShouldHaveSingleItem().Problem.ShouldContain("bytes");
        var bob = KeyedAccount.Of(read.Accounts.ShouldHaveSingleItem(), IdentifierKeys.TryKey);
        bob.Keys.ShouldBeEmpty();
        bob.Refusals[IdentifierKind.Username].Message.ShouldContain("it is bytes that are no UTF-8, not text");
        var facts = await system.DescribeAsync(CancellationToken.None);
        facts.Spell(new ForeignValue("name", bob.Account.Record["name"])).Problem.ShouldBe("takes text, which bytes that are no UTF-8 are not");
        (await system.UpdateAsync(bob.Account.Id, Of(("name", "Bob")), bob.Account.Record, CancellationToken.None)).ShouldBeOfType<Done>();
        (await system.UpdateAsync(bob.Account.Id, Of(("name", "Rob")), bob.Account.Record, CancellationToken.None)).ShouldBeOfType<Drifted>();
    }

    [Fact]
    public async Task What_hangs_on_a_row_whose_key_is_no_UTF_8_is_counted_with_it()
    {
        Execute(
            """
            CREATE TABLE odd (id text PRIMARY KEY, login, mail, name, seen);
            CREATE TABLE orders (number text PRIMARY KEY, buyer REFERENCES odd ON DELETE CASCADE);
            CREATE TABLE lines (id integer PRIMARY KEY, number REFERENCES orders ON DELETE CASCADE);
            INSERT INTO odd (id, login) VALUES ('1', 'ann');
            INSERT INTO orders VALUES (CAST(x'4AE9' AS TEXT), '1'), (CAST(x'4A0031' AS TEXT), '1');
            INSERT INTO lines (number) VALUES (CAST(x'4AE9' AS TEXT)), (CAST(x'4A0031' AS TEXT)), (CAST(x'4A0031' AS TEXT))
            """);

        var taken = await Open(table: "odd").CountTakenAsync([new AccountId("1")], CancellationToken.None);

        taken[new AccountId("1")].Select(rows => $"{rows.Place} {rows.Rows}").ShouldBe(["lines.number 3", "orders.buyer 2"]);
    }

    // SQLite would read the bytes that it gave as UTF-8 as the UTF-16 of the file.
    [Fact]
    public async Task In_a_file_in_UTF_16_whoever_has_half_a_character_is_left_as_they_are()
    {
        Scalar("PRAGMA encoding = 'UTF-16le'; CREATE TABLE odd (id text PRIMARY KEY, login, mail, name, seen)", "wide.db");
        Scalar("INSERT INTO odd (id, login, name) VALUES ('1', 'ann', CAST(x'00D8' AS TEXT)), ('2', 'bob', 'Bob')", "wide.db");
        Scalar("PRAGMA encoding", "wide.db").ShouldBe("UTF-16le");
        await using var system = Open(folder["wide.db"], "odd");
        var (ann, bob) = ((await system.ReadByIdAsync([new AccountId("1")], CancellationToken.None)).Single(), (await system.ReadByIdAsync([new AccountId("2")], CancellationToken.None)).Single());

        (await system.DeleteAsync(ann.Id, ann.Record, CancellationToken.None)).ShouldBeOfType<Refused>().Message.ShouldContain("Put the text right");
        (await system.UpdateAsync(ann.Id, Of(("name", "Ann")), ann.Record, CancellationToken.None)).ShouldBeOfType<Refused>();
        (await system.WriteTogetherAsync(
            [new RowWrite { Table = "odd", Action = RowAction.Delete, Key = ann.Record.Only(["id"]), Before = ann.Record, After = Fields.Empty }], [], CancellationToken.None)).ShouldBeOfType<Refused>();
        (await system.DeleteAsync(bob.Id, bob.Record, CancellationToken.None)).ShouldBeOfType<Done>();

        Scalar("SELECT group_concat(id || hex(name)) FROM odd", "wide.db").ShouldBe("100D8");
    }

    [Fact]
    public async Task Every_type_of_value_survives_deletion_and_return()
    {
        Execute("CREATE TABLE odd (id, login, mail, name, seen, real, blob); INSERT INTO odd VALUES (1, 'ann', NULL, '', 9007199254740993, 0.1, x'00ff')");
        var system = Open(table: "odd");
        var before = (await system.ReadByIdAsync([new AccountId("1")], CancellationToken.None)).Single().Record;
        await system.DeleteAsync(new AccountId("1"), before, CancellationToken.None);
        var json = System.Text.Json.JsonSerializer.Serialize(before);

        await system.CreateAsync(new AccountId("1"), System.Text.Json.JsonSerializer.Deserialize<Fields>(json)!, CancellationToken.None);

        Scalar("SELECT typeof(id) || typeof(mail) || typeof(name) || seen || typeof(real) || hex(blob) FROM odd").ShouldBe("integernulltext9007199254740993real00FF");
    }

    [Fact]
    public async Task A_uuid_in_capitals_is_found_and_changed()
    {
        const string uuid = "3b039300-6f9d-49c8-bd77-fd81e1c2a0ea";
        await CreateAsync(uuid, "ann");
        Execute("UPDATE \"mem\"\"bers\" SET id = upper(id)");
        var system = Open();

        (await system.UpdateAsync(new AccountId(uuid), Of(("name", "New")), Fields.Empty, CancellationToken.None)).ShouldBeOfType<Done>();

        Scalar("SELECT id || name FROM \"mem\"\"bers\"").ShouldBe(uuid.ToUpperInvariant() + "New");
    }

    [Fact]
    public async Task Two_rows_with_one_id_are_left_alone()
    {
        Execute("CREATE TABLE twice (id, login, mail, name, seen); INSERT INTO twice (id) VALUES (1), ('1')");

        (await Open(table: "twice").DeleteAsync(new AccountId("1"), Fields.Empty, CancellationToken.None)).ShouldBeOfType<Drifted>();

        Scalar("SELECT count(*) FROM twice").ShouldBe(2L);
    }

    [Fact]
    public async Task A_table_that_numbers_its_rows_says_so_and_what_a_deletion_takes_along_is_told()
    {
        Execute(
            """
            CREATE TABLE numbered (id integer PRIMARY KEY, login text NOT NULL, mail text, name text, seen integer);
            CREATE TABLE badges (id integer PRIMARY KEY, owner integer REFERENCES numbered (id) ON DELETE CASCADE)
            """);

        var facts = await Open(table: "numbered").DescribeAsync(CancellationToken.None);

        (facts.TakesChosenId, facts.GivesNumbers).ShouldBe((false, true));
        facts.FieldsWithoutDefault.ShouldBe(["id", "login"], ignoreOrder: true);
        facts.NotNullFields.ShouldBe(["id", "login"], ignoreOrder: true);
        facts.DeletionEffects.Single().ShouldContain("badges");
    }

    [Fact]
    public async Task A_row_without_an_id_is_reported_and_is_no_account()
    {
        Execute("CREATE TABLE loose (id, login, mail, name, seen); INSERT INTO loose (login) VALUES ('ann')");

        var read = await Open(table: "loose").ReadEverythingAsync("app", null, CancellationToken.None);

        read.Accounts.ShouldBeEmpty();
        read.Unreadable.Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_locked_file_is_unavailable_and_nothing_is_lost()
    {
        using var other = new SqliteConnection($"Data Source={folder["app.db"]};Pooling=False");
        other.Open();
        using var begin = other.CreateCommand();
        begin.CommandText = "BEGIN EXCLUSIVE";
        begin.ExecuteNonQuery();

        (await CreateAsync("1", "ann")).ShouldBeOfType<Unavailable>();

        begin.CommandText = "ROLLBACK";
        begin.ExecuteNonQuery();
        (await CreateAsync("1", "ann")).ShouldBeOfType<Done>();
    }

    // Who only reads can't take back what a killed program left half-made.
    [Fact]
    public async Task A_file_whose_program_was_killed_in_mid_change_is_read_as_it_was_before()
    {
        await FillAsync(2000);
        using (var killed = new SqliteConnection($"Data Source={folder["app.db"]};Pooling=False"))
        {
            killed.Open();
            using var change = killed.CreateCommand();
            // With a cache of one page what changes is in the file long before the commit.
            change.CommandText = "PRAGMA cache_size=1; BEGIN IMMEDIATE; UPDATE \"mem\"\"bers\" SET name = 'half-made'";
            change.ExecuteNonQuery();
            File.Copy(folder["app.db"], folder["left.db"]);
            File.Copy(folder["app.db-journal"], folder["left.db-journal"]);
        }

        var read = await Open(folder["left.db"]).ReadEverythingAsync("app", null, CancellationToken.None);

        read.Accounts.Count.ShouldBe(2000);
        read.Accounts.ShouldAllBe(account => account.Record["name"].IsNull);
    }

    private SqliteSystem Open(string? file = null, string table = Table, string usernameField = "login") => new(new SystemConfig
    {
        Name = "app",
        Connector = "sqlite",
        Settings = new Dictionary<string, string> { ["connection"] = file ?? folder["app.db"], ["table"] = table },
        Mapping = new AccountMapping
        {
            Id = ["id"],
            Identifiers = new Dictionary<IdentifierKind, string> { [IdentifierKind.Username] = usernameField, [IdentifierKind.Email] = "mail" },
            Attributes = new Dictionary<string, AttributeMapping> { ["name"] = new("name"), ["lastSignIn"] = new("seen", Noise: true) },
        },
    });

    private void Execute(string sql) => Scalar(sql);

    private object? Scalar(string sql, string file = "app.db")
    {
        using var connection = new SqliteConnection($"Data Source={folder[file]};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return command.ExecuteScalar();
    }
}
