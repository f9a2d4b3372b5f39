using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>
/// Leaves changes out of a plan. The whole plan is made first, so that what stays is decided as if nothing were left out; a unique
/// index goes with the duplicates of its system that are left out, for it could not be made.
/// </summary>
/// <param name="Only">Names of findings or reasons that stay; empty: all.</param>
/// <param name="Except">Names of findings or reasons that go.</param>
public sealed record PlanFilter(IReadOnlyList<string> Only, IReadOnlyList<string> Except)
{
    /// <summary>The names that can be given: the findings' and the reasons'.</summary>
    public static IReadOnlyList<string> Names { get; } =
        [.. Enum.GetNames<Situation>().Except([nameof(Situation.Confirmed)]).Concat(Enum.GetNames<SystemFault>()).Concat(Enum.GetNames<ChangeReason>()).Distinct().Order(StringComparer.Ordinal)];

    /// <summary>What is wrong with the names; null when nothing is.</summary>
    public string? Problem()
        => Only.Concat(Except).FirstOrDefault(name => !Names.Contains(name, StringComparer.OrdinalIgnoreCase)) is { } unknown
            ? $"'{unknown}' is neither a finding nor a reason. There are: {string.Join(", ", Names)}."
            : null;

    /// <summary>The plan without what was left out, numbered anew.</summary>
    /// <param name="plan">The whole plan.</param>
    /// <param name="asked">The findings that were asked about, or null for all.</param>
    public Plan Of(Plan plan, IReadOnlyList<Finding>? asked = null)
    {
        var accounts = asked?.SelectMany(finding => finding.Accounts.Select(account => (account.System, account.Id))).ToHashSet();
        var systems = asked?.Where(finding => finding.Fault is not null && finding.Accounts.Count == 0).Select(finding => finding.System).ToHashSet();
        var sentences = asked?.Select(finding => finding.Sentence).ToHashSet();
        bool IsAsked(Change change)
            => asked is null || (change.Reason is ChangeReason.NoUniqueIndex or ChangeReason.NoUuid
                ? systems!.Contains(change.System)
                // An account that is not there yet stands in no finding: the one of which it is made does.
                : change.Action == ChangeAction.Create ? change.MadeOf is { } origin && accounts!.Contains(origin)
                : accounts!.Contains((change.System, change.Account)) || change.Losers?.Any(loser => accounts!.Contains((change.System, loser.Account))) == true
                    || change.Exchanged?.Any(other => accounts!.Contains((change.System, other.Account))) == true);
        var kept = new HashSet<Change>(ReferenceEqualityComparer.Instance);
        var ids = new HashSet<(string System, Fields Id)>();
        foreach (var change in plan.Changes.Reverse())
        {
            // Whoever takes an id that another gives up can't have it without that one.
            var isRekey = change is { Action: ChangeAction.Rekey, Exchanged: null };
            if (Stays(NamesOf(change.Reason)) && (IsAsked(change) || (isRekey && ids.Contains((change.System, change.Before)))))
            {
                kept.Add(change);
                _ = isRekey && ids.Add((change.System, change.After));
            }
        }

        var unresolved = plan.Changes.Where(change => IsOfDuplicates(change) && !kept.Contains(change)).Select(change => change.System).ToHashSet();
        var changes = plan.Changes.Where(change => kept.Contains(change) && !(change.Reason == ChangeReason.NoUniqueIndex && unresolved.Contains(change.System))).ToList();
        return plan with
        {
            Changes = [.. changes.Select((change, index) => change with { Number = index + 1 })],
            NotPlanned = [.. plan.NotPlanned.Where(left => Stays([left.Finding]) && sentences?.Contains(left.Sentence) != false)],
        };
    }

    private bool Stays(IReadOnlyList<string> names)
        => (Only.Count == 0 || names.Any(name => Only.Contains(name, StringComparer.OrdinalIgnoreCase)))
            && !names.Any(name => Except.Contains(name, StringComparer.OrdinalIgnoreCase));

    private static bool IsOfDuplicates(Change change)
        => change.Reason is ChangeReason.DuplicateMerged or ChangeReason.DuplicateRenamed or ChangeReason.DuplicateDeleted;

    /// <summary>The reason's own name, and those of the findings that it answers.</summary>
    private static string[] NamesOf(ChangeReason reason) => reason switch
    {
        ChangeReason.MissingInTarget => [nameof(ChangeReason.MissingInTarget), nameof(Situation.Missing)],
        ChangeReason.MissingInSource or ChangeReason.OrphanDisabled or ChangeReason.OrphanDeleted => [reason.ToString(), nameof(Situation.Orphan)],
        ChangeReason.AttributesDrifted => [nameof(ChangeReason.AttributesDrifted), nameof(Situation.Drifted)],
        ChangeReason.DuplicateMerged or ChangeReason.DuplicateRenamed or ChangeReason.DuplicateDeleted => [reason.ToString(), nameof(Situation.Duplicate)],
        ChangeReason.NoUniqueIndex => [nameof(ChangeReason.NoUniqueIndex), nameof(SystemFault.WeakIndex)],
        _ => [reason.ToString()],
    };
}
