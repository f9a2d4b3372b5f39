using Npgsql;
using NpgsqlTypes;

namespace Selfsame.Bench.Stores;

/// <summary>
/// The rows of the inbox in PostgreSQL, by hand: each client has a connection of its own, and on it one prepared statement that inserts and commits a
/// body's events in one round trip.
/// </summary>
internal sealed class RawEvents : IAsyncDisposable
{
    private const string Insert =
        """
        INSERT INTO inbox (system, event_id, type, account_id, proves_email, occurred_at, received_at, correlation_id, deliveries, state, attempts, not_before)
        SELECT 'idp', event, 'ss', account, false, $3, $3, $4, 1, 'Waiting', 0, $3 FROM unnest($1, $2) e(event, account)
        """;

    private readonly NpgsqlDataSource source;
    private readonly NpgsqlCommand[] clients;

    private RawEvents(NpgsqlDataSource source, NpgsqlCommand[] clients)
    {
        this.source = source;
        this.clients = clients;
    }

    /// <summary>The account that an event is about.</summary>
    public static string Account(string eventId) => $"auth0|{eventId[^24..]}";

    public static async Task<RawEvents> OpenAsync(string connectionString, int clientCount)
    {
        var source = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(connectionString) { MaxPoolSize = clientCount });
        var clients = new NpgsqlCommand[clientCount];
        for (var client = 0; client < clientCount; client++)
        {
            var command = new NpgsqlCommand(Insert, await source.OpenConnectionAsync());
            command.Parameters.Add(new NpgsqlParameter<string[]> { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text });
            command.Parameters.Add(new NpgsqlParameter<string[]> { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text });
            command.Parameters.Add(new NpgsqlParameter<DateTime> { NpgsqlDbType = NpgsqlDbType.TimestampTz });
            command.Parameters.Add(new NpgsqlParameter<string> { NpgsqlDbType = NpgsqlDbType.Text });
            await command.PrepareAsync();
            clients[client] = command;
        }

        return new RawEvents(source, clients);
    }

    /// <summary>Inserts and commits the events of these ids; <paramref name="client"/> says on which connection.</summary>
    public async Task InsertAsync(int client, string[] ids)
    {
        var parameters = clients[client].Parameters;
        ((NpgsqlParameter<string[]>)parameters[0]).TypedValue = ids;
        ((NpgsqlParameter<string[]>)parameters[1]).TypedValue = Array.ConvertAll(ids, Account);
        ((NpgsqlParameter<DateTime>)parameters[2]).TypedValue = DateTime.UtcNow;
        ((NpgsqlParameter<string>)parameters[3]).TypedValue = "bench-correlation";
        await clients[client].ExecuteNonQueryAsync();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in clients)
        {
            await client.Connection!.DisposeAsync();
            await client.DisposeAsync();
        }

        await source.DisposeAsync();
    }
}
