using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Provisioning;

/// <summary>The calls to the systems: each within its time, what was not foreseen told, and a system that asks for patience left alone by all nodes.</summary>
internal sealed partial class RowWork
{
    private Task<WriteOutcome> CallAsync(Func<CancellationToken, Task<WriteOutcome>> call) => CallAsync(call, problem => new Unknown(problem));

    private async Task<T> CallAsync<T>(Func<CancellationToken, Task<T>> call, Func<string, T> unanswered)
    {
        using var timeout = new CancellationTokenSource(Provisioner.CallTimeout, parts.Clock);
        try
        {
            return await call(timeout.Token);
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested)
        {
            return unanswered($"'{Target}' did not answer within {Provisioner.CallTimeout.TotalSeconds} seconds.");
        }
        catch (Exception exception) when (UnforeseenAnswers.IsOfConnector(exception))
        {
            var unavailable = UnforeseenAnswers.AsUnavailable(Target, exception, "");
            TellUnforeseen(unavailable.Unforeseen);
            return unanswered(unavailable.Message);
        }
    }

    private async Task<SystemPicture> ReadTargetAsync(ReconcileRule rule, SystemPicture source, CancellationToken cancellation)
    {
        var facts = await DescribeAsync(Target, cancellation);
        AccountId[] ids = OurIdIn(facts) is { } id && id.Parts.Count == parts.Topology.Systems[Target].Mapping.Id.Count ? [id] : [];
        var candidates = (await ReadByIdAsync(Target, ids, cancellation)).ToDictionary(pair => pair.Key, pair => pair.Value);
        if (!LooksLater(facts) && parts.Systems[Target] is IFindsAccounts finder && source.Accounts is [var person])
        {
            var values = person.Account.Identifiers.ToDictionary(
                pair => pair.Key,
                IReadOnlyList<string> (pair) => [.. IdentifierSpellings.Of(pair.Value, person.Keys.GetValueOrDefault(pair.Key))]);
            if (rule.Handle?.Choices(person.Account) is { Count: > 0 } handles)
            {
                values[IdentifierKind.Handle] = handles;
            }

            foreach (var account in await PoliteAsync(Target, () => finder.FindAsync(Target, values, cancellation), cancellation))
            {
                candidates.TryAdd(account.Id, account);
            }
        }

        return Picture(Target, facts, candidates.Values);
    }

    private Task<SystemFacts> DescribeAsync(string system, CancellationToken cancellation)
        => PoliteAsync(system, () => parts.Systems[system].DescribeAsync(system, cancellation), cancellation);

    private SystemPicture Picture(string system, SystemFacts facts, IEnumerable<Account> accounts) => new()
    {
        Config = parts.Topology.Systems[system],
        Facts = facts,
        Accounts = [.. accounts.Select(account => KeyedAccount.Of(account, parts.Keying))],
        CreatesWithPassword = parts.Systems[system] is ICreatesWithPassword,
    };

    private Task<IReadOnlyDictionary<AccountId, Account>> ReadByIdAsync(string name, IReadOnlyCollection<AccountId> ids, CancellationToken cancellation)
        => parts.Systems[name] is IReadsAccountsById system
            ? PoliteAsync(name, () => system.ReadFreshAsync(name, ids, cancellation), cancellation)
            : throw new SystemUnavailableException($"Single accounts of '{name}' can't be read, so nothing can be provisioned from or into it.");

    /// <summary>Reads; a system that asks to be called later is left alone by all nodes, as after a write, unless it was this account's doing.</summary>
    private async Task<T> PoliteAsync<T>(string system, Func<Task<T>> read, CancellationToken cancellation)
    {
        try
        {
            return await read();
        }
        catch (SystemUnavailableException exception) when (exception is { LimitIsOfAccount: false, RetryAfter: not null })
        {
            await parts.Rows.PauseAsync(system, exception.RetryAfter.Value, cancellation);
            throw;
        }
    }
}
