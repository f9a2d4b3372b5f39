using System.Diagnostics.CodeAnalysis;
using System.Text;
using Selfsame.Core.Identifiers.Unicode;

namespace Selfsame.Core.Identifiers;

/// <summary>
/// A mail address: the Mailbox of RFC 5321 section 4.1.2 with the characters of RFC 6531 section 3.3, without address literals.
/// At most 64 octets before the at sign and 254 in all, as shown and as keyed.
/// </summary>
public sealed record EmailAddress
{
    /// <summary>The most octets before the at sign (RFC 5321 section 4.5.3.1.1).</summary>
    public const int MaximumLocalOctets = 64;

    /// <summary>The most octets in all: the 256 of a path (RFC 5321 section 4.5.3.1.3) without its angle brackets.</summary>
    public const int MaximumOctets = 254;

    // Decomposed text is at most three times as long in octets (UAX #15, section 9.1): nothing longer can shrink to the limit.
    private const int MaximumUnits = MaximumOctets * 3;

    private readonly int at;

    private EmailAddress(string value, int at, string localPart, string domain)
    {
        Value = value;
        this.at = at;
        LocalPart = localPart;
        Domain = domain;
        Key = $"{localPart}@{domain}";
    }

    /// <summary>The address as it is shown: trimmed, in normalization form C, in the case that was typed.</summary>
    public string Value { get; }

    /// <summary>
    /// The address as mail is sent to it: the local part as shown, the domain in our own A-labels. The machine's ICU may make another domain of what was
    /// typed (from Unicode 15.1 on <c>faẞ.de</c> is another than here), and whoever has that one would get the proof of this address. Computed at each call.
    /// </summary>
    public string Recipient => $"{Value[..at]}@{Domain}";

    /// <summary>The canonical form: local part in lower case and unquoted where it can be, domain in A-labels.</summary>
    public string Key { get; }

    /// <summary>The local part of <see cref="Key"/>.</summary>
    public string LocalPart { get; }

    /// <summary>The domain of <see cref="Key"/>: lower-case A-labels.</summary>
    public string Domain { get; }

    /// <summary>
    /// The mailbox key: equal for addresses that are known to reach one mailbox (<see cref="MailboxProviders"/>), otherwise
    /// <see cref="Key"/>. Computed at each call.
    /// </summary>
    public string Mailbox => MailboxProviders.MailboxOf(LocalPart, Domain);

    /// <summary>The lookalike key: UTS #39 skeleton of the key, with the domain in Unicode. Computed at each call.</summary>
    public string Skeleton => Lookalikes.Skeleton($"{LocalPart}@{DomainName.ToUnicode(Domain)}");

    /// <summary>Takes an address, or says which rule (<c>email.…</c>) refuses it.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out EmailAddress? value, [NotNullWhen(false)] out Refusal? refusal)
    {
        value = null;
        var trimmed = CodePoints.Trim(text ?? "");
        refusal = RefuseText(trimmed);
        if (refusal is not null)
        {
            return false;
        }

        var shown = Normalization.ToNfc(trimmed);
        if (!TrySplit(shown, out var at, out refusal) || !EmailLocalPart.TryKey(shown[..at], out var localPart, out refusal)
            || !TryKeyDomain(shown[(at + 1)..], out var domain, out refusal))
        {
            return false;
        }

        var address = new EmailAddress(shown, at, localPart, domain);
        refusal = RefuseLength(shown.AsSpan(0, at), localPart) ?? RefuseLength(address);
        value = refusal is null ? address : null;
        return refusal is null;
    }

    private static Refusal? RefuseText(string text)
    {
        if (text.Length == 0)
        {
            return new Refusal("email.empty", "Enter an e-mail address.");
        }

        if (text.Length > MaximumUnits)
        {
            return TooLong();
        }

        return CodePoints.IndexOfLoneSurrogate(text) >= 0
            ? new Refusal("email.surrogate", "The e-mail address holds half a character (a lone surrogate); type it again.")
            : null;
    }

    /// <summary>Finds the at sign between the local part, which may be quoted, and the domain.</summary>
    private static bool TrySplit(string text, out int at, [NotNullWhen(false)] out Refusal? refusal)
    {
        refusal = null;
        at = text[0] == '"' ? EmailLocalPart.IndexAfterQuotes(text) : text.IndexOf('@');
        if (at > 0 && at < text.Length && text[at] == '@')
        {
            return true;
        }

        refusal = text[0] == '"'
            ? new Refusal("email.quoted-string",
                "What starts with a quotation mark must end with one before the at sign, and a backslash escapes ASCII only; correct it.")
            : at == 0
                ? new Refusal("email.local-part", "There is nothing before the at sign; enter the whole address, as in name@example.com.")
                : new Refusal("email.at-sign", "An e-mail address has an at sign, as in name@example.com; enter the whole address.");
        return false;
    }

    private static bool TryKeyDomain(string text, out string domain, [NotNullWhen(false)] out Refusal? refusal)
    {
        domain = "";
        if (text.StartsWith('['))
        {
            refusal = new Refusal("email.address-literal",
                "An address in square brackets names a machine, not a mail domain; enter an address such as name@example.com.");
            return false;
        }

        if (text.Contains('@'))
        {
            refusal = new Refusal("email.at-sign", "An e-mail address has one at sign; enter one address, as in name@example.com.");
        }
        else if (!DomainName.TryToAscii(text, out domain))
        {
            refusal = new Refusal("email.domain",
                "What follows the at sign is not a domain name; check it for blanks, dots and unusual characters.");
        }
        else if (!domain.Contains('.'))
        {
            refusal = new Refusal("email.single-label",
                "The domain after the at sign has no dot; enter the whole domain, as in name@example.com.");
        }
        else if (!domain.AsSpan(domain.LastIndexOf('.') + 1).ContainsAnyExceptInRange('0', '9'))
        {
            // RFC 3696 section 2: a top-level domain is never all digits; this is an IP address without its brackets.
            refusal = new Refusal("email.numeric-domain",
                "The domain after the at sign ends in a number; enter a domain name, as in name@example.com.");
        }
        else
        {
            refusal = null;
        }

        return refusal is null;
    }

    private static Refusal? RefuseLength(ReadOnlySpan<char> shown, string key) =>
        Encoding.UTF8.GetByteCount(shown) > MaximumLocalOctets || Encoding.UTF8.GetByteCount(key) > MaximumLocalOctets
            ? new Refusal("email.local-part-too-long",
                $"There are more than {MaximumLocalOctets} octets before the at sign, which mail does not allow; enter another address.")
            : null;

    private static Refusal? RefuseLength(EmailAddress address) =>
        Encoding.UTF8.GetByteCount(address.Value) > MaximumOctets || Encoding.UTF8.GetByteCount(address.Key) > MaximumOctets
            ? TooLong()
            : null;

    private static Refusal TooLong() => new("email.too-long",
        $"An e-mail address has at most {MaximumOctets} octets; enter a shorter one.");
}
