namespace Selfsame.Connectors.Files;

/// <summary>
/// The bytes of a file, and since when a read of them waits for an answer. It ends where nobody listens any more, and where a record goes on without end: what is
/// no export may give bytes for ever.
/// </summary>
internal sealed class WatchedStream(TimeProvider clock, CancellationToken stopped) : Stream
{
    /// <summary>No record has more bytes than this between two ends of lines.</summary>
    public const int LongestLine = 10_000_000;

    private const long NotWaiting = long.MinValue;

    private Stream? file;
    private long waitingSince = NotWaiting;
    private long line;

    /// <summary>How long the present read, or the opening, has been waiting; null where none is under way.</summary>
    public TimeSpan? Silence => Interlocked.Read(ref waitingSince) is var since && since == NotWaiting ? null : clock.GetElapsedTime(since);

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <summary>Opens the file, which may block as a read does.</summary>
    public void Open(Func<Stream> open) => file = Waiting(open);

    public override int Read(byte[] buffer, int offset, int count)
    {
        stopped.ThrowIfCancellationRequested();
        var read = Waiting(() => file!.Read(buffer, offset, count));
        Measure(buffer.AsSpan(offset, read));
        return read;
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        file?.Dispose();
        base.Dispose(disposing);
    }

    private T Waiting<T>(Func<T> answer)
    {
        Interlocked.Exchange(ref waitingSince, clock.GetTimestamp());
        try
        {
            return answer();
        }
        finally
        {
            Interlocked.Exchange(ref waitingSince, NotWaiting);
        }
    }

    private void Measure(ReadOnlySpan<byte> read)
    {
        var first = read.IndexOfAny((byte)'\n', (byte)'\r');
        if (line + (first < 0 ? read.Length : first) > LongestLine)
        {
            throw new IOException($"a line of it has over {LongestLine / 1_000_000} million bytes: it is no CSV or JSON Lines file, or a device.");
        }

        line = first < 0 ? line + read.Length : read.Length - 1 - read.LastIndexOfAny((byte)'\n', (byte)'\r');
    }
}
