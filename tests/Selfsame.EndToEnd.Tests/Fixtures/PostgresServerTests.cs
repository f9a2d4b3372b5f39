using Npgsql;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Fixtures;

[Trait("needs", "postgresql")]
public sealed class PostgresServerTests
{
    [Fact]
    public async Task Two_databases_of_the_shared_server_know_nothing_of_each_other()
    {
        var server = await PostgresServer.SharedAsync();
        var databases = await Task.WhenAll(server.CreateDatabaseAsync(), server.CreateDatabaseAsync());
        foreach (var database in databases)
        {
            await using var source = NpgsqlDataSource.Create(database);
            await using var create = source.CreateCommand("CREATE TABLE t (v text COLLATE \"und-x-icu\" PRIMARY KEY)");
            await create.ExecuteNonQueryAsync();
        }

        databases[0].ShouldNotBe(databases[1]);
    }

    [Fact]
    public async Task It_is_as_durable_as_asked_and_takes_200_connections()
    {
        await using var server = await PostgresServer.StartAsync(fsync: true);
        await using var source = NpgsqlDataSource.Create(server.ConnectionString("postgres"));
        await using var show = source.CreateCommand(
            "SELECT current_setting('fsync') || ' ' || current_setting('max_connections') || ' ' || current_setting('server_version_num')::int / 10000");
        (await show.ExecuteScalarAsync()).ShouldBe("on 200 15");
    }

    [Fact]
    public async Task Disposing_of_it_leaves_no_process()
    {
        var server = await PostgresServer.StartAsync();
        await server.DisposeAsync();
        Directory.Exists($"/proc/{server.ProcessId}").ShouldBeFalse();
    }
}
