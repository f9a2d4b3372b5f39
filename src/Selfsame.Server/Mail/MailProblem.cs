using System.Net.Mail;
using System.Text.RegularExpressions;

namespace Selfsame.Server.Mail;

/// <summary>Tells whose fault it is that a mail was not taken, and says it without the server's own words: those may hold an address.</summary>
internal static partial class MailProblem
{
    /// <summary>
    /// Whether it is the recipient that will never be taken. Only that ends a mail: whom the server does not relay for, who has not signed in or whom a
    /// policy stops is the sender (RFC 3463, X.7.X), and everybody's mails meet the same until somebody mends it.
    /// </summary>
    public static bool RefusesRecipient(SmtpFailedRecipientException exception)
        => exception.StatusCode is SmtpStatusCode.MailboxUnavailable or SmtpStatusCode.UserNotLocalTryAlternatePath or SmtpStatusCode.MailboxNameNotAllowed
            && (EnhancedCode().Match(exception.Message) is { Success: true } code
                ? code.Groups["subject"].Value == "1"
                : !exception.Message.Contains("relay", StringComparison.OrdinalIgnoreCase));

    /// <summary>Whether the client itself did not send, because the server can't take the address: of that there is neither an answer nor another cause, and the address is named.</summary>
    public static bool LacksSmtpUtf8(SmtpException exception, MailAddress recipient)
        => exception is { StatusCode: SmtpStatusCode.GeneralFailure, InnerException: null } && exception.Message.Contains(recipient.User, StringComparison.Ordinal);

    /// <summary>One sentence without an identifier's value.</summary>
    public static string Describe(Exception exception)
    {
        if (exception is MailRefusedException)
        {
            return exception.Message;
        }

        if (exception is SmtpException { StatusCode: > 0 } answer)
        {
            var code = EnhancedCode().Match(answer.Message);
            return $"The SMTP server answered {(int)answer.StatusCode}{(code.Success ? $" {code.Value}" : "")} ({answer.StatusCode}).";
        }

        var innermost = exception.GetBaseException();
        var said = innermost.Message.Contains('@', StringComparison.Ordinal) ? "" : $": {innermost.Message}";
        return $"{innermost.GetType().Name}{said}";
    }

    // RFC 3463, section 2: class, subject, detail. The subject 1 is about the address.
    [GeneratedRegex(@"\b[45]\.(?<subject>[0-9]{1,3})\.[0-9]{1,3}\b")]
    private static partial Regex EnhancedCode();
}
