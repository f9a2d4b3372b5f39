using System.Data.Common;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Databases;
using Selfsame.Store.Provisioning;

namespace Selfsame.Store.Inbox;

/// <summary>The places in the work on events at which the kill -9 tests and the simulation end the process.</summary>
public static class InboxCrashPoints
{
    /// <summary>Events are on loan; nothing is read.</summary>
    public const string Claimed = "inbox.claimed";

    /// <summary>The accounts were read; nothing is written.</summary>
    public const string AccountsRead = "inbox.accounts-read";

    /// <summary>What the events led to is durable.</summary>
    public const string Done = "inbox.done";

    public static IReadOnlyList<string> All { get; } = [Claimed, AccountsRead, Done];
}

/// <summary>
/// Works on due events: reads the account that they are about as it is now, by id, and has it provisioned, or looked at again. All events of one account
/// that are due are one piece of work. What an event says happened decides nothing.
/// </summary>
public sealed class InboxWork(StoreContext context, Topology topology, IReadOnlyDictionary<string, IConnectedSystem> systems)
{
    private const int Batch = 200;
    private const int LongestTypeTold = 40;
    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan FirstDelay = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromMinutes(15);

    private readonly EventInbox inbox = new(context);

    /// <summary>Works on what is due now; how many events that were. A system that does not answer holds no other up.</summary>
    public async Task<int> RunOnceAsync(CancellationToken cancellation)
    {
        var events = await inbox.ClaimAsync(Batch, Lease, cancellation);
        if (events.Count > 0)
        {
            context.CrashPoints.Reach(InboxCrashPoints.Claimed);
        }

        foreach (var ofSystem in events.GroupBy(one => one.System))
        {
            await WorkAsync(ofSystem.Key, [.. ofSystem], cancellation);
        }

        return events.Count;
    }

    private async Task WorkAsync(string system, IReadOnlyList<InboxEvent> events, CancellationToken cancellation)
    {
        var targets = topology.ProvisionedFrom(system);
        var aboutNobody = events.Where(one => one.Account is null).ToList();
        await ConcludeAsync(aboutNobody, "It is about no account.", _ => Task.CompletedTask, cancellation);
        var accounts = events.Where(one => one.Account is not null).GroupBy(one => one.Account!).ToDictionary(group => group.Key, group => group.ToList());
        IReadOnlyDictionary<AccountId, Account> present;
        try
        {
            present = await ReadAsync(system, [.. accounts.Keys], cancellation);
        }
        catch (Exception exception) when (exception is SystemUnavailableException or ConnectorContractException)
        {
            await FailAsync([.. accounts.Values.SelectMany(group => group)], exception.Message, cancellation);
            return;
        }

        context.CrashPoints.Reach(InboxCrashPoints.AccountsRead);
        foreach (var (account, group) in accounts)
        {
            await ConcludeAsync(
                group,
                present.ContainsKey(account) ? "The account is there and was handed on." : "The account is not there; what was made of it is looked at again.",
                transaction => ApplyAsync(transaction, system, account, group, present.ContainsKey(account), targets),
                cancellation);
        }
    }

    private async Task ApplyAsync(
        Transaction transaction, string system, AccountId account, List<InboxEvent> events, bool isThere, IReadOnlyList<string> targets)
    {
        var now = context.Now();
        var last = events[^1];
        var type = string.Concat(last.Type.EnumerateRunes().Take(LongestTypeTold));
        await VerificationEvents.AddAsync(transaction, system, account, isThere ? events.Where(one => one.ProvesEmail).Select(one => one.Id) : null);
        await ProvisioningRows.RequeueAsync(transaction, system, account, $"{system} reported '{type}' (correlation {last.CorrelationId}).", now);
        if (isThere)
        {
            await ProvisioningRows.InsertPending(transaction, system, account, targets, now);
        }
    }

    private async Task ConcludeAsync(List<InboxEvent> events, string outcome, Func<Transaction, Task> effect, CancellationToken cancellation)
    {
        if (events.Count == 0)
        {
            return;
        }

        try
        {
            await context.Database.TransactAsync(
                async transaction =>
                {
                    await effect(transaction);
                    await EventInbox.MarkDoneAsync(transaction, events, outcome);
                    return true;
                },
                // Doing it twice asks for no more than a look: a lost commit answer is settled that way.
                _ => Task.FromResult(default(Settled<bool>)),
                cancellation);
        }
        catch (Exception exception) when (exception is DatabaseException or DbException)
        {
            // One account's rows that can't be written hold no other account's events up.
            await FailAsync(events, exception.Message, cancellation);
            return;
        }

        context.CrashPoints.Reach(InboxCrashPoints.Done);
        foreach (var one in events)
        {
            if (one.Account is null)
            {
                LogMessages.EventAboutNobody(context.Logger, one.Id, one.System, one.CorrelationId);
            }
            else
            {
                LogMessages.EventDone(context.Logger, one.Id, one.System, outcome, one.CorrelationId);
            }
        }
    }

    private async Task FailAsync(List<InboxEvent> events, string problem, CancellationToken cancellation)
    {
        var jitter = context.Random.NextInt32(1 << 20) / (double)(1 << 20);
        await inbox.MarkFailedAsync(events, problem, one => Delay(one.Attempt) * (0.5 + (jitter / 2)), cancellation);
        foreach (var one in events)
        {
            LogMessages.EventFailed(context.Logger, one.Id, one.System, one.Attempt, problem, one.CorrelationId);
        }
    }

    private static TimeSpan Delay(int attempt)
    {
        var delay = FirstDelay * Math.Pow(2, Math.Min(attempt - 1, 20));
        return delay < LongestDelay ? delay : LongestDelay;
    }

    private async Task<IReadOnlyDictionary<AccountId, Account>> ReadAsync(string name, List<AccountId> accounts, CancellationToken cancellation)
        => accounts.Count == 0
            ? new Dictionary<AccountId, Account>()
            : systems.GetValueOrDefault(name) is IReadsAccountsById system
                ? await system.ReadFreshAsync(name, accounts, cancellation)
                : throw new SystemUnavailableException($"The config has no system '{name}' whose single accounts can be read. Name it again, or its events wait for ever.");
}
