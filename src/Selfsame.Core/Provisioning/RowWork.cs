using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Provisioning;

/// <summary>The work on one claimed row.</summary>
internal sealed class RowWork(ProvisionerParts parts, ClaimedRow claim)
{
    private ProvisioningRow row = claim.Row;

    /// <summary>Takes the row as far as it goes now; what the world does to it ends in the row, not in an exception.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        try
        {
            await StepAsync(cancellation);
        }
        catch (SystemUnavailableException exception)
        {
            await ConcludeAsync(new Failed(exception.Message), cancellation);
        }
        catch (ConnectorContractException exception)
        {
            await ConcludeAsync(new FoundConflict(exception.Message), cancellation);
        }
    }

    private async Task StepAsync(CancellationToken cancellation)
    {
        var rules = parts.Topology.Rules
            .Where(rule => parts.Sources.Contains(rule.Source) && rule.Target == row.System && rule.Missing == MissingAction.CreateInTarget)
            .ToList();
        if (rules.Count == 0)
        {
            await ConcludeAsync(new FoundConflict($"The config no longer provisions into '{row.System}'."), cancellation);
            return;
        }

        // The id is chosen by us, before anything leaves: the user's own uuid.
        var chosen = row.TargetId ?? new AccountId(row.User.ToString("D"));
        var (rule, source) = await ReadSourceAsync(rules, cancellation);
        if (source.Accounts.Count == 0 && row.State != ProvisioningState.Compensating && !await UserGoneAsync(cancellation))
        {
            return;
        }

        if (row.State == ProvisioningState.Compensating)
        {
            await CompensateAsync(chosen, cancellation);
        }
        else if (row.State is ProvisioningState.Pending or ProvisioningState.Intent)
        {
            await ReconcileAsync(rule, source, chosen, cancellation);
        }
    }

    private async Task ReconcileAsync(ReconcileRule rule, SystemPicture source, AccountId chosen, CancellationToken cancellation)
    {
        var target = await ReadTargetAsync(source, chosen, cancellation);
        var stamp = new PlanStamp(parts.Random.NextUuid(), parts.Clock.GetUtcNow(), "", "", parts.Random.NextUuid);
        switch (PersonalPlan.For(parts.Topology, rule, source, target, chosen, stamp))
        {
            case Nothing nothing:
                await ConcludeAsync(new FoundOurs(nothing.TargetId), cancellation);
                break;
            case Decided decided:
                await ConcludeAsync(new FoundConflict(decided.Evidence), cancellation);
                break;
            case OneChange { Change.Action: ChangeAction.Create } creation when creation.Change.Account.Equals(chosen):
                await CreateAsync(creation.Change, cancellation);
                break;
            case OneChange { Change.Action: ChangeAction.Update } update:
                await UpdateAsync(update.Change, target, cancellation);
                break;
            case OneChange other:
                await ConcludeAsync(new FoundConflict($"{other.Change.Sentence} Its id in {row.System} can't be chosen by us."), cancellation);
                break;
            default:
                await ConcludeAsync(row.State == ProvisioningState.Pending
                    ? new NotWantedYet()
                    : new FoundConflict("The config no longer wants the account that was being made."), cancellation);
                break;
        }
    }

    private async Task CreateAsync(Change change, CancellationToken cancellation)
    {
        if (parts.Systems[row.System] is not ICreatesAccounts system)
        {
            await ConcludeAsync(new FoundConflict($"'{row.System}' can't create accounts."), cancellation);
            return;
        }

        if (!await AdvanceAsync(new Intended(change.Account), cancellation) || claim.Remaining(parts.Clock) < Provisioner.CallTimeout)
        {
            return;
        }

        parts.CrashPoints.Reach(ProvisioningCrashPoints.IntentDurable);
        var outcome = await CallAsync(timeout => system.CreateAsync(change.Account, change.After, timeout));
        outcome.Checked(row.System, creating: true);
        parts.CrashPoints.Reach(ProvisioningCrashPoints.CreateLeft);
        await ConcludeAsync(await JudgeAsync(outcome, change.Account, cancellation), cancellation);
    }

    private async Task UpdateAsync(Change change, SystemPicture target, CancellationToken cancellation)
    {
        if (parts.Systems[row.System] is not IUpdatesAccounts system)
        {
            await ConcludeAsync(new FoundConflict($"'{row.System}' can't update accounts."), cancellation);
            return;
        }

        var present = target.Accounts.Single(account => account.Account.Id.Equals(change.Account)).Account.Record;
        var outcome = await CallAsync(
            timeout => system.UpdateAsync(change.Account, change.After, present.Only(change.Precondition.Keys), timeout));
        await ConcludeAsync(await JudgeAsync(outcome.Checked(row.System, creating: false), change.Account, cancellation), cancellation);
    }

    /// <summary>Disables what may have arrived; the service itself deletes nothing.</summary>
    private async Task CompensateAsync(AccountId chosen, CancellationToken cancellation)
    {
        var accounts = await ReadByIdAsync(row.System, [chosen], cancellation);
        var active = parts.Topology.Systems[row.System].Mapping.Attributes.GetValueOrDefault(AccountMapping.Active);
        if (!accounts.TryGetValue(chosen, out var account)
            || (active is not null && !account.Record.ValueOrNull(active.Field).IsTruthy))
        {
            await ConcludeAsync(new NothingLeft(), cancellation);
            return;
        }

        if (active is null || parts.Systems[row.System] is not IUpdatesAccounts system)
        {
            await ConcludeAsync(new FoundConflict($"The user is gone and their account in {row.System} can't be disabled: remove it there."), cancellation);
            return;
        }

        var off = new Fields([KeyValuePair.Create(active.Field, FieldValue.Boolean(false))]);
        var outcome = await CallAsync(timeout => system.UpdateAsync(chosen, off, account.Record.Only([active.Field]), timeout));
        await ConcludeAsync(outcome is Done ? new NothingLeft() : new Failed($"Disabling in {row.System}: {outcome}"), cancellation);
    }

    private Task<bool> UserGoneAsync(CancellationToken cancellation)
        => row.State == ProvisioningState.Pending ? ConcludeAsync(new UserGone(), cancellation) : AdvanceAsync(new UserGone(), cancellation);

    /// <summary>What an answer means, after a look where it leaves doubt: a lost answer is unknown, never failed.</summary>
    private async Task<ProvisioningEvent> JudgeAsync(WriteOutcome outcome, AccountId chosen, CancellationToken cancellation)
    {
        switch (outcome)
        {
            case Refused refused: return new FoundConflict(refused.Message);
            case Throttled throttled: return new Failed("The system asked to be called later.", throttled.RetryAfter);
            case Unavailable unavailable: return new Failed(unavailable.Message);
            case Drifted drifted: return new Failed(drifted.Message);
        }

        var accounts = await ReadByIdAsync(row.System, [chosen], cancellation);
        return (accounts.ContainsKey(chosen), outcome) switch
        {
            (true, _) => new FoundOurs(chosen),
            (false, AlreadyExists exists) => new FoundConflict($"{exists.Message} It is not under the id that we chose, so it is not ours."),
            (false, Unknown unknown) => new Failed(unknown.Message),
            _ => new Failed("The account was made and can't be seen yet."),
        };
    }

    private async Task<WriteOutcome> CallAsync(Func<CancellationToken, Task<WriteOutcome>> call)
    {
        using var timeout = new CancellationTokenSource(Provisioner.CallTimeout, parts.Clock);
        try
        {
            return await call(timeout.Token);
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested)
        {
            return new Unknown($"'{row.System}' did not answer within {Provisioner.CallTimeout.TotalSeconds} seconds.");
        }
    }

    /// <summary>The user, with the rule of the source they are in; no account when they are in none.</summary>
    private async Task<(ReconcileRule Rule, SystemPicture Source)> ReadSourceAsync(List<ReconcileRule> rules, CancellationToken cancellation)
    {
        var id = new AccountId(row.User.ToString("D"));
        foreach (var rule in rules)
        {
            var accounts = await ReadByIdAsync(rule.Source, [id], cancellation);
            if (accounts.Count > 0)
            {
                return (rule, await PictureAsync(rule.Source, accounts.Values, cancellation));
            }
        }

        return (rules[0], await PictureAsync(rules[0].Source, [], cancellation));
    }

    private async Task<SystemPicture> ReadTargetAsync(SystemPicture source, AccountId chosen, CancellationToken cancellation)
    {
        var candidates = (await ReadByIdAsync(row.System, [chosen], cancellation)).ToDictionary(pair => pair.Key, pair => pair.Value);
        if (parts.Systems[row.System] is IFindsAccounts finder)
        {
            var person = source.Accounts.Single();
            var values = person.Account.Identifiers.ToDictionary(
                pair => pair.Key,
                IReadOnlyList<string> (pair) => [.. new[] { pair.Value, person.Keys.GetValueOrDefault(pair.Key, pair.Value) }.Distinct()]);
            foreach (var account in await finder.FindAsync(values, cancellation))
            {
                candidates.TryAdd(account.Id, account);
            }
        }

        return await PictureAsync(row.System, candidates.Values, cancellation);
    }

    private async Task<SystemPicture> PictureAsync(string system, IEnumerable<Account> accounts, CancellationToken cancellation) => new()
    {
        Config = parts.Topology.Systems[system],
        Facts = await parts.Systems[system].DescribeAsync(cancellation),
        Accounts = [.. accounts.Select(account => KeyedAccount.Of(account, parts.Keying))],
    };

    private Task<IReadOnlyDictionary<AccountId, Account>> ReadByIdAsync(string name, IReadOnlyCollection<AccountId> ids, CancellationToken cancellation)
        => parts.Systems[name] is IReadsAccountsById system
            ? system.ReadFreshAsync(name, ids, cancellation)
            : throw new SystemUnavailableException($"Single accounts of '{name}' can't be read, so nothing can be provisioned into it.");

    private Task<bool> AdvanceAsync(ProvisioningEvent happened, CancellationToken cancellation) => SaveAsync(happened, release: false, cancellation);

    private async Task<bool> ConcludeAsync(ProvisioningEvent happened, CancellationToken cancellation)
    {
        var saved = await SaveAsync(happened, release: true, cancellation);
        parts.CrashPoints.Reach(ProvisioningCrashPoints.OutcomeDurable);
        return saved;
    }

    private async Task<bool> SaveAsync(ProvisioningEvent happened, bool release, CancellationToken cancellation)
    {
        row = ProvisioningMachine.Next(row, happened, parts.Clock.GetUtcNow(), parts.Random.NextInt32(1 << 20) / (double)(1 << 20));
        return await parts.Rows.SaveAsync(row, release, cancellation);
    }
}
