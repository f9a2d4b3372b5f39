using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>Orphans: the sources are asked once more before somebody's account is deleted or disabled because nobody has it.</summary>
internal sealed partial class ApplyAttempt
{
    private readonly FreshLook look = new(topology, systems, IdentifierKeys.TryKey);

    /// <summary>The portion's changes, by number, whose accounts are not, or not surely, orphans by now: a person may have been restored since the plan was made.</summary>
    private async Task<Dictionary<int, string>> ReadRefutedAsync(IReadOnlyList<Change> portion, Dictionary<int, Account> present, CancellationToken cancellation)
    {
        var refuted = new Dictionary<int, string>();
        var orphans = portion.Where(change => change.Reason is ChangeReason.OrphanDeleted or ChangeReason.OrphanDisabled && present.ContainsKey(change.Number));
        foreach (var group in orphans.GroupBy(change => change.System))
        {
            var sight = await look.LookForOrphansAsync(group.Key, [.. group.Select(change => KeyedAccount.Of(present[change.Number], IdentifierKeys.TryKey))], cancellation);
            foreach (var change in group)
            {
                if ((sight.Refuted.GetValueOrDefault(change.Account) ?? sight.Doubt) is { } seen)
                {
                    refuted.Add(change.Number, $"It may be no orphan any more: {seen} Plan again.");
                }
            }
        }

        return refuted;
    }

    /// <summary>Deletes an orphan if no more would go along than the plan says.</summary>
    private async Task<WriteOutcome> DeleteOrphanAsync(Change change, IDeletesAccounts system, Fields precondition)
        => system is IDeletesWithRows counting ? await counting.DeleteAsync(change.Account, precondition, change.TakesAlong ?? [], CancellationToken.None)
            : await MoreTakenBehindAsync(change) ?? await system.DeleteAsync(change.Account, precondition, CancellationToken.None);

    /// <summary>Asks the database behind the change's system what would go along now: why it is not deleted, or null. What comes between this and the deletion goes too.</summary>
    private async Task<WriteOutcome?> MoreTakenBehindAsync(Change change)
    {
        if (topology.Systems[change.System].Database is not { } database || systems[database] is not ITellsCascades telling)
        {
            return null;
        }

        try
        {
            if ((await systems[change.System].DescribeAsync(change.System, CancellationToken.None)).TableBehind is not { } table)
            {
                return null;
            }

            var told = await UnforeseenAnswers.ReadAsync(database, () => telling.ReadCascadesAsync(table, [change.Account], CancellationToken.None));
            return TakenRows.MoreThan(change.TakesAlong ?? [], TakenRows.Of(told[change.Account]));
        }
        catch (SystemUnavailableException exception)
        {
            return exception.RetryAfter is { } pause ? new Throttled(pause) { LimitIsOfAccount = exception.LimitIsOfAccount } : new Unavailable(exception.Message);
        }
    }

    /// <summary>
    /// The portion's changes, by number, that would leave something behind by now which the system itself does not guard: a reference to an account that goes, or by a
    /// name or an address that changes.
    /// </summary>
    private async Task<Dictionary<int, string>> ReadReferredAsync(IReadOnlyList<Change> portion, Dictionary<int, Account> present, CancellationToken cancellation)
    {
        var referred = new Dictionary<int, string>();
        foreach (var group in portion.Where(change => change.Action is ChangeAction.Delete or ChangeAction.Update && present.ContainsKey(change.Number))
            .GroupBy(change => (change.System, Fields: string.Join('\0', Changing(change, present[change.Number]) ?? []))))
        {
            var changing = Changing(group.First(), present[group.First().Number])?.ToHashSet(StringComparer.Ordinal);
            var places = await rowChanges.ReferredAsync(group.Key.System, [.. group.Select(change => present[change.Number])], changing, cancellation);
            foreach (var change in group.Where(change => places.ContainsKey(change.Account)))
            {
                referred.Add(change.Number, changing is null
                    ? $"{places[change.Account]} refer to it, and would be left behind. Delete or move these in the application first."
                    : $"{places[change.Account]} refer to it by what would change, and would be left behind. Change it in the application.");
            }
        }

        return referred;
    }

    /// <summary>The fields, but for the id, that an update changes, in order; null for a deletion.</summary>
    private IReadOnlyList<string>? Changing(Change change, Account present)
        => change.Action == ChangeAction.Delete ? null
            : [.. change.After.Where(pair => pair.Value != present.Record.ValueOrNull(pair.Key)).Select(pair => pair.Key).Except(topology.Systems[change.System].Mapping.Id).Order(StringComparer.Ordinal)];
}
