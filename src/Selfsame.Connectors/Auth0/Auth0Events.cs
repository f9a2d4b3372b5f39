using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Selfsame.Connectors.Http;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Auth0;

/// <summary>
/// Reads events: of a webhook's body, which is JSON lines, an array or a single object (a log stream's "content format"), each
/// <c>{"log_id", "data": {"type", "date", "user_id", …}}</c>; and of the log, whose events stand there without that envelope.
/// </summary>
internal static class Auth0Events
{
    private const string VerificationType = "sv";

    /// <summary>All events of a body, or what is wrong with the first that can't be read.</summary>
    public static EventReading ReadBody(ReadOnlyMemory<byte> body)
    {
        var events = new List<SystemEvent>();
        var reader = new Utf8JsonReader(body.Span, new JsonReaderOptions { AllowMultipleValues = true });
        try
        {
            while (reader.Read())
            {
                var inArray = reader.TokenType == JsonTokenType.StartArray;
                while (!inArray || (reader.Read() && reader.TokenType != JsonTokenType.EndArray))
                {
                    var (read, problem) = Read(ref reader);
                    if (read is null)
                    {
                        return new UnreadableEvents($"Event {events.Count + 1} of the body {problem}");
                    }

                    events.Add(read);
                    if (!inArray)
                    {
                        break;
                    }
                }
            }
        }
        catch (InvalidOperationException)
        {
            return new UnreadableEvents($"Event {events.Count + 1} of the body holds half of a surrogate pair, which is no text.");
        }
        catch (JsonException exception)
        {
            return new UnreadableEvents(
                $"The body is not JSON after {events.Count} whole events, at line {exception.LineNumber + 1}: it is cut off, or in a format other than JSON lines, an array or an object.");
        }

        return events.Count == 0 ? new UnreadableEvents("The body holds no event.") : new ReadEvents(events);
    }

    /// <summary>
    /// The events of a page of the log, which is behind the newest line of it, readable or not: else a page that holds nothing else would be read for ever. Of lines that can't
    /// be read it says how many there are, and why the first can't.
    /// </summary>
    /// <param name="lines">The page.</param>
    /// <param name="checkpoint">From where it was read.</param>
    public static EventPage ReadLog(JsonElement lines, string? checkpoint)
    {
        var events = new List<SystemEvent>();
        var problems = new List<string>();
        foreach (var line in lines.EnumerateArray())
        {
            var (read, problem) = ReadLine(line);
            if (read is null)
            {
                problems.Add(problem!);
            }
            else
            {
                events.Add(read);
            }
        }

        // log_ids grow; the search sorts by date.
        var newest = lines.EnumerateArray().Select(LogId).Append(checkpoint).Max(StringComparer.Ordinal);
        return new EventPage(events, newest, lines.GetArrayLength() == 0) { Unreadable = problems.Count, Problem = problems.FirstOrDefault() };
    }

    private static (SystemEvent? Event, string? Problem) ReadLine(JsonElement line)
    {
        if (!line.IsText())
        {
            return (null, "holds half of a surrogate pair, which is no text.");
        }

        var reader = new Utf8JsonReader(JsonMarshal.GetRawUtf8Value(line));
        reader.Read();
        return Read(ref reader);
    }

    private static string? LogId(JsonElement line)
        => line.ValueKind == JsonValueKind.Object && line.TextOrNull("log_id") is { Length: > 0 } id && !IsWrong(id) ? id : null;

    /// <summary>The event of the value that the reader stands at, or what is wrong with it, as a clause; the reader goes to the value's end.</summary>
    private static (SystemEvent? Event, string? Problem) Read(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
            return (null, "is no object.");
        }

        var members = ReadMembers(ref reader, isEnvelope: true, out var data);
        if (members.Data.Kind == JsonTokenType.None)
        {
            data = members;
        }
        else if (members.Data.Kind != JsonTokenType.StartObject)
        {
            return (null, "has a 'data' that is no object.");
        }

        var id = members.Id.Text ?? data.Id.Text;
        var problem = id is null ? "has no 'log_id' that is text."
            : id.Length == 0 || IsWrong(id) ? "has an empty or too long 'log_id', or one with control characters."
            : Wrong(data.Type, "type") ?? Wrong(data.Account, "user_id");
        return problem is not null ? (null, problem) : (ToEvent(id!, data), null);
    }

    private static SystemEvent ToEvent(string id, in Members data)
        => new()
        {
            Id = id,
            Type = data.Type.Text ?? "",
            Account = data.Account.Text is { Length: > 0 } user ? new AccountId(user) : null,
            Occurred = DateTimeOffset.TryParse(data.Date.Text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var occurred)
                ? occurred.ToUniversalTime()
                : null,
            ProvesEmail = data.Type.Text == VerificationType,
        };

    /// <summary>What matters of an object, the last of each name; <paramref name="data"/> holds the members of its 'data', if that is an object.</summary>
    private static Members ReadMembers(ref Utf8JsonReader reader, bool isEnvelope, out Members data)
    {
        var members = default(Members);
        data = default;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (isEnvelope && reader.ValueTextEquals("data"u8))
            {
                reader.Read();
                members.Data = new Member(reader.TokenType, null);
                if (reader.TokenType == JsonTokenType.StartObject)
                {
                    data = ReadMembers(ref reader, isEnvelope: false, out _);
                }
                else
                {
                    reader.Skip();
                }
            }
            else if (reader.ValueTextEquals("log_id"u8))
            {
                members.Id = Member.Read(ref reader);
            }
            else if (reader.ValueTextEquals("type"u8))
            {
                members.Type = Member.Read(ref reader);
            }
            else if (reader.ValueTextEquals("user_id"u8))
            {
                members.Account = Member.Read(ref reader);
            }
            else if (reader.ValueTextEquals("date"u8))
            {
                members.Date = Member.Read(ref reader);
            }
            else
            {
                reader.Skip();
            }
        }

        return members;
    }

    private static string? Wrong(Member member, string name)
        => member.Kind is JsonTokenType.None or JsonTokenType.Null ? null
            : member.Text is not { } text ? $"has a '{name}' that is not text."
            : IsWrong(text) ? $"has a '{name}' that is too long or holds control characters."
            : null;

    private static bool IsWrong(string text) => text.Length > SystemEvent.LongestText
        || text.AsSpan().ContainsAnyInRange('\0', '\u001f') || text.AsSpan().ContainsAnyInRange('\u007f', '\u009f');

    private struct Members
    {
        public Member Id;
        public Member Type;
        public Member Account;
        public Member Date;
        public Member Data;
    }

    /// <summary>A member's kind, <see cref="JsonTokenType.None"/> where there is none, and its text if it is one.</summary>
    private readonly record struct Member(JsonTokenType Kind, string? Text)
    {
        /// <summary>The value after the name at which the reader stands; the reader goes to its end.</summary>
        public static Member Read(ref Utf8JsonReader reader)
        {
            reader.Read();
            var member = new Member(reader.TokenType, reader.TokenType == JsonTokenType.String ? reader.GetString() : null);
            reader.Skip();
            return member;
        }
    }
}
