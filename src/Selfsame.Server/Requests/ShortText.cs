namespace Selfsame.Server.Requests;

/// <summary>Text from outside, cut to a length.</summary>
internal static class ShortText
{
    /// <summary>At most <paramref name="longest"/> UTF-16 units. Never ends in half a character, which no database takes.</summary>
    public static string Cut(string text, int longest)
        => text.Length <= longest ? text : text[..(char.IsHighSurrogate(text[longest - 1]) ? longest - 1 : longest)];
}
