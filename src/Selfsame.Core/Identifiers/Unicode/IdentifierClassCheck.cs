namespace Selfsame.Core.Identifiers.Unicode;

/// <summary>Whether every code point of a string is allowed by the PRECIS IdentifierClass (RFC 8264 section 4.2).</summary>
internal static class IdentifierClassCheck
{
    /// <summary>Finds the first code point that is not allowed where it stands.</summary>
    /// <returns>Its index, or −1; the class says why.</returns>
    public static int IndexOfRefused(ReadOnlySpan<int> text, out IdentifierClass reason)
    {
        for (var index = 0; index < text.Length; index++)
        {
            reason = CharacterProperties.Of(text[index]).IdentifierClass;
            var allowed = reason switch
            {
                IdentifierClass.Valid => true,
                IdentifierClass.ContextJ => ContextRules.AllowsJoiner(text, index),
                IdentifierClass.ContextO => ContextRules.AllowsOther(text, index),
                _ => false,
            };
            if (!allowed)
            {
                return index;
            }
        }

        reason = IdentifierClass.Valid;
        return -1;
    }
}
