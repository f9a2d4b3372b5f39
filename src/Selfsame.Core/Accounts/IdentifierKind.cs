using Selfsame.Core.Identifiers;

namespace Selfsame.Core.Accounts;

/// <summary>What kind of identifier a value is; each kind has its own rules for keys.</summary>
public enum IdentifierKind
{
    Username,
    Email,
    Phone,
    Handle,
    UserCode,
}

/// <summary>
/// Makes the key of a raw value, or says why it has none. A pure function: the service, the audit and the planner
/// use the same one. Returns true with <paramref name="key"/>, or false with <paramref name="refusal"/>.
/// </summary>
public delegate bool IdentifierKeying(IdentifierKind kind, string text, out string key, out Refusal? refusal);

/// <summary>The kinds by the names that the config and the JSON output use.</summary>
public static class IdentifierKinds
{
    /// <summary>All kinds in the order of their declaration.</summary>
    public static IReadOnlyList<IdentifierKind> All { get; } = Enum.GetValues<IdentifierKind>();

    /// <summary><c>username</c>, <c>email</c>, <c>phone</c>, <c>handle</c>, <c>userCode</c>.</summary>
    public static string Name(this IdentifierKind kind) => kind switch
    {
        IdentifierKind.Username => "username",
        IdentifierKind.Email => "email",
        IdentifierKind.Phone => "phone",
        IdentifierKind.Handle => "handle",
        IdentifierKind.UserCode => "userCode",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, null),
    };

    /// <summary>The kind of that name, or null.</summary>
    public static IdentifierKind? Parse(string name)
        => All.Where(kind => kind.Name() == name).Select(kind => (IdentifierKind?)kind).FirstOrDefault();
}
