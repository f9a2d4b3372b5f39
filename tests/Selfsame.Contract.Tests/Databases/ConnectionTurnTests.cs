using Selfsame.Core;
using Selfsame.Databases;
using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Databases;

/// <summary>How many connections to PostgreSQL are used at once.</summary>
[Trait("needs", "postgresql")]
public sealed class ConnectionTurnTests
{
    private const int Few = 8;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Those_who_wait_for_a_lock_do_not_keep_the_others_waiting_and_there_are_never_more_than_the_most()
    {
        const int most = 12;
        await using var database = await OpenAsync(new DatabaseOptions { MaximumConnections = most });
        await database.ReadAsync(transaction => transaction.ExecuteAsync("CREATE TABLE rows (id bigint)"), Cancellation);
        var (isHeld, release) = (new TaskCompletionSource(), new TaskCompletionSource());
        var holder = database.TransactAsync(
            async transaction =>
            {
                await transaction.ExecuteAsync("LOCK TABLE rows");
                isHeld.SetResult();
                await release.Task;
            },
            Cancellation);
        await isHeld.Task;
        var waiting = Enumerable.Range(0, Few).Select(_ => database.ReadAsync(transaction => transaction.ScalarAsync<long>("SELECT count(*) FROM rows"), Cancellation)).ToList();

        while (await ConnectionsAsync(database, "wait_event_type = 'Lock'") < Few)
        {
            await Task.Delay(20, Cancellation);
        }

        waiting.ShouldAllBe(read => !read.IsCompleted);
        var others = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => database.ReadAsync(transaction => transaction.ScalarAsync<long>("SELECT 1"), Cancellation)));
        others.Sum().ShouldBe(100);
        (await ConnectionsAsync(database)).ShouldBeLessThanOrEqualTo(most);

        release.SetResult();
        await holder;
        await Task.WhenAll(waiting);
    }

    /// <summary>Of this database, with that which asks.</summary>
    private static Task<long> ConnectionsAsync(Database database, string which = "true")
        => database.ReadAsync(
            transaction => transaction.ScalarAsync<long>(
                $"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' AND {which}"),
            Cancellation);

    private static async Task<Database> OpenAsync(DatabaseOptions options)
        => Database.Open(await (await PostgresServer.SharedAsync()).CreateDatabaseAsync(Cancellation), options, TimeProvider.System, RandomSource.System);
}
