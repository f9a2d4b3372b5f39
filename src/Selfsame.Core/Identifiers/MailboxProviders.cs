using Selfsame.Core.Identifiers.Unicode;

namespace Selfsame.Core.Identifiers;

/// <summary>
/// The mail providers that deliver several addresses to one mailbox, as they document it. Only the host of a domain knows what
/// its local parts mean (RFC 5321 section 2.3.11), so that a domain that is not in this table has no rule.
/// </summary>
public static class MailboxProviders
{
    private static readonly Provider[] Providers =
    [
        new(["gmail.com", "googlemail.com"], Ignored: ".", OneDomain: true),
        new(["icloud.com", "me.com", "mac.com"], Ignored: "", OneDomain: true),
        new(["proton.me", "protonmail.com", "pm.me"], Ignored: ".-_", OneDomain: true),
        new(["outlook.com", "hotmail.com", "live.com", "msn.com"], Ignored: "", OneDomain: false),
        new(["fastmail.com", "fastmail.fm"], Ignored: "", OneDomain: false),
        new(["zoho.com", "mailbox.org", "posteo.de", "posteo.net", "hey.com", "runbox.com"], Ignored: "", OneDomain: false),
    ];

    /// <summary>The mailbox key of an address whose parts are keyed already.</summary>
    internal static string MailboxOf(string localPart, string domain)
    {
        // So few that a search through all is as fast as a dictionary, which a command line would have to build first.
        var provider = Array.Find(Providers, known => Array.IndexOf(known.Domains, domain) >= 0);
        if (provider is null)
        {
            return $"{localPart}@{domain}";
        }

        // Without the dot between them a letter and a mark may compose, hence the normalization.
        var tag = localPart.IndexOf('+');
        var mailbox = localPart[0] == '"'
            ? localPart
            : Normalization.ToNfc(string.Concat((tag < 0 ? localPart : localPart[..tag]).Where(unit => !provider.Ignored.Contains(unit))));
        // A local part that is nothing but a tag stands for itself.
        return $"{(mailbox.Length == 0 ? localPart : mailbox)}@{(provider.OneDomain ? provider.Domains[0] : domain)}";
    }

    /// <param name="Domains">A-labels; the first one stands for all when they are one domain.</param>
    /// <param name="Ignored">Signs that make no difference before the at sign. What follows a plus is a tag at all of them.</param>
    /// <param name="OneDomain">Whether a name at one of the domains is the same mailbox at the others.</param>
    private sealed record Provider(string[] Domains, string Ignored, bool OneDomain);
}
