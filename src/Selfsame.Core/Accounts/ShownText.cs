namespace Selfsame.Core.Accounts;

/// <summary>Values of records as people are shown them: a field may hold megabytes.</summary>
public static class ShownText
{
    /// <summary>The text, cut after <paramref name="longest"/> characters and never within one.</summary>
    public static string Short(string text, int longest = 120)
        => text.Length <= longest ? text : text[..(char.IsHighSurrogate(text[longest - 1]) ? longest - 1 : longest)] + "…";
}
