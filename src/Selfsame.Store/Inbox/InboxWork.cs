using System.Data.Common;
using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
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
    private const int FailuresOfADownSystem = 3;
    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(5);

    // Well below the loan: a system that hangs, or asks for patience, gives its events back before another node may take them.
    private static readonly TimeSpan LongestRead = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan FirstDelay = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromMinutes(15);

    private readonly EventInbox inbox = new(context);

    /// <summary>Works on what is due now of all systems at once; how many events that were.</summary>
    public async Task<int> RunOnceAsync(CancellationToken cancellation)
        => (await Task.WhenAll((await inbox.DueSystemsAsync(cancellation)).Select(system => RunOnceAsync(system, cancellation)))).Sum();

    /// <summary>Works on what is due now of one system; how many events that were. A system that does not answer holds no other up.</summary>
    public async Task<int> RunOnceAsync(string system, CancellationToken cancellation)
    {
        var events = await inbox.ClaimAsync(system, Batch, Lease, topology.Systems.GetValueOrDefault(system)?.Pace.PerSecond, cancellation);
        if (events.Count > 0)
        {
            context.CrashPoints.Reach(InboxCrashPoints.Claimed);
            await WorkAsync(system, events, cancellation);
        }

        return events.Count;
    }

    private async Task WorkAsync(string system, IReadOnlyList<InboxEvent> events, CancellationToken cancellation)
    {
        var targets = topology.ProvisionedFrom(system);
        var aboutNobody = events.Where(one => one.Account is null).ToList();
        await ConcludeAsync(aboutNobody, "It is about no account.", _ => Task.CompletedTask, cancellation);
        var accounts = events.Where(one => one.Account is not null).GroupBy(one => one.Account!).ToDictionary(group => group.Key, group => group.ToList());
        var (present, failed) = await ReadAsync(system, [.. accounts.Keys], cancellation);
        var left = await FindLeftAsync(system, targets, [.. accounts.Keys.Where(account => !present.ContainsKey(account) && !failed.ContainsKey(account))], failed, cancellation);
        foreach (var problem in failed.GroupBy(pair => (pair.Value.Message, pair.Value.RetryAfter), pair => pair.Key))
        {
            await FailAsync([.. problem.SelectMany(account => accounts[account])], problem.Key.Message, cancellation, problem.Key.RetryAfter);
        }

        context.CrashPoints.Reach(InboxCrashPoints.AccountsRead);
        foreach (var (account, group) in accounts.Where(pair => !failed.ContainsKey(pair.Key)))
        {
            await ConcludeAsync(
                group,
                present.ContainsKey(account) ? "The account is there and was handed on." : "The account is not there; what was made of it is looked at again.",
                transaction => ApplyAsync(transaction, system, account, group, present.ContainsKey(account), present.ContainsKey(account) ? targets : left.GetValueOrDefault(account, [])),
                cancellation);
        }
    }

    /// <summary>
    /// Of those who are gone and have no row, in which targets an account stands under their id, as one that a plan made: that is looked at as one that the service made. Who could not be
    /// asked about fails.
    /// </summary>
    private async Task<Dictionary<AccountId, List<string>>> FindLeftAsync(
        string system, IReadOnlyList<string> targets, List<AccountId> gone, Dictionary<AccountId, SystemUnavailableException> failed, CancellationToken cancellation)
    {
        var left = new Dictionary<AccountId, List<string>>();
        using var late = new CancellationTokenSource(LongestRead, context.Clock);
        // Where ids are the system's own an equal one says nothing.
        foreach (var target in targets.Where(target => systems.GetValueOrDefault(target) is IReadsAccountsById and not ICreatesWithPassword))
        {
            var parts = systems[target].Mapping.Id.Count;
            var asked = await WithoutRowAsync(system, target, [.. gone.Where(account => account.Parts.Count == parts && !failed.ContainsKey(account))], cancellation);
            var (there, unread) = await IsPausedAsync(target, asked, cancellation) is { } paused
                ? ([], asked.ToDictionary(account => account, _ => paused))
                : await ReadAsync(target, asked, cancellation, late.Token);
            foreach (var account in there.Keys)
            {
                left.TryAdd(account, []);
                left[account].Add(target);
            }

            foreach (var (account, why) in unread)
            {
                // That it asks for patience is not the source's.
                failed[account] = new SystemUnavailableException(why.Message);
            }

            if (unread.Values.Max(why => why.RetryAfter) is { } pause)
            {
                await context.Database.TransactAsync(transaction => new SystemPace(transaction, target, context.Now()).PauseAsync(pause), cancellation);
            }
        }

        return left;
    }

    private Task<List<AccountId>> WithoutRowAsync(string system, string target, List<AccountId> accounts, CancellationToken cancellation)
        => context.Database.ReadAsync(
            async transaction =>
            {
                var without = new List<AccountId>();
                foreach (var account in accounts)
                {
                    if (!await ProvisioningTable.ExistsAsync(transaction, new ProvisioningKey(system, account, target)))
                    {
                        without.Add(account);
                    }
                }

                return without;
            },
            cancellation);

    /// <summary>That the system asked to be called later, where somebody is to be asked about there; null where it may be.</summary>
    private async Task<SystemUnavailableException?> IsPausedAsync(string system, List<AccountId> accounts, CancellationToken cancellation)
        => accounts.Count > 0 && await context.Database.ReadAsync(transaction => new SystemPace(transaction, system, context.Now()).PausedForAsync(), cancellation) > TimeSpan.Zero
            ? new SystemUnavailableException($"'{system}' asked to be called later.")
            : null;

    private async Task ApplyAsync(
        Transaction transaction, string system, AccountId account, List<InboxEvent> events, bool isThere, IReadOnlyList<string> wanted)
    {
        var now = context.Now();
        var last = events[^1];
        await VerificationEvents.AddAsync(transaction, system, account, isThere ? events.Where(one => one.ProvesEmail).Select(one => one.Id) : null);
        await ProvisioningRows.RequeueAsync(transaction, system, account, Told(last), now, last.CorrelationId);
        await ProvisioningRows.InsertPending(transaction, system, account, wanted, now, last.CorrelationId);
        // The last one's goes on with the row; the others' are to be found there, too.
        foreach (var earlier in events.DistinctBy(one => one.CorrelationId).Where(one => one.CorrelationId != last.CorrelationId))
        {
            await ProvisioningRows.NoteAsync(transaction, system, account, Told(earlier), earlier.CorrelationId, now);
        }
    }

    private static string Told(InboxEvent one) => $"{one.System} reported '{string.Concat(one.Type.EnumerateRunes().Take(LongestTypeTold))}'.";

    private async Task ConcludeAsync(List<InboxEvent> events, string outcome, Func<Transaction, Task> effect, CancellationToken cancellation)
    {
        if (events.Count == 0)
        {
            return;
        }

        bool done;
        try
        {
            done = await context.Database.TransactAsync(
                async transaction =>
                {
                    // First, so that whoever takes the events waits until what they led to is durable.
                    if (!await EventInbox.MarkDoneAsync(transaction, events, outcome, context.Now()))
                    {
                        return false;
                    }

                    await effect(transaction);
                    return true;
                },
                async transaction => await EventInbox.IsDoneAsync(transaction, events[0]) ? new Settled<bool>(true, true) : default,
                cancellation);
        }
        catch (Exception exception) when (exception is DatabaseException or DbException)
        {
            // One account's rows that can't be written hold no other account's events up.
            await FailAsync(events, exception.Message, cancellation);
            return;
        }
        catch (Exception exception) when (UnforeseenAnswers.Is(exception))
        {
            LogMessages.EventUnforeseen(context.Logger, events[0].System, events[0].Id, events[0].CorrelationId, exception);
            await FailAsync(events, $"The work on it failed in a way that was not foreseen ({exception.GetType().Name}). The log has the whole: report it.", cancellation);
            return;
        }

        context.CrashPoints.Reach(InboxCrashPoints.Done);
        foreach (var one in events)
        {
            if (!done)
            {
                LogMessages.EventLoanOver(context.Logger, one.Id, one.System, one.CorrelationId);
            }
            else if (one.Account is null)
            {
                LogMessages.EventAboutNobody(context.Logger, one.Id, one.System, one.CorrelationId);
            }
            else
            {
                LogMessages.EventDone(context.Logger, one.Id, one.System, outcome, one.CorrelationId);
            }
        }
    }

    private async Task FailAsync(List<InboxEvent> events, string problem, CancellationToken cancellation, TimeSpan? retryAfter = null)
    {
        // Each by itself: what failed together would else fail together for ever.
        await inbox.MarkFailedAsync(
            events, problem, one => Delay(one.Attempt) * (0.5 + (context.Random.NextInt32(1 << 20) / (double)(1 << 21))), retryAfter, cancellation);
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

    /// <summary>Reads all at once, and where that fails each by itself; who is there, and why the others could not be read.</summary>
    private async Task<(Dictionary<AccountId, Account> Present, Dictionary<AccountId, SystemUnavailableException> Failed)> ReadAsync(
        string system, List<AccountId> accounts, CancellationToken cancellation, CancellationToken until = default)
    {
        var (present, failed) = (new Dictionary<AccountId, Account>(), new Dictionary<AccountId, SystemUnavailableException>());
        using var late = new CancellationTokenSource(LongestRead, context.Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, late.Token, until);
        var problem = await TryReadAsync(system, accounts, present, cancellation, either.Token);
        if (problem is null)
        {
            return (present, failed);
        }

        // One that can't be read holds up nobody who was read with it; of a system that is down no more is asked than shows it.
        var isDown = accounts.Count == 1 || problem.RetryAfter is not null;
        var silent = 0;
        foreach (var (account, index) in accounts.Select((account, index) => (account, index)))
        {
            isDown |= late.IsCancellationRequested || until.IsCancellationRequested || (silent == index && index >= FailuresOfADownSystem);
            if ((isDown ? problem : await TryReadAsync(system, [account], present, cancellation, either.Token)) is { } why)
            {
                failed[account] = why;
                silent += why.Answered ? 0 : 1;
                (isDown, problem) = why.RetryAfter is null ? (isDown, problem) : (true, why);
            }
        }

        return (present, failed);
    }

    /// <summary>Adds who of <paramref name="accounts"/> is there; why they could not be read, or null.</summary>
    private async Task<SystemUnavailableException?> TryReadAsync(
        string name, List<AccountId> accounts, Dictionary<AccountId, Account> present, CancellationToken cancellation, CancellationToken limit)
    {
        if (accounts.Count == 0)
        {
            return null;
        }

        if (systems.GetValueOrDefault(name) is not IReadsAccountsById system)
        {
            return new SystemUnavailableException($"The config has no system '{name}' whose single accounts can be read. Name it again, or its events wait for ever.");
        }

        try
        {
            foreach (var (id, account) in await system.ReadFreshAsync(name, accounts, limit))
            {
                present[id] = account;
            }

            return null;
        }
        catch (SystemUnavailableException exception)
        {
            // Of several each is read by itself again, and then it is told.
            if (exception.Unforeseen is { } unforeseen && accounts is [var account])
            {
                LogMessages.AccountUnforeseen(context.Logger, name, account.ToString(), unforeseen);
            }

            return exception;
        }
        catch (ConnectorContractException exception)
        {
            return new SystemUnavailableException(exception.Message, exception) { Answered = true };
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return new SystemUnavailableException($"'{name}' did not give the accounts within {LongestRead.TotalMinutes} minutes.");
        }
    }
}
