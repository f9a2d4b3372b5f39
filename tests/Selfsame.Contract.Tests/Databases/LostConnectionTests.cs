using System.Net;
using System.Net.Sockets;
using Npgsql;
using Selfsame.Contract.Tests.Store;
using Selfsame.Core;
using Selfsame.Core.Accounts;
using Selfsame.Databases;
using Selfsame.Store;
using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Databases;

/// <summary>What becomes of transactions when PostgreSQL goes away, before or in the middle of COMMIT.</summary>
[Trait("needs", "postgresql")]
public sealed class LostConnectionTests
{
    private const int Attempts = 4;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_server_that_ends_the_connection_during_COMMIT_leaves_the_outcome_unknown()
    {
        await using var database = await OpenDyingAtCommitAsync(deaths: 1);

        await Should.ThrowAsync<CommitUnknownException>(() => InsertAsync(database));

        // FATAL (57P01) came before the commit this time; the next transaction takes a new connection.
        (await CountAsync(database)).ShouldBe(0);
        await InsertAsync(database);
        (await CountAsync(database)).ShouldBe(1);
    }

    [Fact]
    public async Task A_commit_that_the_server_broke_off_is_settled_and_done_again()
    {
        await using var database = await OpenDyingAtCommitAsync(deaths: 2);
        var settled = 0;

        await database.TransactAsync(
            transaction => transaction.ExecuteAsync("INSERT INTO rows VALUES (1)"),
            async transaction =>
            {
                settled++;
                return new Settled<int>(await transaction.ScalarAsync<long>("SELECT count(*) FROM rows") > 0, 1);
            },
            Cancellation);

        settled.ShouldBe(2);
        (await CountAsync(database)).ShouldBe(1);
    }

    [Fact]
    public async Task Statements_that_are_sent_with_their_commit_are_one_transaction_and_a_lost_connection_leaves_their_outcome_unknown()
    {
        await using var database = await OpenDyingAtCommitAsync(deaths: 1);
        var insert = new Statement("INSERT INTO rows VALUES ($1) RETURNING id", 1L);

        await Should.ThrowAsync<CommitUnknownException>(() => database.TransactAsync([insert], row => row.GetInt64(0), Cancellation));
        (await CountAsync(database)).ShouldBe(0);
        await Should.ThrowAsync<PostgresException>(() => database.TransactAsync([insert, new Statement("SELECT 1 / $1", 0L)], row => row.GetInt64(0), Cancellation));
        (await CountAsync(database)).ShouldBe(0);
        (await database.TransactAsync([insert, insert], row => row.GetInt64(0), Cancellation)).ShouldBe([1L, 1L]);
        (await CountAsync(database)).ShouldBe(2);
    }

    [Fact]
    public async Task When_no_connection_can_be_opened_it_is_tried_again_and_then_said()
    {
        await using var door = new Door(null);
        await using var database = Open($"Host=127.0.0.1;Port={door.Port};Username=selfsame;Database=x;Pooling=false;SSL Mode=Disable");

        await Should.ThrowAsync<TransientDatabaseException>(() => InsertAsync(database));
        door.Knocks.ShouldBe(Attempts);
        await Should.ThrowAsync<TransientDatabaseException>(() => CountAsync(database));
        door.Knocks.ShouldBe(2 * Attempts);
    }

    // Whoever reads systems (audit, watch, the inbox, provisioning) waits for a SystemUnavailableException and tries again later.
    [Fact]
    public async Task Our_own_users_are_a_system_that_does_not_answer_while_the_database_is_away()
    {
        await using var store = await TestStore.CreateAsync(Backend.SqliteMemory);
        await using var database = Open("Host=127.0.0.1;Port=1;Username=selfsame;Database=x;Pooling=false;SSL Mode=Disable");
        var system = new SelfsameConnector(store.Context with { Database = database }, TestStore.Tenant);

        await Should.ThrowAsync<SystemUnavailableException>(() => system.ReadByIdAsync([new AccountId("3b039300-6f9d-49c8-bd77-fd81e1c2a0ea")], Cancellation));
        (await Should.ThrowAsync<SystemUnavailableException>(async () =>
        {
            await foreach (var part in system.ReadAllAsync(Cancellation))
            {
                part.ShouldBeNull();
            }
        })).Message.ShouldStartWith("The user store was not read");
    }

    // npgsql/npgsql#6415: such a connection was handed out and threw at every use.
    [Fact]
    public async Task A_server_that_comes_back_in_time_is_found_again()
    {
        var postgres = await PostgresServer.SharedAsync();
        var connection = await postgres.CreateDatabaseAsync(Cancellation);
        await using (var direct = Open(connection))
        {
            await direct.TransactAsync(transaction => transaction.ExecuteAsync("CREATE TABLE rows (id bigint)"), Cancellation);
        }

        await using var door = new Door(postgres.Port) { ClosedFor = Attempts - 1 };
        await using var database = Open(new NpgsqlConnectionStringBuilder(connection) { Port = door.Port }.ToString());

        await InsertAsync(database);

        door.Knocks.ShouldBeGreaterThan(door.ClosedFor);
        (await CountAsync(database)).ShouldBe(1);
    }

    private static Task<int> InsertAsync(Database database)
        => database.TransactAsync(transaction => transaction.ExecuteAsync("INSERT INTO rows VALUES (1)"), null, Cancellation);

    private static Task<long> CountAsync(Database database)
        => database.ReadAsync(transaction => transaction.ScalarAsync<long>("SELECT count(*) FROM rows"), Cancellation);

    private static Database Open(string connection)
        => Database.Open(connection, new DatabaseOptions { MaximumAttempts = Attempts }, TimeProvider.System, RandomSource.System);

    /// <summary>A deferred trigger, which COMMIT runs, ends its own connection as an administrator would; a sequence counts, for it is not rolled back.</summary>
    private static async Task<Database> OpenDyingAtCommitAsync(int deaths)
    {
        var database = Open(await (await PostgresServer.SharedAsync()).CreateDatabaseAsync(Cancellation));
        await database.TransactAsync(
            transaction => transaction.ExecuteAsync(
                $"""
                CREATE TABLE rows (id bigint);
                CREATE SEQUENCE commits;
                CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                  IF nextval('commits') <= {deaths} THEN
                    PERFORM pg_terminate_backend(pg_backend_pid());
                    PERFORM pg_sleep(1);
                  END IF;
                  RETURN NULL;
                END $$;
                CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON rows DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die();
                """),
            Cancellation);
        return database;
    }

    /// <summary>A port that closes the first connections at once and leads the others on to a server.</summary>
    private sealed class Door : IAsyncDisposable
    {
        private readonly TcpListener listener = new(IPAddress.Loopback, 0);
        private readonly CancellationTokenSource closing = new();
        private readonly Task serving;
        private readonly int? server;
        private int knocks;

        public Door(int? server)
        {
            this.server = server;
            listener.Start();
            serving = ServeAsync();
        }

        public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

        public int Knocks => Volatile.Read(ref knocks);

        public int ClosedFor { get; init; }

        public async ValueTask DisposeAsync()
        {
            await closing.CancelAsync();
            // Who is let in just now is asked for the next one while the door still stands.
            await serving;
            listener.Stop();
            closing.Dispose();
        }

        private async Task ServeAsync()
        {
            var open = new List<Task>();
            try
            {
                while (true)
                {
                    var client = await listener.AcceptTcpClientAsync(closing.Token);
                    if (Interlocked.Increment(ref knocks) <= ClosedFor || server is null)
                    {
                        client.Dispose();
                    }
                    else
                    {
                        open.Add(LeadAsync(client, server.Value));
                    }
                }
            }
            catch (OperationCanceledException)
            {
                // The test is over.
                await Task.WhenAll(open);
            }
        }

        private async Task LeadAsync(TcpClient client, int port)
        {
            using (client)
            {
                using var onward = new TcpClient();
                await onward.ConnectAsync(IPAddress.Loopback, port, closing.Token);
                try
                {
                    await Task.WhenAny(
                        client.GetStream().CopyToAsync(onward.GetStream(), closing.Token), onward.GetStream().CopyToAsync(client.GetStream(), closing.Token));
                }
                catch (OperationCanceledException)
                {
                    // As above.
                }
            }
        }
    }
}
