using Selfsame.Core.Accounts;
using Selfsame.Core.Identifiers;

namespace Selfsame.Core.Reconciliation;

/// <summary>Accounts that another program made, or that were half-made: they lack the code, or a record, that the config gives to each. Pure.</summary>
internal static class IncompleteAccounts
{
    public static IEnumerable<Finding> Find(SystemPicture picture)
        => from account in picture.Accounts.OrderBy(account => account.Account.Id, AccountId.Order)
           let lacking = Lacking(picture.Config, account.Account.Record)
           where lacking.Count > 0
           select new Finding
           {
               Fault = SystemFault.IncompleteAccount,
               System = picture.Config.Name,
               Accounts = [Situations.Reference(picture.Config.Name, account)],
               Evidence = [.. lacking.Select(field => new Evidence("needed", field, [], Proof: true))],
               Target = account,
               Sentence = $"{account.Account.Label} ({account.Account.Id}) in {picture.Config.Name} lacks {string.Join(" and ", lacking.Select(field => What(picture.Config, field)))}.",
           };

    /// <summary>The fields that the record should have and has not.</summary>
    public static IReadOnlyList<string> Lacking(SystemConfig config, Fields record)
        => [.. config.NeededFields.Where(field => record.ValueOrNull(field) is { IsNull: true } or { AsText.Length: 0 })];

    /// <summary>Gives an account what it lacks. The code is chosen here, so that the plan shows it; the unique index decides when it is applied.</summary>
    public static Decision Decide(Finding finding, SystemPicture picture, ClaimedKeys keys, PlanStamp stamp)
    {
        var (account, config) = (finding.Target!.Account, picture.Config);
        var after = new Dictionary<string, FieldValue>(StringComparer.Ordinal);
        foreach (var field in Lacking(config, account.Record))
        {
            if (field != config.UserCode?.Field)
            {
                after.Add(field, account.Record[config.Mapping.Id[0]]);
            }
            else if (!IsUnique(picture, field))
            {
                return new LeftAlone($"No unique index keeps '{field}' to one account yet, so no code can be given: apply the index first, then plan again.");
            }
            else if (FreeCode(config, account.Id, keys, stamp) is { } code)
            {
                after.Add(field, FieldValue.Text(code));
            }
            else
            {
                return new LeftAlone($"Every code with the prefix '{config.UserCode.Prefix}' that was tried is taken: choose another prefix.");
            }
        }

        return new Planned(new Change
        {
            Number = 0,
            Action = ChangeAction.Update,
            System = config.Name,
            Account = account.Id,
            Label = account.Label,
            Reason = ChangeReason.IncompleteAccount,
            Sentence = $"{finding.Sentence} It gets {(after.Count == 1 ? "it" : "them")}.",
            // A field that is not there must not come back as null: a unique index may count nulls.
            Before = account.Record.OrMissing(after.Keys),
            After = new Fields(after),
            Precondition = new Fields(after.Keys.Concat(config.Mapping.Id).Distinct().Select(field => KeyValuePair.Create(field, account.Record.ValueOrNull(field)))),
            Reversible = true,
        });
    }

    private static string? FreeCode(SystemConfig config, AccountId account, ClaimedKeys keys, PlanStamp stamp)
        => Enumerable.Range(0, UserCode.MostTries)
            .Select(tries => UserCode.CreateAnew(config.UserCode!.Prefix, stamp.Created.Year, tries, stamp.Random).Key)
            .FirstOrDefault(code => keys.ClaimUnused(config.Name, IdentifierKind.UserCode, code, account));

    private static bool IsUnique(SystemPicture picture, string field)
        => picture.Wanted.TryGetValue(IdentifierKind.UserCode, out var wanted) && wanted.IsThere
            || picture.Indexes?.Any(index => index.Unique && index.Predicate is null && index.Fields.SequenceEqual([field])) == true;

    private static string What(SystemConfig config, string field)
        => field == config.UserCode?.Field ? $"a user code ('{field}')" : $"a record of '{config.Records.First(record => record.Presence == field).Name}'";
}
