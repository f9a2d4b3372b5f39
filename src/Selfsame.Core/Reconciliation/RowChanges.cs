using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>A change of several rows, looked at: the writes it comes to now, or why it can't be made.</summary>
internal sealed record PreparedChange(Change Change, ExpandedChange? Expanded, string? Hindrance)
{
    public IReadOnlyList<RowWrite> Rows => Expanded!.Rows;

    /// <summary>What is left to make of what an earlier attempt journaled; null where that is all of it.</summary>
    public IReadOnlyList<RowWrite>? Left { get; init; }

    /// <summary>What became of it since an earlier attempt made it, for a person; null where nothing did.</summary>
    public string? Since { get; init; }
}

/// <summary>Looks at what a change of several rows finds in its system, and makes it.</summary>
internal sealed partial class RowChanges(
    IReadOnlyDictionary<string, IConnectedSystem> systems, Func<string, IReadOnlyList<ReferencePlace>> declared, PersonDecisions decisions, IdChains chains, string salt)
{
    private const int MaximumFreeIds = 10;

    private readonly Dictionary<string, IReadOnlyList<ReferencePlace>> placesOf = new(StringComparer.Ordinal);

    /// <summary>
    /// Expands the changes of one portion, each system read in bulk. What an earlier attempt journaled and made is kept in front: it
    /// is not there to be found any more, and undo needs it.
    /// </summary>
    /// <param name="portion">The changes.</param>
    /// <param name="earlier">What an earlier attempt at a change journaled.</param>
    /// <param name="written">What the plan wrote to the accounts of a system.</param>
    /// <param name="cancellation">Gives up.</param>
    public async Task<IReadOnlyList<PreparedChange>> PrepareAsync(
        IReadOnlyList<Change> portion, Func<Change, IReadOnlyList<RowWrite>> earlier, Func<string, OwnWrites> written, CancellationToken cancellation)
    {
        var prepared = new Dictionary<int, PreparedChange>();
        foreach (var group in portion.GroupBy(change => change.System))
        {
            var (system, own) = (Writer(group.Key), written(group.Key));
            var wanted = group.SelectMany(change => Read(change, system.Mapping)).Distinct().ToList();
            var present = await ((IReadsAccountsById)system).ReadFreshAsync(group.Key, wanted, cancellation);
            var madeLinks = MadeLinks(group.Where(change => earlier(change).Count > 0), system.Mapping, present);
            IReadOnlyList<RowWrite> Begun(Change change) => (chains.IsLink(change) ? !madeLinks.Contains(change.Number) : KeptItsId(change, system.Mapping, present)) ? [] : earlier(change);
            var made = await MadeEarlierAsync(system, [.. group.Select(Begun)], cancellation);
            var known = wanted.Select(id => present.GetValueOrDefault(id) ?? Remembered(system, id, made)).OfType<Account>().ToDictionary(account => account.Id);
            var referring = new ReferringRows(await ReadReferringAsync(group.Key, [.. known.Values], cancellation));
            foreach (var change in group)
            {
                if (change.Exchanged is not null && ExchangedEarlier(change, system, earlier(change), present) is { } exchanged)
                {
                    prepared.Add(change.Number, exchanged);
                    continue;
                }

                if (madeLinks.Contains(change.Number))
                {
                    // What refers to its old id by now refers to whoever took that.
                    prepared.Add(change.Number, new PreparedChange(change, new ExpandedChange(earlier(change), []), null) { Left = [] });
                    continue;
                }

                var madeEarlier = Begun(change).Where(made.Contains).ToList();
                prepared.Add(change.Number, change.Exchanged is null && IsReplayed(change, madeEarlier, earlier(change))
                    ? new PreparedChange(change, new ExpandedChange(earlier(change), []), null) { Left = await LeftOfAsync(change, system, madeEarlier, earlier(change), cancellation) }
                    : Prepare(change, system, known, present, referring, madeEarlier, own, await FreeIdAsync(change, system, cancellation)));
                if (chains.Behind(change) is not null && prepared[change.Number].Hindrance is null)
                {
                    referring = AfterLink(prepared[change.Number], system, known, referring);
                }
            }
        }

        return [.. portion.Select(change => prepared[change.Number])];
    }

    /// <summary>The system's shape was changed: it is looked at anew.</summary>
    public void ForgetShape(string system) => placesOf.Remove(system);

    /// <summary>The changes in their order, cut into those that may be made at the same time.</summary>
    public IEnumerable<IReadOnlyList<PreparedChange>> Waves(IEnumerable<PreparedChange> changes) => ChangeWaves.Of(changes, prepared => Writer(prepared.Change.System));

    /// <summary>Whether a change has an account or a row in common with one of the others, or may have.</summary>
    public bool IsBehind(PreparedChange prepared, IEnumerable<PreparedChange> others)
        => others.Any(other => other.Change.System == prepared.Change.System
            && (Touched(prepared) is not { } mine || Touched(other) is not { } theirs || mine.Overlaps(theirs)));

    /// <summary>How many changes of that one's system may be under way at once.</summary>
    public int AtOnce(PreparedChange prepared) => Writer(prepared.Change.System).SimultaneousWrites;

    public Task<WriteOutcome> WriteAsync(PreparedChange prepared)
        // What was made is not sent again: another change may have moved its rows on since. Once it has left, only its answer ends the wait: a change is not cancelled half-way.
        => prepared.Left is [] ? Task.FromResult<WriteOutcome>(new Done())
            : Writer(prepared.Change.System).WriteTogetherAsync(
                prepared.Expanded!.Kept is { } kept ? [kept, .. prepared.Rows] : prepared.Left ?? prepared.Rows, prepared.Expanded.NoneLeft, CancellationToken.None);

    /// <summary>The numbers of those changes that are not in their systems as planned.</summary>
    public async Task<IReadOnlySet<int>> UnseenAsync(IReadOnlyList<Change> changes, CancellationToken cancellation)
    {
        var unseen = new HashSet<int>();
        foreach (var group in changes.GroupBy(change => change.System))
        {
            var system = (IReadsAccountsById)Writer(group.Key);
            var ids = group.SelectMany(change => Involved(change).Append(Final(change, system.Mapping))).Distinct().ToList();
            var present = await system.ReadFreshAsync(group.Key, ids, cancellation);
            unseen.UnionWith(group.Where(change => !IsSeen(change, system.Mapping, present)).Select(change => change.Number));
        }

        return unseen;
    }

    /// <summary>Takes one row's write back.</summary>
    public Task<WriteOutcome> PutBackAsync(Change change, RowWrite row)
        => Writer(change.System).WriteTogetherAsync([row.Reversed()], [], CancellationToken.None);

    /// <summary>The writes for references that arrived at accounts which are no more under their old ids; with a hindrance where some stay as they are.</summary>
    public async Task<IReadOnlyList<PreparedChange>> LateReferencesAsync(
        IReadOnlyList<(Change Change, IReadOnlyList<RowWrite> Rows)> changes, CancellationToken cancellation)
    {
        var late = new List<PreparedChange>();
        foreach (var group in changes.GroupBy(pair => pair.Change.System))
        {
            var system = Writer(group.Key);
            var made = group.SelectMany(pair => pair.Rows).ToHashSet();
            var rekeyed = group.Where(pair => pair.Change.Action == ChangeAction.Rekey).ToLookup(pair => pair.Change.Account, pair => pair.Change);
            // Whoever stays of duplicates may have been given another id after that.
            AccountId Stays(Change change) => Final(
                change.Action == ChangeAction.Rekey ? change : rekeyed[change.Account].FirstOrDefault(later => later.Number > change.Number) ?? change, system.Mapping);
            var ids = group.SelectMany(pair => Involved(pair.Change).Append(Stays(pair.Change))).Distinct().ToList();
            var present = await ((IReadsAccountsById)system).ReadFreshAsync(group.Key, ids, cancellation);

            // An id that is an account's again is that account's.
            var removed = group.Where(pair => present.ContainsKey(Stays(pair.Change)))
                .ToDictionary(pair => pair.Change.Number, pair => Removed(pair.Change, system, present[Stays(pair.Change)], made)
                    .Where(account => !present.ContainsKey(account.Id)).ToList());
            var unguarded = (await PlacesAsync(group.Key, cancellation)).Where(place => !place.IsGuarded).ToList();
            var rows = new ReferringRows(await ReadReferringAsync(system, unguarded, removed.Values.SelectMany(gone => gone).Concat(present.Values), cancellation));
            foreach (var (change, _) in group.Where(pair => removed.ContainsKey(pair.Change.Number)))
            {
                var (gone, final) = (removed[change.Number], Stays(change));
                var mine = gone.Select(account => account.Id).Append(final).ToHashSet();
                var moves = new RowExpansion(change, system.AccountsTable, system.Mapping, unguarded)
                    .Moved(gone, present[final], rows.To(mine));
                if (moves.Rows.Count > 0 || moves.Hindrance is not null)
                {
                    late.Add(new PreparedChange(change, moves, moves.Hindrance));
                }
            }
        }

        return late;
    }

    /// <summary>Whether references can arrive at an account that is gone: no system guards the places that only the config names, and SQLite none against everybody.</summary>
    public async Task<bool> HasUnguardedPlacesAsync(string system, CancellationToken cancellation)
        => (await PlacesAsync(system, cancellation)).Any(place => !place.IsGuarded);

    /// <summary>
    /// What refers to accounts by places that only the config names, as a clause for each; the system keeps none of these from being left behind. Of accounts that
    /// stay, by <paramref name="changing"/> fields; null for those that go.
    /// </summary>
    public async Task<IReadOnlyDictionary<AccountId, string>> ReferredAsync(
        string system, IReadOnlyList<Account> accounts, IReadOnlySet<string>? changing, CancellationToken cancellation)
    {
        var places = (await PlacesAsync(system, cancellation)).Where(place => !place.Enforced && (changing is null || place.AccountFields.Any(changing.Contains))).ToList();
        var counts = places.Count == 0 || accounts.Count == 0 ? [] : await ((IHasReferences)systems[system]).CountReferringAsync(places, [.. accounts.Select(systems[system].Mapping.WithoutBlanks)], cancellation);
        return counts.GroupBy(count => count.Account).ToDictionary(group => group.Key, group => string.Join(", ", group.Select(count => $"{count.Place} ({count.Rows})")));
    }

    /// <summary>An id that nobody has, for whoever steps aside while others take theirs; null where none can be made in that form, or none is needed.</summary>
    private async Task<Fields?> FreeIdAsync(Change change, IWritesTogether system, CancellationToken cancellation)
    {
        for (var attempt = 1; change.Exchanged is not null && attempt <= MaximumFreeIds; attempt++)
        {
            var field = system.Mapping.Id[0];
            if (IdExchange.IdLike(change.Before[field], $"{salt} {change.Number} {attempt}") is not { } free)
            {
                break;
            }

            var id = new Fields([KeyValuePair.Create(field, free)]);
            if ((await ((IReadsAccountsById)system).ReadFreshAsync(change.System, [AccountId.FromRecord(id, system.Mapping.Id)!], cancellation)).Count == 0)
            {
                return id;
            }
        }

        return null;
    }

    private PreparedChange Prepare(
        Change change,
        IWritesTogether system,
        Dictionary<AccountId, Account> known,
        IReadOnlyDictionary<AccountId, Account> present,
        ReferringRows referring,
        List<RowWrite> made,
        OwnWrites written,
        Fields? freeId)
    {
        if (change.Action == ChangeAction.Restore)
        {
            return new PreparedChange(change, new ExpandedChange(change.Rows!, []), null);
        }

        if ((Ceased(change) ?? decisions.Forbids(change) ?? Hindrance(change, system.Mapping, known, present, attempted: made.Count > 0, written)) is { } hindrance)
        {
            return new PreparedChange(change, null, hindrance);
        }

        var account = known[change.Account];
        if (change.Exchanged is not null)
        {
            var circle = Involved(change).Select(id => known[id]).ToList();
            var ids = circle.Select(member => member.Id).ToHashSet();
            var exchanged = freeId is null
                ? new ExpandedChange([], []) { Hindrance = IdExchange.LacksFreeId(change) }
                : new IdExchange(system.AccountsTable, system.Mapping, placesOf[change.System], referring.To(ids)).Of(change, circle, freeId);
            return new PreparedChange(change, exchanged.Hindrance is null ? exchanged : null, exchanged.Hindrance);
        }

        var losers = (change.Losers ?? []).Select(loser => known.GetValueOrDefault(loser.Account)).OfType<Account>().ToList();
        var mine = losers.Select(loser => loser.Id).Append(account.Id).ToHashSet();
        var rows = referring.To(mine);
        var held = rows.Where(row => !row.Account.Equals(account.Id)).SelectMany(row => row.Place.AccountFields).Distinct();
        var staysAs = system.Mapping.WithoutBlanks(account with { Record = account.Record.With(change.After) });
        if (held.FirstOrDefault(field => staysAs.Record.ValueOrNull(field).IsNull) is { } lacking)
        {
            return new PreparedChange(change, null, $"Rows refer to the others by '{lacking}', which {account.Label} does not have: give it one first.");
        }

        var staying = change.Survivor is { } survivor ? present[survivor.Account] : account;
        var expanded = new RowExpansion(change, system.AccountsTable, system.Mapping, placesOf[change.System]) { IsIdTakenNext = chains.Behind(change) is not null }.Expand(account, losers, rows, staying);
        if (expanded.Hindrance is { } lost)
        {
            return new PreparedChange(change, null, lost);
        }

        var madeBefore = made.ToLookup(row => (row.Table, row.Action, row.Key));
        bool IsMade(RowWrite row) => madeBefore[(row.Table, row.Action, row.Key)].Any(before => row.After.Keys.All(before.After.ContainsKey));
        return new PreparedChange(change, expanded with { Rows = [.. made, .. expanded.Rows.Where(row => !IsMade(row))] }, null);
    }

    // What was listed would move or stop the change, and does neither any more: a foreign key that was dropped leaves its rows behind.
    private string? Ceased(Change change)
        => change.References?.FirstOrDefault(planned => !placesOf[change.System].Any(planned.IsAt)) is { } gone
            ? $"{gone.Table}.{string.Join('+', gone.Fields)} referred to {change.System} when the plan was made, and does not any more. Plan again; if it still should, name it under 'references' of '{change.System}'."
            : null;

    private string? Hindrance(
        Change change, AccountMapping mapping, Dictionary<AccountId, Account> known, IReadOnlyDictionary<AccountId, Account> present, bool attempted, OwnWrites written)
    {
        if (!known.TryGetValue(change.Account, out var account))
        {
            return "It is gone. Plan again.";
        }

        var own = attempted ? change.Precondition.Without(change.After.Keys.ToHashSet(StringComparer.Ordinal)) : change.Precondition;
        if (written.ChangedByOthers(account, record => change.Action == ChangeAction.Delete ? own.DifferencesFromWhole(record, mapping.NoiseFields, salt) : own.DifferencesFrom(record, salt)) is { Count: > 0 } different)
        {
            return $"Since the plan was made, it changed: {string.Join(", ", different)}. Plan again.";
        }

        if (change.Survivor is { } survivor)
        {
            if (!present.TryGetValue(survivor.Account, out var staying))
            {
                return $"{survivor.Label} (id {survivor.Account}), who was to stay, is gone. Plan again.";
            }

            if (written.ChangedByOthers(staying, record => survivor.Precondition.DifferencesFrom(record, salt)) is { Count: > 0 } other)
            {
                return $"Since the plan was made, {survivor.Label} (id {survivor.Account}), who was to stay, changed: {string.Join(", ", other)}. Plan again.";
            }
        }

        foreach (var other in change.Exchanged ?? [])
        {
            if (!known.TryGetValue(other.Account, out var there))
            {
                return $"{other.Label} (id {other.Account}) is gone. Plan again.";
            }

            if (written.ChangedByOthers(there, record => other.Precondition.DifferencesFrom(record, salt)) is { Count: > 0 } changed)
            {
                return $"Since the plan was made, {other.Label} (id {other.Account}) changed: {string.Join(", ", changed)}. Plan again.";
            }
        }

        foreach (var loser in change.Losers ?? [])
        {
            if (!known.TryGetValue(loser.Account, out var there))
            {
                return $"{loser.Label} (id {loser.Account}) is gone. Plan again.";
            }

            if (present.ContainsKey(loser.Account) && written.ChangedByOthers(there, record => loser.Precondition.DifferencesFromWhole(record, mapping.NoiseFields, salt)) is { Count: > 0 } changed)
            {
                return $"Since the plan was made, {loser.Label} (id {loser.Account}) changed: {string.Join(", ", changed)}. Plan again.";
            }
        }

        return null;
    }

    private async Task<IReadOnlyList<ReferringRow>> ReadReferringAsync(string name, IReadOnlyList<Account> accounts, CancellationToken cancellation)
    {
        var places = await PlacesAsync(name, cancellation);
        return places.Count == 0 || accounts.Count == 0 ? [] : await ReadReferringAsync(Writer(name), places, accounts, cancellation);
    }

    // An account's own row is known by the account's id, whatever its table's key is: of the same row others of its writes are.
    private static async Task<IReadOnlyList<ReferringRow>> ReadReferringAsync(
        IWritesTogether system, IReadOnlyList<ReferencePlace> places, IEnumerable<Account> accounts, CancellationToken cancellation)
        => [.. (await ((IHasReferences)system).ReadReferringAsync(places, [.. accounts.Select(system.Mapping.WithoutBlanks)], cancellation))
            .Select(row => row.Place.Table == system.AccountsTable && AccountId.FromRecord(row.Row, system.Mapping.Id) is not null ? row with { Key = row.Row.Only(system.Mapping.Id) } : row)];

    // All places that exist at apply, not only those of the plan.
    private async Task<IReadOnlyList<ReferencePlace>> PlacesAsync(string name, CancellationToken cancellation)
    {
        if (!placesOf.TryGetValue(name, out var places))
        {
            places = systems[name] is IHasReferences referring ? await referring.FindPlacesAsync(declared(name), cancellation) : [];
            placesOf.Add(name, places);
        }

        return places;
    }

    /// <summary>An account that an earlier attempt removed, from what it journaled.</summary>
    private static Account? Remembered(IWritesTogether system, AccountId id, IEnumerable<RowWrite> made)
        => made.Where(row => row.Table == system.AccountsTable && row.Action == RowAction.Delete)
            .Select(row => system.Mapping.ToAccount(row.Before))
            .FirstOrDefault(account => account?.Id.Equals(id) == true);

    /// <summary>The accounts as they were under the ids that a change took from them.</summary>
    private static IEnumerable<Account> Removed(Change change, IWritesTogether system, Account staying, IEnumerable<RowWrite> made)
        => change.Action == ChangeAction.Rekey
            ? new[] { system.Mapping.ToAccount(staying.Record.With(change.Before.Only(system.Mapping.Id))) }.OfType<Account>()
            : change.Losers!.Select(loser => Remembered(system, loser.Account, made)).OfType<Account>();

    private static IEnumerable<AccountId> Involved(Change change)
        => change.Action == ChangeAction.Restore ? []
            : (change.Losers ?? []).Select(loser => loser.Account).Append(change.Account).Concat((change.Exchanged ?? []).Select(other => other.Account));

    /// <summary>The accounts that are read: with those that a change has to do with, the one on which it relies, and who has the id that it gives.</summary>
    private static IEnumerable<AccountId> Read(Change change, AccountMapping mapping)
        => Involved(change).Concat(change.Survivor is { } survivor ? [survivor.Account] : change.Action == ChangeAction.Rekey ? [Final(change, mapping)] : []);

    private static AccountId Final(Change change, AccountMapping mapping)
        => change.Action == ChangeAction.Rekey ? IdChains.IdAfter(change, mapping) : change.Account;

    private bool IsSeen(Change change, AccountMapping mapping, IReadOnlyDictionary<AccountId, Account> present) => change.Action switch
    {
        ChangeAction.Restore => true,
        ChangeAction.Delete => !present.ContainsKey(change.Account),
        ChangeAction.Rekey when change.Exchanged is { } others => others.Select(other => (other.After, other.Precondition)).Append((change.After, change.Precondition))
            .All(member => present.TryGetValue(AccountId.FromRecord(member.After, mapping.Id)!, out var there)
                && member.Precondition.Without(mapping.Id.ToHashSet(StringComparer.Ordinal)).DifferencesFrom(there.Record, "").Count == 0),
        ChangeAction.Rekey => present.ContainsKey(Final(change, mapping)) && (chains.Behind(change) is null ? !present.ContainsKey(change.Account) : !KeptItsId(change, mapping, present)),
        _ => present.TryGetValue(change.Account, out var survivor)
            && change.After.All(pair => pair.Value.SameFactAs(survivor.Record.ValueOrNull(pair.Key)))
            && change.Losers?.Any(loser => present.ContainsKey(loser.Account)) != true,
    };

    private HashSet<object>? Touched(PreparedChange prepared) => ChangeWaves.Touched(prepared, Writer(prepared.Change.System));

    private IWritesTogether Writer(string name)
        => systems[name] as IWritesTogether ?? throw new ConnectorContractException(name, "a plan has changes of several rows for it, and it can't make them.");
}
