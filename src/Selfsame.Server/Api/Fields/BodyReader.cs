using System.Buffers;
using System.Text.Json;
using System.Text.Unicode;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;
using Selfsame.Server.Api.Problems;
using Selfsame.Server.Requests;

namespace Selfsame.Server.Api.Fields;

/// <summary>
/// Reads a body strictly: JSON in UTF-8, one object, at most 64 KB, every field known, once, and of its type. All
/// wrong fields are named at once.
/// </summary>
internal static class BodyReader
{
    /// <summary>Why the body can't be read at all, or its fields, of which some may be wrong.</summary>
    public static async Task<(ProblemAnswer? Refusal, RequestFields Fields)> ReadAsync(HttpContext http, BodyShape shape)
    {
        var fields = new RequestFields();
        if (!IsJson(http.Request))
        {
            return (NotJson(), fields);
        }

        var bytes = await ReadBytesAsync(http);
        if (bytes is null)
        {
            return (TooLarge(), fields);
        }

        if (!Utf8.IsValid(bytes))
        {
            return (Malformed("The body holds bytes that are no UTF-8. Send JSON in UTF-8."), fields);
        }

        try
        {
            var refusal = JsonFields.Read(bytes, shape.Fields, fields);
            return (refusal is null ? null : Malformed(refusal), fields);
        }
        catch (JsonException exception)
        {
            return (Malformed($"The body is not valid JSON at line {exception.LineNumber + 1}, byte {exception.BytePositionInLine + 1}. Correct it there."), fields);
        }
    }

    public static ProblemAnswer TooLarge()
    {
        const string sentence = "A body has at most 65536 bytes. Send less.";
        return Problem.BodyTooLarge.Because(sentence, "body", sentence);
    }

    public static ProblemAnswer NotJson()
    {
        const string sentence = "Send JSON in UTF-8, not compressed, with the header Content-Type: application/json.";
        return Problem.UnsupportedMediaType.Because(sentence, "Content-Type", sentence);
    }

    private static ProblemAnswer Malformed(string sentence) => Problem.MalformedBody.Because(sentence, "body", sentence);

    private static bool IsJson(HttpRequest request)
        => request.Headers.ContentEncoding.Count == 0
            && MediaTypeHeaderValue.TryParse(request.ContentType, out var type)
            && type.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase)
            && type.Parameters.All(parameter => parameter.Name.Equals("charset", StringComparison.OrdinalIgnoreCase)
                && HeaderUtilities.RemoveQuotes(parameter.Value).Equals("utf-8", StringComparison.OrdinalIgnoreCase));

    /// <summary>Null when there is more than the limit; what is left is thrown away by the server once the answer is out.</summary>
    private static async Task<byte[]?> ReadBytesAsync(HttpContext http)
    {
        if (http.Request.ContentLength > RequestLimits.LargestBody)
        {
            return null;
        }

        var buffer = new ArrayBufferWriter<byte>((int)(http.Request.ContentLength ?? 0) + 1024);
        while (buffer.WrittenCount <= RequestLimits.LargestBody)
        {
            var count = await http.Request.Body.ReadAsync(buffer.GetMemory(1024), http.RequestAborted);
            if (count == 0)
            {
                return buffer.WrittenSpan.ToArray();
            }

            buffer.Advance(count);
        }

        return null;
    }
}
