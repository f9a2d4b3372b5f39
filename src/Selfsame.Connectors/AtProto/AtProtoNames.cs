using System.Diagnostics.CodeAnalysis;
using Selfsame.Core.Accounts;
using Selfsame.Core.Identifiers;

namespace Selfsame.Connectors.AtProto;

/// <summary>
/// The handles of one PDS under the configured domain, and which values its administrator's calls may be given: they check less than the sign-up does.
/// </summary>
internal sealed class AtProtoNames(string domain)
{
    private const string NoHandle = "handle.invalid";
    private const int LongestDid = 2048;

    /// <summary>The domain in lower case, without a leading dot.</summary>
    public string Domain { get; } = domain.TrimStart('.').ToLowerInvariant();

    /// <summary>Whether it could be a DID (W3C DID Core section 3.1).</summary>
    public static bool IsDid([NotNullWhen(true)] string? text)
        => text is { Length: > 7 and <= LongestDid } && text.StartsWith("did:", StringComparison.Ordinal)
            && text.All(character => char.IsAsciiLetterOrDigit(character) || "._:%-".Contains(character, StringComparison.Ordinal));

    /// <summary>The record's value of a handle that the PDS tells; null where it has none.</summary>
    public FieldValue ToField(string? handle)
    {
        if (handle is null or NoHandle or "")
        {
            return FieldValue.Null;
        }

        var lower = handle.Trim().ToLowerInvariant();
        var suffix = '.' + Domain;
        return FieldValue.Text(
            lower.EndsWith(suffix, StringComparison.Ordinal) && lower.IndexOf('.', StringComparison.Ordinal) == lower.Length - suffix.Length
                ? lower[..^suffix.Length]
                : lower);
    }

    /// <summary>The whole handle of a record's value.</summary>
    public string ToHandle(string field)
    {
        var lower = field.Trim().ToLowerInvariant();
        return lower.Contains('.', StringComparison.Ordinal) ? lower : $"{lower}.{Domain}";
    }

    /// <summary>Why a handle can't be given to anybody here; null where it can.</summary>
    public Refused? RefuseHandle(FieldValue value)
    {
        if (value.AsText is not { } text || ToField(text).AsText is not { } label)
        {
            return NotTaken(AtProtoFields.Handle, "A PDS needs a handle for each account.");
        }

        if (label.Contains('.', StringComparison.Ordinal))
        {
            return NotTaken(AtProtoFields.Handle, $"The handle {label} is not a single label under {Domain}.");
        }

        if (!Handle.TryParse(label, out var handle, out var refusal))
        {
            return NotTaken(AtProtoFields.Handle, refusal.Message);
        }

        return ReservedHandles.Contains(handle.Key) ? NotTaken(AtProtoFields.Handle, $"The handle {handle.Key} is reserved; choose another.") : null;
    }

    /// <summary>Why an address can't be an account's; null where it can. <c>com.atproto.admin.updateAccountEmail</c> would take any text.</summary>
    public static Refused? RefuseEmail(FieldValue value)
    {
        if (value.AsText is not { } text)
        {
            return NotTaken(AtProtoFields.Email, "A PDS needs an e-mail address for each account.");
        }

        return !EmailAddress.TryParse(text, out var email, out var refusal)
            ? NotTaken(AtProtoFields.Email, refusal.Message)
            : email.Domain.Contains('.', StringComparison.Ordinal)
                ? null
                : NotTaken(AtProtoFields.Email, $"The address {text} has a domain of one part, which a PDS takes from nobody.");
    }

    private static Refused NotTaken(string field, string message) => new(message) { Fields = [field] };
}
