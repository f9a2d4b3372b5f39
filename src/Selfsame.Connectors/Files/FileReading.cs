using System.Runtime.CompilerServices;
using System.Text;
using System.Threading.Channels;

namespace Selfsame.Connectors.Files;

/// <summary>
/// Reads a file on a thread of its own. A path may block for ever: a pipe without a writer, a device, a disk whose network is gone. Then that thread waits,
/// and who reads is told in time.
/// </summary>
internal sealed class FileReading(string path, Func<TextReader, IEnumerable<FileRecord>> parse, TimeSpan silence, TimeProvider clock)
{
    private const int PortionSize = 1000;
    private const int PortionsAhead = 2;

    /// <summary>The records in their order; an <see cref="IOException"/> or <see cref="UnauthorizedAccessException"/> where the path can't be read or is silent for too long.</summary>
    public async IAsyncEnumerable<FileRecord> ReadAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        var portions = Channel.CreateBounded<List<FileRecord>>(PortionsAhead);
        var progress = new FileProgress(clock);
        using var stop = new CancellationTokenSource();
        var stopped = stop.Token;
        new Thread(() => Fill(portions.Writer, progress, stopped)) { IsBackground = true, Name = $"File {path}" }.Start();
        try
        {
            while (await NextAsync(portions.Reader, progress, cancellation))
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

    private async Task<bool> NextAsync(ChannelReader<List<FileRecord>> portions, FileProgress progress, CancellationToken cancellation)
    {
        progress.Make();
        for (var next = portions.WaitToReadAsync(cancellation).AsTask(); ;)
        {
            try
            {
                return await next.WaitAsync(silence, clock, cancellation);
            }
            catch (TimeoutException)
            {
                // A portion may take longer than that, as long as something comes.
                if (progress.Silence >= silence)
                {
                    throw new IOException($"nothing came from it for {silence.TotalSeconds:0} s: it is a pipe or a device, or its disk does not answer.");
                }
            }
        }
    }

    private void Fill(ChannelWriter<List<FileRecord>> portions, FileProgress progress, CancellationToken stopped)
    {
        try
        {
            using var file = new WatchedFile(path, progress, stopped);
            if (!file.CanSeek)
            {
                throw new IOException("it is a pipe or a device, which can be read only once.");
            }

            using var reader = new StreamReader(file, new UTF8Encoding(false, throwOnInvalidBytes: false));
            foreach (var portion in Watched(parse(reader), file).Chunk(PortionSize))
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

    private static IEnumerable<FileRecord> Watched(IEnumerable<FileRecord> records, WatchedFile file)
    {
        foreach (var record in records)
        {
            file.EndRecord();
            yield return record;
        }
    }
}
