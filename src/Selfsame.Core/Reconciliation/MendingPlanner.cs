using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>
/// Plans that an identifier stands in the form in which its unique index holds it to be what its key says (<see cref="IdentifierForms.Mended"/>), and what refers
/// to the account by it follows. Pure.
/// </summary>
internal static class MendingPlanner
{
    /// <param name="findings">Such values, of all systems.</param>
    /// <param name="pictures">The systems.</param>
    /// <param name="keys">Who holds what, and who is without.</param>
    /// <param name="decided">What is decided about everything else that changes accounts.</param>
    /// <returns>A decision for each value that no other change sets or takes away. Two spellings never become one by it: whoever shares a key with another waits, whatever is decided about these.</returns>
    public static IEnumerable<(Finding Finding, Decision Decision)> Decide(
        IEnumerable<Finding> findings, IReadOnlyDictionary<string, SystemPicture> pictures, ClaimedKeys keys, IReadOnlyList<(Finding Finding, Decision Decision)> decided)
    {
        var changes = decided.Select(pair => pair.Decision).OfType<Planned>().Select(planned => planned.Change).ToList();
        var removed = changes.SelectMany(Removed).ToHashSet();
        var changing = changes.ToLookup(change => (change.System, change.Account));
        var rekeyed = changes.Where(change => change.Action == ChangeAction.Rekey)
            .SelectMany(change => (change.Exchanged ?? []).Select(other => (change.System, other.Account)).Append((change.System, change.Account))).ToHashSet();
        var shared = Shared(pictures.Values);
        foreach (var finding in findings)
        {
            var (account, kind, picture) = (finding.Target!.Account, finding.Identifier!.Value, pictures[finding.System]);
            var mine = changing[(finding.System, account.Id)].ToList();
            if (removed.Contains((finding.System, account.Id)) || mine.Exists(change => change.After.ContainsKey(picture.Config.Mapping.Identifiers[kind])))
            {
                continue;
            }

            yield return (finding, shared.Contains((finding.System, account.Id, kind)) ? new LeftAlone($"It is one of several accounts that share the {kind.Name()}: decide about these first, then plan again.")
                : rekeyed.Contains((finding.System, account.Id)) ? new LeftAlone("The account takes another id by this plan: plan again afterwards.")
                : Decide(finding, account, kind, picture, keys));
        }
    }

    private static Decision Decide(Finding finding, Account account, IdentifierKind kind, SystemPicture picture, ClaimedKeys keys)
    {
        var field = picture.Config.Mapping.Identifiers[kind];
        var places = picture.Places.Where(place => place.AccountFields.Contains(field)).ToList();
        var mended = IdentifierForms.Mended(kind, account.Record[field].ToString())!;
        if (!picture.WritesTogether && picture.LeftBehind(account, [field]) is { } left)
        {
            return new LeftAlone($"{left} refer to {account.Label} (id {account.Id}) by it, and would be left behind: change it in the application.");
        }

        if (picture.MendedReferring.TryGetValue((account.Id, kind), out var claimed))
        {
            return new LeftAlone($"{claimed} refer to '{mended}' already, which is nobody's: they would be {account.Label}'s (id {account.Id}). Settle whose they are first, then plan again.");
        }

        var precondition = account.Record.Only([.. picture.Config.Mapping.Id, field]);
        var after = new Fields([KeyValuePair.Create(field, FieldValue.Text(mended).InTheFormOf(precondition[field]))]);
        return keys.SecondBlank(picture.Config.Name, after, [KeyValuePair.Create(kind, field)]) ?? (Decision)new Planned(new Change
        {
            Number = 0,
            Action = ChangeAction.Update,
            System = picture.Config.Name,
            Account = account.Id,
            Label = account.Label,
            Reason = ChangeReason.NotCanonical,
            Sentence = finding.Sentence,
            Before = precondition.Only([field]),
            After = after,
            Precondition = precondition,
            Reversible = true,
            References = places.Count > 0 && picture.WritesTogether ? PlannedReferences.Of(places, picture.Referring.GetValueOrDefault(account.Id, [])) : null,
        });
    }

    /// <summary>Which accounts share a key with another of their system.</summary>
    private static HashSet<(string System, AccountId Account, IdentifierKind Kind)> Shared(IEnumerable<SystemPicture> pictures)
        => [.. from picture in pictures
               from account in picture.Accounts
               from key in account.Keys
               group account.Account.Id by (picture.Config.Name, Kind: key.Key, key.Value) into holders
               where holders.Count() > 1
               from holder in holders
               select (holders.Key.Name, holder, holders.Key.Kind)];

    private static IEnumerable<(string System, AccountId Account)> Removed(Change change)
        => (change.Losers ?? []).Select(loser => loser.Account).Concat(change.Action == ChangeAction.Delete ? [change.Account] : []).Select(account => (change.System, account));
}
