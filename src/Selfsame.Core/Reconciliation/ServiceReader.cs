using System.Net;
using Selfsame.Core.Identifiers;

namespace Selfsame.Core.Reconciliation;

/// <summary>Reads the parts of the config that are about the service itself: tenants, mail, proxies.</summary>
internal static class ServiceReader
{
    private const int LargestPort = 65_535;

    /// <summary>There a server expects TLS from the first byte (RFC 8314, 3.3), and our client waits for its greeting.</summary>
    private const int ImplicitTlsPort = 465;

    /// <summary>A hundred years: the time that long ago can still be told.</summary>
    private const int LongestGraceDays = 36_500;

    /// <summary>In seconds; housekeeping removes counts after it.</summary>
    private const int LongestWindow = 172_800;

    public static TenantConfig ReadTenant(ConfigNode node)
    {
        node.RejectOthers([
            "hosts", "publicUrl", "locale", "role", "emailDisclosure", "lookalikes", "mailboxes", "userCodePrefix", "userCodeSyllables",
            "signUpLimit", "signUpAttemptLimit", "signInLimit", "passwordResetLimit", "handleChangeLimit", "deletionGraceDays"]);
        var entries = node.Entries();
        T? Optional<T>(string name, Func<ConfigNode, T> read) => entries.TryGetValue(name, out var entry) ? read(entry) : default;
        return new TenantConfig
        {
            Hosts = Optional<IReadOnlyList<string>>("hosts", hosts => [.. hosts.Items().Select(ReadHost)]) ?? [],
            PublicUrl = Optional("publicUrl", ReadAddress),
            Locale = Optional("locale", locale => Checked(locale, text => ProfileFields.IsLocale(text.Trim()), ProfileFields.LocaleAdvice)?.Trim().ToLowerInvariant()),
            Role = Optional("role", role => Checked(role, ProfileFields.IsRole, ProfileFields.RoleAdvice)),
            EmailDisclosure = Optional("emailDisclosure", choice => Choice(choice, "reveal", "hide")),
            Lookalikes = Optional("lookalikes", choice => Choice(choice, "off", "flag", "refuse")),
            Mailboxes = Optional("mailboxes", choice => Choice(choice, "off", "flag", "refuse")),
            UserCodePrefix = Optional("userCodePrefix", ReadPrefix),
            UserCodeSyllables = entries.TryGetValue("userCodeSyllables", out var syllables) ? ReadSyllables(syllables) : null,
            SignUpLimit = Optional("signUpLimit", ReadLimit),
            SignUpAttemptLimit = Optional("signUpAttemptLimit", ReadLimit),
            SignInLimit = Optional("signInLimit", ReadLimit),
            PasswordResetLimit = Optional("passwordResetLimit", ReadLimit),
            HandleChangeLimit = Optional("handleChangeLimit", ReadLimit),
            DeletionGraceDays = entries.TryGetValue("deletionGraceDays", out var grace) ? ReadGraceDays(grace) : null,
        };
    }

    public static MailConfig ReadMail(ConfigNode node)
    {
        node.RejectOthers(["host", "port", "from", "userName", "password", "requireTls"]);
        var entries = node.Entries();
        string Required(string name)
        {
            if (entries.TryGetValue(name, out var entry))
            {
                return entry.Text();
            }

            node.Reject($"'mail' needs '{name}'.");
            return "";
        }

        var port = entries.TryGetValue("port", out var portNode) ? portNode.Count() : 587;
        if (port is 0 or > LargestPort)
        {
            portNode!.Reject($"'mail.port' must be from 1 to {LargestPort}.");
        }
        else if (port == ImplicitTlsPort)
        {
            portNode!.Reject($"'mail.port' can't be {ImplicitTlsPort}: mails are sent by STARTTLS, and at that port a server expects TLS from the first byte. Write the server's port for STARTTLS, mostly 587.");
        }

        var from = Required("from");
        if (from.Length > 0 && !EmailAddress.TryParse(WithoutName(from), out _, out _))
        {
            entries["from"].Reject("'mail.from' must be an e-mail address, with or without a name: accounts@example.com, or Accounts <accounts@example.com>.");
        }

        return new MailConfig
        {
            Host = Required("host"),
            Port = port,
            From = from,
            UserName = entries.TryGetValue("userName", out var userName) ? userName.Text() : null,
            Password = entries.TryGetValue("password", out var password) ? password.Text() : null,
            RequireTls = !entries.TryGetValue("requireTls", out var requireTls) || requireTls.Flag(),
        };
    }

    /// <summary>The address of <c>Name &lt;address&gt;</c> (RFC 5322, section 3.4).</summary>
    private static string WithoutName(string mailbox)
        => mailbox.TrimEnd() is [.. var before, '>'] && before.LastIndexOf('<') is >= 0 and var start ? before[(start + 1)..] : mailbox;

    /// <summary>Addresses or networks: <c>10.0.0.1</c>, <c>10.0.0.0/8</c>.</summary>
    public static IReadOnlyList<IPNetwork> ReadNetworks(ConfigNode node)
    {
        var networks = new List<IPNetwork>();
        foreach (var item in node.Items())
        {
            var text = item.Text();
            if (IPNetwork.TryParse(text, out var network))
            {
                networks.Add(network);
            }
            else if (IPAddress.TryParse(text, out var address))
            {
                networks.Add(new IPNetwork(address, address.GetAddressBytes().Length * 8));
            }
            else
            {
                item.Reject($"'{item.Path}' must be an address or a network, for example 10.0.0.0/8.");
            }
        }

        return networks;
    }

    public static string? ReadMailAddress(ConfigNode node)
    {
        if (EmailAddress.TryParse(node.Text(), out var address, out _))
        {
            return address.Value;
        }

        node.Reject($"'{node.Path}' must be an e-mail address.");
        return null;
    }

    /// <summary>By the rules of the field: everybody gets the value, and whoever changes the profile sends it back.</summary>
    private static string? Checked(ConfigNode node, Func<string, bool> isGood, string advice)
    {
        var text = node.Text();
        if (isGood(text))
        {
            return text;
        }

        node.Reject($"'{node.Path}' can't be '{text}'. {advice}");
        return null;
    }

    /// <summary>As the Host header names it, without the port.</summary>
    private static string ReadHost(ConfigNode node)
    {
        var text = node.Text();
        if (Uri.CheckHostName(text) == UriHostNameType.Unknown)
        {
            node.Reject($"'{node.Path}' can't be '{text}': write the name of a host, without a scheme and without a port, as in id.example.com.");
        }

        return text;
    }

    private static string Choice(ConfigNode node, params string[] choices) => node.OneOf([.. choices.Select(choice => (choice, choice))]);

    private static Uri? ReadAddress(ConfigNode node)
    {
        if (Uri.TryCreate(node.Text(), UriKind.Absolute, out var address) && address.Scheme is "http" or "https" && address.AbsolutePath == "/")
        {
            return address;
        }

        node.Reject($"'{node.Path}' must be an address without a path, for example https://id.example.com.");
        return null;
    }

    private static string ReadPrefix(ConfigNode node)
    {
        var prefix = node.Text();
        if (!UserCode.IsPrefix(prefix))
        {
            node.Reject($"'{node.Path}' must be 1 to {UserCode.MaximumPrefixLength} letters from a to z.");
        }

        return prefix;
    }

    private static int ReadSyllables(ConfigNode node)
    {
        var syllables = node.Count();
        if (syllables is 0 or > UserCode.MaximumSyllables)
        {
            node.Reject($"'{node.Path}' must be from 1 to {UserCode.MaximumSyllables}.");
        }

        return syllables;
    }

    private static int ReadGraceDays(ConfigNode node)
    {
        var days = node.Count();
        if (days > LongestGraceDays)
        {
            node.Reject($"'{node.Path}' must be at most {LongestGraceDays} (a hundred years).");
        }

        return days;
    }

    private static LimitConfig ReadLimit(ConfigNode node)
    {
        node.RejectOthers(["count", "seconds"]);
        var entries = node.Entries();
        if (entries.TryGetValue("count", out var count) && entries.TryGetValue("seconds", out var seconds))
        {
            var window = seconds.Count();
            if (window > LongestWindow)
            {
                seconds.Reject($"'{seconds.Path}' must be at most {LongestWindow} (two days): counts are not kept for longer.");
            }

            return new LimitConfig(count.Count(), window);
        }

        node.Reject($"'{node.Path}' needs both 'count' and 'seconds'.");
        return new LimitConfig(0, 0);
    }
}
