using System.Text;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Files;

/// <summary>Comma-separated values with a header (RFC 4180); a bare line feed ends a record too. Every value is text, an empty one null.</summary>
internal static class CsvRecords
{
    // A value longer than this is a quote that was never closed.
    private const int LongestValue = 1_000_000;

    public static IEnumerable<FileRecord> Read(TextReader reader)
    {
        long line = 1;
        var header = ReadRow(reader, ref line);
        if (header is null)
        {
            yield break;
        }

        while (true)
        {
            var begun = line;
            if (ReadRow(reader, ref line) is not { } row)
            {
                yield break;
            }

            if (row is [""])
            {
                continue;
            }

            yield return row.Count != header.Count ? new FileRecord(begun, null, $"it has {row.Count} values, and the header {header.Count}.")
                : row.Exists(value => value.Length > LongestValue) ? new FileRecord(begun, null, "a value has over a million characters; is a quote not closed?")
                : new FileRecord(begun, Fields(header, row), null);
        }
    }

    private static Fields Fields(List<string> header, List<string> row)
        => new(header.Zip(row).DistinctBy(pair => pair.First).Select(pair => KeyValuePair.Create(pair.First, pair.Second.Length == 0 ? FieldValue.Null : FieldValue.Text(pair.Second))));

    private static List<string>? ReadRow(TextReader reader, ref long line)
    {
        if (reader.Peek() < 0)
        {
            return null;
        }

        var (row, value, quoted) = (new List<string>(), new StringBuilder(), false);
        while (true)
        {
            var next = reader.Read();
            switch (next)
            {
                case -1:
                    row.Add(value.ToString());
                    return row;
                case '"' when quoted && reader.Peek() == '"':
                    value.Append((char)reader.Read());
                    break;
                case '"' when quoted || value.Length == 0:
                    quoted = !quoted;
                    break;
                case ',' when !quoted:
                    row.Add(value.ToString());
                    value.Clear();
                    break;
                case '\r' when !quoted && reader.Peek() == '\n':
                    break;
                case '\n' when !quoted:
                    line++;
                    row.Add(value.ToString());
                    return row;
                default:
                    line += next == '\n' ? 1 : 0;
                    value.Append((char)next);
                    break;
            }
        }
    }
}
