using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>The findings that need one system only: its faults, its duplicates, its identifiers without a key.</summary>
internal static class SystemFindings
{
    public static IEnumerable<Finding> Find(SystemPicture picture)
        => Faults(picture).Concat(Duplicates(picture)).Concat(NotCanonical(picture));

    private static IEnumerable<Finding> Faults(SystemPicture picture)
    {
        var name = picture.Config.Name;
        foreach (var record in picture.Unreadable)
        {
            yield return Fault(name, SystemFault.UnreadableRecord, $"{name} holds a record that is no account ({record.Where}): {record.Problem}");
        }

        foreach (var kind in picture.Indexes is null ? [] : picture.Config.Unique)
        {
            var field = picture.Config.Mapping.Identifiers[kind];
            if (!picture.Indexes!.Any(index => index.Unique && index.Fields.SequenceEqual([field]) && index.Predicate is null))
            {
                yield return Fault(name, SystemFault.NoUniqueIndex, $"{name} has no unique index on '{field}', so nothing there stops two accounts with one {kind.Name()}.");
            }
        }
    }

    private static Finding Fault(string system, SystemFault fault, string sentence)
        => new() { Fault = fault, System = system, Accounts = [], Sentence = sentence };

    private static IEnumerable<Finding> Duplicates(SystemPicture picture)
        => picture.Accounts
            .SelectMany(account => account.Keys.Select(pair => (Kind: pair.Key, Key: pair.Value, Account: account)))
            .GroupBy(entry => (entry.Kind, entry.Key), entry => entry.Account)
            .Where(group => group.Skip(1).Any())
            .OrderBy(group => group.Key.Kind).ThenBy(group => group.Key.Key, StringComparer.Ordinal)
            .Select(group => Duplicate(picture.Config.Name, group.Key.Kind, group.Key.Key, [.. group.OrderBy(account => account.Account.Id, AccountId.Order)]));

    private static Finding Duplicate(string system, IdentifierKind kind, string key, IReadOnlyList<KeyedAccount> accounts)
    {
        var values = accounts.Select(account => account.Account.Identifiers[kind]).Distinct(StringComparer.Ordinal).ToList();
        return new Finding
        {
            Situation = Situation.Duplicate,
            System = system,
            Accounts = [.. accounts.Select(account => Situations.Reference(system, account))],
            Evidence = [new Evidence(kind.Name(), key, values, Proof: false)],
            Sentence = $"{accounts.Count} accounts of {system} have the {kind.Name()} {key}, written as {string.Join(", ", values)}.",
        };
    }

    private static IEnumerable<Finding> NotCanonical(SystemPicture picture)
        => from account in picture.Accounts.Where(account => account.Refusals.Count > 0).OrderBy(account => account.Account.Id, AccountId.Order)
           from refused in account.Refusals.OrderBy(pair => pair.Key)
           select new Finding
           {
               Situation = Situation.NotCanonical,
               System = picture.Config.Name,
               Accounts = [Situations.Reference(picture.Config.Name, account)],
               Evidence = [new Evidence(refused.Value.Rule, "", [account.Account.Identifiers[refused.Key]], Proof: false)],
               Sentence = $"The {refused.Key.Name()} of {account.Account.Id} in {picture.Config.Name} has no key: {refused.Value.Message}",
           };
}
