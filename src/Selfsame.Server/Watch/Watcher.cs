using System.Data.Common;
using Selfsame.Core;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Databases;
using Selfsame.Server.Reconciliation;

namespace Selfsame.Server.Watch;

/// <summary>What one round of a watch came to.</summary>
/// <param name="Findings">All that was found; null where the audit failed.</param>
/// <param name="New">What had not been found before.</param>
/// <param name="Problems">What went wrong, one sentence each: the audit, an alert that did not get through.</param>
public sealed record WatchRound(int? Findings, IReadOnlyList<Finding> New, IReadOnlyList<string> Problems);

/// <summary>Audits on a schedule and tells what is new, each finding once.</summary>
/// <param name="audit">Audits; may throw <see cref="SystemUnavailableException"/>, <see cref="ConfigException"/>, and what our own database throws.</param>
/// <param name="channels">Where alerts go.</param>
/// <param name="memory">What each channel was told.</param>
/// <param name="clock">The time.</param>
/// <param name="random">Where alerts' ids come from.</param>
public sealed class Watcher(
    Func<CancellationToken, Task<AuditResult>> audit, AlertChannels channels, WatchMemory memory, TimeProvider clock, RandomSource random)
{
    private const int Attempts = 4;

    /// <summary>Failures in a row after which a failing audit is itself told.</summary>
    private const int PatientWith = 3;

    private static readonly TimeSpan FirstWait = TimeSpan.FromSeconds(2);

    /// <summary>Runs rounds until it is cancelled; the time between two is counted from start to start.</summary>
    public async Task RunAsync(TimeSpan every, Action<WatchRound> report, CancellationToken cancellation)
    {
        while (true)
        {
            var started = clock.GetTimestamp();
            report(await OnceAsync(cancellation));
            var left = every - clock.GetElapsedTime(started);
            await Task.Delay(left > TimeSpan.Zero ? left : TimeSpan.Zero, clock, cancellation);
        }
    }

    /// <summary>One audit, and the alerts that are due. A read that fails is tried again with growing waits.</summary>
    public async Task<WatchRound> OnceAsync(CancellationToken cancellation)
    {
        var (result, problem) = await AuditAsync(cancellation);
        IEnumerable<Finding> fresh = [];
        // Of a round without a channel only its reader knows: a memory of its own, so that it hides nothing from those who are told the next time.
        foreach (var channel in channels.All.Count > 0 ? channels.All : [AlertChannel.Screen])
        {
            var (state, unknown) = result is not null
                ? memory.Read(channel).After(result.Findings, random.NextUuid(), clock.GetUtcNow())
                : (Failed(memory.Read(channel), problem!), Array.Empty<Finding>());
            fresh = fresh.UnionBy(unknown, FindingFingerprint.Of);
            // What is new is on disk before anybody is told, so that a crash tells it late and not never; and with '--once' each round is a process of its own.
            memory.Write(channel, channel == AlertChannel.Screen ? state with { Pending = [] } : state);
        }

        memory.ForgetEarlier(channels.All);
        var problems = new List<string>();
        foreach (var channel in channels.All)
        {
            problems.AddRange(await DeliverAsync(channel, cancellation));
        }

        return new WatchRound(result?.Findings.Count, [.. fresh], problem is null ? problems : [problem, .. problems]);
    }

    private WatchState Failed(WatchState state, string problem)
    {
        var failures = state.Failures + 1;
        return state with
        {
            Failures = failures,
            Pending = failures != PatientWith ? state.Pending : [.. state.Pending, new PendingAlert(random.NextUuid(), clock.GetUtcNow(), [new AlertLine("AuditFailed", "", problem)])],
        };
    }

    private async Task<(AuditResult? Result, string? Problem)> AuditAsync(CancellationToken cancellation)
    {
        var wait = FirstWait;
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return (await audit(cancellation), null);
            }
            catch (Exception exception) when (IsOutage(exception) && attempt < Attempts)
            {
                await Task.Delay(wait, clock, cancellation);
                wait *= 2;
            }
            catch (Exception exception) when (IsOutage(exception))
            {
                return (null, exception.Message);
            }
        }
    }

    /// <summary>A system that does not answer, our own store, from which the links are read, or a file of decisions that somebody is at.</summary>
    private static bool IsOutage(Exception exception) => exception is SystemUnavailableException or DatabaseException or DbException or ConfigException or IOException;

    /// <summary>Tries every alert that a channel is still to be told; what gets through is noted at once.</summary>
    private async Task<IReadOnlyList<string>> DeliverAsync(AlertChannel channel, CancellationToken cancellation)
    {
        var problems = new List<string>();
        var state = memory.Read(channel);
        foreach (var alert in state.Pending)
        {
            if (await SendAsync(channel, alert, cancellation) is { } problem)
            {
                problems.Add($"an alert waits for the next round, {problem}");
                continue;
            }

            state = state with { Pending = [.. state.Pending.Where(other => other.Id != alert.Id)] };
            memory.Write(channel, state);
        }

        return problems;
    }

    private async Task<string?> SendAsync(AlertChannel channel, PendingAlert alert, CancellationToken cancellation)
    {
        var wait = FirstWait;
        for (var attempt = 1; ; attempt++)
        {
            var problem = await channels.SendAsync(channel, alert, cancellation);
            if (problem is null || attempt == Attempts)
            {
                return problem;
            }

            await Task.Delay(wait, clock, cancellation);
            wait *= 2;
        }
    }
}
