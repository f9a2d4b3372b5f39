using System.Diagnostics.CodeAnalysis;

namespace Selfsame.Core.Identifiers;

/// <summary>
/// What stands in the space <c>login</c>: usernames and e-mail addresses together, so that nobody's username can be another's
/// address. Text with an at sign must be a valid address and is keyed as one; everything else is a username.
/// </summary>
public sealed record LoginName
{
    private LoginName(UserName userName) => UserName = userName;

    private LoginName(EmailAddress emailAddress) => EmailAddress = emailAddress;

    /// <summary>The username; null when this is an address.</summary>
    public UserName? UserName { get; }

    /// <summary>The address; null when this is a username.</summary>
    public EmailAddress? EmailAddress { get; }

    /// <summary>Whether this is an address, and <see cref="EmailAddress"/> is there.</summary>
    [MemberNotNullWhen(true, nameof(EmailAddress))]
    [MemberNotNullWhen(false, nameof(UserName))]
    public bool IsEmailAddress => EmailAddress is not null;

    /// <summary>As shown.</summary>
    public string Value => IsEmailAddress ? EmailAddress.Value : UserName.Value;

    /// <summary>The key in the space <c>login</c>. A username's holds no at sign and an address's does: they never meet.</summary>
    public string Key => IsEmailAddress ? EmailAddress.Key : UserName.Key;

    /// <summary>The lookalike key of the username or the address.</summary>
    public string Skeleton => IsEmailAddress ? EmailAddress.Skeleton : UserName.Skeleton;

    /// <summary>Takes a username or an address, or says which rule (<c>username.…</c> or <c>email.…</c>) refuses it.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out LoginName? value, [NotNullWhen(false)] out Refusal? refusal)
    {
        value = null;
        if (text is not null && text.Contains('@'))
        {
            if (!EmailAddress.TryParse(text, out var emailAddress, out refusal))
            {
                return false;
            }

            value = new LoginName(emailAddress);
            return true;
        }

        if (!UserName.TryParse(text, out var userName, out refusal))
        {
            return false;
        }

        value = new LoginName(userName);
        return true;
    }
}
