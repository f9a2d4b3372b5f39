using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Unicode;
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

            // No other encoding is guessed at: what is replaced here would be written into other systems as if somebody were called so.
            using var reader = new StreamReader(file, new UTF8Encoding(encoderShouldEmitUTF8Identifier: true, throwOnInvalidBytes: true), detectEncodingFromByteOrderMarks: false);
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
        using var each = records.GetEnumerator();
        while (Next(each, file) is { } record)
        {
            file.EndRecord();
            yield return record;
            if (record.HidesOthers)
            {
                yield break;
            }
        }
    }

    private static FileRecord? Next(IEnumerator<FileRecord> records, WatchedFile file)
    {
        try
        {
            return records.MoveNext() ? records.Current : null;
        }
        catch (DecoderFallbackException)
        {
            return new FileRecord(
                LineOfOtherEncoding(file), null, "it is no UTF-8 but Latin-1, Windows-1252, UTF-16 or the like: convert the file, as with iconv -f WINDOWS-1252 -t UTF-8.", HidesOthers: true);
        }
    }

    /// <summary>The first line that is no UTF-8; the text is read in blocks, so that the reader is past it when it fails.</summary>
    private static long LineOfOtherEncoding(WatchedFile file)
    {
        file.Position = 0;
        // Latin-1 has a letter for every byte, and its lines end where those of UTF-8 do.
        using var lines = new StreamReader(file, Encoding.Latin1, detectEncodingFromByteOrderMarks: false, leaveOpen: true);
        long line = 1;
        for (; lines.ReadLine() is { } text && Utf8.IsValid(Encoding.Latin1.GetBytes(text)); line++)
        {
            file.EndRecord();
        }

        return line;
    }
}
