using Microsoft.Data.Sqlite;
using Npgsql;
using Selfsame.Connectors.Postgres;
using Selfsame.Connectors.Sqlite;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Databases;
using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Connectors;

/// <summary>What the config names under <c>references</c> is probed before a merge needs it: whether it is there, and whether we may move what stands there.</summary>
public sealed class DeclaredReferenceProbeTests
{
    private static readonly ReferencePlace[] Declared =
    [
        Place("logs", "who"), Place("logs", "whoo"), Place("lost", "who"), Place("posts", "member"),
    ];

    [Fact]
    public async Task In_SQLite_a_misspelt_table_or_column_is_told_and_what_refers_is_moved_by_whoever_may_write_the_file()
    {
        SqliteLibrary.EnsureLoaded();
        using var folder = new TemporaryFolder();
        using (var connection = new SqliteConnection($"Data Source={folder["app.db"]};Pooling=False"))
        {
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = "CREATE TABLE users (id integer PRIMARY KEY, mail text); CREATE TABLE logs (who integer); CREATE TABLE posts (member integer REFERENCES users)";
            command.ExecuteNonQuery();
        }

        var probes = await new SqliteSystem(Config("sqlite", folder["app.db"])).ProbeAsync(CancellationToken.None);

        Told(probes).ShouldBe(["move references in posts: Yes", "move references in logs: Yes", "references at logs.whoo: No", "references at lost.who: No"]);
        probes[^2].WhatToDo.ShouldBe("'references' names the column 'whoo' of 'logs', which is not there. It has: who. Correct 'references' in the config.");
        probes[^1].WhatToDo.ShouldBe("'references' names the table 'lost', which is not there. Correct 'references' in the config.");
    }

    [Fact]
    [Trait("needs", "postgresql")]
    public async Task In_PostgreSQL_each_table_that_the_config_names_is_probed_and_what_is_misspelt_is_told()
    {
        var owner = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync() + ";Pooling=false";
        var role = $"reader_{Guid.CreateVersion7():N}";
        await using (var source = NpgsqlDataSource.Create(owner))
        {
            await using var command = source.CreateCommand(
                $"""
                CREATE TABLE users (id bigint PRIMARY KEY, mail text); CREATE TABLE logs (who bigint); CREATE TABLE posts (member bigint REFERENCES users);
                CREATE ROLE {role} LOGIN; GRANT SELECT ON users TO {role}; GRANT SELECT, UPDATE, DELETE ON posts TO {role}; GRANT SELECT ON logs TO {role}
                """);
            await command.ExecuteNonQueryAsync();
        }

        await using var system = new PostgresSystem(Config("postgres", new NpgsqlConnectionStringBuilder(owner) { Username = role }.ToString()));
        var probes = await system.ProbeAsync(CancellationToken.None);

        Told(probes).ShouldBe(["move references in posts: Yes", "move references in logs: No", "references at logs.whoo: No", "references at lost.who: No"]);
        probes.Single(probe => probe.Name == "move references in logs").WhatToDo.ShouldBe($"GRANT UPDATE, DELETE ON \"logs\" TO \"{role}\"");
        probes[^2].WhatToDo.ShouldBe("'references' names the column 'whoo' of 'logs', which is not there. It has: who. Correct 'references' in the config.");
    }

    private static ReferencePlace Place(string table, string field) => new() { Table = table, Fields = [field], AccountFields = ["id"] };

    private static IEnumerable<string> Told(IReadOnlyList<PermissionProbe> probes)
        => probes.Where(probe => probe.Name.Contains("references", StringComparison.Ordinal)).Select(probe => $"{probe.Name}: {probe.Answer}");

    private static SystemConfig Config(string connector, string connection) => new()
    {
        Name = "app",
        Connector = connector,
        Settings = new Dictionary<string, string> { ["connection"] = connection, ["table"] = "users" },
        Mapping = new AccountMapping
        {
            Id = ["id"],
            Identifiers = new Dictionary<IdentifierKind, string> { [IdentifierKind.Email] = "mail" },
            Attributes = new Dictionary<string, AttributeMapping>(),
        },
        References = Declared,
    };
}
