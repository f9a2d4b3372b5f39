using System.Runtime.CompilerServices;
using Selfsame.Core.Identifiers;

namespace Selfsame.Core.Accounts;

/// <summary>The keys by which accounts of different systems are compared: the same rules as at sign-up.</summary>
public static class IdentifierKeys
{
    /// <summary>The key of <paramref name="text"/>, or why it has none; usable as an <see cref="IdentifierKeying"/>.</summary>
    public static bool TryKey(IdentifierKind kind, string text, out string key, out Refusal? refusal)
    {
        var made = kind switch
        {
            // A username with an at sign is keyed as an address, so that nobody's name is another's address.
            IdentifierKind.Username => LoginName.TryParse(text, out var login, out refusal) ? login.Key : null,
            IdentifierKind.Email => EmailAddress.TryParse(text, out var email, out refusal) ? email.Key : null,
            IdentifierKind.Phone => PhoneNumber.TryParse(text, out var phone, out refusal) ? phone.Key : null,
            IdentifierKind.Handle => Handle.TryParse(text, out var handle, out refusal) ? handle.Key : null,
            IdentifierKind.UserCode => UserCode.TryParse(text, out var code, out refusal) ? code.Key : null,
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, null),
        };
        key = made ?? "";
        return made is not null;
    }

    /// <summary>
    /// The key of plain ASCII in UTF-8 by a short cut, into <paramref name="key"/> (as long as the text); false says nothing, and
    /// <see cref="TryKey"/> must be asked.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static bool TryKeyAscii(IdentifierKind kind, ReadOnlySpan<byte> text, Span<byte> key) => kind switch
    {
        IdentifierKind.Username => AsciiKeys.TryLoginName(text, key),
        IdentifierKind.Email => AsciiKeys.TryEmailAddress(text, key),
        IdentifierKind.Phone => AsciiKeys.TryPhoneNumber(text, key),
        _ => false,
    };
}
