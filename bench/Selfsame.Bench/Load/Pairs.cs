using Selfsame.Bench.Figures;

namespace Selfsame.Bench.Load;

/// <summary>One side of a comparison: measures its rate over a window, and rests otherwise.</summary>
/// <param name="Name">As it is printed.</param>
/// <param name="PerSecond">Takes the time to settle and the window.</param>
internal sealed record Side(string Name, Func<TimeSpan, TimeSpan, Task<double>> PerSecond);

/// <summary>
/// Two sides measured in turn, so that what the machine does meanwhile befalls both; the ratio is taken within a pair.
/// </summary>
internal static class Pairs
{
    public static async Task<Figure> CompareAsync(BenchPlan plan, string name, bool httpInside, Side ours, Side theirs, double? bar, string? note)
    {
        await ours.PerSecond(TimeSpan.Zero, plan.WarmUp);
        await theirs.PerSecond(TimeSpan.Zero, plan.WarmUp);
        var (mine, others) = (new List<double>(), new List<double>());
        for (var pair = 0; pair < plan.Pairs; pair++)
        {
            mine.Add(await ours.PerSecond(plan.Settle, plan.Window));
            others.Add(await theirs.PerSecond(plan.Settle, plan.Window));
        }

        var ratio = Spread.Of(mine.Zip(others, (my, other) => my / other));
        return new Figure
        {
            Name = name,
            HttpInside = httpInside,
            Unit = "/s",
            Ours = new Reading(ours.Name, Spread.Of(mine)),
            Theirs = new Reading(theirs.Name, Spread.Of(others)),
            Ratio = ratio,
            Bar = bar is null ? null : FormattableString.Invariant($"≥ {bar:0.00}"),
            Met = bar is null ? null : ratio.Median >= bar,
            Note = note,
        };
    }
}
