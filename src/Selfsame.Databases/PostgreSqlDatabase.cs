using System.Collections.Concurrent;
using System.Data;
using System.Data.Common;
using Npgsql;
using Selfsame.Core;

namespace Selfsame.Databases;

/// <summary>A PostgreSQL database behind one Npgsql pool.</summary>
public sealed class PostgreSqlDatabase : Database
{
    private readonly NpgsqlDataSource source;

    // Waiting here has no time limit of its own; waiting for Npgsql's pool fails after 15 s under load.
    private readonly SemaphoreSlim places;

    // As many server processes as there are calls take each other's caches and processors; a few do the same work in less. Those few may all wait for a lock or a slow
    // network, though: whoever has waited for their turn gets one of the other places.
    private readonly SemaphoreSlim turns = new(Few);
    private const int Few = 8;
    private static readonly TimeSpan LongestWaitForTurn = TimeSpan.FromMilliseconds(50);

    // Npgsql's pool hands out the connection that has rested longest, whose server process has the coldest caches; of these it is the one that was used last. No more than
    // have their turn, and none for long: in between the pool closes what has lived or rested for as long as the connection string lets it.
    private readonly ConcurrentStack<(NpgsqlConnection Connection, long Since)> warm = new();
    private readonly TimeSpan longestWarm;

    public PostgreSqlDatabase(string connectionString, DatabaseOptions options, TimeProvider clock, RandomSource random)
        : base(options, clock, random)
    {
        DapperTypes.EnsureRegistered();
        if (!PostgresAddress.TryParse(connectionString, out var settings))
        {
            throw new InvalidOperationException($"What names the database is {PostgresAddress.Expected} A new SQLite file whose name has an = is written with its folder, as in ./a=b.db.");
        }

        var saysGssEncryption = SaysGssEncryption(settings);
        settings.MaxPoolSize = options.MaximumConnections;
        settings.MaxAutoPrepare = 200;
        settings.AutoPrepareMinUsages = 2;
        settings.ApplicationName = "selfsame";

        // Nothing here outlives its transaction (SET LOCAL only), so that there is no session state to reset at each loan.
        settings.NoResetOnClose = true;
        if (!saysGssEncryption)
        {
            // Npgsql 10 hands out a connection that throws at every use after a try with GSS encryption failed and one without it did not
            // (npgsql/npgsql#6415, #6506).
            settings.GssEncryptionMode = GssEncryptionMode.Disable;
        }

        var milliseconds = (int)options.LockTimeout.TotalMilliseconds;
        settings.Options = $"{settings.Options} -c lock_timeout={milliseconds} -c timezone=UTC".Trim();
        // Who forbids pooling means these too.
        longestWarm = TimeSpan.FromSeconds(!settings.Pooling ? 0 : settings.ConnectionLifetime is > 0 and var lifetime ? Math.Min(lifetime, 60) : 60);
        source = NpgsqlDataSource.Create(settings);
        places = new SemaphoreSlim(options.MaximumConnections);
    }

    public override Dialect Dialect => Dialect.PostgreSql;

    public override async ValueTask DisposeAsync()
    {
        await CloseWarmAsync();
        await source.DisposeAsync();
        places.Dispose();
        turns.Dispose();
    }

    /// <summary>Npgsql's own builder claims to contain every keyword that it knows.</summary>
    private static bool SaysGssEncryption(NpgsqlConnectionStringBuilder settings)
    {
        var written = new DbConnectionStringBuilder { ConnectionString = settings.ConnectionString };
        return written.ContainsKey("Gss Encryption Mode") || written.ContainsKey("GssEncryptionMode");
    }

    private protected override async ValueTask<ConnectionLease> LeaseWriterAsync(CancellationToken cancellation)
    {
        var isTurn = await turns.WaitAsync(LongestWaitForTurn, cancellation);
        try
        {
            await places.WaitAsync(cancellation);
            try
            {
                var (used, since) = warm.TryPop(out var last) ? last : (await source.OpenConnectionAsync(cancellation), Clock.GetTimestamp());
                return new ConnectionLease(used, _ => GiveBackAsync(used, since, isTurn));
            }
            catch
            {
                places.Release();
                throw;
            }
        }
        catch when (isTurn)
        {
            turns.Release();
            throw;
        }
    }

    private protected override ValueTask<ConnectionLease> LeaseReaderAsync(CancellationToken cancellation)
        => LeaseWriterAsync(cancellation);

    private protected override ValueTask<DbTransaction> BeginAsync(DbConnection connection, TimeSpan patience, CancellationToken cancellation)
        => connection.BeginTransactionAsync(cancellation);

    private async ValueTask GiveBackAsync(NpgsqlConnection connection, long since, bool isTurn)
    {
        if (connection.State == ConnectionState.Open && warm.Count < Few && Clock.GetElapsedTime(since) < longestWarm)
        {
            warm.Push((connection, since));
        }
        else
        {
            var isBroken = connection.State != ConnectionState.Open;
            await connection.DisposeAsync();
            if (isBroken)
            {
                // What broke it, a restart of the server, has most likely broken these too.
                await CloseWarmAsync();
            }
        }

        places.Release();
        if (isTurn)
        {
            turns.Release();
        }
    }

    private async ValueTask CloseWarmAsync()
    {
        while (warm.TryPop(out var last))
        {
            await last.Connection.DisposeAsync();
        }
    }
}
