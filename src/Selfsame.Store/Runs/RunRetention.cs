using Selfsame.Databases;

namespace Selfsame.Store.Runs;

/// <summary>Forgets runs that were finished long ago: their images hold whole records, also of people who were purged since.</summary>
/// <param name="database">Where the journal stands.</param>
/// <param name="clock">Tells how long ago.</param>
/// <param name="kept">How long a finished run is kept; null: for ever.</param>
public sealed class RunRetention(Database database, TimeProvider clock, TimeSpan? kept)
{
    /// <summary>How many runs were forgotten, each in a transaction of its own. One that is not finished stays: it can be gone on with, or taken back, and then it is.</summary>
    public async Task<int> ForgetAsync(CancellationToken cancellation)
    {
        var forgotten = 0;
        while (kept is { } time && await ForgetOldestAsync(clock.GetUtcNow() - time, cancellation))
        {
            forgotten++;
        }

        return forgotten;
    }

    private Task<bool> ForgetOldestAsync(DateTimeOffset before, CancellationToken cancellation)
        => database.TransactAsync(
            async transaction =>
            {
                // Several nodes and commands may forget at once: the row is held before its changes go.
                var skipLocked = transaction.Dialect == Dialect.PostgreSql ? " FOR UPDATE SKIP LOCKED" : "";
                var oldest = await transaction.QueryAsync<Guid>(
                    $"SELECT id FROM runs WHERE finished_at <= @before ORDER BY started_at LIMIT 1{skipLocked}", new { before });
                foreach (var run in oldest)
                {
                    await transaction.ExecuteAsync("DELETE FROM run_changes WHERE run_id = @run; DELETE FROM runs WHERE id = @run;", new { run });
                }

                return oldest.Count > 0;
            },
            // A lost commit answer: gone or not, the next look tells.
            _ => Task.FromResult(new Settled<bool>(true, true)),
            cancellation);
}
