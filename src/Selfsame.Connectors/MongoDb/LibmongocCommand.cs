using System.Runtime.InteropServices;

namespace Selfsame.Connectors.MongoDb;

/// <summary>One blocking call of libmongoc.</summary>
internal static unsafe class LibmongocCommand
{
    /// <summary>The server's answer; <see cref="MongoTransportException"/> where none came.</summary>
    /// <param name="client">The client, which nobody else uses meanwhile.</param>
    /// <param name="session">The session, or 0.</param>
    /// <param name="request">The command.</param>
    public static BsonDocument Run(nint client, nint session, MongoRequest request)
    {
        const int parts = 3;
        var memory = (byte*)NativeMemory.AlignedAlloc(parts * MongoLibrary.BsonSize, MongoLibrary.BsonSize);
        var command = memory;
        var options = memory + MongoLibrary.BsonSize;
        var reply = options + MongoLibrary.BsonSize;
        var error = stackalloc byte[MongoLibrary.ErrorSize];
        new Span<byte>(error, MongoLibrary.ErrorSize).Clear();
        MongoLibrary.InitBson(options);
        MongoLibrary.InitBson(reply);
        try
        {
            if (session != 0 && !MongoLibrary.AppendSession(session, options, error))
            {
                throw LibmongocError.Read(new ReadOnlySpan<byte>(error, MongoLibrary.ErrorSize), sent: false);
            }

            fixed (byte* bytes = request.Command.Bytes.Span)
            {
                if (!MongoLibrary.InitStaticBson(command, bytes, (nuint)request.Command.Bytes.Length))
                {
                    throw new BsonException("libmongoc takes the command for no BSON.");
                }

                var done = MongoLibrary.RunCommand(client, request.Database, command, 0, options, reply, error);
                var data = MongoLibrary.BsonData(reply);
                var answer = new BsonDocument(new ReadOnlySpan<byte>(data, *(int*)data).ToArray());
                return done || answer.Find("ok") is not null ? answer : throw LibmongocError.Read(new ReadOnlySpan<byte>(error, MongoLibrary.ErrorSize));
            }
        }
        finally
        {
            MongoLibrary.DestroyBson(reply);
            MongoLibrary.DestroyBson(options);
            NativeMemory.AlignedFree(memory);
        }
    }

    /// <summary>A new session of the client.</summary>
    public static nint StartSession(nint client)
    {
        var error = stackalloc byte[MongoLibrary.ErrorSize];
        new Span<byte>(error, MongoLibrary.ErrorSize).Clear();
        var session = MongoLibrary.StartSession(client, 0, error);
        return session != 0 ? session : throw LibmongocError.Read(new ReadOnlySpan<byte>(error, MongoLibrary.ErrorSize), sent: false);
    }
}
