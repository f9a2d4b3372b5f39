using Microsoft.Data.Sqlite;
using Npgsql;
using Selfsame.Connectors.MongoDb;
using Selfsame.Connectors.Postgres;
using Selfsame.Connectors.Sqlite;
using Selfsame.Contract.Tests.Connectors.MongoDb;
using Selfsame.Core.Accounts;
using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Connectors;

public sealed class SqliteAccountRecordTests : AccountRecordContract
{
    private readonly TemporaryFolder folder = new();

    protected override string Id => "id";

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        folder.Dispose();
    }

    protected override Task<IConnectedSystem> OpenAsync()
    {
        Scalar(
            """
            CREATE TABLE users (id text PRIMARY KEY, email text UNIQUE, code text);
            CREATE UNIQUE INDEX an_index_of_another_name ON users (code);
            CREATE TABLE verifications (sub text PRIMARY KEY REFERENCES users (id));
            CREATE TABLE handles (sub text PRIMARY KEY REFERENCES users (id), handle text, count integer)
            """);
        return Task.FromResult<IConnectedSystem>(
            new SqliteSystem(Config("sqlite", Id, ("connection", folder["app.db"]), ("table", "users")), TimeProvider.System, new SeededRandom(1)));
    }

    protected override Task<long> CountAsync(string table) => Task.FromResult((long)Scalar($"SELECT count(*) FROM {table}")!);

    protected override Task InsertOutsideAsync(string table, string id, string? code)
        => Task.FromResult(Scalar(table == "users" ? $"INSERT INTO users (id, code) VALUES ('{id}', {(code is null ? "NULL" : $"'{code}'")})" : $"INSERT INTO {table} (sub) VALUES ('{id}')"));

    protected override Task DropIndexAsync() => Task.FromResult(Scalar("DROP INDEX an_index_of_another_name"));

    private object? Scalar(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={folder["app.db"]};Pooling=False;Foreign Keys=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return command.ExecuteScalar();
    }
}

[Trait("needs", "postgresql")]
public sealed class PostgresAccountRecordTests : AccountRecordContract
{
    private string connection = "";

    protected override string Id => "id";

    protected override async Task<IConnectedSystem> OpenAsync()
    {
        connection = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync() + ";Pooling=false";
        await ScalarAsync(
            """
            CREATE TABLE users (id text PRIMARY KEY, email text UNIQUE, code text);
            CREATE UNIQUE INDEX an_index_of_another_name ON users (code);
            CREATE TABLE verifications (sub text PRIMARY KEY);
            CREATE TABLE handles (sub text PRIMARY KEY REFERENCES users (id), handle text, count bigint)
            """);
        return new PostgresSystem(Config("postgres", Id, ("connection", connection), ("table", "users")), TimeProvider.System, new SeededRandom(1));
    }

    protected override async Task<long> CountAsync(string table) => (long)(await ScalarAsync($"SELECT count(*) FROM {table}"))!;

    protected override Task InsertOutsideAsync(string table, string id, string? code)
        => ScalarAsync(table == "users" ? $"INSERT INTO users (id, code) VALUES ('{id}', {(code is null ? "NULL" : $"'{code}'")})" : $"INSERT INTO {table} (sub) VALUES ('{id}')");

    protected override Task DropIndexAsync() => ScalarAsync("DROP INDEX an_index_of_another_name");

    private async Task<object?> ScalarAsync(string sql)
    {
        await using var opened = new NpgsqlConnection(connection);
        await opened.OpenAsync();
        await using var command = new NpgsqlCommand(sql, opened);
        return await command.ExecuteScalarAsync();
    }
}

[Trait("needs", "node, libmongoc")]
public sealed class MongoDbAccountRecordTests() : MongoDbAccountRecordContract("5.0.0", replicaSet: true);

[Trait("needs", "node, libmongoc")]
public sealed class MongoDbAccountRecordWithoutTransactionsTests() : MongoDbAccountRecordContract("5.0.0", replicaSet: false)
{
    protected override bool HasTransactions => false;
}

public abstract class MongoDbAccountRecordContract(string version, bool replicaSet) : AccountRecordContract
{
    private MongoTestDatabase database = null!;

    protected override string Id => "_id";

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await database.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    protected override async Task<IConnectedSystem> OpenAsync()
    {
        database = await MongoTestDatabase.OnStandInAsync(version, replicaSet);
        await database.RunAsync("""{"create": "users"}""");
        await database.RunAsync(
            """
            {"createIndexes": "users", "indexes": [{"key": {"code": 1}, "name": "an_index_of_another_name", "unique": true, "sparse": true, "collation": {"locale": "en", "strength": 2}},
              {"key": {"email": 1}, "name": "email_1", "unique": true, "partialFilterExpression": {"email": {"$type": "string"}}}]}
            """);
        return new MongoDbSystem(
            Config("mongodb", Id, ("connection", database.ConnectionString), ("collection", "users"), ("database", database.Name)), TimeProvider.System, new SeededRandom(1));
    }

    protected override async Task<long> CountAsync(string table) => (await database.DocumentsAsync(table)).Count;

    protected override Task InsertOutsideAsync(string table, string id, string? code)
        => database.InsertAsync(table, table == "users" ? $$"""{"_id": "{{id}}"{{(code is null ? "" : $", \"code\": \"{code}\"")}}}""" : $$"""{"sub": "{{id}}"}""");

    protected override Task DropIndexAsync() => database.RunAsync("""{"dropIndexes": "users", "index": "an_index_of_another_name"}""");
}
