using System.Globalization;
using Selfsame.Bench.Audits;
using Selfsame.Bench.Figures;
using Selfsame.Testing;

namespace Selfsame.Bench.Comparisons;

/// <summary>The audit, the search for duplicates and the planning of a backfill, against reading the same columns and against the same question in SQL.</summary>
internal sealed class AgainstBulkReads(BenchPlan plan, PostgresServer postgres)
{
    private const int Missing = 1000;
    private const double ReadsBar = 1.5;
    private const double QueryBar = 1;
    private const double MemoryBar = 100;

    private string small = "";

    public async IAsyncEnumerable<Figure> AuditsAsync()
    {
        small = await NewAsync(connection => AuditTables.DamagedAsync(connection, plan.WarmRows));
        foreach (var rows in plan.AuditedRows)
        {
            var large = await NewAsync(connection => AuditTables.DamagedAsync(connection, rows));
            var (audits, reads, joins) = (new List<Taken>(), new List<Taken>(), new List<Taken>());
            for (var round = 0; round < plan.Rounds; round++)
            {
                audits.Add(await MeasuredWork.MeasureAsync("audit", small, large));
                reads.Add(await MeasuredWork.MeasureAsync("reads", small, large));
                joins.Add(await MeasuredWork.MeasureAsync("join", small, large));
            }

            var size = $"{rows.ToString("N0", CultureInfo.InvariantCulture)} rows";
            var note = $"{audits[0].Accounts} accounts, {audits[0].Found} findings; the join gives {joins[0].Found} rows";
            yield return Ratio($"Audit of two PostgreSQL tables of {size} against reading them", "audit", audits, "binary COPY into strings", reads, ReadsBar, note);
            yield return Ratio($"Audit of two PostgreSQL tables of {size} against a full outer join", "audit", audits, "one SQL statement", joins, QueryBar, note);
            yield return Memory($"Memory of the audit of two PostgreSQL tables of {size}, for each account", audits);
        }
    }

    public async IAsyncEnumerable<Figure> DuplicatesAsync()
    {
        small = await NewAsync(connection => AuditTables.DuplicatedAsync(connection, plan.WarmRows));
        var rows = plan.AuditedRows[^1];
        var large = await NewAsync(connection => AuditTables.DuplicatedAsync(connection, rows));
        var (audits, queries) = (new List<Taken>(), new List<Taken>());
        for (var round = 0; round < plan.Rounds; round++)
        {
            audits.Add(await MeasuredWork.MeasureAsync("duplicates", small, large));
            queries.Add(await MeasuredWork.MeasureAsync("group", small, large));
        }

        yield return Ratio(
            $"Duplicates by case among {rows.ToString("N0", CultureInfo.InvariantCulture)} rows against GROUP BY lower()", "audit", audits, "one SQL statement", queries, QueryBar,
            $"{audits[0].Found} duplicates; the statement finds {queries[0].Found}");
        if (Environment.GetEnvironmentVariable(MongoAddress.Variable) is not { Length: > 0 } server)
        {
            // Not among the figures: JSON stays JSON.
            await Console.Error.WriteLineAsync($"Duplicates by case in MongoDB against $group: skipped, for {MongoAddress.Variable} names no server.");
            yield break;
        }

        yield return await DuplicatesInMongoAsync(server, plan.AuditedRows[0]);
    }

    // The stand-in of the tests would be compared with itself: only a server that somebody names.
    private async Task<Figure> DuplicatesInMongoAsync(string server, int rows)
    {
        var (few, many) = (MongoAddress.WithDatabase(server, $"bench_few_{Environment.ProcessId}"), MongoAddress.WithDatabase(server, $"bench_many_{Environment.ProcessId}"));
        await using var warm = new MongoUsers(few);
        await using var users = new MongoUsers(many);
        try
        {
            await warm.FillAsync(plan.WarmRows);
            await users.FillAsync(rows);
            var (audits, groups) = (new List<Taken>(), new List<Taken>());
            for (var round = 0; round < plan.Rounds; round++)
            {
                audits.Add(await MeasuredWork.MeasureAsync("mongoDuplicates", few, many));
                groups.Add(await MeasuredWork.MeasureAsync("mongoGroup", few, many));
            }

            return Ratio(
                $"Duplicates by case among {rows.ToString("N0", CultureInfo.InvariantCulture)} documents in MongoDB against $group", "audit", audits, "one aggregation", groups, null,
                $"{audits[0].Found} duplicates; the aggregation finds {groups[0].Found}");
        }
        finally
        {
            await warm.DropAsync();
            await users.DropAsync();
        }
    }

    public async IAsyncEnumerable<Figure> BackfillsAsync()
    {
        var rows = plan.AuditedRows[0];
        var missing = Math.Min(Missing, plan.WarmRows / 10);
        small = await NewAsync(connection => AuditTables.IncompleteAsync(connection, plan.WarmRows, missing));
        var large = await NewAsync(connection => AuditTables.IncompleteAsync(connection, rows, missing));
        var (plans, reads) = (new List<Taken>(), new List<Taken>());
        for (var round = 0; round < plan.Rounds; round++)
        {
            plans.Add(await MeasuredWork.MeasureAsync("plan", small, large));
            reads.Add(await MeasuredWork.MeasureAsync("reads", small, large));
        }

        yield return Ratio(
            $"Planning a backfill for {rows.ToString("N0", CultureInfo.InvariantCulture)} users against reading both tables", "plan", plans, "binary COPY into strings", reads, ReadsBar,
            $"{plans[0].Found} accounts to be made");
    }

    private async Task<string> NewAsync(Func<string, Task> fill)
    {
        var connection = await postgres.CreateDatabaseAsync();
        await fill(connection);
        return connection;
    }

    private static Figure Ratio(string name, string mine, List<Taken> ours, string other, List<Taken> theirs, double? bar, string note)
    {
        var ratio = Spread.Of(ours.Zip(theirs, (my, their) => my.Seconds / their.Seconds));
        return new Figure
        {
            Name = name,
            HttpInside = false,
            Unit = "s",
            Ours = new Reading(mine, Spread.Of(ours.Select(taken => taken.Seconds))),
            Theirs = new Reading(other, Spread.Of(theirs.Select(taken => taken.Seconds))),
            Ratio = ratio,
            Bar = bar is null ? null : FormattableString.Invariant($"≤ {bar:0.00}"),
            Met = bar is null ? null : ratio.Median <= bar,
            Note = note,
        };
    }

    private static Figure Memory(string name, List<Taken> audits)
    {
        var bytes = Spread.Of(audits.Select(audit => (double)audit.Growth / audit.Accounts));
        return new Figure
        {
            Name = name,
            HttpInside = false,
            Unit = "B",
            Ours = new Reading("audit", bytes),
            Bar = FormattableString.Invariant($"≤ {MemoryBar:0}"),
            Met = bytes.Median <= MemoryBar,
            Note = "growth of the process at its most, garbage and records of the findings included",
        };
    }
}
