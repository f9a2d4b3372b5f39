using System.Text;

namespace Selfsame.Testing;

/// <summary>Where in an SMTP conversation a fault is injected.</summary>
public enum SmtpStage
{
    /// <summary>On connecting, before the greeting.</summary>
    Connect,

    /// <summary>At MAIL FROM.</summary>
    Sender,

    /// <summary>At RCPT TO.</summary>
    Recipient,

    /// <summary>After the whole message.</summary>
    Message,
}

/// <summary>One mail as the receiver took it.</summary>
/// <param name="From">The envelope's sender.</param>
/// <param name="To">The envelope's recipients.</param>
/// <param name="Raw">The message's bytes.</param>
/// <param name="Encrypted">Whether it came over TLS.</param>
/// <param name="User">Who had signed in.</param>
/// <param name="International">Whether it was sent with SMTPUTF8 (RFC 6531).</param>
/// <param name="Acknowledged">False when the receiver took it and dropped the connection before it said so.</param>
public sealed record ReceivedMail(string From, IReadOnlyList<string> To, byte[] Raw, bool Encrypted, string? User, bool International, bool Acknowledged)
{
    /// <summary>The message, decoded.</summary>
    public MailContent Content => MailContent.Parse(Encoding.Latin1.GetString(Raw));
}
