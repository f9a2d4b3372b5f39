using System.Diagnostics;
using Npgsql;
using NpgsqlTypes;

namespace Selfsame.Bench.Merges;

/// <summary>
/// The same pairs merged as one would by hand who knows them already: one transaction for each person, all of it one prepared batch (a batch without BEGIN is one
/// transaction), its entry in a journal beside the users included. It looks at nothing before it writes, and encrypts nothing.
/// </summary>
internal static class MergesByHand
{
    // As large as the sealed images of such a merge.
    private const int ImageBytes = 1200;

    public static async Task<double> SecondsAsync(string database, int pairs)
    {
        await using var source = NpgsqlDataSource.Create(database);
        await using var connection = await source.OpenConnectionAsync();
        await using (var journal = new NpgsqlCommand(
            "CREATE TABLE journal (run uuid, number bigint, state text NOT NULL, images bytea, intended_at timestamptz, PRIMARY KEY (run, number))", connection))
        {
            await journal.ExecuteNonQueryAsync();
        }

        var (stays, goes, name) = (new List<NpgsqlParameter<long>>(), new List<NpgsqlParameter<long>>(), new NpgsqlParameter<string> { NpgsqlDbType = NpgsqlDbType.Text });
        var at = new NpgsqlParameter<DateTime> { NpgsqlDbType = NpgsqlDbType.TimestampTz };
        await using var batch = new NpgsqlBatch(connection);
        Add(
            batch,
            "INSERT INTO journal VALUES ($1, $2, 'Applied', $3, $4)",
            new NpgsqlParameter<Guid> { TypedValue = Guid.NewGuid() }, Id(stays), new NpgsqlParameter<byte[]> { TypedValue = new byte[ImageBytes] }, at);
        Add(batch, "UPDATE orders SET user_id = $1 WHERE user_id = $2", Id(stays), Id(goes));
        Add(batch, "DELETE FROM users WHERE id = $1", Id(goes));
        Add(batch, "UPDATE users SET full_name = $1 WHERE id = $2", name, Id(stays));
        await batch.PrepareAsync();
        var started = Stopwatch.GetTimestamp();
        for (var pair = 1; pair <= pairs; pair++)
        {
            stays.ForEach(parameter => parameter.TypedValue = (2L * pair) - 1);
            goes.ForEach(parameter => parameter.TypedValue = 2L * pair);
            name.TypedValue = $"Person Number {pair}";
            at.TypedValue = DateTime.UtcNow;
            await batch.ExecuteNonQueryAsync();
        }

        return Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private static NpgsqlParameter<long> Id(List<NpgsqlParameter<long>> ids)
    {
        var parameter = new NpgsqlParameter<long> { NpgsqlDbType = NpgsqlDbType.Bigint };
        ids.Add(parameter);
        return parameter;
    }

    private static void Add(NpgsqlBatch batch, string sql, params NpgsqlParameter[] parameters)
    {
        var command = new NpgsqlBatchCommand(sql);
        command.Parameters.AddRange(parameters);
        batch.BatchCommands.Add(command);
    }
}
