using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>Decides how accounts take the ids of the source, also where they have each other's. Pure.</summary>
internal static class RekeyPlanner
{
    /// <summary>The account takes the source's id; where another has it, that one decides.</summary>
    public static Decision Decide(Finding finding, SystemPicture source, SystemPicture target)
    {
        var (from, account) = (finding.Source!.Account, finding.Target!.Account);
        var mapping = target.Config.Mapping;
        if (!target.WritesTogether || from.Id.Parts.Count != mapping.Id.Count)
        {
            return new LeftAlone($"The ids of {target.Config.Name} can't be changed to those of {source.Config.Name}.");
        }

        if (!target.Facts.CanChangeIds)
        {
            return new LeftAlone($"{target.Config.Name} can't change an account's id without transactions, and has none: make it a replica set, or correct the id in {source.Config.Name}.");
        }

        var change = Planner.Of(finding, target, account) with
        {
            Action = ChangeAction.Rekey,
            Reason = ChangeReason.IdMismatch,
            Follows = new SourceAccount(source.Config.Name, from.Id),
            Sentence = $"{finding.Sentence} The row in {target.Config.Name}, and all that refers to it, takes the id {from.Id}.",
            Before = account.Record.Only(mapping.Id),
            After = new Fields(source.Config.Mapping.Id.Zip(mapping.Id, (ours, theirs) => KeyValuePair.Create(theirs, from.Record[ours].InTheFormOf(account.Record[theirs])))),
            Precondition = account.Record.Only(Planner.IdentityFields(target)),
            References = PlannedReferences.Of(target.Places, target.Referring.GetValueOrDefault(account.Id, [])),
        };
        return target.Accounts.Any(other => other.Account.Id.Equals(from.Id)) ? new Blocked(change, from.Id) : new Planned(change);
    }

    /// <summary>Makes one change of accounts whose ids go round in a circle; whoever waits for anybody else is left alone.</summary>
    public static IEnumerable<(Finding Finding, Decision Decision)> Untangle(
        IReadOnlyList<(Finding Finding, Decision Decision)> mismatches, IReadOnlyDictionary<string, SystemPicture> pictures)
    {
        var rekeyed = mismatches.Where(pair => pair.Decision is Planned).Select(pair => (pair.Finding.System, ((Planned)pair.Decision).Change.Account)).ToHashSet();
        var blocked = mismatches.Where(pair => pair.Decision is Blocked)
            .GroupBy(pair => (pair.Finding.System, ((Blocked)pair.Decision).Change.Account)).ToDictionary(group => group.Key, group => (Blocked)group.First().Decision);
        var planned = new HashSet<(string System, AccountId Account)>();
        foreach (var (finding, decision) in mismatches)
        {
            if (decision is not Blocked waiting)
            {
                yield return (finding, decision);
            }
            else if (planned.Contains((finding.System, waiting.Change.Account)))
            {
                continue;
            }
            else if (CircleOf(waiting, blocked) is { } circle)
            {
                planned.UnionWith(circle.Select(member => (finding.System, member.Change.Account)));
                yield return (finding, Exchange(circle, pictures[finding.System]));
            }
            else
            {
                yield return (finding, new LeftAlone(rekeyed.Contains((finding.System, waiting.Holder)) || blocked.ContainsKey((finding.System, waiting.Holder))
                    ? $"Another account of {finding.System} has the id {waiting.Holder}, and is to take another itself: plan again when that is done."
                    : $"Another account of {finding.System} has the id {waiting.Holder}: decide who that is first."));
            }
        }
    }

    /// <summary>The same, for accounts as the changes before leave them.</summary>
    public static IEnumerable<(Finding Finding, Decision Decision)> After(IReadOnlyList<(Finding Finding, Decision Decision)> rekeys, IReadOnlyList<Change> before)
    {
        var updates = before.Where(change => change.Action is ChangeAction.Update or ChangeAction.Merge).ToLookup(change => (change.System, change.Account), change => change.After);
        Fields Left(string system, AccountId account, Fields precondition)
            => updates[(system, account)].Aggregate(precondition, (fields, set) => fields.With(set.Only(precondition.Keys.Where(set.ContainsKey))));
        return rekeys.Select(pair => (pair.Finding, pair.Decision is Planned { Change: { Action: ChangeAction.Rekey } change }
            ? new Planned(change with
            {
                Precondition = Left(change.System, change.Account, change.Precondition),
                Exchanged = change.Exchanged?.Select(other => other with { Precondition = Left(change.System, other.Account, other.Precondition) }).ToList(),
            })
            : pair.Decision));
    }

    /// <summary>The changes from <paramref name="first"/> on, each followed by the one of the account whose id it takes, where this leads back; null where it does not.</summary>
    private static List<Blocked>? CircleOf(Blocked first, Dictionary<(string System, AccountId Account), Blocked> blocked)
    {
        var circle = new List<Blocked> { first };
        while (blocked.TryGetValue((first.Change.System, circle[^1].Holder), out var next))
        {
            if (ReferenceEquals(next, first))
            {
                return circle;
            }

            if (circle.Contains(next))
            {
                return null;
            }

            circle.Add(next);
        }

        return null;
    }

    private static Decision Exchange(List<Blocked> circle, SystemPicture target)
    {
        if (!target.Facts.AtomicPreconditions || target.Config.Mapping.Id.Count != 1)
        {
            return new LeftAlone($"{circle.Count} accounts of {target.Config.Name} have each other's ids, and can only exchange them at once, "
                + (target.Facts.AtomicPreconditions ? "which is not part of this version for ids of several fields." : $"in a transaction, and {target.Config.Name} has none: make it a replica set, or correct the ids in the source."));
        }

        // Each id in the very form in which it stands in the table.
        var changes = circle.Select((member, index) => member.Change with { After = circle[(index + 1) % circle.Count].Change.Before }).ToList();
        var (first, others) = (changes[0], changes.Skip(1).ToList());
        return new Planned(first with
        {
            Sentence = string.Join(' ', circle.Select(member => member.Change.Sentence)),
            References = [.. first.References!.Select((place, index) => place with { Rows = place.Rows + others.Sum(other => other.References![index].Rows) })],
            Exchanged = [.. others.Select(other => new ExchangedAccount(other.Account, other.Label, other.Before, other.After, other.Precondition))],
            Effects = target.Places.Any(place => !place.IsGuarded)
                ? ["Whoever writes a reference by an id of before while this is made refers to somebody else with it: nothing tells these apart. Stop the application meanwhile."]
                : [],
        });
    }

    /// <summary>A change that waits for another account to give up the id that it takes.</summary>
    private sealed record Blocked(Change Change, AccountId Holder) : Decision;
}
