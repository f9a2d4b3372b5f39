using System.Globalization;
using Selfsame.Core.Provisioning;

namespace Selfsame.Server.Pages;

/// <summary>How the pages put things to people.</summary>
internal static class Words
{
    private static readonly Dictionary<string, string> Notices = new(StringComparer.Ordinal)
    {
        ["profile-saved"] = "Your profile was saved.",
        ["password-changed"] = "Your password was changed. All other sessions were ended.",
        ["password-set"] = "Your new password was set. Sign in with it.",
        ["email-verified"] = "Your e-mail address is confirmed.",
        ["email-link-sent"] = "We sent a link to the new address. Open it here, where you are signed in, to finish the change.",
        ["email-changed"] = "Your e-mail address was changed.",
        ["email-released"] = "The e-mail address is free. Make your account with it.",
        ["email-reverted"] = "The change was taken back, and your new password was set. Sign in with it.",
        ["handle-saved"] = "Your handle was saved.",
        ["handle-pending"] = "Your new handle is reserved. It takes effect when your account elsewhere has confirmed it.",
        ["session-ended"] = "The session was ended.",
        ["signed-out"] = "You are signed out.",
        ["administrator-made"] = "The administrator was made. Sign in to go on.",
        ["user-created"] = "The user was created.",
        ["user-saved"] = "The user was saved.",
        ["user-disabled"] = "The user was disabled; all sessions were ended.",
        ["user-enabled"] = "The user was enabled.",
        ["user-deleted"] = "The user was deleted. It can be restored until the grace period ends.",
        ["user-restored"] = "The user was restored.",
        ["webhooks-retried"] = "What waits for the endpoint is sent now.",
        ["mails-retried"] = "All mails that were not handed over are tried now.",
        ["provisioning-retried"] = "It is looked at again now.",
        ["events-retried"] = "The events that failed are worked on now.",
    };

    private static readonly Dictionary<string, string> Events = new(StringComparer.Ordinal)
    {
        ["user.created"] = "Account created",
        ["user.moved-in"] = "Account moved in from another system",
        ["password.invited"] = "Mailed a link to choose a password",
        ["user.updated"] = "Details changed",
        ["user.enabled"] = "Enabled",
        ["user.disabled"] = "Disabled",
        ["user.deleted"] = "Deleted",
        ["user.restored"] = "Restored",
        ["handle.changed"] = "Handle changed",
        ["handle.refused"] = "Handle refused by another system",
        ["email.verified"] = "E-mail address confirmed",
        ["email.verification-requested"] = "Confirmation mail requested",
        ["email.change-requested"] = "Change of e-mail address requested",
        ["email.changed"] = "E-mail address changed",
        ["email.change-reverted"] = "Change of e-mail address taken back",
        ["email.taken-over"] = "Unconfirmed e-mail address given to who proved it",
        ["email.release-requested"] = "Mail requested that makes the unconfirmed e-mail address free",
        ["email.released"] = "Unconfirmed e-mail address made free by who proved it",
        ["password.reset-requested"] = "New password requested",
        ["password.reset"] = "Password set by a mailed link",
        ["password.changed"] = "Password changed",
        ["session.started"] = "Signed in",
        ["session.ended"] = "Session ended",
    };

    /// <summary>What has just been done, by the code in the address; null for an unknown code.</summary>
    public static string? Notice(string? code) => code is null ? null : Notices.GetValueOrDefault(code);

    public static string Event(string name) => Events.GetValueOrDefault(name, name);

    /// <summary>Who did it; <c>user:</c> and a uuid becomes "a user", which the caller links.</summary>
    public static string Actor(string name) => name switch
    {
        "self" => "the person",
        "cli" => "the command line",
        "system" => "the service",
        _ => name.Replace("service:", "the service ", StringComparison.Ordinal),
    };

    public static string Taken(string field) => field switch
    {
        "username" => "This username is taken. Choose another one.",
        "email" => "There is an account with this e-mail address already.",
        "phone" => "There is an account with this phone number already.",
        "handle" => "This handle is taken. Choose another one.",
        _ => "This is taken already.",
    };

    /// <summary>Who left and comes back is not to guess why neither a sign-in nor a sign-up works (CASES 8).</summary>
    public static string TakenByDeleted(string field, bool isAdministrator) => (isAdministrator, field) switch
    {
        (true, _) => "A deleted user has this. Restore that user, or wait until it is removed for good.",
        (_, "email") => "This belongs to a deleted account. Ask an administrator to restore it, or wait until it is removed for good. If the address was never confirmed, ask for a new password: the mail makes it free.",
        _ => "This belongs to a deleted account. Ask an administrator to restore it, or wait until it is removed for good.",
    };

    /// <summary>A field of a user as people call it.</summary>
    public static string Field(string name) => name switch
    {
        "username" => "Username",
        "email" => "E-mail address",
        "phone" => "Phone",
        "handle" => "Handle",
        _ => name,
    };

    /// <summary>How far an account in a connected system is.</summary>
    public static string State(ProvisioningState state) => state switch
    {
        ProvisioningState.Pending => "waiting",
        ProvisioningState.Intent => "being made",
        ProvisioningState.Linked => "linked",
        ProvisioningState.Conflict => "conflict",
        ProvisioningState.Compensating => "being disabled",
        _ => "disabled",
    };

    /// <summary>A waiting time, rounded up: <c>40 seconds</c>, <c>12 minutes</c>, <c>2 hours</c>.</summary>
    public static string Wait(TimeSpan time)
    {
        var seconds = WholeSeconds(time);
        return seconds switch
        {
            <= 90 => Count(seconds, "second"),
            <= 90 * 60 => Count((seconds + 59) / 60, "minute"),
            _ => Count((seconds + 3599) / 3600, "hour"),
        };
    }

    /// <summary>At least one.</summary>
    public static long WholeSeconds(TimeSpan time) => Math.Max(1, (long)Math.Ceiling(time.TotalSeconds));

    public static string Count(long count, string noun)
        => string.Create(CultureInfo.InvariantCulture, $"{count:N0} {noun}{(count == 1 ? "" : "s")}");

    /// <summary>With a capital, as the heading of a column.</summary>
    public static string Sentence(string words) => char.ToUpperInvariant(words[0]) + words[1..];

    public static string Number(long number) => number.ToString("N0", CultureInfo.InvariantCulture);

    public static string Instant(DateTimeOffset at) => at.UtcDateTime.ToString("d MMM yyyy, HH:mm 'UTC'", CultureInfo.InvariantCulture);

    public static string Day(DateTimeOffset at) => at.UtcDateTime.ToString("d MMM yyyy", CultureInfo.InvariantCulture);

    /// <summary>A browser's name and system out of its User-Agent, as far as they are well known.</summary>
    public static string Device(string? userAgent)
    {
        if (string.IsNullOrEmpty(userAgent))
        {
            return "Unknown device";
        }

        var browser = First(userAgent, ("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"));
        var system = First(userAgent, ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS X", "macOS"), ("Linux", "Linux"));
        return (browser, system) switch
        {
            (null, null) => userAgent[..Math.Min(userAgent.Length, 60)],
            (null, _) => system!,
            (_, null) => browser,
            _ => $"{browser} on {system}",
        };
    }

    private static string? First(string text, params ReadOnlySpan<(string Mark, string Name)> known)
    {
        foreach (var (mark, name) in known)
        {
            if (text.Contains(mark, StringComparison.Ordinal))
            {
                return name;
            }
        }

        return null;
    }
}
