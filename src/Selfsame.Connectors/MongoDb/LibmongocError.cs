using System.Buffers.Binary;
using System.Text;

namespace Selfsame.Connectors.MongoDb;

/// <summary>What libmongoc says when no answer of the server came (mongoc-error.h, bson_error_t).</summary>
internal static class LibmongocError
{
    private const uint StreamDomain = 2;
    private const uint ServerSelectionDomain = 15;
    private const uint ClientDomain = 1;

    // mongoc_error_code_t: a name that does not resolve (3), no connection made (5, 6).
    private static readonly HashSet<uint> BeforeSending = [3, 5, 6];

    public static MongoTransportException Read(ReadOnlySpan<byte> error, bool sent = true)
    {
        var domain = BinaryPrimitives.ReadUInt32LittleEndian(error);
        var code = BinaryPrimitives.ReadUInt32LittleEndian(error[4..]);
        var text = error[MongoLibrary.ErrorTextOffset..];
        var message = Encoding.UTF8.GetString(text[..Math.Max(0, text.IndexOf((byte)0))]);
        var mayBeSent = sent && domain switch
        {
            // No server found, or the log-in refused: the command never left.
            ServerSelectionDomain or ClientDomain => false,
            StreamDomain => !BeforeSending.Contains(code),
            _ => true,
        };
        return new MongoTransportException($"{message} (libmongoc {domain}/{code})", mayBeSent);
    }
}
