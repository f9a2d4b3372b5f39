using System.Text;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Files;

/// <summary>
/// Comma-separated values with a header (RFC 4180); a bare line feed or carriage return ends a record too. Every value is text, an empty one
/// null. A quote in the wrong place may hide the lines after it: then the file is not read at all.
/// </summary>
internal static class CsvRecords
{
    // A value longer than this is a quote that was never closed.
    private const int LongestValue = 1_000_000;

    public static IEnumerable<FileRecord> Read(TextReader reader)
    {
        long line = 1;
        if (ReadRow(reader, ref line) is not { } header)
        {
            yield return new FileRecord(1, null, "it has no header; a CSV file begins with one, also where nobody is in it.", HidesOthers: true);
            yield break;
        }

        if (header.Problem is { } headless)
        {
            yield return new FileRecord(1, null, headless, HidesOthers: true);
            yield break;
        }

        while (true)
        {
            var begun = line;
            if (ReadRow(reader, ref line) is not { } row)
            {
                yield break;
            }

            if (row is { Values: [""], Problem: null })
            {
                continue;
            }

            var problem = row.Problem ?? (row.Values.Count == header.Values.Count ? null : $"it has {row.Values.Count} values, and the header {header.Values.Count}.");
            yield return problem is null
                ? new FileRecord(begun, Fields(header.Values, row.Values), null)
                : new FileRecord(begun, null, problem, HidesOthers: row.HoldsLines || (row.EndsFile && row.Values.Count < header.Values.Count));
        }
    }

    private static Fields Fields(List<string> header, List<string> row)
        => new(header.Zip(row).DistinctBy(pair => pair.First).Select(pair => KeyValuePair.Create(pair.First, pair.Second.Length == 0 ? FieldValue.Null : FieldValue.Text(pair.Second))));

    private static Row? ReadRow(TextReader reader, ref long line)
    {
        if (reader.Peek() < 0)
        {
            return null;
        }

        var (row, value) = (new Row(), new StringBuilder());
        var (quoted, closed) = (false, false);
        while (true)
        {
            var next = reader.Read();
            switch (next)
            {
                case -1:
                    row.Problem ??= quoted ? "a quote that is opened in it is never closed." : null;
                    return row.End(value, endsFile: true, holdsLines: quoted);
                case '"' when quoted && reader.Peek() == '"':
                    value.Append((char)reader.Read());
                    break;
                case '"' when quoted:
                    (quoted, closed) = (false, true);
                    break;
                case '"' when value.Length == 0 && !closed:
                    quoted = true;
                    break;
                case ',' when !quoted:
                    row.Add(value);
                    closed = false;
                    break;
                case '\r' when !quoted && reader.Peek() == '\n':
                    break;
                case '\n' or '\r' when !quoted:
                    line++;
                    return row.End(value, endsFile: false, holdsLines: false);
                default:
                    line += next == '\n' ? 1 : 0;
                    row.HoldsLines |= next == '\n';
                    row.Problem ??= closed ? "a closing quote is followed by more than a comma." : null;
                    value.Append((char)next);
                    if (value.Length > LongestValue)
                    {
                        row.Problem = "a value has over a million characters; is a quote not closed?";
                        return row.End(value, endsFile: false, holdsLines: true);
                    }

                    break;
            }
        }
    }

    /// <summary>One row as far as it was read.</summary>
    private sealed class Row
    {
        public List<string> Values { get; } = [];

        /// <summary>Whether a quoted value in it goes over several lines.</summary>
        public bool HoldsLines { get; set; }

        /// <summary>Whether the file ended with it, without the end of its line.</summary>
        public bool EndsFile { get; private set; }

        public string? Problem { get; set; }

        public void Add(StringBuilder value)
        {
            Values.Add(value.ToString());
            value.Clear();
        }

        public Row End(StringBuilder last, bool endsFile, bool holdsLines)
        {
            Add(last);
            EndsFile = endsFile;
            HoldsLines |= holdsLines;
            return this;
        }
    }
}
