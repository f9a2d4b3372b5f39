using System.Buffers.Binary;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Postgres;

/// <summary>
/// Rows of a few columns in the binary format of COPY (postgresql.org/docs/current/sql-copy.html, "Binary Format"), read where they stand in the buffer. The
/// values mean what the same columns of a record mean (<see cref="PostgresColumn.Read"/>); a uuid comes in its 16 bytes.
/// </summary>
internal sealed class PostgresCopy(Stream stream, IReadOnlyList<PostgresColumn?> columns, IReadOnlySet<int> idPlaces)
{
    // The signature of 11 bytes, flags, and the length of an extension.
    private const int HeaderLength = 19;
    private const int Enough = 64 * 1024;

    private byte[] buffer = new byte[4 * Enough];
    private int start;
    private int end;
    private bool begun;

    /// <summary>The SELECT list: each column that the table has, null for one that it has not.</summary>
    public static string Selected(IReadOnlyList<PostgresColumn?> columns)
        => string.Join(", ", columns.OfType<PostgresColumn>().Select(column => column.IsUuid ? $"t.{column.Quoted}" : column.Selected));

    /// <summary>Whether the server has said that there are no more rows.</summary>
    public bool Complete { get; private set; }

    /// <summary>How many rows were seen so far.</summary>
    public long Rows { get; private set; }

    /// <summary>Reads on; false at the end of the stream.</summary>
    public async Task<bool> FillAsync(CancellationToken cancellation)
    {
        buffer.AsSpan(start, end - start).CopyTo(buffer);
        (start, end) = (0, end - start);
        if (end > buffer.Length - Enough)
        {
            Array.Resize(ref buffer, 2 * buffer.Length);
        }

        var before = end;
        // The driver hands over one row at a time.
        while (end - before < Enough)
        {
            var read = await stream.ReadAsync(buffer.AsMemory(end), cancellation);
            if (read == 0)
            {
                break;
            }

            end += read;
        }

        return end > before;
    }

    /// <summary>Takes all whole rows out of the buffer; the numbers of those whose id is null go to <paramref name="withoutId"/> instead.</summary>
    public void Take(FieldRows rows, List<long> withoutId)
    {
        rows.Clear(buffer);
        if (!begun)
        {
            if (end - start < HeaderLength)
            {
                return;
            }

            begun = true;
            start += HeaderLength + BinaryPrimitives.ReadInt32BigEndian(buffer.AsSpan(start + HeaderLength - 4));
        }

        while (!Complete && LengthOfRow() is var length and > 0)
        {
            if (!TakeRow(rows))
            {
                rows.DropLastRow();
                withoutId.Add(Rows);
            }

            start += length;
        }
    }

    /// <summary>The length of the row at the start; 0 while it is not whole.</summary>
    private int LengthOfRow()
    {
        if (end - start < 2)
        {
            return 0;
        }

        var fields = BinaryPrimitives.ReadInt16BigEndian(buffer.AsSpan(start));
        if (fields < 0)
        {
            Complete = true;
            return 0;
        }

        var at = start + 2;
        for (var field = 0; field < fields; field++)
        {
            if (end - at < 4)
            {
                return 0;
            }

            at += 4 + Math.Max(0, BinaryPrimitives.ReadInt32BigEndian(buffer.AsSpan(at)));
        }

        return at <= end ? at - start : 0;
    }

    /// <summary>Whether the row has an id.</summary>
    private bool TakeRow(FieldRows rows)
    {
        Rows++;
        var hasId = true;
        var at = start + 2;
        for (var place = 0; place < columns.Count; place++)
        {
            if (columns[place] is not { } column)
            {
                rows.AddNull();
                continue;
            }

            var length = BinaryPrimitives.ReadInt32BigEndian(buffer.AsSpan(at));
            at += 4;
            if (length < 0)
            {
                rows.AddNull();
                hasId &= !idPlaces.Contains(place);
                continue;
            }

            column.Take(rows, buffer, at, length);
            at += length;
        }

        return hasId;
    }
}
