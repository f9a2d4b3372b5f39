using Selfsame.Store.Users;

namespace Selfsame.Server.Pages.Admin;

/// <summary>The part of an administrator's form that is the same for a new and a present user.</summary>
internal interface IPersonForm
{
    /// <summary>The user who is edited; null for a new one.</summary>
    User? Present { get; }

    IReadOnlyList<string> PresentGroups { get; }

    /// <summary>Whether the administrator may make staff and superusers.</summary>
    bool MayGrant { get; }
}

/// <summary>Reads the fields of that part.</summary>
internal static class PersonForm
{
    public static readonly string[] Fields =
        ["username", "email", "emailVerified", "firstName", "lastName", "phone", "locale", "role", "groups", "isStaff", "isSuperuser"];

    /// <summary>One group a line; null when there is none.</summary>
    public static IReadOnlyList<string> Groups(string? text)
        => (text ?? "").Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
}
