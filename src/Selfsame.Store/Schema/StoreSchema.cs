using System.Reflection;
using Selfsame.Databases;

namespace Selfsame.Store.Schema;

/// <summary>
/// Brings a database to the present schema: the embedded <c>.sql</c> files in the order of their names, each once, in
/// one transaction. Two nodes that start at once do it one after the other, by the migrations table's own lock.
/// </summary>
public static class StoreSchema
{
    private const string Prefix = "Selfsame.Store.Schema.";

    /// <summary>Applies what is missing; the names of the files applied.</summary>
    public static Task<IReadOnlyList<string>> MigrateAsync(Database database, CancellationToken cancellation = default)
        => MigrateAsync(database, null, cancellation);

    /// <summary>As above, but no file after <paramref name="through"/>: the schema as an earlier version had it.</summary>
    public static async Task<IReadOnlyList<string>> MigrateAsync(Database database, string? through, CancellationToken cancellation = default)
    {
        // Nearly every start finds nothing to do. It needs no right to create tables, and waits behind no backup.
        var isCurrent = await database.ReadAsync(
            async transaction => await HasMigrationsTableAsync(transaction) && (await PendingAsync(transaction, through)).Count == 0, cancellation);
        return isCurrent ? [] : await database.TransactAsync(
            async transaction =>
            {
                await CreateMigrationsTableAsync(transaction);
                var pending = await PendingAsync(transaction, through);
                foreach (var name in pending)
                {
                    await transaction.ExecuteAsync(InDialect(Read(name), database.Dialect));
                    await transaction.ExecuteAsync("INSERT INTO schema_migrations (name) VALUES (@name)", new { name });
                }

                return pending;
            },
            cancellation);
    }

    /// <summary>Whether the database can be read and has the present schema; what the database throws reaches the caller.</summary>
    public static Task<bool> IsPresentAsync(Database database, CancellationToken cancellation)
        => database.ReadAsync(
            async transaction => (await PendingAsync(transaction, through: null)).Count == 0,
            cancellation);

    private static async Task<bool> HasMigrationsTableAsync(Transaction transaction)
        => await transaction.ScalarAsync<long>(transaction.Dialect == Dialect.Sqlite
            ? "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations'"
            : "SELECT count(to_regclass('schema_migrations'))") > 0;

    private static async Task<IReadOnlyList<string>> PendingAsync(Transaction transaction, string? through)
    {
        var applied = (await transaction.QueryAsync<string>("SELECT name FROM schema_migrations")).ToHashSet(StringComparer.Ordinal);
        return [.. Migrations().Where(name => !applied.Contains(name) && (through is null || string.CompareOrdinal(name, through) <= 0))];
    }

    private static async Task CreateMigrationsTableAsync(Transaction transaction)
    {
        const string create = "CREATE TABLE IF NOT EXISTS schema_migrations (name text NOT NULL CONSTRAINT schema_migrations_pkey PRIMARY KEY)";
        if (transaction.Dialect == Dialect.Sqlite)
        {
            await transaction.ExecuteAsync(create);
            return;
        }

        // CREATE TABLE IF NOT EXISTS itself can race in PostgreSQL; a failure inside the block is the other node's success.
        await transaction.ExecuteAsync(
            $"""
            DO $block$ BEGIN {create}; EXCEPTION WHEN unique_violation OR duplicate_table THEN NULL; END $block$;
            LOCK TABLE schema_migrations IN SHARE ROW EXCLUSIVE MODE;
            """);
    }

    private static IEnumerable<string> Migrations()
        => Assembly.GetExecutingAssembly().GetManifestResourceNames()
            .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal) && name.EndsWith(".sql", StringComparison.Ordinal))
            .Select(name => name[Prefix.Length..])
            .Order(StringComparer.Ordinal);

    private static string Read(string name)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(Prefix + name)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    private static string InDialect(string sql, Dialect dialect)
    {
        var sqlite = dialect == Dialect.Sqlite;
        return sql
            .Replace("${identity}", sqlite ? "integer PRIMARY KEY AUTOINCREMENT" : "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY", StringComparison.Ordinal)
            .Replace("${instant}", sqlite ? "text" : "timestamptz", StringComparison.Ordinal)
            .Replace("${uuid}", sqlite ? "text" : "uuid", StringComparison.Ordinal)
            .Replace("${boolean}", sqlite ? "integer" : "boolean", StringComparison.Ordinal)
            .Replace("${bytes}", sqlite ? "blob" : "bytea", StringComparison.Ordinal);
    }
}
