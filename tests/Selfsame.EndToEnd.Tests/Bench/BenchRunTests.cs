using System.Text.Json;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Bench;

/// <summary>The benchmark must not rot: a short pass of it, whose figures say nothing about speed.</summary>
[Trait("needs", "postgresql")]
[Trait("needs", "pds")]
[Trait("needs", "executable")]
public sealed class BenchRunTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);

    // The bars of a ratio, as docs/benchmarks.md names them.
    private static readonly Dictionary<string, string?> Ratios = new(StringComparer.Ordinal)
    {
        ["Sign-ups against the bare hash, SQLite"] = "≥ 0.85",
        ["Sign-ins against the bare hash, SQLite"] = "≥ 0.85",
        ["Sign-ups against the bare hash, PostgreSQL"] = "≥ 0.85",
        ["Sign-ins against the bare hash, PostgreSQL"] = "≥ 0.85",
        ["Sign-ups without the hash against raw rows, SQLite"] = "≥ 0.50",
        ["Sign-ups without the hash against raw rows, PostgreSQL"] = "≥ 0.50",
        ["Sign-ups without the hash against ASP.NET Core Identity, PostgreSQL"] = "≥ 1.00",
        ["Events of webhooks acknowledged against raw rows, PostgreSQL"] = "≥ 0.50",
        ["Accounts on a PDS for 12 verified sign-ups against its createAccount bare, SQLite"] = "≥ 0.90",
        ["Accounts on a PDS for 12 verified sign-ups against its createAccount bare, PostgreSQL"] = "≥ 0.90",
        ["Applying 100 merges against the same transactions by hand, PostgreSQL"] = "≥ 0.50",
        ["Audit of two PostgreSQL tables of 10,000 rows against reading them"] = "≤ 1.50",
        ["Audit of two PostgreSQL tables of 10,000 rows against a full outer join"] = "≤ 1.00",
        ["Duplicates by case among 10,000 rows against GROUP BY lower()"] = "≤ 1.00",
        ["Planning a backfill for 10,000 users against reading both tables"] = "≤ 1.50",
    };

    private static readonly string[] WithHttpInside = ["Sign-ups against the bare hash", "Sign-ins against", "Sign-ups without the hash against ASP.NET", "Events of webhooks", "Accounts on a PDS"];

    [Fact]
    public async Task A_quick_pass_gives_each_figure_its_ratio_and_its_bar_and_finds_no_double_of_ours()
    {
        var figures = await QuickPassAsync();

        foreach (var (name, bar) in Ratios)
        {
            var figure = figures.ShouldHaveSingleItem(name);
            figure.GetProperty("ratio").GetProperty("median").GetDouble().ShouldBeGreaterThan(0, name);
            figure.GetProperty("bar").GetString().ShouldBe(bar, name);
            figure.GetProperty("httpInside").GetBoolean().ShouldBe(WithHttpInside.Any(beginning => name.StartsWith(beginning, StringComparison.Ordinal)), name);
        }

        figures.ShouldHaveSingleItem("Sign-ups without the hash against raw rows, SQLite").GetProperty("note").GetString().ShouldNotBeNull().ShouldContain("9 rows each");
        figures.ShouldHaveSingleItem("Doubles made in a race for one e-mail address").GetProperty("met").GetBoolean().ShouldBeTrue();
        figures.ShouldHaveSingleItem("Start to the first answer, new data folder").GetProperty("unit").GetString().ShouldBe("ms");
        figures.ShouldHaveSingleItem("Resident memory").GetProperty("unit").GetString().ShouldBe("MiB");
    }

    private static async Task<List<JsonElement>> QuickPassAsync()
    {
        using var timeout = new CancellationTokenSource(Limit);
        var result = await ChildProcess.RunAsync(
            Path.Combine(Checkout.Root, "bench", "run"), ["--quick", "--json"], cancellationToken: timeout.Token);
        result.ExitCode.ShouldBe(0, result.StandardError);
        return [.. JsonDocument.Parse(result.StandardOutput).RootElement.EnumerateArray()];
    }
}

internal static class FigureLists
{
    /// <summary>The one figure of this name.</summary>
    public static JsonElement ShouldHaveSingleItem(this List<JsonElement> figures, string name)
        => figures.Where(figure => figure.GetProperty("name").GetString() == name).ToList().ShouldHaveSingleItem();
}
