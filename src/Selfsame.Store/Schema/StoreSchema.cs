using System.Reflection;
using System.Text.RegularExpressions;
using Selfsame.Databases;

namespace Selfsame.Store.Schema;

/// <summary>
/// Brings a database to the present schema: the embedded <c>.sql</c> files in the order of their names, each once, in
/// one transaction. Two nodes that start at once do it one after the other, by the migrations table's own lock.
/// A database that holds another program's tables of the same names is refused, and left as it is.
/// </summary>
public static partial class StoreSchema
{
    private const string Prefix = "Selfsame.Store.Schema.";

    /// <summary>Where PostgreSQL makes a table whose schema is not named.</summary>
    private const string OwnSchema = "(SELECT oid FROM pg_namespace WHERE nspname = current_schema())";

    /// <summary>Applies what is missing; the names of the files applied.</summary>
    /// <exception cref="InvalidOperationException">The database is another program's; the message says what to do.</exception>
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
                await RequireRoomAsync(transaction, pending);
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

    /// <summary>
    /// Rails, Ecto and others have a table of this name with other columns. PostgreSQL also finds one in a schema that comes after ours on the search path: then ours is yet to be made.
    /// </summary>
    private static async Task<bool> HasMigrationsTableAsync(Transaction transaction)
    {
        var columns = await transaction.QueryAsync<MigrationsColumn>(transaction.Dialect == Dialect.Sqlite
            ? "SELECT name, 1 AS is_here FROM pragma_table_info('schema_migrations')"
            : $"""
              SELECT a.attname::text AS name, c.relnamespace = {OwnSchema} AS is_here FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
              WHERE a.attrelid = to_regclass('schema_migrations') AND a.attnum > 0 AND NOT a.attisdropped
              """);
        var isOurs = columns is [{ Name: "name" }];
        return isOurs || columns is not [{ IsHere: true }, ..] ? isOurs : throw AnotherPrograms("schema_migrations");
    }

    /// <summary>Before the first file none of the tables that are made may be there: it is somebody else's.</summary>
    private static async Task RequireRoomAsync(Transaction transaction, IReadOnlyList<string> pending)
    {
        if (!pending.Contains(Migrations().First()))
        {
            return;
        }

        var ours = pending.SelectMany(name => MadeTable().Matches(Read(name))).Select(match => match.Groups["table"].Value).ToHashSet(StringComparer.Ordinal);
        var present = await transaction.QueryAsync<string>(transaction.Dialect == Dialect.Sqlite
            ? "SELECT lower(name) FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY 1"
            : $"SELECT relname::text FROM pg_class WHERE relnamespace = {OwnSchema} AND relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY 1");
        var taken = present.Where(ours.Contains).ToArray();
        if (taken.Length > 0)
        {
            throw AnotherPrograms(taken);
        }
    }

    private static InvalidOperationException AnotherPrograms(params string[] tables)
        => new($"The database has {(tables.Length == 1 ? "a table" : "tables")} of another program, {string.Join(", ", tables)}, and was left as it is. Give Selfsame a database of its own, "
            + "or in PostgreSQL a schema of its own: CREATE SCHEMA selfsame, and 'Search Path=selfsame' in the connection.");

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

    [GeneratedRegex(@"CREATE TABLE (?<table>\w+)")]
    private static partial Regex MadeTable();

    private sealed class MigrationsColumn
    {
        public string Name { get; init; } = "";

        public bool IsHere { get; init; }
    }
}
