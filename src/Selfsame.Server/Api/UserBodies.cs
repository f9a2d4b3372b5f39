using Selfsame.Core.Identifiers;
using Selfsame.Server.Api.Fields;
using Selfsame.Store.Passwords;
using Selfsame.Store.Users;

namespace Selfsame.Server.Api;

/// <summary>The fields of users in bodies, and the bodies made of them.</summary>
internal static class UserBodies
{
    public static readonly Field Username = new("username", FieldKind.Text, "A name without blanks, unique in any case; one with @ must be a valid e-mail address.")
    {
        IsNullable = true,
        MaximumLength = EmailAddress.MaximumOctets,
        Example = "dobbeltop",
    };

    public static readonly Field Email = new("email", FieldKind.Text, "An e-mail address, unique in any case and spelling.")
    {
        IsNullable = true,
        MaximumLength = EmailAddress.MaximumOctets,
        Format = "email",
        Example = "d@example.com",
    };

    public static readonly Field Phone = new("phone", FieldKind.Text, "A phone number with its country code (E.164).")
    {
        IsNullable = true,
        MaximumLength = 128,
        Example = "+64 21 123 4567",
    };

    public static readonly Field FirstName = new("firstName", FieldKind.Text, "A first name, in any script.")
    {
        IsNullable = true,
        MaximumLength = UserFields.LongestName,
    };

    public static readonly Field LastName = FirstName with { Name = "lastName", Description = "A last name, in any script." };

    public static readonly Field Locale = new("locale", FieldKind.Text, "A language and a region; the tenant's default when it is missing.")
    {
        IsNullable = true,
        MaximumLength = UserFields.LongestLocale,
        Example = "en-nz",
    };

    public static readonly Field Handle = new("handle", FieldKind.Text, "The first part of a handle; null gives it up.")
    {
        IsNullable = true,
        MinimumLength = Core.Identifiers.Handle.MinimumLength,
        MaximumLength = Core.Identifiers.Handle.MaximumLength,
        Example = "dobbeltop",
    };

    /// <summary>A password that exists: anything may be tried.</summary>
    public static readonly Field PresentPassword = new("password", FieldKind.Text, "The present password.")
    {
        IsRequired = true,
        MaximumLength = PasswordPolicy.MaximumCodePoints,
    };

    public static readonly Field NewPassword = new("newPassword", FieldKind.Text, "The new password; not one of the commonest.")
    {
        IsRequired = true,
        MinimumLength = PasswordPolicy.MinimumCodePoints,
        MaximumLength = PasswordPolicy.MaximumCodePoints,
    };

    /// <summary>A secret out of a mail's link.</summary>
    public static readonly Field Token = new("token", FieldKind.Text, "The token of the link in the mail.") { IsRequired = true, ReadLimit = 200 };

    private static readonly Field Role = new("role", FieldKind.Text, "What the user is, in a word; the tenant's default when it is missing.")
    {
        MaximumLength = UserFields.LongestRole,
        Example = "observer",
    };

    private static readonly Field Groups = new("groups", FieldKind.Texts, "The groups that the user is in, by name.") { MaximumLength = UserFields.MostGroups };

    private static readonly Field EmailVerified = new("emailVerified", FieldKind.Flag, "Whether the address counts as proved.");

    private static readonly Field PhoneVerified = new("phoneVerified", FieldKind.Flag, "Whether the number counts as proved.");

    private static readonly Field IsActive = new("isActive", FieldKind.Flag, "Whether the user may sign in.");

    private static readonly Field IsStaff = new("isStaff", FieldKind.Flag, "Whether the user administers users. Only a superuser may set it.");

    private static readonly Field IsSuperuser = new("isSuperuser", FieldKind.Flag, "Whether the user may do everything. Only a superuser may set it.");

    private static readonly Field Password = NewPassword with { Name = "password", Description = "A password; not one of the commonest." };

    public static readonly BodyShape SignUp = new(
        "SignUp",
        "A person who signs up.",
        Username,
        Email with { IsRequired = true, IsNullable = false },
        Phone,
        Password,
        FirstName,
        LastName,
        Locale);

    public static readonly BodyShape NewUser = new(
        "NewUser",
        "A user whom an administrator makes: with a username or an e-mail address, and with or without a password.",
        Username,
        Email,
        Phone,
        Password with { IsRequired = false, IsNullable = true },
        FirstName,
        LastName,
        Locale,
        Role,
        Groups,
        EmailVerified,
        PhoneVerified,
        IsActive,
        IsStaff,
        IsSuperuser);

    public static readonly BodyShape UserPatch = new(
        "UserPatch",
        "What to change; fields that are left out stay as they are.",
        Username,
        Email,
        Phone,
        FirstName,
        LastName,
        Locale with { IsNullable = false },
        Role,
        Groups,
        EmailVerified,
        PhoneVerified,
        IsActive,
        IsStaff,
        IsSuperuser);

    public static readonly BodyShape OwnPatch = new(
        "OwnPatch",
        "What to change of oneself; fields that are left out stay as they are.",
        Username,
        FirstName,
        LastName,
        Locale with { IsNullable = false },
        Phone);

    public static SignUpForm ReadSignUp(RequestFields fields) => new()
    {
        Username = fields.Text("username"),
        Email = fields.Text("email"),
        Phone = fields.Text("phone"),
        Password = fields.Text("password"),
        FirstName = fields.Text("firstName"),
        LastName = fields.Text("lastName"),
        Locale = fields.Text("locale"),
    };

    public static SignUpForm ReadNewUser(RequestFields fields) => ReadSignUp(fields) with
    {
        Administrator = new AdministratorFields
        {
            Role = fields.Text("role"),
            Groups = fields.Texts("groups"),
            EmailVerified = fields.Flag("emailVerified") ?? false,
            PhoneVerified = fields.Flag("phoneVerified") ?? false,
            IsActive = fields.Flag("isActive") ?? true,
            IsStaff = fields.Flag("isStaff") ?? false,
            IsSuperuser = fields.Flag("isSuperuser") ?? false,
        },
    };

    public static UserChange ReadPatch(RequestFields fields) => new()
    {
        Username = fields.TextChange("username"),
        Email = fields.TextChange("email"),
        Phone = fields.TextChange("phone"),
        FirstName = fields.TextChange("firstName"),
        LastName = fields.TextChange("lastName"),
        Locale = fields.TextChange("locale"),
        Role = fields.TextChange("role"),
        Groups = new Change<IReadOnlyList<string>>(fields.Has("groups"), fields.Texts("groups")),
        EmailVerified = fields.FlagChange("emailVerified"),
        PhoneVerified = fields.FlagChange("phoneVerified"),
        IsActive = fields.FlagChange("isActive"),
        IsStaff = fields.FlagChange("isStaff"),
        IsSuperuser = fields.FlagChange("isSuperuser"),
    };
}
