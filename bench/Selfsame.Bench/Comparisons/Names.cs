using System.Globalization;

namespace Selfsame.Bench.Comparisons;

/// <summary>Usernames that nobody has yet, in this run.</summary>
internal static class Names
{
    private static long last;

    public static string Next() => Numbered(Interlocked.Increment(ref last));

    /// <summary>A name that can be made again; its numbers start where <see cref="Next"/> will not come.</summary>
    public static string Known(int number) => Numbered(900_000_000 + number);

    private static string Numbered(long number) => string.Create(CultureInfo.InvariantCulture, $"bench{number:D9}");
}
