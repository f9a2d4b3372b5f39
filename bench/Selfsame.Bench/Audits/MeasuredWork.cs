using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Npgsql;
using Selfsame.Connectors.MongoDb;
using Selfsame.Connectors.Postgres;
using Selfsame.Core;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Testing;

namespace Selfsame.Bench.Audits;

/// <summary>What one piece of work took.</summary>
/// <param name="Seconds">How long.</param>
/// <param name="Growth">By how many bytes the process grew at its most (VmHWM after, VmRSS before).</param>
/// <param name="Accounts">How many accounts were read.</param>
/// <param name="Found">How many findings, changes or rows it came to.</param>
internal sealed record Taken(double Seconds, long Growth, long Accounts, long Found);

/// <summary>
/// The command <c>work</c>: one piece of work in a process of its own, after the same work on small tables, so that neither the garbage of what was measured
/// before nor the compiler is in the figure.
/// </summary>
internal static class MeasuredWork
{
    private const string Name = "work";
    private static readonly string[] Tables = ["people", "app"];

    public static Command Command()
    {
        var kind = new Argument<string>("kind");
        var warm = new Option<string>("--warm") { Required = true };
        var database = new Option<string>("--database") { Required = true };
        var command = new Command(Name, "One piece of work, to be measured.") { kind, warm, database };
        command.SetAction(async (parsed, cancellation) =>
        {
            for (var round = 0; round < 3; round++)
            {
                await RunAsync(parsed.GetValue(kind)!, parsed.GetValue(warm)!, cancellation);
            }

            GC.Collect();
            await File.WriteAllTextAsync("/proc/self/clear_refs", "5", cancellation);
            var before = Memory("VmRSS");
            var started = Stopwatch.GetTimestamp();
            var (accounts, found) = await RunAsync(parsed.GetValue(kind)!, parsed.GetValue(database)!, cancellation);
            var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
            Console.WriteLine(JsonSerializer.Serialize(new Taken(seconds, Memory("VmHWM") - before, accounts, found)));
            return 0;
        });
        return command;
    }

    /// <summary>Measures it in a new process.</summary>
    /// <param name="kind"><c>audit</c>, <c>plan</c>, <c>reads</c>, <c>join</c>, <c>duplicates</c>, <c>group</c>, and of MongoDB <c>mongoDuplicates</c> or <c>mongoGroup</c>.</param>
    /// <param name="warm">The database with small tables.</param>
    /// <param name="database">The database with large ones.</param>
    public static async Task<Taken> MeasureAsync(string kind, string warm, string database)
    {
        var result = await ChildProcess.RunAsync(Environment.ProcessPath!, [Name, kind, "--warm", warm, "--database", database]);
        return result.ExitCode == 0
            ? JsonSerializer.Deserialize<Taken>(result.StandardOutput)!
            : throw new InvalidOperationException($"'{kind}' ended with code {result.ExitCode}:\n{result.StandardOutput}{result.StandardError}");
    }

    private static Task<(long Accounts, long Found)> RunAsync(string kind, string database, CancellationToken cancellation) => kind switch
    {
        "audit" => AuditAsync(database, Tables, plans: false, cancellation),
        "plan" => AuditAsync(database, Tables, plans: true, cancellation),
        "duplicates" or "mongoDuplicates" => AuditAsync(database, ["app"], plans: false, cancellation),
        "reads" => ReadAsync(database, cancellation),
        "join" => QueryAsync(database, Join, cancellation),
        "group" => QueryAsync(database, "SELECT lower(username), count(*) FROM app GROUP BY lower(username) HAVING count(*) > 1", cancellation),
        "mongoGroup" => GroupInMongoAsync(database),
        _ => throw new InvalidOperationException($"There is no work '{kind}'."),
    };

    private const string Join =
        """
        SELECT s.id, t.id FROM people s FULL OUTER JOIN app t ON lower(s.email) = lower(t.email)
        WHERE s.id IS DISTINCT FROM t.id OR lower(s.username) IS DISTINCT FROM lower(t.username) OR s.full_name IS DISTINCT FROM t.full_name
            OR s.email_verified IS DISTINCT FROM t.email_verified
        """;

    private static async Task<(long Accounts, long Found)> AuditAsync(string database, string[] tables, bool plans, CancellationToken cancellation)
    {
        var configs = tables.ToDictionary(table => table, table => Config(table, database, namesOnly: tables.Length == 1));
        var topology = new Topology
        {
            Systems = configs,
            Rules = tables.Length == 1 ? [] : [Rule],
            Tenants = new Dictionary<string, TenantConfig>(),
            Fingerprint = "bench",
            // A wait is no work.
            MinimumAge = TimeSpan.Zero,
        };
        var systems = configs.ToDictionary(pair => pair.Key, pair => Open(pair.Value));
        var audit = await new Auditor(topology, systems, IdentifierKeys.TryKey, TimeProvider.System, RandomSource.System).AuditAsync(_ => null, cancellation);
        var stamp = new PlanStamp(Guid.Empty, DateTimeOffset.UnixEpoch, "bench", "bench", RandomSource.System);
        var found = plans ? Planner.Plan(topology, audit.Pictures, audit.Findings, stamp).Changes.Count : audit.Findings.Count;
        foreach (var system in systems.Values)
        {
            await system.DisposeAsync();
        }

        return (audit.Pictures.Values.Sum(picture => (long)picture.Count), found);
    }

    private static IConnectedSystem Open(SystemConfig config) => config.Connector == "mongodb" ? new MongoDbSystem(config) : new PostgresSystem(config);

    private static async Task<(long Accounts, long Found)> GroupInMongoAsync(string address)
    {
        await using var users = new MongoUsers(address);
        return (0, await users.GroupAsync());
    }

    private static ReconcileRule Rule { get; } = new()
    {
        Source = "people",
        Target = "app",
        Correlate = [CorrelationRule.ById, new CorrelationRule(IdentifierKind.Email)],
        Missing = MissingAction.CreateInTarget,
    };

    private static SystemConfig Config(string table, string database, bool namesOnly) => new()
    {
        Name = table,
        Connector = IsMongo(database) ? "mongodb" : "postgres",
        Settings = new Dictionary<string, string> { ["connection"] = database, [IsMongo(database) ? "collection" : "table"] = table },
        Mapping = namesOnly
            ? new AccountMapping { Id = [IsMongo(database) ? "_id" : "id"], Identifiers = new Dictionary<IdentifierKind, string> { [IdentifierKind.Username] = "username" } }
            : new AccountMapping
            {
                Id = ["id"],
                Identifiers = new Dictionary<IdentifierKind, string> { [IdentifierKind.Username] = "username", [IdentifierKind.Email] = "email" },
                Attributes = new Dictionary<string, AttributeMapping> { ["fullName"] = new("full_name"), [AccountMapping.EmailVerified] = new("email_verified") },
            },
    };

    private static bool IsMongo(string database) => database.StartsWith("mongodb", StringComparison.Ordinal);

    /// <summary>Every needed column of both tables, into .NET values, by Npgsql's binary COPY.</summary>
    private static async Task<(long Accounts, long Found)> ReadAsync(string database, CancellationToken cancellation)
    {
        await using var source = NpgsqlDataSource.Create(database);
        await using var connection = await source.OpenConnectionAsync(cancellation);
        var rows = 0L;
        foreach (var table in Tables)
        {
            await using var export = await connection.BeginBinaryExportAsync(
                $"COPY (SELECT id, username, email, full_name, email_verified FROM {table}) TO STDOUT (FORMAT BINARY)", cancellation);
            while (await export.StartRowAsync(cancellation) >= 0)
            {
                _ = await export.ReadAsync<long>(cancellation);
                _ = await export.ReadAsync<string>(cancellation);
                _ = await export.ReadAsync<string>(cancellation);
                _ = await export.ReadAsync<string>(cancellation);
                _ = await export.ReadAsync<bool>(cancellation);
                rows++;
            }
        }

        return (rows, rows);
    }

    private static async Task<(long Accounts, long Found)> QueryAsync(string database, string sql, CancellationToken cancellation)
    {
        await using var source = NpgsqlDataSource.Create(database);
        await using var command = source.CreateCommand(sql);
        command.CommandTimeout = 0;
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        var rows = 0L;
        while (await reader.ReadAsync(cancellation))
        {
            rows++;
        }

        return (0, rows);
    }

    private static long Memory(string line)
        => 1024 * long.Parse(
            File.ReadLines("/proc/self/status").First(text => text.StartsWith(line, StringComparison.Ordinal)).Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1],
            CultureInfo.InvariantCulture);
}
