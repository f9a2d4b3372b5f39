using Npgsql;
using Selfsame.Connectors.Postgres;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Connectors;

[Trait("needs", "postgresql")]
public sealed partial class PostgresConnectorTests : WritingTogetherContract
{
    private const string Table = "mem\"bers";

    private string connection = "";

    protected override string AccountsTable => Table;

    protected override async Task<IConnectedSystem> OpenAsync()
    {
        connection = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync() + ";Pooling=false";
        await ExecuteAsync(
            """
            CREATE TABLE "mem""bers" (id text PRIMARY KEY, login text, mail varchar(200) UNIQUE, name text, seen bigint);
            CREATE UNIQUE INDEX partly ON "mem""bers" (login) WHERE seen IS NOT NULL;
            CREATE TABLE prints (id integer PRIMARY KEY, owner text REFERENCES "mem""bers", title text);
            CREATE TABLE memberships (club text, member text REFERENCES "mem""bers" (id), since integer, PRIMARY KEY (club, member));
            CREATE TABLE notes (body text, author text)
            """);
        return Open();
    }

    protected override Task ChangeOutsideAsync(string id, string field, string value)
        => ExecuteAsync($"UPDATE \"mem\"\"bers\" SET {field} = '{value}' WHERE id = '{id}'");

    protected override Task FillAsync(int count) => ExecuteAsync(
        $"INSERT INTO \"mem\"\"bers\" SELECT i::text, 'user' || i, 'user' || i || '@example.org', NULL, NULL FROM generate_series(0, {count - 1}) i");

    protected override async Task ExecuteAsync(string sql) => await ScalarAsync(sql);

    protected override async Task<long> CountAsync(string table, string where) => (long)(await ScalarAsync($"SELECT count(*) FROM {table} WHERE {where}"))!;

    private PostgresSystem Open(
        string table = Table, string? to = null, string usernameField = "login", IReadOnlyList<string>? id = null, string emailField = "mail") => new(new SystemConfig
        {
            Name = "app",
            Connector = "postgres",
            Settings = new Dictionary<string, string> { ["connection"] = to ?? connection, ["table"] = table },
            Mapping = new AccountMapping
            {
                Id = id ?? ["id"],
                Identifiers = new Dictionary<IdentifierKind, string> { [IdentifierKind.Username] = usernameField, [IdentifierKind.Email] = emailField },
                Attributes = table == Table
                    ? new Dictionary<string, AttributeMapping> { ["name"] = new("name"), ["lastSignIn"] = new("seen", Noise: true) }
                    : new Dictionary<string, AttributeMapping>(),
            },
        });

    private async Task<object?> ScalarAsync(string sql)
    {
        await using var opened = new NpgsqlConnection(connection);
        await opened.OpenAsync();
        await using var command = new NpgsqlCommand(sql, opened);
        return await command.ExecuteScalarAsync();
    }
}
