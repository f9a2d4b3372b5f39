using System.Globalization;
using System.Text.Json;

namespace Selfsame.Bench.Figures;

/// <summary>Figures as a person reads them, one line each, and as a program does.</summary>
internal static class FigureText
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    public static string Line(Figure figure)
    {
        List<string> parts =
        [
            figure.Name,
            $"HTTP inside: {(figure.HttpInside ? "yes" : "no")}",
            $"{figure.Ours.Of} {Number(figure.Ours.Value.Median, figure.Unit)}",
        ];
        if (figure.Theirs is not null)
        {
            parts.Add($"{figure.Theirs.Of} {Number(figure.Theirs.Value.Median, figure.Unit)}");
        }

        if (figure.Ratio is { } ratio)
        {
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"ratio {ratio.Median:0.00} ({ratio.Least:0.00} to {ratio.Most:0.00})"));
        }

        if (figure.Bar is not null)
        {
            parts.Add($"bar {figure.Bar}");
            parts.Add(figure.Met == true ? "met" : "MISSED");
        }

        if (figure.Note is not null)
        {
            parts.Add(figure.Note);
        }

        return string.Join(" | ", parts);
    }

    public static string AsJson(IEnumerable<Figure> figures) => JsonSerializer.Serialize(figures, Json);

    private static string Number(double value, string unit)
    {
        var digits = value >= 100 || unit == "doubles" ? "0" : "0.0";
        return $"{value.ToString(digits, CultureInfo.InvariantCulture)}{(unit.StartsWith('/') ? "" : " ")}{unit}";
    }
}
