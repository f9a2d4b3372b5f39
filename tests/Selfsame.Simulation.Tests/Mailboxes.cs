using Selfsame.Core.Identifiers;
using Selfsame.Store.Mail;

namespace Selfsame.Simulation.Tests;

/// <summary>Where mails arrive. One mailbox has many spellings.</summary>
internal sealed class Mailboxes
{
    private readonly Dictionary<string, List<MailText>> received = new(StringComparer.Ordinal);
    private readonly HashSet<Guid> delivered = [];

    public void Deliver(QueuedMail mail)
    {
        delivered.Add(mail.Uuid);
        Of(mail.Text.Recipient).Add(mail.Text);
    }

    /// <summary>Whether this mail has arrived at least once.</summary>
    public bool Has(Guid mail) => delivered.Contains(mail);

    /// <summary>The mails of one mailbox, oldest first.</summary>
    public List<MailText> Of(string address)
    {
        var key = EmailAddress.TryParse(address, out var email, out _) ? email.Key : address;
        if (!received.TryGetValue(key, out var mails))
        {
            received[key] = mails = [];
        }

        return mails;
    }
}
