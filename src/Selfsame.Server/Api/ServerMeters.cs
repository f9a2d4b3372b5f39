using System.Diagnostics.Metrics;
using Selfsame.Store.Inbox;
using Selfsame.Store.Sessions;
using Selfsame.Store.Users;

namespace Selfsame.Server.Api;

/// <summary>What the server counts; the store counts identifier conflicts itself.</summary>
internal static class ServerMeters
{
    public const string Name = "Selfsame.Server";

    private static readonly Meter Meter = new(Name);
    private static readonly Counter<long> SignUps = Meter.CreateCounter<long>("selfsame.sign_ups", description: "Sign-ups by what became of them.");
    private static readonly Counter<long> SignIns = Meter.CreateCounter<long>("selfsame.sign_ins", description: "Sign-ins by what became of them.");

    private static readonly Counter<long> Events = Meter.CreateCounter<long>("selfsame.events", description: "Events that connected systems reported, new or repeated, and lines of their logs that could not be read.");

    private static readonly Counter<long> FailedSweeps = Meter.CreateCounter<long>("selfsame.sweeps_failed", description: "Sweeps of a connected system's log that failed, so that lost events were not found.");

    /// <summary>Counts what a webhook brought.</summary>
    public static void Received(string system, Received received)
    {
        Events.Add(received.New, new("system", system), new("result", "new"));
        Events.Add(received.Repeats, new("system", system), new("result", "repeat"));
    }

    /// <summary>Counts the lines of a system's log that a sweep passed over.</summary>
    public static void Unreadable(string system, int lines) => Events.Add(lines, new("system", system), new("result", "unreadable"));

    /// <summary>Counts a sweep of a system's log that did not come to its end.</summary>
    public static void SweepFailed(string system) => FailedSweeps.Add(1, new KeyValuePair<string, object?>("system", system));

    /// <summary>Counts a sign-up, at the page or by the API. A user whom an administrator makes is none.</summary>
    public static void SignUp(SignUpResult result)
    {
        var name = result switch
        {
            SignUpResult.Created { IsReplay: true } or SignUpResult.Accepted { IsReplay: true } => "replayed",
            SignUpResult.Created => "created",
            SignUpResult.Accepted => "accepted",
            SignUpResult.Taken => "taken",
            SignUpResult.Invalid => "invalid",
            SignUpResult.LimitReached => "limited",
            _ => "refused",
        };
        SignUps.Add(1, new KeyValuePair<string, object?>("result", name));
    }

    /// <summary>Counts a sign-in, at the page or by the API.</summary>
    public static void SignIn(SignInResult result)
    {
        var name = result switch
        {
            SignInResult.SignedIn => "signed_in",
            SignInResult.TryLater => "limited",
            SignInResult.Busy => "busy",
            _ => "refused",
        };
        SignIns.Add(1, new KeyValuePair<string, object?>("result", name));
    }
}
