namespace Selfsame.Core.Reconciliation;

/// <summary>Rules that want opposite things of the same accounts: a plan for one would be undone by the plan for the other. Pure.</summary>
internal static class RuleConflicts
{
    /// <summary>One finding for each contradiction, at the later rule's target.</summary>
    public static IEnumerable<Finding> Find(IReadOnlyList<ReconcileRule> rules)
        => from later in Enumerable.Range(0, rules.Count)
           from earlier in Enumerable.Range(0, later)
           from contradiction in Between(rules[earlier], rules[later])
           select new Finding
           {
               Fault = SystemFault.RulesInConflict,
               System = rules[later].Target,
               Accounts = [],
               Evidence = [Of(rules, earlier, contradiction), Of(rules, later, contradiction)],
               Sentence = $"Rule {earlier + 1} ({rules[earlier].Source} to {rules[earlier].Target}) and rule {later + 1} ({rules[later].Source} to {rules[later].Target}) "
                   + $"want opposite things: {contradiction}. Change one of them, or take it out of the config.",
           };

    private static Evidence Of(IReadOnlyList<ReconcileRule> rules, int number, string contradiction)
        => new($"rule {number + 1}", $"{rules[number].Source} to {rules[number].Target}", [contradiction], Proof: true);

    private static IEnumerable<string> Between(ReconcileRule one, ReconcileRule other)
        => (one.Source, one.Target) == (other.Source, other.Target) ? SameWay(one, other)
            : one.Target == other.Target ? OfOrphans(one, other)
            : (one.Source, one.Target) == (other.Target, other.Source) ? OppositeWays(one, other).Concat(OppositeWays(other, one)).Concat(BothWays(one, other))
            : [];

    // Rules for different people ('when') may want different things.
    private static IEnumerable<string> SameWay(ReconcileRule one, ReconcileRule other)
        => OfOrphans(one, other).Concat(OfMatching(one, other));

    // Who is an orphan in a system is nobody in any of its sources.
    private static IEnumerable<string> OfOrphans(ReconcileRule one, ReconcileRule other)
    {
        if (one.Orphan != other.Orphan && one.Orphan != OrphanAction.Report && other.Orphan != OrphanAction.Report)
        {
            yield return $"'orphan' is {Name(one.Orphan)} in one and {Name(other.Orphan)} in the other";
        }
    }

    private static IEnumerable<string> OfMatching(ReconcileRule one, ReconcileRule other)
    {
        if (one.Missing == MissingAction.CreateInTarget && one.When is null && other.Orphan == OrphanAction.DeleteInTarget && other.Correlate.All(rule => !one.Correlate.Contains(rule)))
        {
            yield return "one makes accounts that the other, which matches them by something else, deletes";
        }
    }

    private static IEnumerable<string> OppositeWays(ReconcileRule one, ReconcileRule other)
    {
        if (one.Orphan is OrphanAction.DeleteInTarget or OrphanAction.DisableInTarget && other.Missing == MissingAction.CreateInTarget)
        {
            yield return $"who is in {one.Target} alone is {(one.Orphan == OrphanAction.DeleteInTarget ? "deleted" : "disabled")} there by one, and made in {one.Source} by the other";
        }
    }

    private static IEnumerable<string> BothWays(ReconcileRule one, ReconcileRule other)
    {
        if (one.Drifted == DriftedAction.UpdateTarget && other.Drifted == DriftedAction.UpdateTarget)
        {
            yield return "where attributes differ each takes its own source to be right";
        }

        if (one.IdMismatch == IdMismatchAction.RekeyTarget && other.IdMismatch == IdMismatchAction.RekeyTarget)
        {
            yield return "where ids differ each takes its own source's to be right";
        }
    }

    private static string Name(OrphanAction action) => action switch
    {
        OrphanAction.CreateInSource => "createInSource",
        OrphanAction.DisableInTarget => "disableInTarget",
        OrphanAction.DeleteInTarget => "deleteInTarget",
        _ => throw new ArgumentOutOfRangeException(nameof(action), action, null),
    };
}
