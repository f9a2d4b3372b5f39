namespace Selfsame.Core.Reconciliation;

/// <summary>What the config says about a tenant; what it leaves out is null and the service's default holds.</summary>
public sealed record TenantConfig
{
    public IReadOnlyList<string> Hosts { get; init; } = [];

    /// <summary>Where people reach the tenant's pages, for links in mails.</summary>
    public Uri? PublicUrl { get; init; }

    public string? Locale { get; init; }

    public string? Role { get; init; }

    /// <summary>Whether a stranger is told that an e-mail is registered: <c>reveal</c> or <c>hide</c>.</summary>
    public string? EmailDisclosure { get; init; }

    /// <summary><c>off</c>, <c>flag</c> or <c>refuse</c>.</summary>
    public string? Lookalikes { get; init; }

    /// <summary><c>off</c>, <c>flag</c> or <c>refuse</c>.</summary>
    public string? Mailboxes { get; init; }

    public string? UserCodePrefix { get; init; }

    public int? UserCodeSyllables { get; init; }

    /// <summary>Accounts that one address may create.</summary>
    public LimitConfig? SignUpLimit { get; init; }

    /// <summary>Sign-ups that one address may try, refused ones too.</summary>
    public LimitConfig? SignUpAttemptLimit { get; init; }

    /// <summary>Failed sign-ins of one address.</summary>
    public LimitConfig? SignInLimit { get; init; }

    /// <summary>Password resets that one address may ask for.</summary>
    public LimitConfig? PasswordResetLimit { get; init; }

    /// <summary>Changes of a handle that one user may ask a PDS for.</summary>
    public LimitConfig? HandleChangeLimit { get; init; }

    /// <summary>How long a deleted user can be restored.</summary>
    public int? DeletionGraceDays { get; init; }
}

/// <summary>At most <paramref name="Count"/> within <paramref name="Seconds"/>; 0 means no limit.</summary>
public sealed record LimitConfig(int Count, int Seconds);

/// <summary>An SMTP server.</summary>
public sealed record MailConfig
{
    public required string Host { get; init; }

    public int Port { get; init; } = 587;

    public required string From { get; init; }

    public string? UserName { get; init; }

    public string? Password { get; init; }

    /// <summary>Send only over STARTTLS.</summary>
    public bool RequireTls { get; init; } = true;

    /// <summary>Keeps the password out of logs.</summary>
    public override string ToString() => $"MailConfig {Host}:{Port}";
}
