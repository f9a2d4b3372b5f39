namespace Selfsame.Server.Pages;

/// <summary>Where a page may send somebody on to: an address on this site and no other (CASES 29).</summary>
internal static class LocalAddress
{
    private const int Longest = 2000;

    /// <summary>
    /// <paramref name="next"/> if it is a path on this site, with or without a query; otherwise null. Refused are
    /// absolute addresses, <c>//host</c> and what browsers take for it (<c>/\host</c>, tabs and line breaks inside),
    /// also when percent-encoded once, and whatever can't stand in a Location header.
    /// </summary>
    public static string? Accept(string? next)
        => next is { Length: > 0 and <= Longest } && IsPlain(next) && IsPath(next) && IsPath(Uri.UnescapeDataString(next)) ? next : null;

    private static bool IsPlain(string text) => text.All(c => c is > ' ' and < '\u007F' and not '\\');

    private static bool IsPath(string text)
        => text[0] == '/' && (text.Length == 1 || text[1] is not ('/' or '\\')) && !PathOf(text).Any(c => char.IsControl(c) || c == '\\');

    private static string PathOf(string text) => text.Split('?', '#')[0];
}
