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
        var salt = stamp.Id.ToString("D");
        var decisions = new List<(Finding Finding, Decision Decision)>();
        foreach (var system in findings.Where(finding => finding.Situation == Situation.Duplicate).GroupBy(finding => finding.System))
        {
            decisions.AddRange(new DuplicatePlanner(pictures[system.Key], topology.Decisions, keys, salt).Decide([.. system]));
        }

        var gone = decisions.SelectMany(pair => Gone(pair.Decision)).ToHashSet();
        var shared = new SharedAddresses(topology, pictures, findings);
        var others = findings.Where(finding => finding.Situation != Situation.Duplicate && finding.Fault is null && !IsMended(finding))
            .Select(finding => (
                Finding: finding,
                Decision: (finding is { Situation: Situation.Missing, Rule.Missing: MissingAction.CreateInTarget } ? shared.BeforeCreation(finding, gone) : shared.BeforeUpdate(finding, gone))
                    ?? Outlived(finding, Decide(finding, topology, pictures, keys, stamp), gone)))
            .ToList();

        others = [.. OncePerOrphan(others)];

        // The shape changes when the records fit it; an account is changed under the id that it has, and takes another id last.
        decisions.AddRange(others.Where(pair => pair.Finding.Situation != Situation.IdMismatch));
        decisions.AddRange(findings.Where(finding => finding.Fault == SystemFault.IncompleteAccount)
            .Select(finding => (finding, Outlived(finding, IncompleteAccounts.Decide(finding, pictures[finding.System], keys, stamp), gone))));
        var rekeys = RekeyPlanner.Untangle([.. others.Where(pair => pair.Finding.Situation == Situation.IdMismatch)], pictures).ToList();
        decisions.AddRange(MendingPlanner.Decide(findings.Where(IsMended), pictures, keys, [.. decisions, .. rekeys]).ToList());
        decisions.AddRange(findings.Where(finding => finding.Fault is not (null or SystemFault.IncompleteAccount))
            .SelectMany(finding => SchemaPlanner.Decide(finding, pictures[finding.System], decisions, gone, stamp).Select(decision => (finding, decision)).ToList()));
        decisions.AddRange(RekeyPlanner.After(rekeys, [.. decisions.Select(pair => pair.Decision).OfType<Planned>().Select(planned => planned.Change)]));
        return new Plan
        {
            Id = stamp.Id,
            Created = stamp.Created,
            Tool = stamp.Tool,
            KeyRules = stamp.KeyRules,
            Config = topology.Fingerprint,
            Accounts = pictures.OrderBy(pair => pair.Key, StringComparer.Ordinal).ToDictionary(pair => pair.Key, pair => (long)pair.Value.Count),
            Changes = [.. decisions.Select(pair => pair.Decision).OfType<Planned>().Select((planned, index) => planned.Change with { Number = index + 1 })],
            NotPlanned = [.. from pair in decisions
                             where pair.Decision is LeftAlone
                             select new NotPlanned(pair.Finding.Kind, pair.Finding.System, pair.Finding.Sentence, ((LeftAlone)pair.Decision).Because)],
        };
    }

    // A value that has a key and stands in another form than its unique index takes for that.
    private static bool IsMended(Finding finding) => finding is { Situation: Situation.NotCanonical, Target: not null };

    /// <summary>The accounts that a decision removes as duplicates.</summary>
    private static IEnumerable<(string System, AccountId Id)> Gone(Decision decision) => decision switch
    {
        Planned { Change: { Losers: { } losers } change } => losers.Select(loser => (change.System, loser.Account)),
        Planned { Change: { Reason: ChangeReason.DuplicateDeleted } change } => [(change.System, change.Account)],
        _ => [],
    };

    // What this plan merges away is not changed, deleted or made again by it.
    private static Decision Outlived(Finding finding, Decision decision, HashSet<(string System, AccountId Id)> gone)
        => decision is not LeftAlone && finding.Accounts.Any(account => gone.Contains((account.System, account.Id)))
            ? new LeftAlone($"{finding.Accounts[0].Label} is one of the duplicates that this plan clears: plan again afterwards.")
            : decision;

    /// <summary>
    /// Several rules may lead into one system and find the same orphan there: it is changed once, and not at all while they want different things of it.
    /// Who is made in the source is made in each that says so.
    /// </summary>
    private static IEnumerable<(Finding Finding, Decision Decision)> OncePerOrphan(IReadOnlyList<(Finding Finding, Decision Decision)> others)
    {
        var wanted = others.Where(pair => pair.Finding.Situation == Situation.Orphan && pair.Finding.Rule!.Orphan != OrphanAction.Report)
            .ToLookup(pair => (pair.Finding.System, pair.Finding.Accounts[0].Id), pair => pair.Finding.Rule!);
        foreach (var (finding, decision) in others)
        {
            var rules = finding.Situation == Situation.Orphan && decision is Planned ? wanted[(finding.System, finding.Accounts[0].Id)].ToList() : [];
            yield return (finding, rules.Exists(rule => rule.Orphan != rules[0].Orphan)
                ? new LeftAlone($"The rules into {finding.System} want different things of an orphan: give them the same 'orphan'.")
                : rules.Count > 1 && rules[0].Orphan != OrphanAction.CreateInSource && !ReferenceEquals(rules[0], finding.Rule)
                    ? new LeftAlone($"It is planned already, for the rule from {rules[0].Source}.")
                    : decision);
        }
    }

    private static Decision Decide(
        Finding finding, Topology topology, IReadOnlyDictionary<string, SystemPicture> pictures, ClaimedKeys keys, PlanStamp stamp)
        => finding.Situation switch
        {
            Situation.Missing when finding.Rule!.Missing == MissingAction.CreateInTarget && Unread([finding.Rule.Target], pictures) is { } unread => unread,
            Situation.Missing when finding.Rule!.Missing == MissingAction.CreateInTarget
                => Creation.Decide(finding, finding.Source!, pictures[finding.Rule.Source], pictures[finding.Rule.Target], ChangeReason.MissingInTarget, keys, stamp),
            Situation.Orphan when finding.Rule!.Orphan != OrphanAction.Report && Unread(topology.Rules.Where(rule => rule.Target == finding.System).Select(rule => rule.Source), pictures) is { } unread
                => unread,
            Situation.Orphan => DecideOrphan(finding, pictures, keys, stamp),
            Situation.Drifted when finding.Rule!.Drifted == DriftedAction.UpdateTarget
                => Update(finding, pictures[finding.Rule.Source], pictures[finding.Rule.Target], keys, stamp),
            Situation.Missing or Situation.Drifted => new LeftAlone("The config says to report it only."),
            Situation.Ambiguous => new LeftAlone("Nobody is adopted or merged on a guess: look at the evidence and make the identifiers or ids say who is who."),
            Situation.IdMismatch when finding.Rule!.IdMismatch == IdMismatchAction.RekeyTarget
                => RekeyPlanner.Decide(finding, pictures[finding.Rule.Source], pictures[finding.Rule.Target]),
            Situation.IdMismatch => new LeftAlone("Changing an id would break what refers to it: decide which id is right."),
            Situation.NotCanonical => new LeftAlone("Correct the value in its system; without a key it can't be compared."),
            _ => throw new InvalidOperationException($"{finding.Kind} is not decided here."),
        };

    /// <summary>Nobody is missing in a system, or gone from it, that holds records which can't be read: one of these may be that person. Null where all can be.</summary>
    private static LeftAlone? Unread(IEnumerable<string> lacking, IReadOnlyDictionary<string, SystemPicture> pictures)
        => lacking.Where(name => pictures.TryGetValue(name, out var picture) && picture.Unreadable.Count > 0)
            .Select(name => new LeftAlone(UnreadableRecords.Problem(name, pictures[name].Unreadable)))
            .FirstOrDefault();

    private static Decision DecideOrphan(Finding finding, IReadOnlyDictionary<string, SystemPicture> pictures, ClaimedKeys keys, PlanStamp stamp)
    {
        var rule = finding.Rule!;
        var target = pictures[rule.Target];
        return rule.Orphan switch
        {
            OrphanAction.CreateInSource
                => Creation.Decide(finding, finding.Target!, target, pictures[rule.Source], ChangeReason.MissingInSource, keys, stamp),
            OrphanAction.DisableInTarget => Disable(finding, target, stamp),
            OrphanAction.DeleteInTarget => Delete(finding, target, stamp.Id.ToString("D")),
            _ => new LeftAlone("The config says to report it only."),
        };
    }

    private static Decision Disable(Finding finding, SystemPicture target, PlanStamp stamp)
    {
        var account = finding.Target!.Account;
        var field = target.Config.Mapping.Attributes[AccountMapping.Active].Field;
        var present = account.Record.ValueOrNull(field);
        var (inactive, problem) = target.Facts.Spell(new ForeignValue(field, No(present), present, stamp.Created));
        if (problem is not null)
        {
            return new LeftAlone($"{field} of {target.Config.Name} {problem}: disable the account there, or map 'active' to a field that says yes and no.");
        }

        return new Planned(Of(finding, target, account) with
        {
            Action = ChangeAction.Update,
            Reason = ChangeReason.OrphanDisabled,
            Before = account.Record.Only([field]),
            After = new Fields([KeyValuePair.Create(field, inactive)]),
            Precondition = account.Record.Only([field, .. IdentityFields(target)]),
        });
    }

    private static Decision Delete(Finding finding, SystemPicture target, string salt)
    {
        if (target.Facts.KeepsAccounts is { } kept)
        {
            return new LeftAlone(kept);
        }

        var account = finding.Target!.Account;
        var left = target.Referring.GetValueOrDefault(account.Id, []).Where(count => !count.Place.Enforced).ToList();
        if (left.Count > 0)
        {
            return new LeftAlone($"{string.Join(", ", left.Select(count => $"{count.Place} ({count.Rows})"))} refer to {account.Label} (id {account.Id}), and would be left behind: delete or move these in the application first.");
        }

        var told = target.TakenAlong.GetValueOrDefault(account.Id, []);
        return new Planned(Of(finding, target, account) with
        {
            Action = ChangeAction.Delete,
            Reason = ChangeReason.OrphanDeleted,
            Before = account.Record.Redacted(salt),
            Precondition = account.Record.Without(target.Config.Mapping.NoiseFields).Redacted(salt),
            Reversible = target.Facts.DeletionEffects.Count == 0,
            Effects = [.. target.Facts.DeletionEffects, .. Referred(account, target), .. told.Select(cascade => cascade.Sentence)],
            TakesAlong = target.Taken.GetValueOrDefault(account.Id) ?? (target.TakenAlong.ContainsKey(account.Id) ? TakenRows.Of(told) : null),
        });
    }

    // Past tense: an undo tells it again.
    private static IEnumerable<string> Referred(Account account, SystemPicture target)
    {
        var counts = target.Referring.GetValueOrDefault(account.Id, []);
        var further = target.Taken.GetValueOrDefault(account.Id, []).Where(taken => !target.Places.Any(place => place.Table == taken.Table && place.Fields.SequenceEqual(taken.Fields))).ToList();
        return target.Facts.DeletionEffects.Count == 0 || counts.Count == 0 ? []
            : [$"When the plan was made, there referred to it: {string.Join(", ", counts.Select(count => $"{count.Place} ({Terms.Count(count.Rows, "row")})"))}"
                + $"{(further.Count == 0 ? "" : $"; and to what goes along: {string.Join(", ", further.Select(taken => $"{taken.Place} ({Terms.Count(taken.Rows ?? 0, "row")})"))}")}."];
    }

    private static Decision Update(Finding finding, SystemPicture source, SystemPicture target, ClaimedKeys keys, PlanStamp stamp)
    {
        var account = finding.Target!.Account;
        var mapping = target.Config.Mapping;
        var set = new SpelledFields(target, source.Config.Name, stamp.Created);
        foreach (var difference in finding.Differences)
        {
            if (IdentifierKinds.Parse(difference.Name) is not { } kind || !mapping.Identifiers.TryGetValue(kind, out var field))
            {
                set.Add(mapping.Attributes[difference.Name].Field, difference.Source, difference.Target);
                continue;
            }

            var keyed = difference.Source.AsText is { } text && IdentifierKeys.TryKey(kind, text, out var ofText, out _) ? ofText : null;
            if (keyed is { } key && !keys.Claim(target.Config.Name, kind, key, account.Id))
            {
                return new LeftAlone($"Another account of {target.Config.Name} has the {kind.Name()} {key}: clear that first.");
            }

            set.Add(field, keyed is null ? difference.Source : target.Kept(kind, difference.Source), account.Record.ValueOrNull(field));
        }

        AddVerified(set, finding.Source!.Account, source.Config.Mapping, target, account);
        if (set.Problem is { } problem)
        {
            return problem;
        }

        var after = set.ToFields();
        if (target.LeftBehind(account, after.Keys.Where(field => account.Record.ValueOrNull(field) != after[field])) is { } left)
        {
            return new LeftAlone($"{left} refer to {account.Label} (id {account.Id}) by what would change, and would be left behind: change it in the application.");
        }

        if (keys.SecondBlank(target.Config.Name, after, mapping.Identifiers.Where(pair => after.ContainsKey(pair.Value))) is { } second)
        {
            return second;
        }

        return new Planned(Of(finding, target, account) with
        {
            Action = ChangeAction.Update,
            Reason = ChangeReason.AttributesDrifted,
            Follows = new SourceAccount(source.Config.Name, finding.Source!.Account.Id),
            Sentence = $"{finding.Sentence} {source.Config.Name} is right.",
            Before = new Fields(after.Keys.Select(field => KeyValuePair.Create(field, account.Record.ValueOrNull(field)))),
            After = after,
            Precondition = new Fields(after.Keys.Concat(IdentityFields(target)).Distinct().Select(field => KeyValuePair.Create(field, account.Record.ValueOrNull(field)))),
        });
    }

    // An address comes with its mark, though the mark of the address before was the same: it speaks of this one. Where the source says nothing of it, the new
    // address is proved by nobody. Where the mark is noise it is not ours to set.
    private static void AddVerified(SpelledFields set, Account from, AccountMapping source, SystemPicture target, Account present)
    {
        var mapping = target.Config.Mapping;
        if (!mapping.Identifiers.TryGetValue(IdentifierKind.Email, out var email) || !set.Has(email)
            || !mapping.Attributes.TryGetValue(AccountMapping.EmailVerified, out var verified) || verified.Noise || set.Has(verified.Field))
        {
            return;
        }

        var old = present.Record.ValueOrNull(verified.Field);
        var mark = source.Attributes.ContainsKey(AccountMapping.EmailVerified) ? from.Attributes.ValueOrNull(AccountMapping.EmailVerified)
            : target.Facts.Spelling is null && old.Raw is null or string ? FieldValue.Null
            : No(old);
        set.Add(verified.Field, mark, old);
    }

    // In a number where one stands now: a system without spellings keeps what it is given.
    private static FieldValue No(FieldValue present) => present.Raw is long or double ? FieldValue.Integer(0) : FieldValue.Boolean(false);

    // The fields by which the account was told to be this person's: if they change, it may be someone else's.
    internal static IEnumerable<string> IdentityFields(SystemPicture picture)
        => picture.Config.Mapping.Id.Concat(picture.Config.Mapping.Identifiers.Values);

    internal static Change Of(Finding finding, SystemPicture system, Account account) => new()
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
