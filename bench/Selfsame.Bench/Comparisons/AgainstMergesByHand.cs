using System.Globalization;
using Selfsame.Bench.Figures;
using Selfsame.Bench.Merges;
using Selfsame.Testing;

namespace Selfsame.Bench.Comparisons;

/// <summary>Merges by a plan of ours, a second, against the same transactions by hand.</summary>
internal sealed class AgainstMergesByHand(BenchPlan plan, PostgresServer postgres)
{
    private const double Bar = 0.5;

    public async Task<Figure> MeasureAsync()
    {
        await OursAsync(plan.WarmMerges);
        await TheirsAsync(plan.WarmMerges);
        var (ours, theirs) = (new List<double>(), new List<double>());
        for (var round = 0; round < plan.Rounds; round++)
        {
            ours.Add(await OursAsync(plan.Merges));
            theirs.Add(await TheirsAsync(plan.Merges));
        }

        var ratio = Spread.Of(ours.Zip(theirs, (mine, other) => mine / other));
        return new Figure
        {
            Name = $"Applying {plan.Merges.ToString("N0", CultureInfo.InvariantCulture)} merges against the same transactions by hand, PostgreSQL",
            HttpInside = false,
            Unit = "/s",
            Ours = new Reading("merges", Spread.Of(ours)),
            Theirs = new Reading("by hand", Spread.Of(theirs)),
            Ratio = ratio,
            Bar = FormattableString.Invariant($"≥ {Bar:0.00}"),
            Met = ratio.Median >= Bar,
            Note = $"each moves {MergeTables.References} references, deletes one account and updates the other; by hand one prepared batch for each, journal entry included",
        };
    }

    private async Task<double> OursAsync(int pairs)
    {
        var (database, store) = (await FilledAsync(pairs), await postgres.CreateDatabaseAsync());
        var seconds = await AppliedMerges.SecondsAsync(database, store, pairs);
        await MergeTables.CheckAsync(database, pairs);
        return pairs / seconds;
    }

    private async Task<double> TheirsAsync(int pairs)
    {
        var database = await FilledAsync(pairs);
        var seconds = await MergesByHand.SecondsAsync(database, pairs);
        await MergeTables.CheckAsync(database, pairs);
        return pairs / seconds;
    }

    private async Task<string> FilledAsync(int pairs)
    {
        var database = await postgres.CreateDatabaseAsync();
        await MergeTables.FillAsync(database, pairs);
        return database;
    }
}
