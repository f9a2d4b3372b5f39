using Npgsql;
using Selfsame.Connectors.Postgres;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Connectors;

/// <summary>What <c>doctor</c> asks PostgreSQL besides the privileges on each table, so that no audit, plan or apply fails where it said yes.</summary>
[Trait("needs", "postgresql")]
public sealed class PostgresPermissionTests
{
    private readonly string role = $"prober_{Guid.CreateVersion7():N}";

    // As on Supabase, where every table of an application has policies.
    [Fact]
    public async Task Row_security_on_a_table_that_refers_to_the_accounts_hides_rows_too()
    {
        var owner = await MakeAsync(
            "CREATE TABLE users (id uuid PRIMARY KEY, mail text); CREATE TABLE orders (id int PRIMARY KEY, buyer uuid REFERENCES users); CREATE TABLE notes (who uuid REFERENCES users); "
            + "ALTER TABLE orders ENABLE ROW LEVEL SECURITY");
        await using var system = Open(owner, role);

        var probe = await ProbeAsync(system, "see every row");
        (probe.Answer, probe.WhatToDo).ShouldBe((ProbeAnswer.No, $"Row security hides rows of orders from {role}: ALTER ROLE \"{role}\" BYPASSRLS"));
        var places = await system.FindPlacesAsync([], CancellationToken.None);
        await Should.ThrowAsync<SystemUnavailableException>(system.ReadReferringAsync(places, [.. (await system.ReadEverythingAsync("app", null, CancellationToken.None)).Accounts], CancellationToken.None));

        await SqlAsync(owner, $"ALTER ROLE {role} BYPASSRLS");
        (await ProbeAsync(system, "see every row")).Answer.ShouldBe(ProbeAnswer.Yes);
    }

    [Theory]
    [InlineData("id bigserial PRIMARY KEY")]
    [InlineData("id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY")]
    public async Task Numbers_for_new_accounts_are_asked_about_with_the_grant_that_is_missing(string id)
    {
        var owner = await MakeAsync($"CREATE TABLE users ({id}, mail text)");
        await using var system = Open(owner, role);

        var probe = await ProbeAsync(system, "number new accounts");
        (probe.Answer, probe.WhatToDo).ShouldBe((ProbeAnswer.No, $"Numbers for new accounts come from users_id_seq. An owner must run: GRANT USAGE ON SEQUENCE users_id_seq TO {role};"));

        await SqlAsync(owner, $"GRANT USAGE ON SEQUENCE users_id_seq TO {role}");
        (await ProbeAsync(system, "number new accounts")).Answer.ShouldBe(ProbeAnswer.Yes);
        (await system.TakeNumbersAsync(1, CancellationToken.None)).Count.ShouldBe(1);
    }

    [Fact]
    public async Task Where_nothing_numbers_accounts_nothing_is_asked()
    {
        await using var system = Open(await MakeAsync("CREATE TABLE users (id uuid PRIMARY KEY, mail text)"), role);

        (await system.ProbeAsync(CancellationToken.None)).ShouldNotContain(probe => probe.Name == "number new accounts");
    }

    private async Task<string> MakeAsync(string tables)
    {
        var owner = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync() + ";Pooling=false";
        await SqlAsync(owner, $"{tables}; CREATE ROLE {role} LOGIN; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}");
        if (tables.Contains("orders", StringComparison.Ordinal))
        {
            await SqlAsync(owner, "INSERT INTO users VALUES (gen_random_uuid(), 'ann@example.org'); INSERT INTO orders SELECT 1, id FROM users");
        }

        return owner;
    }

    private static async Task SqlAsync(string connection, string sql)
    {
        await using var source = NpgsqlDataSource.Create(connection);
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    private static async Task<PermissionProbe> ProbeAsync(PostgresSystem system, string name)
        => (await system.ProbeAsync(CancellationToken.None)).Single(probe => probe.Name == name);

    private static PostgresSystem Open(string owner, string role) => new(new SystemConfig
    {
        Name = "app",
        Connector = "postgres",
        Settings = new Dictionary<string, string> { ["connection"] = new NpgsqlConnectionStringBuilder(owner) { Username = role }.ToString(), ["table"] = "users" },
        Mapping = new AccountMapping
        {
            Id = ["id"],
            Identifiers = new Dictionary<IdentifierKind, string> { [IdentifierKind.Email] = "mail" },
            Attributes = new Dictionary<string, AttributeMapping>(),
        },
    });
}
