using Selfsame.Core.Accounts;
using Selfsame.Core.Identifiers;
using Selfsame.Core.Reconciliation;
using Selfsame.Server.Reconciliation;
using Selfsame.Store;
using Selfsame.Store.Audit;
using Selfsame.Store.Users;

namespace Selfsame.Server.Handles;

/// <summary>
/// Changes the handles of users. Where their accounts are provisioned into a system that keeps handles (a PDS), that one takes the new handle first:
/// reserve the new one beside the old, ask, read again, flip. What it does not confirm while the user waits is finished in the background; a refusal is believed when no earlier
/// request can arrive any more. While an account is being
/// made nobody knows which handle it will have: the change waits until it is linked or refused.
/// </summary>
internal sealed class HandleProvisioning(StoreContext context, UserAdministration users, Topology? topology, IReadOnlyDictionary<string, IConnectedSystem> systems)
{
    private const int Batch = 20;

    /// <summary>So long a user waits for the other system.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>So long the background does; well within the loan.</summary>
    private static readonly TimeSpan PatienceOfNobody = TimeSpan.FromSeconds(30);

    /// <summary>While a user waits, an account that somebody works on is looked at again so soon.</summary>
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(100);

    /// <summary>So long a change waits in place for a system that has a rate.</summary>
    private static readonly TimeSpan LongestTurn = TimeSpan.FromSeconds(2);

    private readonly HandleChanges changes = new(context);

    /// <summary>Sets, changes or (null) gives up the user's handle; an answer that the other system owes is <see cref="UserChangeResult.Pending"/>.</summary>
    public async Task<UserChangeResult> SetAsync(User user, string? handle, long? version, Actor actor, CancellationToken cancellation)
    {
        if (KeeperOf(user.Tenant) is not { } keeper)
        {
            return await users.SetHandleAsync(user.Tenant, user.Uuid, handle, version, actor, cancellation);
        }

        var errors = new FieldErrors();
        var key = Check(handle, errors);
        if (errors.Any)
        {
            return new UserChangeResult.Invalid(errors);
        }

        var (change, result) = await changes.BeginAsync(user.Tenant, user.Uuid, key, version, actor, cancellation);
        if (change is null)
        {
            return result!;
        }

        context.CrashPoints.Reach(HandleCrashPoints.Reserved);
        // Who closes the page does not stop what has begun. The same handle again is asked about again: what the other system has decides, not our store alone.
        return await CarryOutAsync(change, keeper, Patience, userWaits: true, CancellationToken.None);
    }

    /// <summary>How the user's last change stands; null where none is under way and none was refused.</summary>
    public Task<HandleChangeState?> StateAsync(User user, CancellationToken cancellation) => changes.StateAsync(user, cancellation);

    /// <summary>Works on the changes that are due; how many those were.</summary>
    public async Task<int> RunOnceAsync(CancellationToken cancellation)
    {
        var claimed = await changes.ClaimAsync(Batch, cancellation);
        // Together: one that gets no answer holds no other up.
        await Task.WhenAll(claimed.Select(change => CarryOutAsync(change, KeeperOf(change.Tenant), PatienceOfNobody, userWaits: false, cancellation)));
        return claimed.Count;
    }

    private static string? Check(string? text, FieldErrors errors)
    {
        if (text is null)
        {
            return null;
        }

        if (!Handle.TryParse(text, out var handle, out var refusal))
        {
            errors.Add("handle", refusal);
            return null;
        }

        // The administrator's call of a PDS does not look, so we do.
        if (ReservedHandles.Contains(handle.Key))
        {
            errors.Add("handle", "handle.reserved", "This handle is reserved. Choose another one.");
        }

        return handle.Key;
    }

    /// <summary>The system that keeps the handles of a tenant's users: the first that it is provisioned into, gives ids itself and maps handles.</summary>
    private HandleKeeper? KeeperOf(string tenant)
        => topology?.Rules
            .Where(rule => rule.Source == context.Tenant(tenant).UserSystem && rule.Missing == MissingAction.CreateInTarget)
            .Where(rule => rule.Handle is null or { Names: ["handle", ..] })
            .Select(rule => new HandleKeeper(rule, systems[rule.Target]))
            .FirstOrDefault(keeper => keeper.System is ICreatesWithPassword and IUpdatesAccounts and IReadsAccountsById
                && keeper.System.Mapping.Identifiers.ContainsKey(IdentifierKind.Handle));

    private async Task<UserChangeResult> CarryOutAsync(HandleChange change, HandleKeeper? keeper, TimeSpan patience, bool userWaits, CancellationToken cancellation)
    {
        if (keeper is null)
        {
            return await FlipAsync(change, null);
        }

        using var limit = new CancellationTokenSource(patience, context.Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, limit.Token);
        var account = await TakeAccountAsync(change, keeper, userWaits ? limit.Token : new CancellationToken(canceled: true), cancellation);
        try
        {
            return account switch
            {
                BusyHandleAccount => await AwaitAccountAsync(change, $"The account in '{keeper.Name}' is worked on."),
                ArrivingHandleAccount => await AwaitAccountAsync(change, $"The account in '{keeper.Name}' is being made."),
                HeldHandleAccount { Id: { } id } held => await AskAsync(change, keeper, held, id, either.Token),
                // There is nothing to change; the provisioning makes an account with the handle that it finds.
                _ => await FlipAsync(change, account),
            };
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            return await PostponeAsync(change, $"'{keeper.Name}' did not answer within {patience.TotalSeconds:0} s.");
        }
        catch (SystemUnavailableException exception)
        {
            TellUnforeseen(change, keeper, exception.Unforeseen);
            return await PostponeAsync(change, exception.Message, exception.LimitIsOfAccount ? null : keeper, exception.RetryAfter);
        }
        catch (Exception exception) when (UnforeseenAnswers.Is(exception))
        {
            TellUnforeseen(change, keeper, exception);
            return await PostponeAsync(change, $"The work on it failed in a way that was not foreseen ({exception.GetType().Name}). The log has the whole: report it.");
        }
        finally
        {
            if (account is HeldHandleAccount held)
            {
                await changes.GiveBackAsync(held, CancellationToken.None);
            }
        }
    }

    /// <summary>The account on loan, or why not. Until <paramref name="limit"/> it waits for whoever works on it: mostly it is just being made.</summary>
    private async Task<HandleAccount> TakeAccountAsync(HandleChange change, HandleKeeper keeper, CancellationToken limit, CancellationToken cancellation)
    {
        while (true)
        {
            var account = await changes.TakeAccountAsync(change, keeper.Name, cancellation);
            if (account is not BusyHandleAccount || limit.IsCancellationRequested)
            {
                return account;
            }

            await Task.Delay(Glance, context.Clock, CancellationToken.None);
        }
    }

    private async Task<UserChangeResult> AskAsync(HandleChange change, HandleKeeper keeper, HeldHandleAccount account, AccountId id, CancellationToken cancellation)
    {
        var left = await ConnectedSystems.Rows(context).PausedForAsync(keeper.Name, cancellation);
        if (left > TimeSpan.Zero)
        {
            return await PostponeAsync(change, $"'{keeper.Name}' asked to be called later.", null, left);
        }

        if (await WaitForTurnAsync(keeper, cancellation) is { } longer)
        {
            return await PostponeAsync(change, $"'{keeper.Name}' is worked on no faster than its 'perSecond' in the config.", null, longer);
        }

        if (keeper.Wanted(change) is not { } wanted || await keeper.ReadAsync(id, cancellation) is not { } present)
        {
            return await FlipAsync(change, account);
        }

        if (present != wanted)
        {
            var outcome = await keeper.SetAsync(id, wanted, cancellation);
            context.CrashPoints.Reach(HandleCrashPoints.UpdateLeft);
            TellUnforeseen(change, keeper, (outcome as Unknown)?.Unforeseen);
            switch (outcome)
            {
                case Throttled throttled:
                    return await PostponeAsync(change, $"'{keeper.Name}' asked to be called later.", throttled.LimitIsOfAccount ? null : keeper, throttled.RetryAfter);
                case Unavailable unavailable:
                    return await PostponeAsync(change, unavailable.Message);
            }

            // Done, refused, drifted or unknown: what it says now decides, never what it answered.
            if (await keeper.ReadAsync(id, cancellation) != wanted)
            {
                return await JudgeAsync(change, keeper, outcome);
            }
        }

        context.CrashPoints.Reach(HandleCrashPoints.Confirmed);
        return await FlipAsync(change, account);
    }

    /// <summary>Waits until the keeper's rate, if the config gives it one, has room for this change, and takes that; how long it still lasts where that is too long.</summary>
    private async Task<TimeSpan?> WaitForTurnAsync(HandleKeeper keeper, CancellationToken cancellation)
    {
        var rows = ConnectedSystems.Rows(context);
        while (topology!.Systems[keeper.Name].Pace.PerSecond is { } perSecond && await rows.TakeTokenAsync(keeper.Name, perSecond, cancellation) is var left && left > TimeSpan.Zero)
        {
            if (left > LongestTurn)
            {
                return left;
            }

            await Task.Delay(left, context.Clock, cancellation);
        }

        return null;
    }

    private void TellUnforeseen(HandleChange change, HandleKeeper keeper, Exception? exception)
    {
        if (exception is not null)
        {
            ServerLogMessages.HandleChangeUnforeseen(context.Logger, keeper.Name, change.CorrelationId, exception);
        }
    }

    private async Task<UserChangeResult> FlipAsync(HandleChange change, HandleAccount? account)
    {
        if (await changes.FlipAsync(change, account, CancellationToken.None) is not { } result)
        {
            return await AwaitAccountAsync(change, "Another works on the account.");
        }

        context.CrashPoints.Reach(HandleCrashPoints.Flipped);
        return result;
    }

    private async Task<UserChangeResult> AwaitAccountAsync(HandleChange change, string problem)
    {
        await changes.AwaitAccountAsync(change, problem, CancellationToken.None);
        return new UserChangeResult.Pending();
    }

    /// <summary>What an answer comes to after which the system has not the new handle.</summary>
    private async Task<UserChangeResult> JudgeAsync(HandleChange change, HandleKeeper keeper, WriteOutcome outcome)
    {
        switch (outcome)
        {
            case AlreadyExists or Refused when MayBeOvertaken(change, outcome):
                await changes.HoldAsync(change, CancellationToken.None);
                return new UserChangeResult.Pending();
            case AlreadyExists:
                await changes.RefuseTakenAsync(change, "Another account has this handle.", CancellationToken.None);
                return new UserChangeResult.Taken(new HashSet<string>(StringComparer.Ordinal) { "handle" });
            case Refused refused:
                return await RefuseAsync(change, refused);
            default:
                return await PostponeAsync(change, outcome is Unknown unknown ? unknown.Message : $"'{keeper.Name}' does not show the new handle yet.");
        }
    }

    /// <summary>
    /// Whether an earlier request may still give the account the handle that was just refused, and was refused perhaps because of that. Where the refusal does not say
    /// that it is about the handle, nobody knows what it is about.
    /// </summary>
    private static bool MayBeOvertaken(HandleChange change, WriteOutcome refusal)
        => (change.Attempts > 0 || refusal is Refused { Fields.Count: 0 }) && change.Problem != HandleChanges.RefusedTooEarly;

    private async Task<UserChangeResult> RefuseAsync(HandleChange change, Refused refused)
    {
        // What is not about the handle is for an administrator: the user can do nothing about it, and learns no more than that.
        var sentence = refused.Fields.Count > 0 ? refused.Message : "Your handle can't be changed now. Ask an administrator.";
        await changes.RefuseAsync(change, sentence, CancellationToken.None);
        var errors = new FieldErrors();
        errors.Add("handle", "handle.refused", sentence);
        return new UserChangeResult.Invalid(errors);
    }

    /// <summary>Tries it again later; a <paramref name="keeper"/> that asked for it is left alone by all nodes.</summary>
    private async Task<UserChangeResult> PostponeAsync(HandleChange change, string problem, HandleKeeper? keeper = null, TimeSpan? retryAfter = null)
    {
        if (keeper is not null && retryAfter is { } pause)
        {
            await ConnectedSystems.Rows(context).PauseAsync(keeper.Name, pause, CancellationToken.None);
        }

        await changes.PostponeAsync(change, problem, retryAfter, CancellationToken.None);
        return new UserChangeResult.Pending();
    }

    /// <summary>The system that keeps the handles, and the calls that a change needs.</summary>
    private sealed record HandleKeeper(ReconcileRule Rule, IConnectedSystem System)
    {
        public string Name => Rule.Target;

        private string Field => System.Mapping.Identifiers[IdentifierKind.Handle];

        /// <summary>The handle that the account is to have when the change is made; null where the config gives it none.</summary>
        public string? Wanted(HandleChange change)
        {
            var identifiers = new Dictionary<IdentifierKind, string> { [IdentifierKind.UserCode] = change.UserCode };
            if (change.Handle is not null)
            {
                identifiers[IdentifierKind.Handle] = change.Handle;
            }

            var person = new Account { Id = new AccountId(change.Uuid.ToString("D")), Identifiers = identifiers, Attributes = Fields.Empty, Record = Fields.Empty };
            return Rule.Handle is not { } template ? change.Handle ?? change.UserCode : template.Choices(person) is [var first, ..] ? first.ToLowerInvariant() : null;
        }

        /// <summary>The account's handle as the system has it now; null where there is no account, or none with a handle.</summary>
        public async Task<string?> ReadAsync(AccountId id, CancellationToken cancellation)
            => (await ((IReadsAccountsById)System).ReadFreshAsync(Name, [id], cancellation)).GetValueOrDefault(id)?.Record.ValueOrNull(Field).AsText;

        public Task<WriteOutcome> SetAsync(AccountId id, string handle, CancellationToken cancellation)
            => UnforeseenAnswers.WriteAsync(
                Name, () => ((IUpdatesAccounts)System).UpdateAsync(id, new Fields([KeyValuePair.Create(Field, FieldValue.Text(handle))]), Fields.Empty, cancellation));
    }
}
