using Selfsame.Core.Identifiers;
using Selfsame.Store.Passwords;

namespace Selfsame.Store.Users;

/// <summary>A sign-up as it was typed; the field names in errors are those of the API.</summary>
public sealed record SignUpForm
{
    public string? Username { get; init; }

    public string? Email { get; init; }

    public string? Phone { get; init; }

    [System.Text.Json.Serialization.JsonIgnore]
    public string? Password { get; init; }

    public string? FirstName { get; init; }

    public string? LastName { get; init; }

    public string? Locale { get; init; }

    /// <summary>Fields that only an administrator may set; null for everybody else.</summary>
    public AdministratorFields? Administrator { get; init; }

    /// <summary>What comes along from the system in which the person had their account; null for everybody who signs up.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public MovedInFields? MovedIn { get; init; }

    public override string ToString() => "SignUpForm";
}

/// <summary>
/// What a person keeps who moves in from another system. No verification mail is sent: nobody is waiting for one, and an address counts as
/// verified only where <see cref="AdministratorFields.EmailVerified"/> says so.
/// </summary>
public sealed record MovedInFields
{
    /// <summary>The public id, chosen before anything is written so that a lost answer can be looked for.</summary>
    public required Guid Uuid { get; init; }

    /// <summary>A hash in any form that <see cref="Passwords.PasswordHashing"/> verifies; null for nobody to sign in until a password is set by mail.</summary>
    public string? PasswordHash { get; init; }

    public string? Handle { get; init; }

    /// <summary>Null for a new one.</summary>
    public string? UserCode { get; init; }

    /// <summary>Since when the person has had the account; null for now.</summary>
    public DateTimeOffset? CreatedAt { get; init; }

    /// <summary>Keeps the hash out of logs.</summary>
    public override string ToString() => $"MovedInFields {Uuid}";
}

/// <summary>What only an administrator, a service token with the scope, or the command line may choose (CASES 33).</summary>
public sealed record AdministratorFields
{
    public string? Role { get; init; }

    public IReadOnlyList<string>? Groups { get; init; }

    public bool EmailVerified { get; init; }

    public bool PhoneVerified { get; init; }

    public bool IsActive { get; init; } = true;

    public bool IsStaff { get; init; }

    public bool IsSuperuser { get; init; }
}

/// <summary>A sign-up whose every field is in order: what the transaction writes.</summary>
internal sealed record NewUser
{
    public required User User { get; init; }

    public UserName? Username { get; init; }

    public EmailAddress? Email { get; init; }

    public PhoneNumber? Phone { get; init; }

    public string? Password { get; init; }

    public IReadOnlyList<string> Groups { get; init; } = [];

    /// <summary>Checks every field and names every one that is wrong; null when any is.</summary>
    public static NewUser? Check(SignUpForm form, TenantSettings tenant, StoreContext context, FieldErrors errors)
    {
        var now = context.Now();
        var (username, usernameEmail) = CheckUsername(form.Username, errors);
        var ownEmail = CheckEmail(form, errors);
        var isForeign = form.Administrator is null && usernameEmail is not null && usernameEmail.Key != ownEmail?.Key;
        if (tenant.Disclosure == Disclosure.Hide && form.Administrator is null && (username is not null || isForeign))
        {
            // Whether it is reserved afterwards would tell whether the address was free (docs/decisions/0005).
            errors.Add("username", "username.later", "Leave this out. Choose a username in your profile, once your e-mail address is confirmed.");
        }
        else if (isForeign && ownEmail is not null)
        {
            RefuseForeignAddress(errors);
        }

        // Who moves in keeps what they had: no address that they did not give.
        var email = ownEmail ?? (form.MovedIn is null ? usernameEmail : null);
        var phone = CheckPhone(form.Phone, errors);
        var administrator = form.Administrator;
        CheckPassword(form, context, errors);
        var movedIn = form.MovedIn;
        RefuseProofOfNothing(form, email, phone, errors);
        if (movedIn is { PasswordHash: { } hash } && StoredHashReader.Read(hash) is null)
        {
            errors.Add("passwordHash", "password-hash.unknown", "Nobody could sign in with this password hash: its form is unknown, or it costs too much to check.");
        }

        var user = new User
        {
            Uuid = movedIn?.Uuid ?? context.Random.NextUuid(),
            Tenant = tenant.Name,
            Username = username?.Value ?? usernameEmail?.Value,
            Email = email?.Value,
            EmailVerifiedAt = administrator is { EmailVerified: true } && email is not null ? now : null,
            Phone = phone?.Key,
            PhoneVerifiedAt = administrator is { PhoneVerified: true } && phone is not null ? now : null,
            Handle = CheckHandle(movedIn?.Handle, errors),
            UserCode = CheckUserCode(movedIn?.UserCode, errors) ?? "",
            PasswordHash = movedIn?.PasswordHash,
            FirstName = UserFields.Name(form.FirstName, "firstName", errors),
            LastName = UserFields.Name(form.LastName, "lastName", errors),
            Locale = UserFields.Locale(form.Locale, "locale", errors) ?? tenant.DefaultLocale,
            Role = UserFields.Role(administrator?.Role, "role", errors) ?? tenant.DefaultRole,
            IsActive = administrator?.IsActive ?? true,
            IsStaff = administrator?.IsStaff ?? false,
            IsSuperuser = administrator?.IsSuperuser ?? false,
            CreatedAt = movedIn?.CreatedAt ?? now,
            UpdatedAt = now,
        };
        var groups = UserFields.Groups(administrator?.Groups, "groups", errors) ?? [];
        return errors.Any ? null : new NewUser { User = user, Username = username, Email = email, Phone = phone, Password = form.Password, Groups = groups };
    }

    /// <summary>Who moves in is taken with whatever another system says of them.</summary>
    private static void RefuseProofOfNothing(SignUpForm form, EmailAddress? email, PhoneNumber? phone, FieldErrors errors)
    {
        if (form is { MovedIn: null, Administrator.EmailVerified: true, Email: null or "" } && email is null)
        {
            errors.Add("emailVerified", "email-verified.nothing", "There is no e-mail address that could be verified. Add one, or leave this out.");
        }

        if (form is { MovedIn: null, Administrator.PhoneVerified: true, Phone: null or "" } && phone is null)
        {
            errors.Add("phoneVerified", "phone-verified.nothing", "There is no phone number that could be verified. Add one, or leave this out.");
        }
    }

    /// <summary>A username with <c>@</c> must be a valid e-mail address and is keyed as one (CASES 11).</summary>
    internal static (UserName? Username, EmailAddress? Email) CheckUsername(string? text, FieldErrors errors)
    {
        if (string.IsNullOrWhiteSpace(text))
        {
            return (null, null);
        }

        if (text.Contains('@', StringComparison.Ordinal))
        {
            if (EmailAddress.TryParse(text, out var email, out var emailRefusal))
            {
                return (null, email);
            }

            errors.Add("username", emailRefusal.Rule, $"A username with @ must be a valid e-mail address. {emailRefusal.Message}");
            return (null, null);
        }

        if (UserName.TryParse(text, out var username, out var refusal))
        {
            return (username, null);
        }

        errors.Add("username", refusal);
        return (null, null);
    }

    /// <summary>As a username an address would be held by somebody who can't prove it, and who can never be asked to (docs/decisions/0094).</summary>
    internal static void RefuseForeignAddress(FieldErrors errors)
        => errors.Add("username", "username.foreign-address", "Choose a username without @, or use your own e-mail address as it.");

    internal static PhoneNumber? CheckPhone(string? text, FieldErrors errors)
    {
        if (string.IsNullOrWhiteSpace(text))
        {
            return null;
        }

        if (!PhoneNumber.TryParse(text, out var phone, out var refusal))
        {
            errors.Add("phone", refusal);
        }

        return phone;
    }

    internal static string? CheckHandle(string? text, FieldErrors errors)
    {
        if (text is null)
        {
            return null;
        }

        if (Handle.TryParse(text, out var handle, out var refusal))
        {
            return handle.Key;
        }

        errors.Add("handle", refusal);
        return null;
    }

    private static string? CheckUserCode(string? text, FieldErrors errors)
    {
        if (text is null)
        {
            return null;
        }

        if (UserCode.TryParse(text, out var code, out var refusal))
        {
            return code.Key;
        }

        errors.Add("userCode", refusal);
        return null;
    }

    private static EmailAddress? CheckEmail(SignUpForm form, FieldErrors errors)
    {
        if (string.IsNullOrWhiteSpace(form.Email))
        {
            if (form.Administrator is null)
            {
                errors.Add("email", "email.empty", "Enter your e-mail address.");
            }
            else if (string.IsNullOrWhiteSpace(form.Username))
            {
                errors.Add("username", "username.empty", "Enter a username or an e-mail address.");
            }

            return null;
        }

        if (!EmailAddress.TryParse(form.Email, out var email, out var refusal))
        {
            errors.Add("email", refusal);
        }

        return email;
    }

    private static void CheckPassword(SignUpForm form, StoreContext context, FieldErrors errors)
    {
        if (form.Password is null && form.Administrator is not null)
        {
            return;
        }

        if (context.PasswordPolicy.Check(form.Password, form.Username, form.Email) is { } refusal)
        {
            errors.Add("password", refusal);
        }
    }
}
