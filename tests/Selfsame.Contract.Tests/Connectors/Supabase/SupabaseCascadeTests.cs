using Npgsql;
using Selfsame.Connectors.Postgres;
using Selfsame.Connectors.Supabase;
using Selfsame.Core;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Databases;
using Selfsame.Store;
using Selfsame.Store.Runs;
using Selfsame.Store.Schema;
using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Connectors.Supabase;

/// <summary>What the deletion of a user takes along in the application's own tables: the API does not tell, the database that the config names does.</summary>
[Trait("needs", "postgresql")]
public sealed class SupabaseCascadeTests : SupabaseProject
{
    [Fact]
    public async Task A_deletion_lists_the_rows_that_go_along_by_table_and_number()
    {
        await MakeTablesAsync();

        var deletion = (await PlanAsync(Connection)).ShouldHaveSingleItem();

        (deletion.Account, deletion.Reversible).ShouldBe((Id(2), false));
        deletion.Effects.Skip(1).ShouldBe(
        [
            "Rows of your own tables that refer to auth.users with ON DELETE CASCADE or SET NULL are deleted or changed too.",
            "2 rows of posts that refer to the account by author are deleted with it.",
            "1 row of reviews loses its reference to the account (reviewer).",
            "Rows of comments that refer by post to rows of posts deleted so are deleted too.",
        ]);
        deletion.TakesAlong!.Select(taken => (taken.Place, taken.Rows)).ShouldBe([("comments.post", null), ("posts.author", 2), ("reviews.reviewer", 1)], ignoreOrder: true);
    }

    // Promise 6: 49 posts that came after the plan was read went with the user, and so did a table's that was made since.
    [Theory]
    [InlineData("INSERT INTO posts VALUES (4, '{2}')", "posts.author (3 rows, 2 in the plan)")]
    [InlineData("CREATE TABLE invoices (author uuid REFERENCES auth.users ON DELETE CASCADE); INSERT INTO invoices VALUES ('{2}')", "invoices.author (1 row, 0 in the plan)")]
    [InlineData("CREATE TABLE likes (post int REFERENCES posts ON DELETE CASCADE)", "likes.post (how many rows can't be told, 0 in the plan)")]
    public async Task A_deletion_takes_no_more_along_than_the_plan_says(string meanwhile, string said)
    {
        await MakeTablesAsync();
        await using var repair = new Repair(this, Connection);
        var plan = await repair.PlanAsync();
        await SqlAsync(meanwhile.Replace("{2}", $"{Id(2)}", StringComparison.Ordinal));

        var report = await repair.ApplyAsync(PlanJson.Read(PlanJson.Write(plan)).Plan!);

        report.Skipped.ShouldHaveSingleItem().Message.ShouldBe($"More would go along with it than the plan says: {said}. Plan again.");
        (await SqlAsync("SELECT count(*) FROM auth.users")).ShouldBe(2L);
        (await repair.ApplyAsync(await repair.PlanAsync())).IsComplete.ShouldBeTrue();
        (await SqlAsync("SELECT (SELECT count(*) FROM auth.users) + (SELECT count(*) FROM posts)")).ShouldBe(2L);
    }

    [Fact]
    public async Task A_deletion_that_takes_fewer_rows_along_is_made()
    {
        await MakeTablesAsync();
        await using var repair = new Repair(this, Connection);
        var plan = await repair.PlanAsync();
        await SqlAsync("DELETE FROM posts WHERE id = 2; UPDATE reviews SET reviewer = NULL; INSERT INTO comments VALUES (1)");

        (await repair.ApplyAsync(plan)).IsComplete.ShouldBeTrue();

        (await SqlAsync("SELECT count(*) FROM auth.users")).ShouldBe(1L);
    }

    [Fact]
    public async Task Rows_that_our_role_does_not_see_are_not_told_as_none()
    {
        await MakeTablesAsync();
        var role = $"reader_{Guid.CreateVersion7():N}";
        await SqlAsync($"CREATE ROLE {role} LOGIN; GRANT SELECT ON profiles, reviews TO {role}; GRANT USAGE ON SCHEMA auth TO {role}; ALTER TABLE reviews ENABLE ROW LEVEL SECURITY");

        var effects = (await PlanAsync(new NpgsqlConnectionStringBuilder(Connection) { Username = role, Pooling = false }.ToString())).ShouldHaveSingleItem().Effects;

        effects.ShouldContain("Rows of posts that refer to the account by author are deleted with it. How many can't be told: 'app' sees not all rows of posts (GRANT SELECT, BYPASSRLS).");
        effects.ShouldContain("reviews.reviewer loses its reference to the account. How many can't be told: 'app' sees not all rows of reviews (GRANT SELECT, BYPASSRLS).");
    }

    [Fact]
    public async Task A_database_that_is_none_of_Supabase_ends_the_audit_and_says_so()
    {
        await MakeTablesAsync();
        var other = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();
        await using (var source = NpgsqlDataSource.Create(other))
        {
            await using var command = source.CreateCommand($"CREATE TABLE profiles (id uuid PRIMARY KEY, email text); INSERT INTO profiles VALUES ('{Id(1)}', 'user1@example.org')");
            await command.ExecuteNonQueryAsync();
        }

        (await Should.ThrowAsync<SystemUnavailableException>(PlanAsync(other))).Message.ShouldContain("its database has no auth.users");
    }

    private async Task MakeTablesAsync()
    {
        await FillAsync(2);
        await SqlAsync(
            $"""
            CREATE TABLE profiles (id uuid PRIMARY KEY, email text);
            CREATE TABLE posts (id int PRIMARY KEY, author uuid REFERENCES auth.users ON DELETE CASCADE);
            CREATE TABLE comments (post int REFERENCES posts ON DELETE CASCADE);
            CREATE TABLE reviews (reviewer uuid REFERENCES auth.users ON DELETE SET NULL);
            INSERT INTO profiles VALUES ('{Id(1)}', 'user1@example.org');
            INSERT INTO posts VALUES (1, '{Id(2)}'), (2, '{Id(2)}'), (3, '{Id(1)}');
            INSERT INTO reviews VALUES ('{Id(2)}');
            """);
    }

    private async Task<IReadOnlyList<Change>> PlanAsync(string database)
    {
        await using var repair = new Repair(this, database);
        return (await repair.PlanAsync()).Changes;
    }

    /// <summary>The users of the project as orphans of the application's table, which is right.</summary>
    private sealed class Repair : IAsyncDisposable
    {
        private readonly Database store = SqliteDatabase.InMemory(new DatabaseOptions(), TimeProvider.System, RandomSource.System);
        private readonly Dictionary<string, IConnectedSystem> systems;
        private readonly Topology topology;
        private bool migrated;

        public Repair(SupabaseCascadeTests tests, string database)
        {
            var app = new SystemConfig
            {
                Name = "app",
                Connector = "postgres",
                Settings = new Dictionary<string, string> { ["connection"] = database, ["table"] = "profiles" },
                Mapping = new AccountMapping
                {
                    Id = ["id"],
                    Identifiers = new Dictionary<IdentifierKind, string> { [IdentifierKind.Email] = "email" },
                    Attributes = new Dictionary<string, AttributeMapping>(),
                },
            };
            systems = new Dictionary<string, IConnectedSystem> { ["app"] = new PostgresSystem(app), ["auth"] = tests.Open(database: "app") };
            topology = new Topology
            {
                Systems = new Dictionary<string, SystemConfig>
                {
                    ["app"] = app,
                    ["auth"] = new() { Name = "auth", Connector = "supabase", Settings = new Dictionary<string, string>(), Mapping = SupabaseSystem.Kind.FixedMapping!, Database = "app" },
                },
                Rules = [new ReconcileRule { Source = "app", Target = "auth", Correlate = [CorrelationRule.ById], Orphan = OrphanAction.DeleteInTarget }],
                Tenants = new Dictionary<string, TenantConfig>(),
                Fingerprint = "fingerprint",
                MinimumAge = TimeSpan.Zero,
            };
        }

        public async ValueTask DisposeAsync()
        {
            await store.DisposeAsync();
            foreach (var system in systems.Values)
            {
                await system.DisposeAsync();
            }
        }

        public async Task<Plan> PlanAsync()
        {
            var audit = await new Auditor(topology, systems, IdentifierKeys.TryKey, TimeProvider.System, RandomSource.System).AuditAsync(_ => null, CancellationToken.None);
            return Planner.Plan(topology, audit.Pictures, audit.Findings, new PlanStamp(Guid.NewGuid(), DateTimeOffset.UnixEpoch, "0", "rules", new SeededRandom(1)));
        }

        public async Task<ApplyReport> ApplyAsync(Plan plan)
        {
            if (!migrated)
            {
                await StoreSchema.MigrateAsync(store);
                migrated = true;
            }

            var journal = new RunJournal(store, new SecretKeys(new byte[32], RandomSource.System), TimeProvider.System, LeaseHolder.Current);
            return (await new Applier(topology, systems, journal, TimeProvider.System, CrashPoints.None).ApplyAsync(plan, null, CancellationToken.None)).ShouldBeOfType<ApplyReport>();
        }
    }
}
