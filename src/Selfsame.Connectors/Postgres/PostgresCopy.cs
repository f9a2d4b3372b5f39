using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Npgsql;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Postgres;

/// <summary>
/// A COPY in the binary format (postgresql.org/docs/current/sql-copy.html, "Binary Format"), received on a thread of its own, so that receiving and using what
/// was received take turns on two processors: the driver hands over row by row, and to await each would take longer than the rest.
/// </summary>
internal sealed class PostgresCopy : IAsyncDisposable
{
    /// <summary>How many bytes stand free before what was received, for the row that the last buffer broke off in.</summary>
    public const int Headroom = 16 * 1024;

    private const int Size = 256 * 1024;
    private const int Ahead = 4;

    private readonly NpgsqlRawCopyStream stream;
    private readonly Channel<(byte[] Buffer, int End)> received = Channel.CreateBounded<(byte[], int)>(new BoundedChannelOptions(Ahead) { SingleReader = true, SingleWriter = true });
    private readonly Channel<byte[]> free = Channel.CreateUnbounded<byte[]>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
    private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool given;

    public PostgresCopy(NpgsqlRawCopyStream stream)
    {
        this.stream = stream;
        new Thread(Receive) { IsBackground = true, Name = "PostgreSQL copy" }.Start();
    }

    /// <summary>The next bytes, from <see cref="Headroom"/> to the end; null when there are no more. Rethrows what the driver threw.</summary>
    public async Task<(byte[] Buffer, int End)?> NextAsync(CancellationToken cancellation)
    {
        // What waits for the server is told to stop by the server.
        await using var asked = cancellation.Register(stream.Cancel);
        while (await received.Reader.WaitToReadAsync(cancellation))
        {
            if (received.Reader.TryRead(out var next))
            {
                return next;
            }
        }

        return null;
    }

    /// <summary>Gives a buffer back that is used up.</summary>
    public void Return(byte[] buffer) => free.Writer.TryWrite(buffer);

    public async ValueTask DisposeAsync()
    {
        given = true;
        if (!ended.Task.IsCompleted)
        {
            stream.Cancel();
        }

        while (received.Reader.TryRead(out _))
        {
        }

        await ended.Task;
        await stream.DisposeAsync();
    }

    private void Receive()
    {
        try
        {
            while (!given)
            {
                var buffer = free.Reader.TryRead(out var used) ? used : new byte[Headroom + Size];
                var end = Fill(buffer);
                if (end == Headroom)
                {
                    break;
                }

                Hand(buffer, end);
            }

            received.Writer.Complete();
        }
        catch (Exception exception) when (exception is NpgsqlException or IOException or ObjectDisposedException or OperationCanceledException)
        {
            received.Writer.Complete(exception);
        }
        finally
        {
            ended.SetResult();
        }
    }

    private int Fill(byte[] buffer)
    {
        var end = Headroom;
        while (end < buffer.Length && !given)
        {
            var read = stream.Read(buffer.AsSpan(end));
            if (read == 0)
            {
                break;
            }

            end += read;
        }

        return end;
    }

    private void Hand(byte[] buffer, int end)
    {
        while (!given && !received.Writer.TryWrite((buffer, end)))
        {
            received.Writer.WaitToWriteAsync().AsTask().Wait();
        }
    }
}

/// <summary>
/// Takes the rows of a COPY where they stand in its buffers. The values mean what the same columns of a record mean (<see cref="PostgresColumn.Read"/>); a uuid
/// comes in its 16 bytes.
/// </summary>
internal sealed class PostgresCopyRows(PostgresColumn?[] columns, IReadOnlySet<int> idPlaces)
{
    // The signature of 11 bytes, flags, and the length of an extension.
    private const int HeaderLength = 19;

    private byte[] buffer = [];
    private byte[] leftOver = [];
    private int start;
    private int end;
    private int leftLength;
    private bool begun;

    /// <summary>The SELECT list: each column that the table has, null for one that it has not.</summary>
    public static string Selected(PostgresColumn?[] columns)
        => string.Join(", ", columns.OfType<PostgresColumn>().Select(column => column.IsUuid ? $"t.{column.Quoted}" : column.Selected));

    /// <summary>Whether the server has said that there are no more rows.</summary>
    public bool Complete { get; private set; }

    /// <summary>How many rows were seen so far.</summary>
    public long Rows { get; private set; }

    /// <summary>
    /// Takes all whole rows out of the next bytes of the COPY, with what the last left over before them; the numbers of those rows whose id is null or bytes go to
    /// <paramref name="withoutId"/> instead.
    /// </summary>
    public void Take(byte[] next, int nextEnd, FieldRows rows, List<long> withoutId)
    {
        Join(next, nextEnd);
        rows.Clear(buffer);
        if (!begun)
        {
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

    /// <summary>Keeps the row that the buffer breaks off in, so that the buffer can be filled again.</summary>
    public void KeepRest()
    {
        leftLength = end - start;
        if (leftOver.Length < leftLength)
        {
            leftOver = new byte[2 * leftLength];
        }

        buffer.AsSpan(start, leftLength).CopyTo(leftOver);
    }

    private void Join(byte[] next, int nextEnd)
    {
        var left = leftOver.AsSpan(0, leftLength);
        var first = PostgresCopy.Headroom - left.Length;
        if (first < 0)
        {
            // A row that is longer than the headroom.
            var joined = new byte[left.Length + nextEnd - PostgresCopy.Headroom];
            left.CopyTo(joined);
            next.AsSpan(PostgresCopy.Headroom, nextEnd - PostgresCopy.Headroom).CopyTo(joined.AsSpan(left.Length));
            (buffer, start, end) = (joined, 0, joined.Length);
            return;
        }

        left.CopyTo(next.AsSpan(first));
        (buffer, start, end) = (next, first, nextEnd);
    }

    /// <summary>The length of the row at the start; 0 while it is not whole.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
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
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool TakeRow(FieldRows rows)
    {
        Rows++;
        var hasId = true;
        var at = start + 2;
        for (var place = 0; place < columns.Length; place++)
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
            hasId &= !column.IsBytes || !idPlaces.Contains(place);
            at += length;
        }

        return hasId;
    }
}
