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

    // Its server process has the warmest caches.
    [Fact]
    public async Task The_connection_that_was_used_last_is_used_again_for_a_while_and_then_goes_back_to_the_pool()
    {
        var clock = new ManualClock();
        await using var database = await OpenAsync(new DatabaseOptions(), clock);
        await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => database.ReadAsync(transaction => transaction.ExecuteAsync("SELECT pg_sleep(0.5)"), Cancellation)));
        (await ConnectionsAsync(database)).ShouldBe(3);

        var used = new HashSet<long>();
        for (var call = 0; call < 10; call++)
        {
            used.Add(await ProcessAsync(database));
        }

        used.Count.ShouldBe(1);
        for (var minute = 0; minute < 4; minute++)
        {
            clock.Advance(TimeSpan.FromMinutes(1));
            used.Add(await ProcessAsync(database));
        }

        used.Count.ShouldBeGreaterThan(1);
        (await ConnectionsAsync(database)).ShouldBe(3);
    }

    [Fact]
    public async Task Without_pooling_each_call_has_a_connection_of_its_own()
    {
        await using var database = await OpenAsync(new DatabaseOptions(), settings: ";Pooling=false");

        (await ProcessAsync(database)).ShouldNotBe(await ProcessAsync(database));
    }

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

    /// <summary>The server process that answers.</summary>
    private static Task<long> ProcessAsync(Database database)
        => database.ReadAsync(transaction => transaction.ScalarAsync<long>("SELECT CAST(pg_backend_pid() AS bigint)"), Cancellation);

    private static async Task<Database> OpenAsync(DatabaseOptions options, TimeProvider? clock = null, string settings = "")
        => Database.Open(
            await (await PostgresServer.SharedAsync()).CreateDatabaseAsync(Cancellation) + settings, options, clock ?? TimeProvider.System, RandomSource.System);
}
