using System.Diagnostics;
using Microsoft.Data.Sqlite;
using Selfsame.Databases;
using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Databases;

/// <summary>Another process, a backup or a shell, holds the one lock that a SQLite file has.</summary>
public sealed class SqliteLockTests
{
    // It was a wait of twelve times thirty seconds, for each of those in the queue.
    [Fact]
    public async Task All_who_wait_for_a_locked_file_are_told_in_time_that_it_is_locked()
    {
        using var folder = new TemporaryFolder();
        await using var database = await CreateAsync(folder, TimeSpan.FromSeconds(2));
        var taken = Stopwatch.StartNew();
        await using (await LockAsync(folder))
        {
            var waiting = Enumerable.Range(0, 20).Select(_ => WriteAsync(database)).ToList();
            foreach (var one in waiting)
            {
                await Should.ThrowAsync<LockTimeoutException>(() => one.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken));
            }

            taken.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(30), "each of the twenty waited for its own");
        }

        await WriteAsync(database);
        (await CountAsync(database)).ShouldBe(1);
    }

    [Fact]
    public async Task Who_waits_for_a_file_that_is_let_go_in_time_writes()
    {
        using var folder = new TemporaryFolder();
        await using var database = await CreateAsync(folder, TimeSpan.FromSeconds(60));
        var held = await LockAsync(folder);
        var waiting = Enumerable.Range(0, 5).Select(_ => WriteAsync(database)).ToList();
        (await CountAsync(database)).ShouldBe(0, "a reader waits for nobody");
        await Task.Delay(TimeSpan.FromMilliseconds(1500), TestContext.Current.CancellationToken);

        await held.DisposeAsync();

        await Task.WhenAll(waiting);
        (await CountAsync(database)).ShouldBe(5);
    }

    private static async Task<SqliteDatabase> CreateAsync(TemporaryFolder folder, TimeSpan patience)
    {
        var options = new DatabaseOptions { LockTimeout = patience, SurvivePowerLoss = false };
        var database = SqliteDatabase.File(folder["test.sqlite"], options, TimeProvider.System, new SeededRandom(1));
        await database.TransactAsync(transaction => transaction.ExecuteAsync("CREATE TABLE t (x INTEGER)"));
        return database;
    }

    /// <summary>Holds the file's lock until disposed.</summary>
    private static async Task<SqliteConnection> LockAsync(TemporaryFolder folder)
    {
        var connection = new SqliteConnection($"Data Source={folder["test.sqlite"]};Pooling=False");
        await connection.OpenAsync();
        await using var begin = connection.CreateCommand();
        begin.CommandText = "BEGIN IMMEDIATE";
        await begin.ExecuteNonQueryAsync();
        return connection;
    }

    private static Task<int> WriteAsync(SqliteDatabase database)
        => Task.Run(() => database.TransactAsync(transaction => transaction.ExecuteAsync("INSERT INTO t VALUES (1)")));

    private static Task<long> CountAsync(SqliteDatabase database)
        => database.ReadAsync(transaction => transaction.ScalarAsync<long>("SELECT count(*) FROM t"));
}
