using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>
/// Turns findings into a plan. Pure: equal findings give an equal plan. The planner that repairs everybody is the one
/// that decides what a single sign-up still needs.
/// </summary>
public static class Planner
{
    public static Plan Plan(
        Topology topology, IReadOnlyDictionary<string, SystemPicture> pictures, IReadOnlyList<Finding> findings, PlanStamp stamp)
    {
        var keys = new ClaimedKeys(pictures);
        var changes = new List<Change>();
        var notPlanned = new List<NotPlanned>();
        foreach (var finding in findings)
        {
            switch (Decide(finding, pictures, keys, stamp.Id.ToString("D")))
            {
                case Planned planned: changes.Add(planned.Change with { Number = changes.Count + 1 }); break;
                case LeftAlone left: notPlanned.Add(new NotPlanned(finding.Kind, finding.System, finding.Sentence, left.Because)); break;
            }
        }

        return new Plan
        {
            Id = stamp.Id,
            Created = stamp.Created,
            Tool = stamp.Tool,
            KeyRules = stamp.KeyRules,
            Config = topology.Fingerprint,
            Accounts = pictures.OrderBy(pair => pair.Key, StringComparer.Ordinal).ToDictionary(pair => pair.Key, pair => (long)pair.Value.Accounts.Count),
            Changes = changes,
            NotPlanned = notPlanned,
        };
    }

    private static Decision Decide(Finding finding, IReadOnlyDictionary<string, SystemPicture> pictures, ClaimedKeys keys, string salt)
        => finding.Situation switch
        {
            Situation.Missing when finding.Rule!.Missing == MissingAction.CreateInTarget
                => Creation.Decide(finding, finding.Source!, pictures[finding.Rule.Source], pictures[finding.Rule.Target], ChangeReason.MissingInTarget, keys),
            Situation.Orphan => DecideOrphan(finding, pictures, keys, salt),
            Situation.Drifted when finding.Rule!.Drifted == DriftedAction.UpdateTarget
                => Update(finding, pictures[finding.Rule.Source], pictures[finding.Rule.Target], keys),
            Situation.Missing or Situation.Drifted => new LeftAlone("The config says to report it only."),
            Situation.Ambiguous => new LeftAlone("Nobody is adopted or merged on a guess: look at the evidence and make the identifiers or ids say who is who."),
            Situation.Duplicate => new LeftAlone("Duplicates within a system are reported: decide which account stays."),
            Situation.IdMismatch => new LeftAlone("Changing an id would break what refers to it: decide which id is right."),
            Situation.NotCanonical => new LeftAlone("Correct the value in its system; without a key it can't be compared."),
            _ => new LeftAlone("A fault of the system or of the config is put right there."),
        };

    private static Decision DecideOrphan(Finding finding, IReadOnlyDictionary<string, SystemPicture> pictures, ClaimedKeys keys, string salt)
    {
        var rule = finding.Rule!;
        var target = pictures[rule.Target];
        return rule.Orphan switch
        {
            OrphanAction.CreateInSource
                => Creation.Decide(finding, finding.Target!, target, pictures[rule.Source], ChangeReason.MissingInSource, keys),
            OrphanAction.DisableInTarget => Disable(finding, target),
            OrphanAction.DeleteInTarget => Delete(finding, target, salt),
            _ => new LeftAlone("The config says to report it only."),
        };
    }

    private static Planned Disable(Finding finding, SystemPicture target)
    {
        var account = finding.Target!.Account;
        var field = target.Config.Mapping.Attributes[AccountMapping.Active].Field;
        var inactive = account.Record.ValueOrNull(field).Raw is long or double ? FieldValue.Integer(0) : FieldValue.Boolean(false);
        return new Planned(Of(finding, target, account) with
        {
            Action = ChangeAction.Update,
            Reason = ChangeReason.OrphanDisabled,
            Before = account.Record.Only([field]),
            After = new Fields([KeyValuePair.Create(field, inactive)]),
            Precondition = account.Record.Only([field, .. IdentityFields(target)]),
        });
    }

    private static Planned Delete(Finding finding, SystemPicture target, string salt)
    {
        var account = finding.Target!.Account;
        return new Planned(Of(finding, target, account) with
        {
            Action = ChangeAction.Delete,
            Reason = ChangeReason.OrphanDeleted,
            Before = account.Record.Redacted(salt),
            Precondition = account.Record.Without(target.Config.Mapping.NoiseFields).Redacted(salt),
            Reversible = target.Facts.DeletionEffects.Count == 0,
            Effects = target.Facts.DeletionEffects,
        });
    }

    private static Decision Update(Finding finding, SystemPicture source, SystemPicture target, ClaimedKeys keys)
    {
        var account = finding.Target!.Account;
        var mapping = target.Config.Mapping;
        var set = new Dictionary<string, FieldValue>(StringComparer.Ordinal);
        foreach (var difference in finding.Differences)
        {
            if (IdentifierKinds.Parse(difference.Name) is not { } kind || !mapping.Identifiers.TryGetValue(kind, out var field))
            {
                set.Add(mapping.Attributes[difference.Name].Field, difference.Source);
                continue;
            }

            if (finding.Source!.Keys.TryGetValue(kind, out var key) && !keys.Claim(target.Config.Name, kind, key, account.Id))
            {
                return new LeftAlone($"Another account of {target.Config.Name} has the {kind.Name()} {key}: clear that first.");
            }

            set.Add(field, difference.Source);
        }

        var after = new Fields(set);
        return new Planned(Of(finding, target, account) with
        {
            Action = ChangeAction.Update,
            Reason = ChangeReason.AttributesDrifted,
            Sentence = $"{finding.Sentence} {source.Config.Name} is right.",
            Before = new Fields(after.Keys.Select(field => KeyValuePair.Create(field, account.Record.ValueOrNull(field)))),
            After = after,
            Precondition = new Fields(after.Keys.Concat(IdentityFields(target)).Distinct().Select(field => KeyValuePair.Create(field, account.Record.ValueOrNull(field)))),
        });
    }

    // The fields by which the account was told to be this person's: if they change, it may be someone else's.
    private static IEnumerable<string> IdentityFields(SystemPicture picture)
        => picture.Config.Mapping.Id.Concat(picture.Config.Mapping.Identifiers.Values);

    private static Change Of(Finding finding, SystemPicture system, Account account) => new()
    {
        Number = 0,
        Action = ChangeAction.Update,
        System = system.Config.Name,
        Account = account.Id,
        Label = account.Label,
        Reason = ChangeReason.AttributesDrifted,
        Sentence = finding.Sentence,
        Before = Fields.Empty,
        After = Fields.Empty,
        Precondition = Fields.Empty,
        Reversible = true,
    };
}

/// <summary>What the planner decides about one finding.</summary>
internal abstract record Decision;

internal sealed record Planned(Change Change) : Decision;

internal sealed record LeftAlone(string Because) : Decision;
