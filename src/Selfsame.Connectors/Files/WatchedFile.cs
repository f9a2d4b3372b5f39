namespace Selfsame.Connectors.Files;

/// <summary>When something last came from a file.</summary>
internal sealed class FileProgress(TimeProvider clock)
{
    private long at = clock.GetTimestamp();

    public TimeSpan Silence => clock.GetElapsedTime(Volatile.Read(ref at));

    public void Make() => Volatile.Write(ref at, clock.GetTimestamp());
}

/// <summary>A file as it is read: it tells when something came, ends when nobody waits for it any more, and refuses a record that has no end, as a device gives one.</summary>
internal sealed class WatchedFile(string path, FileProgress progress, CancellationToken stopped)
    : FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete)
{
    private const int LongestRecord = 64 * 1024 * 1024;

    private long sinceRecord;

    /// <summary>A record was read to its end.</summary>
    public void EndRecord()
    {
        sinceRecord = 0;
        progress.Make();
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count)
    {
        // Reading into a span comes this way too, as in every class derived from a FileStream.
        var length = base.Read(buffer, offset, count);
        stopped.ThrowIfCancellationRequested();
        progress.Make();
        sinceRecord += length;
        return sinceRecord <= LongestRecord ? length
            : throw new IOException($"a record in it is longer than {LongestRecord / 1024 / 1024} MiB: it is a device, or no such file as the config says.");
    }
}
