namespace Selfsame.Cli.Views;

/// <summary>Progress on stderr, while a person watches: after so many, and as soon as nothing was shown for a second.</summary>
internal sealed class PacedProgress : IProgress<long>, IProgress<int>
{
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(1);

    private readonly TextWriter output;
    private readonly TimeProvider clock;
    private readonly long every;
    private readonly Func<long, string> sentence;
    private readonly Lock guard = new();
    private long shown;
    private long since;

    /// <param name="output">Where lines go.</param>
    /// <param name="clock">Tells how long nothing was shown.</param>
    /// <param name="every">A line is due after so many.</param>
    /// <param name="sentence">The line for a number.</param>
    public PacedProgress(TextWriter output, TimeProvider clock, long every, Func<long, string> sentence)
    {
        (this.output, this.clock, this.every, this.sentence) = (output, clock, every, sentence);
        since = clock.GetTimestamp();
    }

    /// <summary>Of reading one system.</summary>
    public static IProgress<long>? OfReading(string system, TimeProvider clock)
        => Terminal.IsWatched ? new PacedProgress(Console.Error, clock, 100_000, read => $"{system}: {read} accounts read") : null;

    /// <summary>Of making a plan's changes.</summary>
    public static IProgress<int>? OfApplying(int changes, TimeProvider clock)
        => Terminal.IsWatched ? new PacedProgress(Console.Error, clock, 1000, made => $"{made} of {changes} changes") : null;

    public void Report(int value) => Report((long)value);

    public void Report(long value)
    {
        lock (guard)
        {
            if (value <= shown || (value - shown < every && clock.GetElapsedTime(since) < Quiet))
            {
                return;
            }

            shown = value;
            since = clock.GetTimestamp();
            output.WriteLine(sentence(value));
        }
    }
}
