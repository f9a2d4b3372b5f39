using Npgsql;
using Selfsame.Core;
using Selfsame.Databases;
using Selfsame.Store;
using Selfsame.Store.Audit;
using Selfsame.Store.Operations;
using Selfsame.Store.Schema;
using Selfsame.Store.Users;
using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Store;

public sealed class OperationsOnSqliteFileTests() : OperationsTests(Backend.SqliteFile)
{
    [Fact]
    public async Task A_second_process_on_the_file_sees_and_keeps_the_same_users()
    {
        await using var store = await TestStore.CreateAsync(Backend.SqliteFile);
        await store.CreateAsync("anna", "anna@example.org");
        await using var other = store.OpenAgain();

        var results = await TestStore.InParallelAsync(40, index => (index % 2 == 0 ? store : other).SignUpAsync($"user{index / 2}", "bert@example.org"));

        results.OfType<SignUpResult.Created>().Count().ShouldBe(1);
        (await other.SignUpAsync("ANNA", "anna@example.org")).ShouldBeOfType<SignUpResult.Taken>().Fields.Count.ShouldBe(2);
        await StoreInvariants.CheckAsync(other.Database, TestStore.Cancellation);
    }
}

public sealed class OperationsInSqliteMemoryTests() : OperationsTests(Backend.SqliteMemory);

[Trait("needs", "postgresql")]
public sealed class OperationsOnPostgreSqlTests() : OperationsTests(Backend.PostgreSql)
{
    // docs/database.md, PostgreSQL rights. And pg_dump holds ACCESS SHARE on every table to its end.
    [Fact]
    public async Task Between_upgrades_a_role_that_may_create_nothing_starts_also_while_a_backup_reads()
    {
        var server = await PostgresServer.SharedAsync();
        var owner = await server.CreateDatabaseAsync(TestStore.Cancellation);
        await using var database = Open(owner, TimeSpan.FromSeconds(30));
        (await StoreSchema.MigrateAsync(database, TestStore.Cancellation)).ShouldNotBeEmpty();
        var role = $"serving_{new NpgsqlConnectionStringBuilder(owner).Database}";
        await database.TransactAsync(
            transaction => transaction.ExecuteAsync($"CREATE ROLE {role} LOGIN; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}"), TestStore.Cancellation);
        await using var serving = Open(new NpgsqlConnectionStringBuilder(owner) { Username = role }.ToString(), TimeSpan.FromSeconds(1));
        await using var backup = new NpgsqlConnection($"{owner};Pooling=false");
        await backup.OpenAsync(TestStore.Cancellation);
        await using var reading = await backup.BeginTransactionAsync(TestStore.Cancellation);
        await using var dump = new NpgsqlCommand("LOCK TABLE schema_migrations, users IN ACCESS SHARE MODE", backup, reading);
        await dump.ExecuteNonQueryAsync(TestStore.Cancellation);

        (await StoreSchema.MigrateAsync(serving, TestStore.Cancellation)).ShouldBeEmpty();

        (await Should.ThrowAsync<PostgresException>(() => serving.TransactAsync(transaction => transaction.ExecuteAsync("CREATE TABLE more (id bigint)"), TestStore.Cancellation)))
            .SqlState.ShouldBe(PostgresErrorCodes.InsufficientPrivilege);
    }

    [Fact]
    public async Task Beside_another_programs_tables_a_schema_of_its_own_is_all_that_it_needs()
    {
        await using var store = await TestStore.CreateEmptyAsync(Backend.PostgreSql);
        var connection = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync(TestStore.Cancellation);
        await using var application = Open(connection, TimeSpan.FromSeconds(5));
        // Not named as the role is: such a schema comes first on everybody's search path.
        await application.TransactAsync(
            transaction => transaction.ExecuteAsync($"{RailsSchema}; CREATE SCHEMA accounts"), TestStore.Cancellation);
        (await Should.ThrowAsync<InvalidOperationException>(() => StoreSchema.MigrateAsync(application, TestStore.Cancellation))).Message.ShouldContain("'Search Path=selfsame'");

        await using var beside = Open($"{connection};Search Path=accounts", TimeSpan.FromSeconds(5));
        await using var before = Open($"{connection};Search Path=\"accounts,public\"", TimeSpan.FromSeconds(5));
        (await StoreSchema.MigrateAsync(before, TestStore.Cancellation)).ShouldNotBeEmpty();
        (await StoreSchema.MigrateAsync(beside, TestStore.Cancellation)).ShouldBeEmpty();

        var made = await new SignUp(store.Context with { Database = beside }).ExecuteAsync(TestStore.Request("anna", "anna@example.org"), TestStore.Cancellation);
        made.ShouldBeOfType<SignUpResult.Created>();
        await StoreInvariants.CheckAsync(before, TestStore.Cancellation);
        (await application.ReadAsync(transaction => transaction.ScalarAsync<long>("SELECT count(*) FROM users"), TestStore.Cancellation)).ShouldBe(0);
    }

    private static Database Open(string connection, TimeSpan lockTimeout)
        => Database.Open(connection, new DatabaseOptions { LockTimeout = lockTimeout }, TimeProvider.System, RandomSource.System);
}

public abstract class OperationsTests(Backend backend)
{
    [Fact]
    public async Task Of_the_links_for_the_first_administrator_the_newest_is_good_in_its_own_tenant()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var first = new FirstAdministrator(store.Context);
        var old = (await first.IssueAsync(TestStore.Tenant, TestStore.Cancellation))!;
        var token = (await first.IssueAsync(TestStore.Tenant, TestStore.Cancellation))!;

        (await first.IsGoodAsync(TestStore.Tenant, old, TestStore.Cancellation)).ShouldBeFalse();
        (await first.IsGoodAsync(TestStore.Tenant, token, TestStore.Cancellation)).ShouldBeTrue();
        (await first.IsGoodAsync("second", token, TestStore.Cancellation)).ShouldBeFalse();
    }

    [Fact]
    public async Task Of_links_that_two_nodes_issued_at_once_one_makes_an_administrator()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var first = new FirstAdministrator(store.Context);
        await TestStore.InParallelAsync(8, _ => first.IssueAsync(TestStore.Tenant, TestStore.Cancellation));

        var results = await TestStore.InParallelAsync(16, index => index % 4 == 0
            ? IssueAsync(first)
            : store.SignUpAsync(SetupForm($"root{index}")));

        results.OfType<SignUpResult.Created>().Count().ShouldBe(1);
        (await store.CountAsync("users", "is_superuser")).ShouldBe(1);

        static async Task<SignUpResult> IssueAsync(FirstAdministrator first)
        {
            await first.IssueAsync(TestStore.Tenant, TestStore.Cancellation);
            return new SignUpResult.Busy();
        }
    }

    private static SignUpRequest SetupForm(string username)
        => TestStore.Request(TestStore.Form(username, null) with { Administrator = new AdministratorFields { IsSuperuser = true } }) with { Call = FirstAdministrator.Call(username) };

    // Within a day the call's record would answer that somebody was made, and make nobody.
    [Fact]
    public async Task Who_deletes_the_first_administrator_gets_a_link_that_makes_another()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var first = new FirstAdministrator(store.Context);
        await first.IssueAsync(TestStore.Tenant, TestStore.Cancellation);
        foreach (var name in new[] { "mistyped", "mistyped2", "right" })
        {
            var made = (await store.SignUpAsync(SetupForm(name))).ShouldBeOfType<SignUpResult.Created>();
            made.IsReplay.ShouldBeFalse();
            (await store.SignUpAsync(SetupForm("other"))).ShouldBeOfType<SignUpResult.KeyReused>();
            await new UserAdministration(store.Context).DeleteAsync(TestStore.Tenant, made.User.Uuid, null, Actor.CommandLine, TestStore.Cancellation);
            await first.IssueAsync(TestStore.Tenant, TestStore.Cancellation);
        }
    }

    [Fact]
    public async Task Once_there_is_an_administrator_there_is_no_link()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var first = new FirstAdministrator(store.Context);
        var token = (await first.IssueAsync(TestStore.Tenant, TestStore.Cancellation))!;
        await store.CreateAsync(TestStore.Request(TestStore.Form("root", null) with { Administrator = new AdministratorFields { IsSuperuser = true } }));

        (await first.IssueAsync(TestStore.Tenant, TestStore.Cancellation)).ShouldBeNull();
        (await first.IsGoodAsync(TestStore.Tenant, token, TestStore.Cancellation)).ShouldBeFalse();
    }

    [Fact]
    public async Task An_administrator_who_cannot_sign_in_is_none()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var first = new FirstAdministrator(store.Context);
        await store.CreateAsync(TestStore.Request(TestStore.Form("unreachable", null, null) with { Administrator = new AdministratorFields { IsSuperuser = true } }));
        await first.IssueAsync(TestStore.Tenant, TestStore.Cancellation);
        var made = (await store.SignUpAsync(SetupForm("root"))).ShouldBeOfType<SignUpResult.Created>();
        (await first.IssueAsync(TestStore.Tenant, TestStore.Cancellation)).ShouldBeNull();

        await new UserAdministration(store.Context).SetActiveAsync(TestStore.Tenant, made.User.Uuid, false, Actor.CommandLine, TestStore.Cancellation);

        var token = (await first.IssueAsync(TestStore.Tenant, TestStore.Cancellation)).ShouldNotBeNull();
        (await first.IsGoodAsync(TestStore.Tenant, token, TestStore.Cancellation)).ShouldBeTrue();
        (await store.SignUpAsync(SetupForm("other"))).ShouldBeOfType<SignUpResult.Created>();
        (await first.IsGoodAsync(TestStore.Tenant, token, TestStore.Cancellation)).ShouldBeFalse();
    }

    [Fact]
    public async Task The_link_ends_after_a_day()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var first = new FirstAdministrator(store.Context);
        var token = (await first.IssueAsync(TestStore.Tenant, TestStore.Cancellation))!;
        store.Clock.Advance(TimeSpan.FromDays(1));

        (await first.IsGoodAsync(TestStore.Tenant, token, TestStore.Cancellation)).ShouldBeFalse();
    }

    [Fact]
    public async Task A_node_with_another_secret_is_refused_with_what_to_do()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await ServerIdentity.CheckAsync(store.Context, TestStore.Cancellation);
        await ServerIdentity.CheckAsync(store.Context, TestStore.Cancellation);
        var other = store.Context with { Secrets = new SecretKeys(Enumerable.Repeat((byte)1, 32).ToArray(), store.Context.Random) };

        (await Should.ThrowAsync<InvalidOperationException>(() => ServerIdentity.CheckAsync(other, TestStore.Cancellation))).Message.ShouldContain("SELFSAME_SECRET_KEY");
    }

    [Fact]
    public async Task The_schema_is_applied_once()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateAsync("anna", "anna@example.org");

        (await StoreSchema.MigrateAsync(store.Database, TestStore.Cancellation)).ShouldBeEmpty();
        (await TestStore.InParallelAsync(5, _ => StoreSchema.MigrateAsync(store.Database, TestStore.Cancellation))).ShouldAllBe(applied => applied.Count == 0);
        (await store.CountAsync("users")).ShouldBe(1);
    }

    [Fact]
    public async Task A_file_of_the_schema_that_came_after_a_later_one_is_applied_all_the_same()
    {
        await using var store = await TestStore.CreateAsync(backend);
        const string earlier = "014-provisioning-addresses.sql";
        await store.Database.TransactAsync(
            transaction => transaction.ExecuteAsync("DROP TABLE provisioning_addresses; DELETE FROM schema_migrations WHERE name = @earlier;", new { earlier }), TestStore.Cancellation);
        (await StoreSchema.IsPresentAsync(store.Database, TestStore.Cancellation)).ShouldBeFalse();

        (await StoreSchema.MigrateAsync(store.Database, TestStore.Cancellation)).ShouldBe([earlier]);

        (await store.CountAsync("provisioning_addresses")).ShouldBe(0);
    }

    [Fact]
    public async Task Whoever_was_linked_before_addresses_were_held_is_looked_at_once_after_the_upgrade_and_our_own_users_are_not()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var anna = await store.CreateAsync("anna", "anna@example.org");
        foreach (var account in new[] { "auth0|1", anna.Uuid.ToString("D") })
        {
            await store.ExecuteAsync(
                """
                INSERT INTO provisioning (source, source_id, system, state, epoch, asked, lane, target_id, disabled, attempts, not_before, forget, created_at, updated_at)
                VALUES ('people', @account, 'app', 'Linked', 1, 0, 'Interactive', '1', @no, 3, @now, @no, @now, @now)
                """,
                new { account, no = false, now = store.Context.Now() });
        }

        await store.ExecuteAsync("DELETE FROM schema_migrations WHERE name = '016-addresses-beside.sql'");
        await store.ExecuteAsync("ALTER TABLE provisioning_addresses DROP COLUMN beside");

        await StoreSchema.MigrateAsync(store.Database, TestStore.Cancellation);
        await StoreSchema.MigrateAsync(store.Database, TestStore.Cancellation);

        (await store.CountAsync("provisioning", "due_because IS NOT NULL AND asked = 1 AND attempts = 0 AND lane = 'Backfill' AND source_id = 'auth0|1'")).ShouldBe(1);
        (await store.CountAsync("provisioning", "due_because IS NULL AND asked = 0")).ShouldBe(1);
    }

    [Fact]
    public async Task Nodes_that_start_at_once_on_an_empty_database_apply_it_once()
    {
        await using var empty = await TestStore.CreateEmptyAsync(backend);

        var applied = await TestStore.InParallelAsync(8, _ => StoreSchema.MigrateAsync(empty.Database, TestStore.Cancellation));

        applied.Count(names => names.Count > 0).ShouldBe(1);
        await empty.CreateAsync("anna", "anna@example.org");
        await empty.CheckInvariantsAsync();
    }

    /// <summary>As Rails makes it: both names are ours, too.</summary>
    protected const string RailsSchema =
        "CREATE TABLE schema_migrations (version varchar(255) NOT NULL PRIMARY KEY); CREATE TABLE users (id bigint PRIMARY KEY, email varchar(255) NOT NULL)";

    [Theory]
    [InlineData(RailsSchema, "a table of another program, schema_migrations,")]
    [InlineData("CREATE TABLE schema_migrations (version bigint PRIMARY KEY, inserted_at text); INSERT INTO schema_migrations (version) VALUES (1)", "a table of another program, schema_migrations,")]
    [InlineData("CREATE TABLE users (id bigint PRIMARY KEY); CREATE TABLE sessions (id bigint PRIMARY KEY); CREATE TABLE posts (id bigint)", "tables of another program, sessions, users,")]
    [InlineData("CREATE VIEW runs AS SELECT 1 AS id", "a table of another program, runs,")]
    public async Task A_database_that_is_another_programs_is_refused_with_what_to_do_and_left_as_it_is(string schema, string told)
    {
        await using var store = await TestStore.CreateEmptyAsync(backend);
        await store.ExecuteAsync(schema);
        var before = await TablesAsync(store);

        var refused = await Should.ThrowAsync<InvalidOperationException>(() => StoreSchema.MigrateAsync(store.Database, TestStore.Cancellation));

        refused.Message.ShouldContain(told);
        refused.Message.ShouldContain("a database of its own");
        (await TablesAsync(store)).ShouldBe(before);
    }

    private static Task<List<string>> TablesAsync(TestStore store) => store.QueryAsync<string>(store.Database.Dialect == Dialect.Sqlite
        ? "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY 1"
        : "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v') ORDER BY 1");

    [Fact]
    public async Task Housekeeping_removes_what_has_run_out_and_nothing_else()
    {
        await using var store = await TestStore.CreateAsync(
            backend, new TestStoreOptions { Tenant = TestStore.Unlimited with { SignUpLimit = new RateLimit("sign-up", 5, TimeSpan.FromHours(1)) } });
        var gone = await store.CreateAsync(TestStore.Request("gone", "gone@example.org") with { Call = TestStore.Call("k1"), RateLimitSubject = "192.0.2.1" });
        await store.SignUpAsync("gone", "other@example.org");
        await store.SignInAsync("nobody", "wrong");
        await store.TakeMailsAsync();
        await new UserAdministration(store.Context).DeleteAsync(TestStore.Tenant, gone.Uuid, null, Actor.CommandLine, TestStore.Cancellation);
        store.Clock.Advance(TimeSpan.FromDays(31));
        var stays = await store.CreateAsync(TestStore.Request("stays", "stays@example.org") with { Call = TestStore.Call("k2"), RateLimitSubject = "192.0.2.2" });
        await store.SignUpAsync("stays", "other@example.org");
        await store.SignInAsync("nobody else", "wrong");
        await store.SignedInAsync("stays");

        await new Housekeeping(store.Context).ExecuteAsync(TestStore.Cancellation);

        foreach (var (table, rows) in new[]
        {
            ("users", 1), ("sessions", 1), ("link_tokens", 1), ("mails", 1), ("idempotency_records", 1), ("rate_limits", 1), ("identifier_conflicts", 1),
        })
        {
            (await store.CountAsync(table)).ShouldBe(rows, table);
        }

        (await store.CountAsync("sign_in_attempts", $"updated_at IS NOT NULL")).ShouldBeInRange(1, 3);
        (await store.ReadAsync(stays.Uuid)).Username.ShouldBe("stays");
        await store.CheckInvariantsAsync();
    }

    // docs/decisions/0002: hashes of where a person signs in from are not kept for longer than they are of use.
    [Fact]
    public async Task A_browser_that_was_known_is_forgotten_after_180_days()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateAsync("anna", "anna@example.org");
        await store.SignedInAsync("anna", TestStore.Password, TestStore.From("192.0.2.1", "a browser"));
        store.Clock.Advance(TimeSpan.FromDays(100));
        await store.SignedInAsync("anna", TestStore.Password, TestStore.From("192.0.2.1", "another browser"));
        store.Clock.Advance(TimeSpan.FromDays(80));

        await new Housekeeping(store.Context).ExecuteAsync(TestStore.Cancellation);

        (await store.CountAsync("known_sources")).ShouldBe(2, "the network and the second browser");
    }

    // Credential stuffing leaves millions of rows: one statement over all of them would end in a timeout, each time with more to do.
    [Fact]
    public async Task Housekeeping_deletes_in_portions_until_nothing_is_left()
    {
        var commits = new CountedCommits();
        await using var store = await TestStore.CreateAsync(backend, new TestStoreOptions { Faults = commits });
        var start = commits.Count;
        await new Housekeeping(store.Context).ExecuteAsync(TestStore.Cancellation);
        var ofNothing = commits.Count - start;
        await store.ExecuteAsync(
            """
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000)
            INSERT INTO rate_limits (tenant, name, subject, window_started_at, used) SELECT 'main', 'sign-in', CAST(i AS text), @at, 1 FROM n
            """,
            new { at = store.Context.Now() });
        store.Clock.Advance(TimeSpan.FromDays(3));
        start = commits.Count;

        await new Housekeeping(store.Context).ExecuteAsync(TestStore.Cancellation);

        (await store.CountAsync("rate_limits")).ShouldBe(0);
        (commits.Count - start - ofNothing).ShouldBe(3, "5000, 5000 and 2000 rows");
    }

    [Fact]
    public async Task What_housekeeping_cannot_clean_is_named_and_starves_nothing_else()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateAsync("anna", "anna@example.org");
        await store.TakeMailsAsync();
        await store.ExecuteAsync("ALTER TABLE rate_limits RENAME TO elsewhere");
        store.Clock.Advance(TimeSpan.FromDays(31));

        (await Should.ThrowAsync<AggregateException>(() => new Housekeeping(store.Context).ExecuteAsync(TestStore.Cancellation))).Message.ShouldContain("rate_limits");

        (await store.CountAsync("mails")).ShouldBe(0);
    }

    private sealed class CountedCommits : TransactionFaults
    {
        public int Count { get; private set; }

        public override void AfterCommit() => Count++;
    }
}
