using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace Selfsame.Server.Api;

/// <summary>
/// Adds up what our meters and ASP.NET Core's report, and writes it in the Prometheus text format, version 0.0.4. An
/// instrument has at most <see cref="MostSeries"/> series; further ones are left out.
/// </summary>
internal sealed class PrometheusMetrics : IDisposable
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    private const int MostSeries = 1000;
    /// <summary>The meters whose instruments are told.</summary>
    public static readonly HashSet<string> Meters = new(["Selfsame.Store", ServerMeters.Name, "Microsoft.AspNetCore.Hosting"], StringComparer.Ordinal);
    private static readonly double[] Buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

    private readonly object gate = new();
    private readonly MeterListener listener = new();
    private readonly SortedDictionary<string, Family> families = new(StringComparer.Ordinal);

    public PrometheusMetrics()
    {
        listener.InstrumentPublished = (instrument, active) =>
        {
            if (Meters.Contains(instrument.Meter.Name))
            {
                active.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Record(instrument, value, tags));
        listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Record(instrument, value, tags));
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Record(instrument, value, tags));
        listener.Start();
    }

    public string Write()
    {
        var text = new StringBuilder();
        lock (gate)
        {
            foreach (var (name, family) in families)
            {
                family.Write(name, text);
            }
        }

        return text.ToString();
    }

    public void Dispose() => listener.Dispose();

    private void Record(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var (name, type) = Name(instrument);
        var labels = Labels(tags);
        lock (gate)
        {
            if (!families.TryGetValue(name, out var family))
            {
                families[name] = family = new Family(type, instrument.Description);
            }

            if (!family.Series.TryGetValue(labels, out var series) && family.Series.Count < MostSeries)
            {
                family.Series[labels] = series = new Series(type == "histogram");
            }

            series?.Add(value);
        }
    }

    private static (string Name, string Type) Name(Instrument instrument)
    {
        var name = instrument.Name.Replace('.', '_') + (instrument.Unit == "s" ? "_seconds" : "");
        var generic = instrument.GetType().GetGenericTypeDefinition();
        return generic == typeof(Histogram<>) ? (name, "histogram") : generic == typeof(Counter<>) ? (name + "_total", "counter") : (name, "gauge");
    }

    private static string Labels(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var labels = new List<string>();
        foreach (var (name, value) in tags)
        {
            var text = value is bool flag ? (flag ? "true" : "false") : Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
            labels.Add($"{name.Replace('.', '_')}=\"{Escape(text)}\"");
        }

        labels.Sort(StringComparer.Ordinal);
        return string.Join(',', labels);
    }

    /// <summary>A label's value as it stands between its quotes.</summary>
    public static string Escape(string text)
        => text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);

    private sealed class Family(string type, string? description)
    {
        public SortedDictionary<string, Series> Series { get; } = new(StringComparer.Ordinal);

        public void Write(string name, StringBuilder text)
        {
            text.Append(CultureInfo.InvariantCulture, $"# HELP {name} {Escape(description ?? name)}\n# TYPE {name} {type}\n");
            foreach (var (labels, series) in Series)
            {
                series.Write(name, labels, text);
            }
        }
    }

    private sealed class Series(bool isHistogram)
    {
        private readonly long[] counts = isHistogram ? new long[Buckets.Length] : [];
        private double sum;
        private long count;

        public void Add(double value)
        {
            sum += value;
            count++;
            for (var index = 0; index < counts.Length; index++)
            {
                counts[index] += value <= Buckets[index] ? 1 : 0;
            }
        }

        public void Write(string name, string labels, StringBuilder text)
        {
            if (!isHistogram)
            {
                WriteLine(name, labels, sum, text);
                return;
            }

            var start = labels.Length == 0 ? "" : labels + ",";
            for (var index = 0; index < counts.Length; index++)
            {
                WriteLine(name + "_bucket", $"{start}le=\"{Buckets[index].ToString(CultureInfo.InvariantCulture)}\"", counts[index], text);
            }

            WriteLine(name + "_bucket", start + "le=\"+Inf\"", count, text);
            WriteLine(name + "_sum", labels, sum, text);
            WriteLine(name + "_count", labels, count, text);
        }

        private static void WriteLine(string name, string labels, double value, StringBuilder text)
            => text.Append(name)
                .Append(labels.Length == 0 ? "" : $"{{{labels}}}")
                .Append(' ')
                .Append(value.ToString("R", CultureInfo.InvariantCulture))
                .Append('\n');
    }
}
