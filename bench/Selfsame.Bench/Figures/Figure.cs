namespace Selfsame.Bench.Figures;

/// <summary>The smallest, middle and largest of several readings.</summary>
internal sealed record Spread(double Least, double Median, double Most)
{
    public static Spread Of(IEnumerable<double> readings)
    {
        var sorted = readings.Order().ToList();
        var middle = sorted.Count / 2;
        var median = sorted.Count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        return new Spread(sorted[0], median, sorted[^1]);
    }
}

/// <summary>One reading: what was measured, in which unit, and by what it was measured.</summary>
internal sealed record Reading(string Of, Spread Value);

/// <summary>One line of the result.</summary>
internal sealed record Figure
{
    public required string Name { get; init; }

    /// <summary>Whether each of our operations went through HTTP.</summary>
    public required bool HttpInside { get; init; }

    /// <summary>Of <see cref="Ours"/> and <see cref="Theirs"/>: <c>/s</c>, <c>ms</c>, <c>MiB</c>, <c>doubles</c>.</summary>
    public required string Unit { get; init; }

    public required Reading Ours { get; init; }

    /// <summary>What we are compared with; null where there is nothing.</summary>
    public Reading? Theirs { get; init; }

    /// <summary>Ours by theirs, pair by pair; null where it would say nothing.</summary>
    public Spread? Ratio { get; init; }

    /// <summary>What must be reached, as it is printed: <c>≥ 0.85</c>; null where there is none.</summary>
    public string? Bar { get; init; }

    /// <summary>Whether the median reaches the bar; null where there is none.</summary>
    public bool? Met { get; init; }

    /// <summary>What one has to know to read the line.</summary>
    public string? Note { get; init; }
}
