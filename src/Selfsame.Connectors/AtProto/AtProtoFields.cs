using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.AtProto;

/// <summary>The fields of a record.</summary>
internal static class AtProtoFields
{
    /// <summary>The account's DID, given by the PDS.</summary>
    public const string Did = "did";

    /// <summary>The handle: its first label where the rest is the configured domain, else the whole handle.</summary>
    public const string Handle = "handle";
    public const string Email = "email";
    public const string EmailConfirmed = "email_confirmed";

    /// <summary>Whether the account can be used here; null where its DID document names another PDS, which alone knows.</summary>
    public const string Active = "active";

    /// <summary>Null for an active account; else <c>takendown</c>, <c>deactivated</c> (by its owner), <c>suspended</c>, <c>moved</c> or <c>unregistered</c>.</summary>
    public const string Status = "status";

    /// <summary>The PDS that the DID document names, where it is not this one.</summary>
    public const string MovedTo = "moved_to";
    public const string CreatedAt = "created_at";

    /// <summary>What can be set on an account that is there.</summary>
    public static IReadOnlySet<string> Settable { get; } = new HashSet<string>(StringComparer.Ordinal) { Handle, Email, Active };

    /// <summary>How the PDS writes a value down.</summary>
    public static FieldValue Spelling(string field, FieldValue value)
        => field is Handle or Email && value.AsText is { } text ? FieldValue.Text(text.ToLowerInvariant()) : value;

    /// <summary>The one mapping that all these systems have.</summary>
    public static AccountMapping Mapping { get; } = new()
    {
        Id = [Did],
        Identifiers = new Dictionary<IdentifierKind, string> { [IdentifierKind.Handle] = Handle, [IdentifierKind.Email] = Email },
        Attributes = new Dictionary<string, AttributeMapping>
        {
            [AccountMapping.Active] = new(Active),
            // Only the owner can confirm an address, and only the PDS sets the time: to compare them would find what nobody can repair.
            [AccountMapping.EmailVerified] = new(EmailConfirmed, Noise: true),
            ["createdAt"] = new(CreatedAt, Noise: true),
        },
    };
}
