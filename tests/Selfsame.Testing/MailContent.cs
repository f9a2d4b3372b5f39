using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Selfsame.Testing;

/// <summary>
/// What a person sees of a mail: as much of MIME (RFC 2045, 2046, 2047) as our own mails use, which is one text part or a
/// multipart/alternative of text and HTML, in base64 or quoted-printable.
/// </summary>
public sealed partial record MailContent(IReadOnlyDictionary<string, string> Headers, string Text, string Html)
{
    /// <summary>The decoded subject.</summary>
    public string Subject => Headers.GetValueOrDefault("Subject", "");

    /// <summary>Parses a message whose bytes are given one char each (Latin-1).</summary>
    public static MailContent Parse(string message)
    {
        var (headers, body) = SplitHeaders(message.ReplaceLineEndings("\n"));
        var parts = Parts(headers, body).ToList();
        return new MailContent(
            headers,
            parts.FirstOrDefault(part => part.Type.StartsWith("text/plain", StringComparison.OrdinalIgnoreCase)).Content ?? "",
            parts.FirstOrDefault(part => part.Type.StartsWith("text/html", StringComparison.OrdinalIgnoreCase)).Content ?? "");
    }

    private static IEnumerable<(string Type, string Content)> Parts(IReadOnlyDictionary<string, string> headers, string body)
    {
        var type = headers.GetValueOrDefault("Content-Type", "text/plain");
        if (Boundary().Match(type) is { Success: true } boundary)
        {
            var pieces = $"\n{body}".Split($"\n--{boundary.Groups["boundary"].Value}").Skip(1).Where(piece => !piece.StartsWith("--", StringComparison.Ordinal));
            return pieces.Select(piece => SplitHeaders(piece.TrimStart('\n'))).SelectMany(part => Parts(part.Headers, part.Body));
        }

        var bytes = headers.GetValueOrDefault("Content-Transfer-Encoding", "7bit").ToLowerInvariant() switch
        {
            "base64" => Convert.FromBase64String(body),
            "quoted-printable" => DecodeQuotedPrintable(body.Replace("=\n", "", StringComparison.Ordinal)),
            _ => Encoding.Latin1.GetBytes(body),
        };
        return [(type, Encoding.UTF8.GetString(bytes))];
    }

    private static (IReadOnlyDictionary<string, string> Headers, string Body) SplitHeaders(string message)
    {
        var end = message.IndexOf("\n\n", StringComparison.Ordinal);
        var head = end < 0 ? message : message[..end];
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var line in FoldedLine().Replace(head, " ").Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon > 0)
            {
                headers[line[..colon]] = DecodeWords(line[(colon + 1)..].Trim());
            }
        }

        return (headers, end < 0 ? "" : message[(end + 2)..]);
    }

    /// <summary>Encoded words (RFC 2047 section 2); blanks between two of them do not count.</summary>
    private static string DecodeWords(string value) => EncodedWord().Replace(BetweenWords().Replace(value, "$1"), word =>
    {
        var text = word.Groups["text"].Value;
        return Encoding.UTF8.GetString(word.Groups["encoding"].Value is "B" or "b"
            ? Convert.FromBase64String(text)
            : DecodeQuotedPrintable(text.Replace('_', ' ')));
    });

    private static byte[] DecodeQuotedPrintable(string text) => Encoding.Latin1.GetBytes(EncodedByte().Replace(
        text, code => ((char)byte.Parse(code.Groups["code"].Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture)).ToString()));

    [GeneratedRegex("boundary=\"?(?<boundary>[^\";]+)\"?", RegexOptions.IgnoreCase)]
    private static partial Regex Boundary();

    [GeneratedRegex("\n[ \t]+")]
    private static partial Regex FoldedLine();

    [GeneratedRegex(@"=\?utf-8\?(?<encoding>[BbQq])\?(?<text>[^?]*)\?=", RegexOptions.IgnoreCase)]
    private static partial Regex EncodedWord();

    [GeneratedRegex(@"(\?=)\s+(?==\?)")]
    private static partial Regex BetweenWords();

    [GeneratedRegex("=(?<code>[0-9A-Fa-f]{2})")]
    private static partial Regex EncodedByte();
}
