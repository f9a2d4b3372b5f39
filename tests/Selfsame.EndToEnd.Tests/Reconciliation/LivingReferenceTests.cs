using System.Diagnostics;
using Npgsql;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Reconciliation;

/// <summary>No reference is lost while apply merges and the application goes on writing, on a real PostgreSQL.</summary>
[Trait("needs", "executable")]
[Trait("needs", "postgresql")]
public sealed class LivingReferenceTests(ITestOutputHelper output)
{
    private const int People = 60;

    // The application may know an account that was merged away for a while: for less than the minimum age, as the documents ask.
    private static readonly TimeSpan KnowsFor = TimeSpan.FromMilliseconds(200);

    private const string Config =
        """
        minimumAge: 3
        systems:
          app:
            connector: postgres
            connection: ${APP_DB}
            table: users
            identifiers: { username: username }
            attributes: { createdAt: created }
            unique: [username]
            duplicates: merge
            survivor: [createdAt asc]
            references: [comments.author]
        """;

    [Fact]
    public async Task Every_reference_that_a_writer_was_promised_is_of_a_living_account_after_the_sweeps()
    {
        for (var round = 0; round < TestRun.Rounds(1, 1, 20); round++)
        {
            await RunAsync(round);
        }
    }

    private async Task RunAsync(int seed)
    {
        var server = await PostgresServer.SharedAsync();
        var database = await server.CreateDatabaseAsync();
        using var workspace = new Workspace(Config);
        await using var source = NpgsqlDataSource.Create(database);
        await ExecuteAsync(
            source,
            $"""
            CREATE TABLE users (id text PRIMARY KEY, username text, created date);
            CREATE TABLE printers (id integer PRIMARY KEY, owner text NOT NULL REFERENCES users (id));
            CREATE TABLE comments (id integer PRIMARY KEY, author text NOT NULL);
            INSERT INTO users SELECT 'a' || n, 'name' || n, '2020-01-01'::date FROM generate_series(1, {People}) n
              UNION ALL SELECT 'b' || n, 'NAME' || n, '2021-01-01'::date FROM generate_series(1, {People}) n;
            """);
        var environment = new Dictionary<string, string?> { ["APP_DB"] = database };
        (await SelfsameProcess.RunAsync(["plan", "-o", "plan.json"], "", environment, workspace.Folder)).ExitCode.ShouldBe(2);

        using var stop = new CancellationTokenSource();
        var writers = new[] { "comments.author", "printers.owner" }
            .Select((place, number) => Task.Run(() => WriteAsync(source, place.Split('.'), new Random(seed + number), stop.Token)))
            .ToList();
        var applied = await SelfsameProcess.RunAsync(["apply", "plan.json", "--max-deletes", "1000"], "", environment, workspace.Folder);
        await stop.CancelAsync();
        var acknowledged = await Task.WhenAll(writers);

        // A merge whose rows change between look and write at all four looks is skipped, and its two accounts live on.
        applied.ExitCode.ShouldBeOneOf([0, 2], applied.StandardOutput + applied.StandardError);
        var living = await CountAsync(source, "SELECT count(*) FROM users");
        output.WriteLine($"acknowledged: {acknowledged[0].Count} comments, {acknowledged[1].Count} printers; {(2 * People) - living} of {People} merged");
        living.ShouldBeInRange(People, People * 3 / 2);
        (await CountAsync(source, "SELECT count(*) FROM comments c WHERE NOT EXISTS (SELECT FROM users u WHERE u.id = c.author)")).ShouldBe(0, "comments of nobody");
        await ShouldHoldAsync(source, "comments", "author", acknowledged[0]);
        await ShouldHoldAsync(source, "printers", "owner", acknowledged[1]);
    }

    /// <summary>Inserts and moves references as fast as it can; what was acknowledged, as row → number of the person.</summary>
    private static async Task<Dictionary<int, string>> WriteAsync(NpgsqlDataSource source, string[] place, Random random, CancellationToken stop)
    {
        var (table, field) = (place[0], place[1]);
        var acknowledged = new Dictionary<int, string>();
        var (known, read) = (new List<string>(), 0L);
        for (var row = 0; !stop.IsCancellationRequested; row++)
        {
            if (known.Count == 0 || Stopwatch.GetElapsedTime(read) > KnowsFor)
            {
                (known, read) = (await IdsAsync(source), Stopwatch.GetTimestamp());
            }

            await Task.Delay(random.Next(5, 25), CancellationToken.None);
            var account = known[random.Next(known.Count)];
            var (id, moves) = acknowledged.Count > 10 && random.Next(3) == 0 ? (acknowledged.Keys.ElementAt(random.Next(acknowledged.Count)), true) : (row, false);
            try
            {
                await using var command = source.CreateCommand(moves ? $"UPDATE {table} SET {field} = $2 WHERE id = $1" : $"INSERT INTO {table} (id, {field}) VALUES ($1, $2)");
                command.Parameters.AddWithValue(id);
                command.Parameters.AddWithValue(account);
                (await command.ExecuteNonQueryAsync(CancellationToken.None)).ShouldBe(1, "a row that was acknowledged is gone");
                acknowledged[id] = account[1..];
            }
            catch (PostgresException exception) when (exception.SqlState == PostgresErrorCodes.ForeignKeyViolation)
            {
                // The foreign key said that the account is gone: nothing was acknowledged.
                known.Clear();
            }
        }

        return acknowledged;
    }

    private static async Task ShouldHoldAsync(NpgsqlDataSource source, string table, string field, Dictionary<int, string> acknowledged)
    {
        await using var command = source.CreateCommand($"SELECT t.id, u.id FROM {table} t JOIN users u ON u.id = t.{field}");
        await using var reader = await command.ExecuteReaderAsync();
        var there = new Dictionary<int, string>();
        while (await reader.ReadAsync())
        {
            there.Add(reader.GetInt32(0), reader.GetString(1)[1..]);
        }

        acknowledged.Where(pair => there.GetValueOrDefault(pair.Key) != pair.Value).ShouldBeEmpty($"{table} that are lost, or another person's");
    }

    private static async Task<List<string>> IdsAsync(NpgsqlDataSource source)
    {
        await using var command = source.CreateCommand("SELECT id FROM users ORDER BY id");
        await using var reader = await command.ExecuteReaderAsync();
        var ids = new List<string>();
        while (await reader.ReadAsync())
        {
            ids.Add(reader.GetString(0));
        }

        return ids;
    }

    private static async Task ExecuteAsync(NpgsqlDataSource source, string sql)
    {
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    private static async Task<long> CountAsync(NpgsqlDataSource source, string sql)
    {
        await using var command = source.CreateCommand(sql);
        return (long)(await command.ExecuteScalarAsync())!;
    }
}
