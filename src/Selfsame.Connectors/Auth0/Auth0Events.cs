using System.Globalization;
using System.Text.Json;
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
                using var value = JsonDocument.ParseValue(ref reader);
                IEnumerable<JsonElement> elements = value.RootElement.ValueKind == JsonValueKind.Array ? value.RootElement.EnumerateArray() : [value.RootElement];
                foreach (var element in elements)
                {
                    if (Problem(element) is { } problem)
                    {
                        return new UnreadableEvents($"Event {events.Count + 1} of the body {problem}");
                    }

                    events.Add(Read(element));
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

    /// <summary>What is wrong with an event, as a clause; null for one that can be read.</summary>
    public static string? Problem(JsonElement element)
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            return "is no object.";
        }

        var data = Data(element);
        return data.ValueKind != JsonValueKind.Object ? "has a 'data' that is no object."
            : Id(element, data) is not { } id ? "has no 'log_id' that is text."
            : IsWrong(id) ? "has an empty or too long 'log_id', or one with control characters."
            : Wrong(data, "type") ?? Wrong(data, "user_id");
    }

    /// <summary>The event of an element without a <see cref="Problem"/>.</summary>
    public static SystemEvent Read(JsonElement element)
    {
        var data = Data(element);
        var type = Text(data, "type") ?? "";
        var user = Text(data, "user_id");
        return new SystemEvent
        {
            Id = Id(element, data)!,
            Type = type,
            Account = user is { Length: > 0 } ? new AccountId(user) : null,
            Occurred = Text(data, "date") is { } date && DateTimeOffset.TryParse(date, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var occurred)
                ? occurred.ToUniversalTime()
                : null,
            ProvesEmail = type == VerificationType,
        };
    }

    private static JsonElement Data(JsonElement element) => element.TryGetProperty("data", out var data) ? data : element;

    private static string? Id(JsonElement element, JsonElement data) => Text(element, "log_id") ?? Text(data, "log_id");

    private static string? Wrong(JsonElement data, string property)
        => !data.TryGetProperty(property, out var value) || value.ValueKind == JsonValueKind.Null ? null
            : value.ValueKind != JsonValueKind.String ? $"has a '{property}' that is not text."
            : value.GetString()!.Length > 0 && IsWrong(value.GetString()!) ? $"has a '{property}' that is too long or holds control characters."
            : null;

    private static bool IsWrong(string text) => text.Length is 0 or > SystemEvent.LongestText
        || text.AsSpan().ContainsAnyInRange('\0', '\u001f') || text.AsSpan().ContainsAnyInRange('\u007f', '\u009f');

    private static string? Text(JsonElement data, string property)
        => data.TryGetProperty(property, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
