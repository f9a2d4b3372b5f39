using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Provisioning;

/// <summary>What one account needs in one target system.</summary>
internal abstract record Need;

/// <summary>Nothing that the config has the service change.</summary>
internal sealed record Nothing : Need;

/// <summary>The config's condition does not hold.</summary>
internal sealed record NotWanted : Need;

/// <summary>This change, of the same kind as an audit's plan would have it.</summary>
internal sealed record OneChange(Change Change) : Need;

/// <summary>A person must decide.</summary>
internal sealed record Decided(string Evidence) : Need;

/// <summary>
/// The reconciliation of one person: the same findings and the same planner as for everybody, over one account of the source
/// and the accounts of the target that could be theirs.
/// </summary>
internal static class PersonalPlan
{
    /// <summary>What an account that is known to be ours lacks.</summary>
    public static Need ForOurs(Topology topology, ReconcileRule rule, SystemPicture source, SystemPicture target, AccountId ours, PlanStamp stamp)
    {
        var person = source.Accounts.Single();
        var known = new PersonDecision(
            Verdict.Same, [new DecidedAccount(rule.Source, person.Account.Id), new DecidedAccount(rule.Target, ours)], null, "the service made it");
        var drifted = Situations.Between(rule, source, target, new PersonDecisions([known]))
            .Where(finding => finding.Situation == Situation.Drifted && finding.Target!.Account.Id.Equals(ours))
            .ToList();
        return rule.Drifted == DriftedAction.Report ? new Nothing() : Plan(topology, source, target, drifted, stamp) ?? new Nothing();
    }

    /// <summary>What is to be done where no account is known to be ours.</summary>
    public static Need ForNew(Topology topology, ReconcileRule rule, SystemPicture source, SystemPicture target, PlanStamp stamp)
    {
        var person = source.Accounts.Single().Account;
        // Accounts of the target that merely came along in the look-up are not this person's business.
        var mine = new AccountReference(rule.Source, person.Id, person.Label);
        var findings = Situations.Between(rule, source, target, topology.Decisions).Where(finding => finding.Accounts.Contains(mine)).ToList();
        if (findings.All(finding => finding.Situation is Situation.Missing or Situation.Ambiguous)
            && Plan(topology, source, target, findings, stamp) is { } need)
        {
            return need;
        }

        return findings.Count > 0 || rule.When is null || person.Attributes.ValueOrNull(rule.When).IsTruthy
            // Some rule holds another account to be this person's. For an audit that is enough; the service takes over
            // nothing that it did not make.
            ? new Decided($"{person.Label} seems to have an account in {rule.Target} under another id. Nobody is adopted on a guess.")
            : new NotWanted();
    }

    private static Need? Plan(Topology topology, SystemPicture source, SystemPicture target, IReadOnlyList<Finding> findings, PlanStamp stamp)
    {
        var pictures = new Dictionary<string, SystemPicture>(StringComparer.Ordinal) { [source.Config.Name] = source, [target.Config.Name] = target };
        var plan = Planner.Plan(topology, pictures, findings, stamp);
        return plan.NotPlanned.Count > 0
            ? new Decided(string.Join(' ', plan.NotPlanned.Select(left => $"{left.Sentence} {left.Because}")))
            : plan.Changes.Count > 0 ? new OneChange(plan.Changes[0]) : null;
    }
}
