using Selfsame.Store.Provisioning;

namespace Selfsame.Store.Mail;

/// <summary>One mail before it is queued: plain text, UTF-8.</summary>
public sealed record MailText(string Recipient, string Subject, string Body);

/// <summary>The words of every mail. A link is the only secret in one.</summary>
internal static class MailTexts
{
    private const int MostLines = 100;

    public static MailText VerifyEmail(string recipient, Uri link) => new(
        recipient,
        "Confirm your e-mail address",
        $"""
        Somebody, most likely you, signed up with this e-mail address.

        To confirm that it is yours, open this link:

        {link}

        If it was not you, do nothing: without your confirmation the address stays unconfirmed, and whoever proves it takes it over.
        """);

    public static MailText AlreadyRegistered(string recipient, Uri signIn, Uri reset) => new(
        recipient,
        "You already have an account",
        $"""
        Somebody, most likely you, tried to sign up with this e-mail address. There is an account with it already.

        To sign in: {signIn}
        To set a new password, which also makes the account yours if somebody else opened it with your address: {reset}

        If it was not you, there is nothing to do.
        """);

    /// <summary>To the owner of an address whose account nobody can sign in to.</summary>
    /// <param name="recipient">The address.</param>
    /// <param name="freeFrom">When a deleted account is removed for good; null where it is disabled.</param>
    /// <param name="site">Whose people can open it again.</param>
    /// <param name="release">Where the address can be made free, if nobody ever proved it; else null.</param>
    public static MailText AccountClosed(string recipient, DateTimeOffset? freeFrom, Uri site, Uri? release)
    {
        var what = freeFrom is null ? "was disabled" : "was deleted";
        var wait = freeFrom is { } at ? $"\nOr wait until it is removed for good, on {at.UtcDateTime:yyyy-MM-dd}: then you can sign up again." : "";
        var free = release is null ? "" : $"\nNobody ever confirmed this address for that account. To make it free for an account of your own, ask for a link here: {release}";
        return new MailText(
            recipient,
            "The account with your e-mail address is closed",
            $"""
            Somebody, most likely you, wanted to use this e-mail address for an account. There is one with it already, which {what}: nobody can sign in to it, and a new password would not change that.

            To have it back, ask the people who run {site}.{wait}{free}

            If it was not you, there is nothing to do.
            """);
    }

    /// <summary>To who asked for a link and has an account that is closed, whose address nobody ever proved.</summary>
    public static MailText ReleaseEmail(string recipient, Uri link) => new(
        recipient,
        "Make your e-mail address free",
        $"""
        Somebody, most likely you, asked for a link. An account was made with this e-mail address, which nobody ever confirmed, and it is closed: nobody can sign in to it.

        To take the address out of it, so that you can make an account of your own, open this link:

        {link}

        If it was not you, do nothing.
        """);

    public static MailText ResetPassword(string recipient, Uri link) => new(
        recipient,
        "Set a new password",
        $"""
        Somebody, most likely you, asked for a new password.

        To set one, open this link within the hour:

        {link}

        All other sessions end when the password is set. If it was not you, do nothing.
        """);

    public static MailText ChoosePassword(string recipient, Uri link, Uri reset) => new(
        recipient,
        "Choose a password",
        $"""
        Your account has moved, and your old password could not come along.

        To choose a new one, open this link within the week:

        {link}

        Later you can ask for another link: {reset}
        """);

    public static MailText ConfirmNewEmail(string recipient, Uri link) => new(
        recipient,
        "Confirm your new e-mail address",
        $"""
        Somebody, most likely you, wants to use this e-mail address for an account.

        To confirm it, open this link:

        {link}

        If it was not you, do nothing: nothing changes without your confirmation.
        """);

    public static MailText EmailChanged(string recipient, string newEmail, Uri revert) => new(
        recipient,
        "Your e-mail address was changed",
        $"""
        The e-mail address of your account was changed from this one to {newEmail}.

        If it was not you, open this link: it takes the change back, ends all sessions and asks for a new password:

        {revert}
        """);

    /// <summary>To a mailbox that nobody proved: it may be a stranger's, so neither the new address nor a way back stands in it.</summary>
    public static MailText UnverifiedEmailChanged(string recipient, Uri site) => new(
        recipient,
        "Your e-mail address was changed",
        $"""
        Somebody made an account with this e-mail address, which was never confirmed. The account now has another address.

        If it is your account and you did not change it, ask the people who run {site} for help.
        If you never made one, do nothing.
        """);

    public static MailText PasswordChanged(string recipient, Uri reset) => new(
        recipient,
        "Your password was changed",
        $"""
        The password of your account was changed, and all other sessions were ended.

        If it was not you, set a new one: {reset}
        """);

    public static MailText ProvisioningOverdue(string recipient, IReadOnlyList<OverdueAccount> accounts, Uri page)
    {
        var lines = accounts.Take(MostLines).Select(account =>
            $"{account.Account} of {account.Source}{(account.Source == account.System ? "" : $" in {account.System}")}: {account.State}, since {account.Since.UtcDateTime:u}. {account.Problem}".TrimEnd());
        var more = accounts.Count > MostLines ? $"\n… and {accounts.Count - MostLines} more." : "";
        return new MailText(
            recipient,
            accounts.Count == 1 ? "Selfsame: 1 account is not whole" : $"Selfsame: {accounts.Count} accounts are not whole",
            $"""
            These accounts should be in another system by now, and are not:

            {string.Join('\n', lines)}{more}

            What is left to do for each: {page}
            Each is told once.
            """);
    }
}
