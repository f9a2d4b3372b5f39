using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Provisioning;

/// <summary>What one person needs in one target system.</summary>
internal abstract record Need;

/// <summary>The account under the chosen id is there and as it should be.</summary>
internal sealed record Nothing(AccountId TargetId) : Need;

/// <summary>The config's condition does not hold.</summary>
internal sealed record NotWanted : Need;

/// <summary>This change, of the same kind as an audit's plan would have it.</summary>
internal sealed record OneChange(Change Change) : Need;

/// <summary>A person must decide.</summary>
internal sealed record Decided(string Evidence) : Need;

/// <summary>
/// The reconciliation of one person: the same findings and the same planner as for everybody, over the person's account
/// and the accounts of the target that could be theirs.
/// </summary>
internal static class PersonalPlan
{
    public static Need For(Topology topology, ReconcileRule rule, SystemPicture source, SystemPicture target, AccountId chosen, PlanStamp stamp)
    {
        var person = source.Accounts.Single();
        var pictures = new Dictionary<string, SystemPicture>(StringComparer.Ordinal) { [rule.Source] = source, [rule.Target] = target };
        // Accounts of the target that merely came along in the look-up are not this person's business.
        var mine = new AccountReference(rule.Source, person.Account.Id, person.Account.Label);
        var findings = Situations.Between(rule, source, target)
            .Where(finding => finding.Accounts.Contains(mine) && !IsLeftToAudits(finding))
            .ToList();
        var plan = Planner.Plan(topology, pictures, findings, stamp);
        if (plan.NotPlanned.Count > 0)
        {
            return new Decided(string.Join(' ', plan.NotPlanned.Select(left => $"{left.Sentence} {left.Because}")));
        }

        if (plan.Changes.Count > 0)
        {
            return new OneChange(plan.Changes[0]);
        }

        if (target.Accounts.Any(account => account.Account.Id.Equals(chosen)))
        {
            return new Nothing(chosen);
        }

        return rule.When is null || person.Account.Attributes.ValueOrNull(rule.When).IsTruthy
            // Some rule holds another account to be this person's. For an audit that is enough; the service takes over
            // nothing whose id it did not choose.
            ? new Decided($"{person.Account.Label} seems to have an account in {rule.Target} under another id. Nobody is adopted on a guess.")
            : new NotWanted();
    }

    private static bool IsLeftToAudits(Finding finding)
        => finding.Situation == Situation.Drifted && finding.Rule!.Drifted == DriftedAction.Report;
}
