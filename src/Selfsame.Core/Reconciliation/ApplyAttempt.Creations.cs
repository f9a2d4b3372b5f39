using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>Creations in systems that take our ids: both sides are looked at once more before somebody gets an account.</summary>
internal sealed partial class ApplyAttempt
{
    private ILookup<(string System, AccountId Account), Change>? settingChanges;

    /// <summary>The portion's creations, by number, for which nobody is there by now, or not as planned, or who has an account by now or may have.</summary>
    private async Task<Dictionary<int, string>> ReadUnwantedAsync(IReadOnlyList<Change> portion, Dictionary<int, Account> present, CancellationToken cancellation)
    {
        var creations = portion.Where(change => change.Reason is ChangeReason.MissingInTarget or ChangeReason.MissingInSource && !present.ContainsKey(change.Number)).ToList();
        var unwanted = creations.Where(change => change.From is null)
            .ToDictionary(change => change.Number, _ => "The plan is of an older version of Selfsame and does not say of whose account it is made. Plan again.");
        foreach (var group in creations.Where(change => change.From is not null).GroupBy(change => (change.System, change.From!.System, change.Reason)))
        {
            var (target, origin, reason) = group.Key;
            var origins = await look.ReadAsync(origin, [.. group.Select(change => change.From!.Account)], cancellation);
            foreach (var change in group)
            {
                if (!origins.TryGetValue(change.From!.Account, out var from))
                {
                    unwanted.Add(change.Number, $"It is gone from {origin}. Plan again.");
                }
                else if (ChangedByOthers(change.From, from.Account.Record) is { Count: > 0 } different)
                {
                    unwanted.Add(change.Number, $"Since the plan was made, it changed in {origin}: {string.Join(", ", different)}. Plan again.");
                }
            }

            var asPlanned = group.Where(change => !unwanted.ContainsKey(change.Number)).ToList();
            foreach (var rule in RulesOf(origin, target, reason))
            {
                var sight = await look.LookAroundAsync(rule, reason == ChangeReason.MissingInTarget, origins, cancellation);
                foreach (var change in asPlanned)
                {
                    if ((sight.Refuted.GetValueOrDefault(change.From!.Account) ?? sight.Doubt) is { } seen)
                    {
                        unwanted.TryAdd(change.Number, $"It may have an account by now: {seen} Plan again.");
                    }
                }
            }
        }

        return unwanted;
    }

    /// <summary>In what the account of which another is made is not as planned; what this very plan made of it is expected.</summary>
    private List<string> ChangedByOthers(OriginAccount origin, Fields present)
        => [.. origin.Precondition.DifferencesFrom(present, salt)
            .Where(field => !SetByPlan(origin.System, origin.Account).Any(set => set.TryGetValue(field, out var value) && value.SameFactAs(present.ValueOrNull(field))))];

    /// <summary>What this plan has set in an account by now, or may have.</summary>
    private IEnumerable<Fields> SetByPlan(string system, AccountId account)
    {
        settingChanges ??= plan.Changes.Where(change => change.Action is ChangeAction.Update or ChangeAction.Merge).ToLookup(change => (change.System, change.Account));
        return settingChanges[(system, account)]
            .Where(change => entries.GetValueOrDefault(change.Number)?.State is ChangeState.Applied or ChangeState.Intent).Select(change => change.After);
    }

    /// <summary>The fields of a creation with what this plan has set by now in the account of which it is made.</summary>
    private Fields Following(Change change)
    {
        var (source, target) = (topology.Systems[change.For!.System].Mapping, topology.Systems[change.System].Mapping);
        var set = SetByPlan(change.For.System, change.For.Account).Aggregate(Fields.Empty, (all, some) => all.With(some));
        var shared = source.Identifiers.Where(pair => target.Identifiers.ContainsKey(pair.Key)).Select(pair => (Ours: pair.Value, Theirs: target.Identifiers[pair.Key]))
            .Concat(Drift.Shared(source, target).Select(name => (Ours: source.Attributes[name].Field, Theirs: target.Attributes[name].Field)));
        return change.After.With(new Fields(shared.Where(pair => set.ContainsKey(pair.Ours) && change.After.ContainsKey(pair.Theirs))
            .Select(pair => KeyValuePair.Create(pair.Theirs, set[pair.Ours]))));
    }

    /// <summary>The rules by which an account of <paramref name="origin"/> is made in <paramref name="target"/>.</summary>
    private IEnumerable<ReconcileRule> RulesOf(string origin, string target, ChangeReason reason)
        => topology.Rules.Where(rule => reason == ChangeReason.MissingInTarget
            ? rule.Source == origin && rule.Target == target && rule.Missing == MissingAction.CreateInTarget
            : rule.Target == origin && rule.Source == target && rule.Orphan == OrphanAction.CreateInSource);
}
