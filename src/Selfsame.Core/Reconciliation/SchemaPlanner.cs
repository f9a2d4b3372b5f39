using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>Plans changes to a system's shape: the unique index that keeps what a repair has cleared, the uuid that records lack. Pure.</summary>
internal static class SchemaPlanner
{
    /// <param name="finding">A fault of the system.</param>
    /// <param name="picture">The system.</param>
    /// <param name="decided">What is decided so far, the system's duplicates among it.</param>
    /// <param name="gone">Accounts that this plan removes.</param>
    /// <param name="stamp">Where new uuids come from.</param>
    public static IEnumerable<Decision> Decide(
        Finding finding,
        SystemPicture picture,
        IReadOnlyList<(Finding Finding, Decision Decision)> decided,
        IReadOnlySet<(string System, AccountId Id)> gone,
        PlanStamp stamp) => finding.Fault switch
        {
            SystemFault.NoUniqueIndex or SystemFault.WeakIndex when picture.ChangesSchema && picture.Wanted.TryGetValue(finding.Identifier!.Value, out var wanted)
                => [Index(finding, picture, wanted, decided)],
            SystemFault.NoUuid when picture.ChangesSchema && picture.UuidIndex is not null => Uuid(finding, picture, gone, stamp),
            _ => [new LeftAlone("A fault of the system or of the config is put right there.")],
        };

    private static Decision Index(
        Finding finding, SystemPicture picture, WantedIndex wanted, IReadOnlyList<(Finding Finding, Decision Decision)> decided)
    {
        var inTheWay = decided.Count(pair => pair.Decision is LeftAlone
            && pair.Finding is { Situation: Situation.Duplicate } duplicate
            && duplicate.System == picture.Config.Name && duplicate.Identifier == finding.Identifier);
        if (inTheWay > 0)
        {
            return new LeftAlone($"The index can't be made while {Terms.Count(inTheWay, "duplicate")} of the {finding.Identifier!.Value.Name()} {(inTheWay == 1 ? "stands" : "stand")}.");
        }

        var replaced = picture.Indexes!.Where(index => index.Fields.SequenceEqual(wanted.Index.Fields) || index.Name == wanted.Index.Name).ToList();
        var dropped = replaced.Where(index => !index.OfConstraint).ToList();
        return new Planned(Of(finding, picture, wanted.Index.Name) with
        {
            Reason = ChangeReason.NoUniqueIndex,
            Sentence = $"{finding.Sentence} The unique index '{wanted.Index.Name}' is made{(dropped.Count == 0 ? "" : $" in place of {string.Join(", ", dropped.Select(index => $"'{index.Name}'"))}")}.",
            Steps =
            [
                .. dropped.Select(index => new SchemaStep(SchemaAction.DropIndex, index.Name, index.Definition)),
                new SchemaStep(SchemaAction.CreateIndex, wanted.Index.Name, wanted.Index.Definition),
            ],
        });
    }

    private static IEnumerable<Decision> Uuid(Finding finding, SystemPicture picture, IReadOnlySet<(string System, AccountId Id)> gone, PlanStamp stamp)
    {
        var field = picture.Config.Uuid!;
        var without = picture.Accounts
            .Where(account => account.Account.Record.ValueOrNull(field).IsNull && !gone.Contains((picture.Config.Name, account.Account.Id)))
            .OrderBy(account => account.Account.Id, AccountId.Order)
            .ToList();
        var index = new SchemaStep(SchemaAction.CreateIndex, picture.UuidIndex!.Name, picture.UuidIndex.Definition);
        var someHaveIt = picture.Everybody?.Values.Any(count => count is { Name: "uuid", With: > 0 }) == true;
        if (!someHaveIt && !picture.Accounts.Any(account => account.Account.Record.ContainsKey(field)))
        {
            yield return new Planned(Of(finding, picture, field) with
            {
                Sentence = $"{picture.Config.Name} gets the field '{field}' for a random uuid.",
                Steps = [new SchemaStep(SchemaAction.AddUuidField, field)],
            });
        }

        foreach (var account in without.Select(account => account.Account))
        {
            yield return new Planned(Of(finding, picture, field) with
            {
                Action = ChangeAction.Update,
                Account = account.Id,
                Label = account.Label,
                Sentence = $"{account.Label} gets a random uuid.",
                Before = new Fields([KeyValuePair.Create(field, FieldValue.Null)]),
                After = new Fields([KeyValuePair.Create(field, FieldValue.Text(stamp.Random.NextUuid().ToString("D")))]),
                Precondition = account.Record.Only(picture.Config.Mapping.Id).With(new Fields([KeyValuePair.Create(field, FieldValue.Null)])),
            });
        }

        yield return new Planned(Of(finding, picture, picture.UuidIndex.Name) with
        {
            Sentence = $"'{field}' of {picture.Config.Name} is unique{(picture.Facts.CanRequireValues ? " and never null" : "")} from now on.",
            Steps = picture.Facts.CanRequireValues ? [index, new SchemaStep(SchemaAction.RequireValue, field)] : [index],
        });
    }

    private static Change Of(Finding finding, SystemPicture picture, string name) => new()
    {
        Number = 0,
        Action = ChangeAction.Schema,
        System = picture.Config.Name,
        Account = new AccountId(name),
        Label = name,
        Reason = ChangeReason.NoUuid,
        Sentence = finding.Sentence,
        Before = Fields.Empty,
        After = Fields.Empty,
        Precondition = Fields.Empty,
        Reversible = true,
    };
}
