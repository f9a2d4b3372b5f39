using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;

namespace Selfsame.Core.Identifiers;

/// <summary>What <c>selfsame keys</c> can be asked for.</summary>
public enum KeyKind
{
    /// <summary>A username, or an address that stands for one: a <see cref="LoginName"/>.</summary>
    Username,

    /// <summary>An <see cref="EmailAddress"/>.</summary>
    Email,

    /// <summary>A <see cref="PhoneNumber"/>.</summary>
    Phone,

    /// <summary>A <see cref="Handle"/>.</summary>
    Handle,
}

/// <summary>
/// The answer of <c>selfsame keys</c> to one line: one JSON object with <c>input</c>, and either <c>key</c> and the further keys
/// that the kind has (<c>skeleton</c>, <c>mailbox</c>) or <c>error</c> with <c>rule</c> and <c>message</c>.
/// </summary>
public static class KeyReport
{
    // Lines are for people and programs that read UTF-8, not for HTML: nothing but what JSON demands is escaped.
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The kind by its name on the command line: <c>username</c>, <c>email</c>, <c>phone</c>, <c>handle</c>.</summary>
    public static bool TryParseKind(string name, out KeyKind kind)
    {
        (var known, kind) = name switch
        {
            "username" => (true, KeyKind.Username),
            "email" => (true, KeyKind.Email),
            "phone" => (true, KeyKind.Phone),
            "handle" => (true, KeyKind.Handle),
            _ => (false, default),
        };
        return known;
    }

    /// <summary>Writes the object for one line, with no line end after it.</summary>
    /// <param name="kind">What the line is.</param>
    /// <param name="line">The bytes of the line without its line feed; a carriage return at its end is not part of it.</param>
    /// <param name="output">Where the object goes, as UTF-8.</param>
    /// <returns>Whether the value has a key; false when it was refused.</returns>
    public static bool Write(KeyKind kind, ReadOnlySpan<byte> line, IBufferWriter<byte> output)
    {
        if (line.EndsWith("\r"u8))
        {
            line = line[..^1];
        }

        using var writer = new Utf8JsonWriter(output, Options);
        // Bytes that are no UTF-8 are shown as U+FFFD, and the error says so.
        var text = Encoding.UTF8.GetString(line);
        writer.WriteStartObject();
        writer.WriteString("input"u8, text);
        var refusal = Utf8.IsValid(line)
            ? WriteKeys(kind, text, writer)
            : new Refusal($"{Name(kind)}.utf8", "The line is not valid UTF-8; convert the file to UTF-8.");
        if (refusal is not null)
        {
            writer.WriteStartObject("error"u8);
            writer.WriteString("rule"u8, refusal.Rule);
            writer.WriteString("message"u8, refusal.Message);
            writer.WriteEndObject();
        }

        writer.WriteEndObject();
        return refusal is null;
    }

    private static string Name(KeyKind kind) => kind.ToString().ToLowerInvariant();

    private static Refusal? WriteKeys(KeyKind kind, string text, Utf8JsonWriter writer)
    {
        Refusal? refusal;
        switch (kind)
        {
            case KeyKind.Username:
                if (LoginName.TryParse(text, out var login, out refusal))
                {
                    Write(writer, login.Key, login.Skeleton, login.EmailAddress?.Mailbox);
                }

                break;
            case KeyKind.Email:
                if (EmailAddress.TryParse(text, out var email, out refusal))
                {
                    Write(writer, email.Key, email.Skeleton, email.Mailbox);
                }

                break;
            case KeyKind.Phone:
                if (PhoneNumber.TryParse(text, out var phone, out refusal))
                {
                    Write(writer, phone.Key, null, null);
                }

                break;
            case KeyKind.Handle:
                if (Handle.TryParse(text, out var handle, out refusal))
                {
                    Write(writer, handle.Key, null, null);
                }

                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(kind), kind, "There is no such kind of key.");
        }

        return refusal;
    }

    private static void Write(Utf8JsonWriter writer, string key, string? skeleton, string? mailbox)
    {
        writer.WriteString("key"u8, key);
        if (skeleton is not null)
        {
            writer.WriteString("skeleton"u8, skeleton);
        }

        if (mailbox is not null)
        {
            writer.WriteString("mailbox"u8, mailbox);
        }
    }
}
