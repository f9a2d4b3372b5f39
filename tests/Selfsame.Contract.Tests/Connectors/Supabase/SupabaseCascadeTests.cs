using Npgsql;
using Selfsame.Connectors.Postgres;
using Selfsame.Connectors.Supabase;
using Selfsame.Core;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
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

    /// <summary>The changes that are planned where the application's table is right.</summary>
    private async Task<IReadOnlyList<Change>> PlanAsync(string database)
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
        await using var own = new PostgresSystem(app);
        await using var auth = Open(database: "app");
        var systems = new Dictionary<string, IConnectedSystem> { ["app"] = own, ["auth"] = auth };
        var topology = new Topology
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
        var audit = await new Auditor(topology, systems, IdentifierKeys.TryKey, TimeProvider.System, RandomSource.System).AuditAsync(_ => null, CancellationToken.None);
        return Planner.Plan(topology, audit.Pictures, audit.Findings, new PlanStamp(default, DateTimeOffset.UnixEpoch, "0", "rules", new SeededRandom(1))).Changes;
    }
}
