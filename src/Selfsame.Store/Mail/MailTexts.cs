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
