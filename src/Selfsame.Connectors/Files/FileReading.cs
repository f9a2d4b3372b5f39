using System.Runtime.CompilerServices;
using System.Text;
using System.Threading.Channels;

namespace Selfsame.Connectors.Files;

/// <summary>
/// Reads a file on a thread of its own. A path may block for ever: a pipe without a writer, a device, a disk whose network is gone. Then that thread waits,
/// and who reads is told in time.
/// </summary>
/// <param name="path">The file.</param>
/// <param name="parse">Takes its text apart.</param>
/// <param name="silence">How long a single read may wait for bytes.</param>
/// <param name="clock">Measures that.</param>
/// <param name="open">Opens the file.</param>
internal sealed class FileReading(
    string path, Func<TextReader, IEnumerable<FileRecord>> parse, TimeSpan silence, TimeProvider clock, Func<string, Stream>? open = null)
{
    private const int PortionSize = 1000;
    private const int PortionsAhead = 2;

    /// <summary>The records in their order; an <see cref="IOException"/> or <see cref="UnauthorizedAccessException"/> where the path can't be read or is silent for too long.</summary>
    public async IAsyncEnumerable<FileRecord> ReadAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        var portions = Channel.CreateBounded<List<FileRecord>>(PortionsAhead);
        using var stop = new CancellationTokenSource();
        var (stopped, bytes) = (stop.Token, new WatchedStream(clock, stop.Token));
        new Thread(() => Fill(portions.Writer, bytes, stopped)) { IsBackground = true, Name = $"File {path}" }.Start();
        try
        {
            while (await NextAsync(portions.Reader, bytes, cancellation))
            {
                while (portions.Reader.TryRead(out var portion))
                {
                    foreach (var record in portion)
                    {
                        yield return record;
                    }
                }
            }
        }
        finally
        {
            await stop.CancelAsync();
        }
    }

    // A portion may take long where bytes come slowly: only a read that gets none is silence.
    private async Task<bool> NextAsync(ChannelReader<List<FileRecord>> portions, WatchedStream bytes, CancellationToken cancellation)
    {
        var next = portions.WaitToReadAsync(cancellation).AsTask();
        while (!next.IsCompleted)
        {
            var left = silence - (bytes.Silence ?? TimeSpan.Zero);
            if (left <= TimeSpan.Zero)
            {
                throw new IOException($"nothing came from it for {silence.TotalSeconds:0} s: it is a pipe or a device, or its disk does not answer.");
            }

            using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            await Task.WhenAny(next, Task.Delay(left, clock, ended.Token));
            await ended.CancelAsync();
            cancellation.ThrowIfCancellationRequested();
        }

        return await next;
    }

    private Stream Open()
    {
        var file = open is null ? new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete) : open(path);
        if (!file.CanSeek)
        {
            file.Dispose();
            throw new IOException("it is a pipe or a device, which can be read only once.");
        }

        return file;
    }

    private void Fill(ChannelWriter<List<FileRecord>> portions, WatchedStream bytes, CancellationToken stopped)
    {
        try
        {
            using var reader = new StreamReader(bytes, new UTF8Encoding(false, throwOnInvalidBytes: false));
            bytes.Open(Open);
            foreach (var portion in parse(reader).Chunk(PortionSize))
            {
                if (!portions.WaitToWriteAsync(stopped).AsTask().GetAwaiter().GetResult())
                {
                    return;
                }

                portions.TryWrite([.. portion]);
            }

            portions.Complete();
        }
        catch (Exception exception)
        {
            // Whatever it is belongs to who reads.
            portions.Complete(exception);
        }
    }
}
