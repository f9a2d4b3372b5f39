using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace Selfsame.Connectors.Http;

/// <summary>What became of one request.</summary>
internal abstract record HttpReply
{
    /// <summary>For how long the other side asks to be left alone; null where it does not.</summary>
    public virtual TimeSpan? Patience => null;
}

/// <summary>The request never left.</summary>
/// <param name="Why">A clause that goes on after the system's name.</param>
internal record NotAsked(string Why) : HttpReply;

/// <summary>The request was not sent: an earlier answer asked for less of them, or said that no more are allowed for a while.</summary>
/// <param name="Left">For so long still.</param>
internal sealed record LeftAlone(TimeSpan Left) : NotAsked($"asked to be left alone for another {Math.Ceiling(Left.TotalSeconds):0} s.")
{
    public override TimeSpan? Patience => Left;
}

/// <summary>The request left and no whole answer came: it may have been carried out.</summary>
/// <param name="Why">A clause that goes on after the system's name.</param>
internal sealed record NoAnswer(string Why) : HttpReply;

/// <summary>An answer that came whole. What its errors look like is each API's own.</summary>
internal abstract record HttpAnswer : HttpReply
{
    private const int LongestMessage = 300;

    public required HttpStatusCode Status { get; init; }

    /// <summary>The body; null where it is not JSON: a proxy's page, or nothing.</summary>
    public required JsonElement? Body { get; init; }

    /// <summary>When to ask again: what the answer says, or the connector's own patience where it says nothing.</summary>
    public required TimeSpan RetryAfter { get; init; }

    /// <summary>What was sent and may stand in no message, even where the other side, or a proxy before it, repeats it.</summary>
    public required IReadOnlyList<string> Secrets { get; init; }

    /// <summary>For how long no further request is allowed, where the answer says that it was the last; null where it does not.</summary>
    public TimeSpan? Exhausted { get; init; }

    public override TimeSpan? Patience => Status == HttpStatusCode.TooManyRequests ? RetryAfter : null;

    public bool IsSuccess => (int)Status is >= 200 and < 300;

    /// <summary>What it says, for people; never long, never with characters that no text should hold, and without secrets.</summary>
    public string Message => Reason is { } reason ? Shown(WithoutSecrets(reason)) : "it gave no reason";

    /// <summary>Where this API tells a person what was wrong; null where it told nothing.</summary>
    protected abstract string? Reason { get; }

    /// <summary>A text member of the body; null where it is none.</summary>
    public string? Text(string property) => Body is { ValueKind: JsonValueKind.Object } body ? body.TextOrNull(property) : null;

    /// <summary>A text of the answer without secrets; to be asked before it is cut, or the greater part of one might stay.</summary>
    protected string WithoutSecrets(string text) => Secrets.Aggregate(text, (shown, secret) => shown.Replace(secret, "•••", StringComparison.Ordinal));

    // Cut between two characters, not within one.
    private static string Shown(string reason)
    {
        var shown = string.Concat(reason.EnumerateRunes().Take(LongestMessage).Select(rune => Rune.IsControl(rune) ? Rune.ReplacementChar : rune));
        return shown.Length < reason.Length ? shown + "…" : shown;
    }
}

/// <summary>Reads members of JSON objects that may hold anything: also <c>"\ud83d"</c>, half of a character, of which .NET makes no text.</summary>
internal static class JsonMembers
{
    /// <summary>What is wrong with a record that holds no text where it should, as a clause.</summary>
    public const string NoText = "it holds half of a surrogate pair, which is no text.";

    /// <summary>A member's text; null where it is missing, of another kind, or no text.</summary>
    public static string? TextOrNull(this JsonElement element, string property)
    {
        try
        {
            return element.TryGetProperty(property, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        }
        catch (InvalidOperationException) when (!element.IsText())
        {
            return null;
        }
    }

    /// <summary>The text; null where it is of another kind, or no text.</summary>
    public static string? TextOrNull(this JsonElement element) => element.ValueKind == JsonValueKind.String && element.IsText() ? element.GetString() : null;

    /// <summary>Whether it is true; false where it is missing or anything else.</summary>
    public static bool IsTrue(this JsonElement element, string property)
        => element.TryGetProperty(property, out var value) && value.ValueKind == JsonValueKind.True;

    /// <summary>Whether all that is text in it, names of members too, can be read as such.</summary>
    public static bool IsText(this JsonElement element)
    {
        var json = JsonMarshal.GetRawUtf8Value(element);
        if (!json.Contains((byte)'\\'))
        {
            return true;
        }

        var reader = new Utf8JsonReader(json);
        try
        {
            while (reader.Read())
            {
                if (reader.ValueIsEscaped)
                {
                    reader.GetString();
                }
            }

            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }
}
