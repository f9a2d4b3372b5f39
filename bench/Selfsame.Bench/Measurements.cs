using Selfsame.Bench.Comparisons;
using Selfsame.Bench.Figures;
using Selfsame.Testing;

namespace Selfsame.Bench;

/// <summary>Takes every figure in turn, on one PostgreSQL of our own that writes as durably as a real one.</summary>
internal static class Measurements
{
    private const int Done = 0;
    private const int BarMissed = 2;

    /// <summary>Prints each figure once it is there, or all of them as JSON at the end; 2 when a bar was missed and the plan judges.</summary>
    public static async Task<int> RunAsync(BenchPlan plan, string only, bool json, CancellationToken cancellation)
    {
        var figures = new List<Figure>();
        await foreach (var figure in AllAsync(plan, only).WithCancellation(cancellation))
        {
            figures.Add(figure);
            if (!json)
            {
                Console.WriteLine(FigureText.Line(figure));
            }
        }

        if (json)
        {
            Console.WriteLine(FigureText.AsJson(figures));
        }

        return plan.Judges && figures.Exists(figure => figure.Met == false) ? BarMissed : Done;
    }

    private static async IAsyncEnumerable<Figure> AllAsync(BenchPlan plan, string only)
    {
        bool Wanted(string part) => part.Contains(only, StringComparison.OrdinalIgnoreCase);

        await using var postgres = await PostgresServer.StartAsync(fsync: true);
        using var hashing = AgainstBareHash.NewHashing();
        if (Wanted("hash"))
        {
            string?[] databases = [null, await postgres.CreateDatabaseAsync()];
            foreach (var database in databases)
            {
                using var folder = new TemporaryFolder();
                await foreach (var figure in new AgainstBareHash(plan, hashing).MeasureAsync(folder.Path, database))
                {
                    yield return figure;
                }
            }
        }

        if (Wanted("rows"))
        {
            using var folder = new TemporaryFolder();
            yield return await new AgainstRawRows(plan).OnSqliteAsync(folder.Path);
            yield return await new AgainstRawRows(plan).OnPostgreSqlAsync(await postgres.CreateDatabaseAsync(), await postgres.CreateDatabaseAsync());
        }

        if (Wanted("identity"))
        {
            using var folder = new TemporaryFolder();
            var (ours, theirs) = (await postgres.CreateDatabaseAsync(), await postgres.CreateDatabaseAsync());
            await foreach (var figure in new AgainstIdentity(plan).MeasureAsync(folder.Path, ours, theirs))
            {
                yield return figure;
            }
        }

        if (Wanted("start"))
        {
            await foreach (var figure in new StartAndMemory(plan).StartsAsync())
            {
                yield return figure;
            }
        }

        if (Wanted("memory"))
        {
            using var folder = new TemporaryFolder();
            await foreach (var figure in new StartAndMemory(plan).MemoryAsync(folder.Path, hashing))
            {
                yield return figure;
            }
        }

        if (Wanted("webhooks"))
        {
            using var folder = new TemporaryFolder();
            yield return await new AgainstRawEvents(plan).MeasureAsync(folder, await postgres.CreateDatabaseAsync(), await postgres.CreateDatabaseAsync());
        }

        if (Wanted("pds"))
        {
            string?[] databases = [null, await postgres.CreateDatabaseAsync()];
            foreach (var database in databases)
            {
                using var folder = new TemporaryFolder();
                yield return await new AgainstBarePds(plan).MeasureAsync(folder, database);
            }
        }

        if (Wanted("apply"))
        {
            yield return await new AgainstMergesByHand(plan, postgres).MeasureAsync();
        }

        foreach (var (part, measure) in (IEnumerable<(string, Func<AgainstBulkReads, IAsyncEnumerable<Figure>>)>)
            [("audit", bulk => bulk.AuditsAsync()), ("duplicates", bulk => bulk.DuplicatesAsync()), ("backfill", bulk => bulk.BackfillsAsync())])
        {
            if (Wanted(part))
            {
                await foreach (var figure in measure(new AgainstBulkReads(plan, postgres)))
                {
                    yield return figure;
                }
            }
        }
    }
}
