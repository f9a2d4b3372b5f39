namespace Selfsame.Core.Reconciliation;

/// <summary>What came of checking a plan before it is applied.</summary>
public abstract record PlanVerdict;

/// <summary>It may be applied.</summary>
public sealed record PlanAccepted(Plan Plan) : PlanVerdict;

/// <summary>It can't be applied at all: not ours, edited, or made for another config.</summary>
public sealed record PlanRejected(string Problem) : PlanVerdict;

/// <summary>A guard stops it; each sentence names the flag that overrides the guard.</summary>
public sealed record PlanGuarded(IReadOnlyList<string> Guards) : PlanVerdict;

/// <summary>The guards that a person overrides for one run, each by naming the number that is accepted.</summary>
public sealed record GuardOverrides(int? MaxDeletes = null, int? MaxUpdates = null);

/// <summary>Decides whether a plan may be applied. Pure.</summary>
public static class PlanCheck
{
    /// <summary>Checks a plan's file.</summary>
    public static PlanVerdict Check(string text, Topology topology, string keyRules, GuardOverrides overrides)
    {
        var (plan, problem) = PlanJson.Read(text);
        return plan is null ? new PlanRejected(problem!) : Check(plan, topology, keyRules, overrides);
    }

    /// <summary>Checks a plan that was just made.</summary>
    public static PlanVerdict Check(Plan plan, Topology topology, string keyRules, GuardOverrides overrides)
    {
        if (plan.Config != topology.Fingerprint)
        {
            return new PlanRejected("The plan was made for another config. Use the config it was made with, or make a new plan.");
        }

        if (plan.KeyRules != keyRules)
        {
            return new PlanRejected($"The plan was made under the key rules {plan.KeyRules}, and these are {keyRules}. Make a new plan.");
        }

        if (Malformed(plan, topology) is { } malformed)
        {
            return new PlanRejected(malformed);
        }

        var stopped = Stopped(plan, topology.Guards, overrides).ToList();
        return stopped.Count == 0 ? new PlanAccepted(plan) : new PlanGuarded(stopped);
    }

    private static string? Malformed(Plan plan, Topology topology)
    {
        for (var index = 0; index < plan.Changes.Count; index++)
        {
            var change = plan.Changes[index];
            if (change.Number != index + 1)
            {
                return $"The plan's changes are not numbered in order at {change.Number}. Make a new plan.";
            }

            if (!topology.Systems.ContainsKey(change.System))
            {
                return $"Change {change.Number} is for the system '{change.System}', which the config does not have. Make a new plan.";
            }
        }

        return null;
    }

    // A store of three people may lose two of them.
    private const int FewOrphans = 2;

    private static IEnumerable<string> Stopped(Plan plan, Guards guards, GuardOverrides overrides)
    {
        foreach (var system in plan.Changes.GroupBy(change => change.System))
        {
            var accounts = plan.Accounts.GetValueOrDefault(system.Key);
            var deletes = system.Sum(change => change.Action == ChangeAction.Delete ? 1 : change.Losers?.Count ?? 0);
            var updates = system.Where(change => change.Action is ChangeAction.Update or ChangeAction.Rekey or ChangeAction.Restore).Sum(change => 1 + (change.Exchanged?.Count ?? 0));
            var orphans = system.Count(change => change.Reason == ChangeReason.OrphanDeleted);
            if (overrides.MaxDeletes is null && orphans > FewOrphans && orphans * 2L > accounts)
            {
                yield return $"The plan would delete {orphans} of {accounts} accounts in {system.Key} because nobody has them any more, which is more than half of them: that is how a source looks that was emptied. "
                    + $"If all of them are right, run it again with --max-deletes {deletes}.";
            }
            else if (Exceeds(deletes, accounts, guards.MaxDeletes, guards.MaxDeletesPercent, guards.PercentFrom, overrides.MaxDeletes))
            {
                yield return Sentence(system.Key, "delete", deletes, accounts, guards.MaxDeletes, guards.MaxDeletesPercent, "--max-deletes");
            }

            if (Exceeds(updates, accounts, guards.MaxUpdates, guards.MaxUpdatesPercent, guards.PercentFrom, overrides.MaxUpdates))
            {
                yield return Sentence(system.Key, "update", updates, accounts, guards.MaxUpdates, guards.MaxUpdatesPercent, "--max-updates");
            }
        }
    }

    private static bool Exceeds(int count, long accounts, int most, int percent, int percentFrom, int? accepted)
        => accepted is { } number
            ? count > number
            : count > most || (count > percentFrom && count * 100L > accounts * percent);

    private static string Sentence(string system, string verb, int count, long accounts, int most, int percent, string flag)
        => $"The plan would {verb} {count} of {accounts} accounts in {system}; at most {most} and {percent} % are allowed. "
            + $"If all of them are right, run it again with {flag} {count}.";
}
