using System.Globalization;
using System.Net;
using System.Net.Mail;
using System.Text;
using Selfsame.Core.Identifiers;
using Selfsame.Databases;
using Selfsame.Store.Mail;

namespace Selfsame.Server.Mail;

/// <summary>Hands one mail to somebody who delivers it; throws <see cref="MailRefusedException"/> or anything else that means "try again".</summary>
internal interface IMailTransport
{
    /// <summary>The longest that handing over one mail takes.</summary>
    TimeSpan Timeout { get; }

    Task SendAsync(QueuedMail mail, CancellationToken cancellation);

    /// <summary>Makes what was handed over survive a loss of power; only then may the outbox forget it.</summary>
    void Keep();
}

/// <summary>This recipient will never be taken, whoever sends; the message names no address.</summary>
internal sealed class MailRefusedException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>To whom a mail goes, whoever delivers it.</summary>
internal static class MailRecipient
{
    /// <summary>By our own tables; what they do not take, which an earlier version may have stored, goes out as it is.</summary>
    public static string Of(QueuedMail mail) => EmailAddress.TryParse(mail.Text.Recipient, out var address, out _) ? address.Recipient : mail.Text.Recipient;
}

/// <summary>Sends by SMTP, one connection a mail: a reused plaintext connection would send in clear even with EnableSsl.</summary>
internal sealed class SmtpMailTransport(SmtpSettings settings) : IMailTransport
{
    public TimeSpan Timeout { get; } = TimeSpan.FromSeconds(30);

    public async Task SendAsync(QueuedMail mail, CancellationToken cancellation)
    {
        using var client = new SmtpClient(settings.Host, settings.Port) { EnableSsl = settings.RequireTls };
        if (settings.UserName is not null)
        {
            client.Credentials = new NetworkCredential(settings.UserName, settings.Password);
        }

        using var message = Compose(settings.From, mail);
        var toInternational = IsInternational(message.To[0]);
        if (toInternational || IsInternational(message.From!))
        {
            // Only then: a server on the way that knows no SMTPUTF8 (RFC 6531) would send such a mail back.
            client.DeliveryFormat = SmtpDeliveryFormat.International;
        }

        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        timeout.CancelAfter(Timeout);
        try
        {
            await client.SendMailAsync(message, timeout.Token);
        }
        catch (SmtpFailedRecipientException exception) when (MailProblem.RefusesRecipient(exception))
        {
            throw new MailRefusedException($"The server refused the recipient: {(int)exception.StatusCode}.", exception);
        }
        catch (SmtpException exception) when (toInternational && MailProblem.LacksSmtpUtf8(exception, message.To[0]))
        {
            throw new MailRefusedException(
                "The part of the address before the @ is not ASCII, and the SMTP server does not announce SMTPUTF8 (RFC 6531): "
                + "send by one that does and try the mail again, or give the user another address.",
                exception);
        }
    }

    /// <summary>Whether the address can only be written by RFC 6531; a domain has an ASCII form of its own.</summary>
    private static bool IsInternational(MailAddress address) => !Ascii.IsValid(address.User);

    public void Keep()
    {
        // The receiving server answered for it (RFC 5321 section 4.2.5).
    }

    internal static MailMessage Compose(string from, QueuedMail mail)
    {
        if (!MailAddress.TryCreate(MailRecipient.Of(mail), out var recipient))
        {
            throw new MailRefusedException("The recipient's address can't be written into a mail.");
        }

        var message = new MailMessage(new MailAddress(from), recipient)
        {
            Subject = mail.Text.Subject,
            SubjectEncoding = Encoding.UTF8,
            Body = mail.Text.Body,
            BodyEncoding = Encoding.UTF8,
            HeadersEncoding = Encoding.UTF8,
        };

        // The same id at every attempt lets the receiving side recognise a repeat.
        message.Headers.Add("Message-ID", $"<{mail.Uuid:D}@selfsame>");
        message.Headers.Add("Auto-Submitted", "auto-generated");
        return message;
    }
}

/// <summary>Writes each mail as a file, for installations without an SMTP server.</summary>
internal sealed class FileMailTransport(string folder) : IMailTransport
{
    // A flush of each costs the processor more than the sign-up that caused the mail. What else lies on the file system is written too, which for a few is not worth it.
    private const int Many = 5;

    private readonly List<string> unflushed = [];

    public string Folder => folder;

    // Nobody is waited for; a disk that takes longer than this has other troubles.
    public TimeSpan Timeout { get; } = TimeSpan.FromSeconds(10);

    public Task SendAsync(QueuedMail mail, CancellationToken cancellation)
    {
        PrivateFiles.CreateFolder(folder);
        var name = $"{mail.CreatedAt.UtcDateTime.ToString("yyyyMMdd'T'HHmmss", CultureInfo.InvariantCulture)}-{mail.Uuid:D}.eml";
        var text = $"""
            To: {MailRecipient.Of(mail)}
            Subject: {mail.Text.Subject}
            Date: {mail.CreatedAt.UtcDateTime.ToString("R", CultureInfo.InvariantCulture)}
            Message-ID: <{mail.Uuid:D}@selfsame>
            Content-Type: text/plain; charset=utf-8

            {mail.Text.Body}
            """;
        var path = Path.Combine(folder, name);
        PrivateFiles.WriteUnflushed(path, Encoding.UTF8.GetBytes(text));
        unflushed.Add(path);
        return Task.CompletedTask;
    }

    public void Keep()
    {
        if (unflushed.Count < Many || !PrivateFiles.TryFlushFileSystem(folder))
        {
            foreach (var path in unflushed.Where(File.Exists))
            {
                PrivateFiles.Flush(path);
            }

            PrivateFiles.Flush(folder);
        }

        unflushed.Clear();
    }
}
