using System.Text;
using Selfsame.Core.Identifiers.Unicode;

namespace Selfsame.Core.Accounts;

/// <summary>How an identifier should stand in a field, and what is none because it is no text.</summary>
internal static class IdentifierForms
{
    /// <summary>
    /// The form in which a unique index that folds case alone holds a value to be what its key says: without blanks around it, its letters of usual width (RFC 8265
    /// section 3.3.2) and in normalization form C (UAX #15). Case and spelling stay. Null where the value stands so, or has no key; empty where it is all blank.
    /// </summary>
    public static string? Mended(IdentifierKind kind, string text)
    {
        var trimmed = CodePoints.Trim(text);
        if (trimmed.Length == 0)
        {
            return text.Length == 0 ? null : "";
        }

        if ((Ascii.IsValid(text) && trimmed.Length == text.Length) || !IdentifierKeys.TryKey(kind, text, out var key, out _))
        {
            return null;
        }

        var composed = Normalization.ToNfc(trimmed);
        var at = composed.LastIndexOf('@') + 1;
        // Not every rule maps the width of everything (RFC 6531 keeps it before the at sign): what is another identifier is no form of this one.
        string[] forms = [Usual(composed), composed[..at] + Usual(composed[at..]), composed];
        return Array.Find(forms, form => IdentifierKeys.TryKey(kind, form, out var same, out _) && same == key) is { } mended && mended != text ? mended : null;
    }

    /// <summary>What keeps a value from standing in its <see cref="Mended"/> form, as a clause.</summary>
    public static string FaultOf(string text)
        => CodePoints.Trim(text).Length < text.Length ? "with blanks around it" : Normalization.ToNfc(text) != text ? "with letters in pieces (not NFC)" : "with letters of another width";

    /// <summary>Whether a value is nothing but blanks: it names nobody.</summary>
    public static bool IsBlank(string text) => CodePoints.Trim(text).Length == 0;

    /// <summary>Why a value that is no text is no identifier, as half a sentence ("is a list, not text"); null where it may be one.</summary>
    public static string? NotText(IdentifierKind kind, FieldValue value) => (value.IsNull ? null : value.AsNative ?? value.Raw) switch
    {
        bool => "is true or false, not text",
        byte[] => "is bytes, not text",
        long or double when IsName(kind) => "is a number, not text",
        NativeValue native => NotText(kind, native.Type, native.Text.Length > 0 ? native.Text[0] : ' '),
        _ => null,
    };

    /// <summary>As above, of a system's own type and the first sign of the value's text.</summary>
    public static string? NotText(IdentifierKind kind, string type, char first) => type switch
    {
        FieldValue.BrokenTextType => "is bytes that are no UTF-8, not text",
        "array" => "is a list, not text",
        "object" => "is an object, not text",
        "json" or "jsonb" => first switch { '[' => "is a list, not text", '{' => "is an object, not text", _ => "is JSON, not text" },
        "decimal" or "long" or "numeric" when IsName(kind) => "is a number, not text",
        _ when type.EndsWith("[]", StringComparison.Ordinal) => "is a list, not text",
        _ => null,
    };

    /// <summary>Whether numbers are none: a phone number or a code may be kept as one.</summary>
    public static bool IsName(IdentifierKind kind) => kind is IdentifierKind.Username or IdentifierKind.Email;

    private static string Usual(string text) => Normalization.ToNfc(CodePointMapping.Width.Apply(text));
}
