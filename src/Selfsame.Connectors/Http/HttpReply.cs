using System.Net;
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

    public override TimeSpan? Patience => Status == HttpStatusCode.TooManyRequests ? RetryAfter : null;

    public bool IsSuccess => (int)Status is >= 200 and < 300;

    /// <summary>What it says, for people; never long.</summary>
    public string Message => Reason is { } reason ? reason.Length > LongestMessage ? reason[..LongestMessage] + "…" : reason : "it gave no reason";

    /// <summary>Where this API tells a person what was wrong; null where it told nothing.</summary>
    protected abstract string? Reason { get; }

    /// <summary>A text member of the body; null where it is none.</summary>
    public string? Text(string property) => Body is { ValueKind: JsonValueKind.Object } body ? body.TextOrNull(property) : null;
}

/// <summary>Reads members of JSON objects that may hold anything.</summary>
internal static class JsonMembers
{
    public static string? TextOrNull(this JsonElement element, string property)
        => element.TryGetProperty(property, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    /// <summary>Whether it is true; false where it is missing or anything else.</summary>
    public static bool IsTrue(this JsonElement element, string property)
        => element.TryGetProperty(property, out var value) && value.ValueKind == JsonValueKind.True;
}
