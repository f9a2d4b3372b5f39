using System.Text.Json;
using Selfsame.Core.Reconciliation;
using Spectre.Console;

namespace Selfsame.Cli.Views;

/// <summary>Where the views write: colours only on a terminal that wants them, and no wrapping into a pipe.</summary>
internal static class Terminal
{
    private const int UnwrappedWidth = 10_000;

    public static IAnsiConsole Output { get; } = Build();

    /// <summary>Whether a person watches: progress is shown to nobody else.</summary>
    public static bool IsWatched => !Console.IsErrorRedirected;

    /// <summary>A value out of somebody's records: its control characters must not reach the terminal.</summary>
    public static string Text(string value)
        => Markup.Escape(string.Concat(value.Select(character => char.IsControl(character) ? '�' : character)));

    /// <summary><c>1 change</c>, <c>2 changes</c>.</summary>
    public static string Count(int number, string one) => number == 1 ? $"1 {one}" : $"{number} {one}s";

    /// <summary>How many of a thing there are, and of each of its kinds, the most common first: <c>3 findings (2 Missing, 1 Duplicate)</c>.</summary>
    public static string CountByKind(IReadOnlyList<string> kinds, string one)
        => $"{Count(kinds.Count, one)} ({string.Join(", ", kinds.CountBy(kind => kind).OrderByDescending(count => count.Value).ThenBy(count => count.Key, StringComparer.Ordinal).Select(count => $"{count.Value} {count.Key}"))})";

    /// <summary>One line of markup.</summary>
    public static void Line(string markup) => Output.MarkupLine(markup);

    public static void WriteJson<T>(T value) => Console.WriteLine(JsonSerializer.Serialize(value, PlanJson.Options));

    private static IAnsiConsole Build()
    {
        var plain = Console.IsOutputRedirected || Environment.GetEnvironmentVariable("NO_COLOR") is { Length: > 0 };
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(Console.Out),
            Ansi = plain ? AnsiSupport.No : AnsiSupport.Detect,
        });
        if (Console.IsOutputRedirected)
        {
            console.Profile.Width = UnwrappedWidth;
        }

        return console;
    }
}
