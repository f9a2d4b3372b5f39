using System.Buffers;
using System.CommandLine;
using Microsoft.Win32.SafeHandles;
using Selfsame.Core.Identifiers;

namespace Selfsame.Cli.Commands;

/// <summary><c>selfsame keys KIND</c>: one value a line in, one JSON object a line out.</summary>
internal static class KeysCommand
{
    /// <summary>EPIPE, as Linux and macOS number it.</summary>
    private const int BrokenPipe = 32;

    public static Command Create()
    {
        var kind = new Argument<string>("kind") { Description = "username, email, phone or handle" };
        var command = new Command("keys", "Shows the key of each value on standard input, or the rule that refuses it.") { kind };
        command.SetAction(parsed => Run(parsed.GetValue(kind)!));
        return command;
    }

    private static int Run(string kindName)
    {
        if (!KeyReport.TryParseKind(kindName, out var kind))
        {
            Console.Error.WriteLine($"selfsame: '{kindName}' has no keys. Choose username, email, phone or handle.");
            return ExitCode.Error;
        }

        var refused = false;
        try
        {
            using var input = Console.OpenStandardInput();
            using var output = new BufferedStream(StandardOutput(), 64 * 1024);
            foreach (var line in Lines(input))
            {
                var buffer = new ArrayBufferWriter<byte>(256);
                refused |= !KeyReport.Write(kind, line, buffer);
                output.Write(buffer.WrittenSpan);
                output.WriteByte((byte)'\n');
            }
        }
        catch (IOException error) when (error.HResult == BrokenPipe)
        {
            // Whoever reads us has enough, as `head` has.
        }

        return refused ? ExitCode.Findings : ExitCode.Clean;
    }

    /// <summary>
    /// The console's own stream does not tell that nobody reads any more: of an endless input we would make keys for ever. A file stream does, but into
    /// a file it would write at places of its own, past which whoever writes there next does not go.
    /// </summary>
    private static Stream StandardOutput()
    {
        var output = new FileStream(new SafeFileHandle(1, ownsHandle: false), FileAccess.Write, bufferSize: 0);
        return output.CanSeek ? Console.OpenStandardOutput() : output;
    }

    /// <summary>Lines as bytes: what is not UTF-8 must reach the report as it is.</summary>
    private static IEnumerable<byte[]> Lines(Stream input)
    {
        using var line = new MemoryStream();
        var chunk = new byte[64 * 1024];
        int read;
        while ((read = input.Read(chunk)) > 0)
        {
            var start = 0;
            for (var index = 0; index < read; index++)
            {
                if (chunk[index] == (byte)'\n')
                {
                    line.Write(chunk, start, index - start);
                    yield return line.ToArray();
                    line.SetLength(0);
                    start = index + 1;
                }
            }

            line.Write(chunk, start, read - start);
        }

        if (line.Length > 0)
        {
            yield return line.ToArray();
        }
    }
}
