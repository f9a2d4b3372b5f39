namespace Selfsame.Store.Users;

/// <summary>A person's record. <see cref="Id"/> never leaves the process; the outside knows <see cref="Uuid"/>.</summary>
public sealed record User
{
    /// <summary>The columns that make a <see cref="User"/>, for <c>SELECT</c> with the table's alias <c>u</c>.</summary>
    internal const string Columns =
        """
        u.id, u.uuid, u.tenant, u.username, u.email, u.email_verified_at, u.phone, u.phone_verified_at, u.handle, u.user_code,
        u.password_hash, u.first_name, u.last_name, u.locale, u.role, u.is_active, u.is_staff, u.is_superuser, u.version,
        u.last_sign_in_at, u.created_at, u.updated_at, u.deleted_at
        """;

    /// <summary>The row's number; 0 only for a user who was purged since.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public long Id { get; init; }

    public required Guid Uuid { get; init; }

    public required string Tenant { get; init; }

    public string? Username { get; init; }

    public string? Email { get; init; }

    public DateTimeOffset? EmailVerifiedAt { get; init; }

    public string? Phone { get; init; }

    public DateTimeOffset? PhoneVerifiedAt { get; init; }

    public string? Handle { get; init; }

    public required string UserCode { get; init; }

    /// <summary>Never serialised and never logged.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public string? PasswordHash { get; init; }

    public string? FirstName { get; init; }

    public string? LastName { get; init; }

    public required string Locale { get; init; }

    public required string Role { get; init; }

    public bool IsActive { get; init; } = true;

    public bool IsStaff { get; init; }

    public bool IsSuperuser { get; init; }

    public long Version { get; init; } = 1;

    public DateTimeOffset? LastSignInAt { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset UpdatedAt { get; init; }

    public DateTimeOffset? DeletedAt { get; init; }

    /// <summary>Whether the user may act at all.</summary>
    public bool CanSignIn => IsActive && DeletedAt is null;

    /// <summary>Keeps the password hash out of logs and test output.</summary>
    public override string ToString() => $"User {Uuid} ({Tenant})";
}
