using System.Net;
using System.Net.Sockets;
using System.Text;
using Npgsql;
using Selfsame.Connectors.Postgres;
using Selfsame.Core.Accounts;

namespace Selfsame.Contract.Tests.Connectors;

/// <summary>What PostgreSQL and the network say against us, and other programs that write at the same time.</summary>
public sealed partial class PostgresConnectorTests
{
    [Fact]
    public async Task A_reference_inserted_while_the_change_runs_stops_it()
    {
        await TwoPeopleAsync();
        var writes = await MergeWritesAsync();
        var checks = await NoneLeftAsync();
        await using var other = new NpgsqlConnection(connection);
        await other.OpenAsync();
        await using var late = new NpgsqlCommand("BEGIN; INSERT INTO prints (id, owner, title) VALUES (12, '2', 'late')", other);
        await late.ExecuteNonQueryAsync();

        var merging = TogetherAsync(writes, checks);
        await Task.Delay(300);
        merging.IsCompleted.ShouldBeFalse();
        late.CommandText = "COMMIT";
        await late.ExecuteNonQueryAsync();

        (await merging).ShouldBeOfType<Drifted>().Message.ShouldContain("prints.owner");
        (await CountAsync("prints", "owner = '2'")).ShouldBe(2);
    }

    [Fact]
    public async Task An_id_and_what_refers_to_it_change_together_whatever_the_order()
    {
        await TwoPeopleAsync();
        RowWrite[] writes =
        [
            new() { Table = "prints", Action = RowAction.Update, Key = Of(("id", 10)), Before = Of(("owner", "1")), After = Of(("owner", "one")) },
            new() { Table = Table, Action = RowAction.Update, Key = Of(("id", "1")), Before = Of(("id", "1")), After = Of(("id", "one")) },
            new()
            {
                Table = "memberships",
                Action = RowAction.Update,
                Key = Of(("club", "chess"), ("member", "1")),
                Before = Of(("member", "1")),
                After = Of(("member", "one")),
            },
        ];

        (await TogetherAsync(writes[..2])).ShouldBeOfType<Refused>().Message.ShouldContain("memberships");
        (await TogetherAsync(writes)).ShouldBeOfType<Done>();
        (await TogetherAsync(writes)).ShouldBeOfType<Done>();

        (await CountAsync("prints JOIN memberships ON owner = member", "owner = 'one'")).ShouldBe(1);
        (await TogetherAsync([.. writes.Reverse().Select(write => write.Reversed())])).ShouldBeOfType<Done>();
        (await CountAsync("prints JOIN memberships ON owner = member", "owner = '1'")).ShouldBe(1);
    }

    // What no index answers takes longer on a large table than other statements may.
    [Fact]
    public async Task Equal_identifiers_and_references_are_waited_for_longer_than_other_statements()
    {
        await CreateAsync("1", "ann");
        await CreateAsync("2", "Ann");
        await ExecuteAsync(
            """
            CREATE VIEW slow_members AS SELECT m.* FROM "mem""bers" m CROSS JOIN pg_sleep(4);
            CREATE VIEW slow_notes AS SELECT n.* FROM notes n CROSS JOIN pg_sleep(4);
            INSERT INTO notes VALUES ('a note', '1')
            """);
        await using var system = Open("slow_members", connection + ";Command Timeout=3");
        await using var members = Open(to: connection + ";Command Timeout=3");
        var ann = (await members.ReadByIdAsync([new AccountId("1")], CancellationToken.None)).Single();

        var equal = await system.FindEqualAsync(IdentifierKind.Username, CancellationToken.None);
        var referring = await members.ReadReferringAsync([new ReferencePlace { Table = "slow_notes", Fields = ["author"], AccountFields = ["id"] }], [ann], CancellationToken.None);

        equal.Single().Accounts.Select(id => id.ToString()).ShouldBe(["1", "2"]);
        referring.Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_commit_without_an_answer_is_unknown()
    {
        await CreateAsync("1", "ann");
        await ExecuteAsync(
            """
            CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END';
            CREATE CONSTRAINT TRIGGER die AFTER UPDATE ON "mem""bers" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die()
            """);

        (await ((IUpdatesAccounts)Connected).UpdateAsync(new AccountId("1"), Of(("name", "New")), Fields.Empty, CancellationToken.None)).ShouldBeOfType<Unknown>();
    }

    [Fact]
    public async Task A_row_that_another_program_holds_is_unavailable_after_some_attempts()
    {
        await CreateAsync("1", "ann");
        await using var other = new NpgsqlConnection(connection);
        await other.OpenAsync();
        await using var hold = new NpgsqlCommand("BEGIN; SELECT 1 FROM \"mem\"\"bers\" FOR UPDATE", other);
        await hold.ExecuteNonQueryAsync();

        (await ((IDeletesAccounts)Connected).DeleteAsync(new AccountId("1"), Fields.Empty, CancellationToken.None)).ShouldBeOfType<Unavailable>().Message.ShouldContain("busy");
    }

    // Half a read makes orphans of all whom it did not reach (CASES 23). The table is larger than what the sockets between take up.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_read_that_is_cut_off_in_its_middle_is_an_error_and_has_no_end(bool fields)
    {
        await ExecuteAsync("INSERT INTO \"mem\"\"bers\" SELECT i::text, 'user' || i, NULL, repeat('x', 1500), NULL FROM generate_series(1, 30000) i");
        await using var system = Open(to: connection + ";Application Name=cut off");
        var parts = new List<string>();

        await Should.ThrowAsync<SystemUnavailableException>(async () =>
        {
            await foreach (var part in fields ? system.ReadFieldsAsync(["id", "name"], CancellationToken.None) : system.ReadAllAsync(CancellationToken.None))
            {
                parts.Add(part.GetType().Name);
                if (parts.Count == 1)
                {
                    (await ScalarAsync("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'cut off' AND datname = current_database()")).ShouldBe(1L);
                }
            }
        });

        parts.Distinct().ShouldBe([fields ? nameof(ReadFields) : nameof(ReadAccounts)]);
    }

    [Fact]
    public async Task A_pooled_connection_that_the_server_closed_is_replaced()
    {
        await using var system = Open(to: connection.Replace("Pooling=false", "Pooling=true;Application Name=pooled", StringComparison.Ordinal));
        await system.DescribeAsync(CancellationToken.None);
        await ExecuteAsync("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pooled'");

        (await system.CreateAsync(new AccountId("1"), Of(("id", "1")), CancellationToken.None)).ShouldBeOfType<Done>();
        await ExecuteAsync("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pooled'");
        (await system.ReadByIdAsync([new AccountId("1")], CancellationToken.None)).Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_missing_privilege_is_told_as_the_line_that_grants_it()
    {
        await TwoPeopleAsync();
        await ExecuteAsync("CREATE ROLE \"re ader\" LOGIN; REVOKE ALL ON SCHEMA public FROM public");
        await using var system = Open(to: As("re ader"));
        var account = new AccountId("1");

        var unseen = await Should.ThrowAsync<SystemUnavailableException>(system.ReadByIdAsync([account], CancellationToken.None));
        unseen.Message.ShouldContain("there is no table");
        await ExecuteAsync("GRANT USAGE ON SCHEMA public TO \"re ader\"");
        var unread = await Should.ThrowAsync<SystemUnavailableException>(system.ReadEverythingAsync("app", null, CancellationToken.None));
        unread.Message.ShouldContain("GRANT SELECT ON \"public\".\"mem\"\"bers\" TO \"re ader\";");
        await ExecuteAsync("GRANT SELECT ON \"mem\"\"bers\" TO \"re ader\"");
        var undeleted = (await system.DeleteAsync(account, Fields.Empty, CancellationToken.None)).ShouldBeOfType<Refused>();
        undeleted.LacksPermission.ShouldBeTrue();
        undeleted.Message.ShouldContain("GRANT UPDATE ON \"public\".\"mem\"\"bers\" TO \"re ader\";");
        var index = system.CanonicalIndex(IdentifierKind.Username);
        (await system.ChangeSchemaAsync([new SchemaStep(SchemaAction.CreateIndex, index.Name, index.Definition)], CancellationToken.None))
            .ShouldBeOfType<Refused>().Message.ShouldContain("GRANT selfsame TO \"re ader\";");
    }

    [Fact]
    public async Task The_documented_privileges_suffice_for_a_merge()
    {
        await TwoPeopleAsync();
        var writes = await MergeWritesAsync();
        var checks = await NoneLeftAsync();
        var documented = await File.ReadAllTextAsync(Path.Combine(Testing.Checkout.Root, "docs", "connectors", "postgres.md"));
        var grants = documented.Split("```sql\n")[1].Split("```")[0]
            .Replace("users", "\"mem\"\"bers\"", StringComparison.Ordinal).Replace("orders, memberships", "prints, memberships, notes", StringComparison.Ordinal);
        await ExecuteAsync("REVOKE ALL ON SCHEMA public FROM public;" + grants.Replace("selfsame_audit", "merger", StringComparison.Ordinal));
        await using var system = Open(to: As("merger"));

        (await system.WriteTogetherAsync(writes, checks, CancellationToken.None)).ShouldBeOfType<Done>();
    }

    [Fact]
    public async Task Rows_that_a_policy_would_hide_are_an_error_and_never_missing_accounts()
    {
        await CreateAsync("1", "ann");
        await ExecuteAsync("CREATE ROLE blinkered LOGIN; GRANT SELECT ON \"mem\"\"bers\" TO blinkered; ALTER TABLE \"mem\"\"bers\" ENABLE ROW LEVEL SECURITY");
        await using var system = Open(to: As("blinkered"));

        var error = await Should.ThrowAsync<SystemUnavailableException>(system.ReadEverythingAsync("app", null, CancellationToken.None));

        error.Message.ShouldContain("ALTER ROLE blinkered BYPASSRLS;");
    }

    [Fact]
    public async Task A_table_that_is_not_there_is_told_with_those_that_are_near()
    {
        await ExecuteAsync("CREATE SCHEMA shop; CREATE TABLE shop.members (id int)");
        await using var system = Open("member");

        var error = await Should.ThrowAsync<SystemUnavailableException>(system.DescribeAsync(CancellationToken.None));

        error.Message.ShouldContain("there is no table 'member'");
        error.Message.ShouldContain("shop.members");
    }

    [Fact]
    public async Task A_column_that_is_gone_is_told_and_nothing_is_written()
    {
        await CreateAsync("1", "ann");
        var before = (await ReadByIdAsync("1"))!.Record;
        await ExecuteAsync("ALTER TABLE \"mem\"\"bers\" DROP COLUMN name");

        (await ((IDeletesAccounts)Connected).DeleteAsync(new AccountId("1"), before, CancellationToken.None)).ShouldBeOfType<Refused>().Message.ShouldContain("name");
        (await Should.ThrowAsync<SystemUnavailableException>(ReadByIdAsync("1"))).Message.ShouldContain("has no column name");
        await ExecuteAsync("DROP TABLE \"mem\"\"bers\" CASCADE");
        (await CreateAsync("2", "bob")).ShouldBeOfType<Refused>();
    }

    [Fact]
    public async Task A_type_that_changes_under_prepared_statements_stops_nothing()
    {
        await TwoPeopleAsync();
        await using var system = Open(to: connection.Replace("Pooling=false", "Pooling=true;Maximum Pool Size=1", StringComparison.Ordinal));
        await RetitleAsync(system, 6);
        await ExecuteAsync("ALTER TABLE prints ADD pages int NOT NULL DEFAULT 1");
        await RetitleAsync(system, 6);
        await ExecuteAsync("ALTER TABLE prints ALTER pages TYPE bigint");

        await RetitleAsync(system, 6);
    }

    // A pooler that hands every transaction to another server connection is recognised; one that hides it looks like this.
    [Fact]
    public async Task Prepared_statements_that_the_server_does_not_know_are_done_without()
    {
        await TwoPeopleAsync();
        await using var system = Open(to: connection.Replace("Pooling=false", "Pooling=true;Maximum Pool Size=1", StringComparison.Ordinal));
        await RetitleAsync(system, 6);
        await ExecuteAsync(
            """
            CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'DEALLOCATE ALL'; RETURN NULL; END $$;
            CREATE CONSTRAINT TRIGGER forget AFTER UPDATE ON prints DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION forget()
            """);

        await RetitleAsync(system, 6);
    }

    [Fact]
    public async Task A_table_that_changes_between_changes_of_several_rows_is_read_anew()
    {
        await TwoPeopleAsync();
        (await TogetherAsync([Retitled("boat", "ship")])).ShouldBeOfType<Done>();
        await ExecuteAsync("CREATE TABLE frames (print int REFERENCES prints ON DELETE CASCADE); INSERT INTO frames VALUES (11); ALTER TABLE prints ALTER title TYPE varchar(9)");

        (await TogetherAsync([Retitled("ship", "steamboats")])).ShouldBeOfType<Refused>().Message.ShouldContain("too long");
        var deletion = new RowWrite { Table = "prints", Action = RowAction.Delete, Key = Of(("id", 11)), Before = Of(("title", "ship")), After = Fields.Empty };
        (await TogetherAsync([deletion])).ShouldBeOfType<Refused>().Message.ShouldContain("frames");
        await ExecuteAsync("ALTER TABLE prints DROP COLUMN title");
        (await TogetherAsync([Retitled("ship", "boat")])).ShouldBeOfType<Refused>().Message.ShouldContain("title");
    }

    /// <param name="remembered">Whether a change before it was told the tables' shapes.</param>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_foreign_key_that_is_made_while_a_row_waits_to_be_deleted_is_seen(bool remembered)
    {
        await TwoPeopleAsync();
        (await TogetherAsync([Retitled("boat", "ship")])).ShouldBeOfType<Done>();
        await ExecuteAsync("CREATE TABLE frames (print int); INSERT INTO frames VALUES (11)");
        await using var system = Open();
        var deletion = new RowWrite { Table = "prints", Action = RowAction.Delete, Key = Of(("id", 11)), Before = Of(("title", "ship")), After = Fields.Empty };

        var outcome = await WhileItChangesAsync(
            "ALTER TABLE frames ADD FOREIGN KEY (print) REFERENCES prints ON DELETE CASCADE",
            "prints",
            () => (remembered ? (IWritesTogether)Connected : system).WriteTogetherAsync([deletion], [], CancellationToken.None));

        outcome.ShouldBeOfType<Refused>().Message.ShouldContain("frames");
    }

    [Fact]
    public async Task A_foreign_key_that_is_made_while_an_account_waits_to_be_deleted_is_counted()
    {
        await CreateAsync("1", "ann");
        var before = (await ReadByIdAsync("1"))!.Record;
        await ExecuteAsync("CREATE TABLE frames (member text); INSERT INTO frames VALUES ('1')");

        var outcome = await WhileItChangesAsync(
            "ALTER TABLE frames ADD FOREIGN KEY (member) REFERENCES \"mem\"\"bers\" ON DELETE CASCADE",
            "\"mem\"\"bers\"",
            () => ((IDeletesWithRows)Connected).DeleteAsync(new AccountId("1"), before, [], CancellationToken.None));

        outcome.ShouldNotBeOfType<Done>();
        outcome.ToString().ShouldContain("frames");
        (await ReadByIdAsync("1")).ShouldNotBeNull();
    }

    [Theory]
    [InlineData("ALTER TABLE prints ALTER pages TYPE text")]
    [InlineData("ALTER TABLE prints DROP COLUMN pages")]
    public async Task A_column_that_becomes_another_while_its_row_waits_stops_nothing(string change)
    {
        await TwoPeopleAsync();
        await ExecuteAsync("ALTER TABLE prints ADD pages bigint NOT NULL DEFAULT 1");
        (await TogetherAsync([Retitled("boat", "ship")])).ShouldBeOfType<Done>();

        var outcome = await WhileItChangesAsync(change, "prints", () => TogetherAsync([Retitled("ship", "raft")]));

        outcome.ShouldBeOfType<Done>();
    }

    /// <summary>What comes to work that begins while somebody changes tables, and waits for it.</summary>
    private async Task<WriteOutcome> WhileItChangesAsync(string change, string waitedFor, Func<Task<WriteOutcome>> work)
    {
        await using var other = new NpgsqlConnection(connection);
        await other.OpenAsync();
        await using var changing = await other.BeginTransactionAsync();
        await using (var command = new NpgsqlCommand(change, other, changing))
        {
            await command.ExecuteNonQueryAsync();
        }

        var working = work();
        await using (var waiting = new NpgsqlCommand("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = $1::regclass", other, changing) { Parameters = { new() { Value = waitedFor } } })
        {
            while ((long)(await waiting.ExecuteScalarAsync())! == 0)
            {
                working.IsCompleted.ShouldBeFalse();
            }
        }

        await changing.CommitAsync();
        return await working;
    }

    private static RowWrite Retitled(string before, string after)
        => new() { Table = "prints", Action = RowAction.Update, Key = Of(("id", 11)), Before = Of(("title", before)), After = Of(("title", after)) };

    [Fact]
    public async Task A_wrong_password_is_told_without_it()
    {
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        var refusing = RefuseAsync(server);
        await using var system = Open(to: $"postgresql://ann:s%40cret@127.0.0.1:{((IPEndPoint)server.LocalEndpoint).Port}/app?sslmode=disable&connect_timeout=5");

        var error = await Should.ThrowAsync<SystemUnavailableException>(system.DescribeAsync(CancellationToken.None));

        error.Message.ShouldContain("password authentication failed for user \"ann\"");
        error.Message.ShouldContain("'connection'");
        error.ToString().ShouldNotContain("s@cret");
        server.Stop();
        await Should.ThrowAsync<SocketException>(refusing);
    }

    [Theory]
    [InlineData("Host=127.0.0.1;Port=1;Username=x;Timeout=3", "not reached")]
    [InlineData("Host=127.0.0.1;Prot=1;Password=hunter2", "neither")]
    [InlineData("postgresql://ann:hunter2:x@/", "hunter2", false)]
    [InlineData("hunter2", "neither")]
    public async Task An_address_that_leads_nowhere_is_told(string address, string told, bool contains = true)
    {
        await using var system = Open(to: address);

        var error = await Should.ThrowAsync<SystemUnavailableException>(system.DescribeAsync(CancellationToken.None));

        error.Message.Contains(told, StringComparison.Ordinal).ShouldBe(contains);
        error.ToString().ShouldNotContain("hunter2");
        (await system.CreateAsync(new AccountId("1"), Of(("id", "1")), CancellationToken.None)).ShouldBeOfType<Unavailable>();
    }

    [Fact]
    public async Task A_server_that_does_not_answer_is_given_up()
    {
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        await using var system = Open(to: $"Host=127.0.0.1;Port={((IPEndPoint)server.LocalEndpoint).Port};Username=x;Timeout=1;SSL Mode=Disable");

        (await Should.ThrowAsync<SystemUnavailableException>(system.DescribeAsync(CancellationToken.None))).Message.ShouldContain("did not answer in time");
    }

    [Fact]
    public async Task A_field_may_be_required_unless_values_are_missing()
    {
        await CreateAsync("1", "ann");

        (await ChangeAsync(new SchemaStep(SchemaAction.RequireValue, "seen"))).ShouldBeOfType<Refused>().Message.ShouldContain("seen");
        (await ChangeAsync(new SchemaStep(SchemaAction.RequireValue, "login"))).ShouldBeOfType<Done>();
        (await ChangeAsync(new SchemaStep(SchemaAction.RequireValue, "login").Reversed())).ShouldBeOfType<Done>();
        (await ChangeAsync(new SchemaStep(SchemaAction.DropIndex, "mem\"bers_mail_key"))).ShouldBeOfType<Refused>().Message.ShouldContain("constraint");
    }

    /// <summary>Changes a print's title so many times, each in a transaction of its own, and back.</summary>
    private static async Task RetitleAsync(PostgresSystem system, int times)
    {
        for (var time = 0; time < times; time++)
        {
            var (before, after) = time % 2 == 0 ? ("boat", "other") : ("other", "boat");
            var write = new RowWrite { Table = "prints", Action = RowAction.Update, Key = Of(("id", 11)), Before = Of(("title", before)), After = Of(("title", after)) };
            (await system.WriteTogetherAsync([write], [], CancellationToken.None)).ShouldBeOfType<Done>();
        }
    }

    private string As(string role) => connection.Replace("Username=selfsame", $"Username={role}", StringComparison.Ordinal);

    /// <summary>Answers the start of every session as a server does to a wrong password, until the listener stops.</summary>
    private static async Task RefuseAsync(TcpListener server)
    {
        var fields = Encoding.UTF8.GetBytes("SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for user \"ann\"\0\0");
        byte[] refusal = [(byte)'E', 0, 0, 0, (byte)(fields.Length + 4), .. fields];
        var first = new byte[4096];
        while (true)
        {
            using var client = await server.AcceptTcpClientAsync();
            var stream = client.GetStream();

            // The questions for encryption have eight bytes: none.
            while (await stream.ReadAsync(first) == 8)
            {
                await stream.WriteAsync("N"u8.ToArray());
            }

            await stream.WriteAsync(refusal);
        }
    }
}
