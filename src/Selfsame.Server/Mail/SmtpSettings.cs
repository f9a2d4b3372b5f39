namespace Selfsame.Server.Mail;

/// <summary>How mails leave.</summary>
public sealed record SmtpSettings
{
    public required string Host { get; init; }

    public int Port { get; init; } = 587;

    /// <summary>The address that mails come from.</summary>
    public required string From { get; init; }

    public string? UserName { get; init; }

    [System.Text.Json.Serialization.JsonIgnore]
    public string? Password { get; init; }

    /// <summary>Require STARTTLS; without it nothing is sent.</summary>
    public bool RequireTls { get; init; } = true;

    public override string ToString() => $"SmtpSettings {Host}:{Port}";
}
