using System.Data.Common;
using Selfsame.Core;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Databases;

namespace Selfsame.Server.Watch;

/// <summary>What one round of a watch came to.</summary>
/// <param name="Findings">All that was found; null where the audit failed.</param>
/// <param name="New">What had not been found before.</param>
/// <param name="Problems">What went wrong, one sentence each: the audit, an alert that did not get through.</param>
public sealed record WatchRound(int? Findings, IReadOnlyList<Finding> New, IReadOnlyList<string> Problems);

/// <summary>Audits on a schedule and tells what is new, each finding once.</summary>
/// <param name="audit">Audits; may throw <see cref="SystemUnavailableException"/>, and what our own database throws.</param>
/// <param name="channels">Where alerts go.</param>
/// <param name="statePath">The file that remembers.</param>
/// <param name="clock">The time.</param>
/// <param name="random">Where alerts' ids come from.</param>
public sealed class Watcher(
    Func<CancellationToken, Task<AuditResult>> audit, AlertChannels channels, string statePath, TimeProvider clock, RandomSource random)
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
        var state = WatchState.Read(statePath);
        IReadOnlyList<Finding> fresh = [];
        if (result is not null)
        {
            // What is new is on disk before anybody is told, so that a crash tells it late and not never.
            (state, fresh) = state.After(result.Findings, channels.Names, random.NextUuid(), clock.GetUtcNow());
            state.Write(statePath);
        }
        else
        {
            // On disk, for with '--once' each round is a process of its own.
            state = state with { Failures = state.Failures + 1 };
            state = state.Failures != PatientWith ? state : state with
            {
                Pending = [.. state.Pending, new PendingAlert(random.NextUuid(), clock.GetUtcNow(), [new AlertLine("AuditFailed", "", problem!)], channels.Names)],
            };
            state.Write(statePath);
        }

        var problems = await DeliverAsync(state, cancellation);
        return new WatchRound(result?.Findings.Count, fresh, problem is null ? problems : [problem, .. problems]);
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

    /// <summary>A system that does not answer, or our own store, from which the links are read.</summary>
    private static bool IsOutage(Exception exception) => exception is SystemUnavailableException or DatabaseException or DbException;

    /// <summary>Tries every alert that is still due; what gets through is noted at once.</summary>
    private async Task<IReadOnlyList<string>> DeliverAsync(WatchState state, CancellationToken cancellation)
    {
        var problems = new List<string>();
        foreach (var alert in state.Pending)
        {
            var left = new List<string>();
            foreach (var channel in alert.Left)
            {
                if (await SendAsync(channel, alert, cancellation) is { } problem)
                {
                    problems.Add($"an alert waits for the next round, {problem}");
                    left.Add(channel);
                }
            }

            state = state with
            {
                Pending = [.. state.Pending.Where(other => other.Id != alert.Id || left.Count > 0).Select(other => other.Id == alert.Id ? other with { Left = left } : other)],
            };
            state.Write(statePath);
        }

        return problems;
    }

    private async Task<string?> SendAsync(string channel, PendingAlert alert, CancellationToken cancellation)
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
