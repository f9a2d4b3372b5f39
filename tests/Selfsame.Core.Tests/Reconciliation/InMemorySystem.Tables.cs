using System.Text;
using Selfsame.Core.Accounts;

namespace Selfsame.Core.Tests.Reconciliation;

/// <summary>Tables beside the accounts that refer to them, and one unique index over names that are not empty, folding case and compatibility forms (x² and x2).</summary>
internal sealed partial class InMemorySystem : IHasReferences, IWritesTogether, IHasCanonicalIndexes, IChangesSchema
{
    private static readonly SystemIndex ByUsername = new() { Name = "username_unique", Fields = ["username"], Unique = true, Collation = "nocase", Definition = "username nocase" };

    private readonly List<SystemIndex> indexes = [];
    private readonly Dictionary<(string Table, Fields Key), Fields> referring = [];

    public string AccountsTable => "people";

    /// <summary>The foreign keys of the system.</summary>
    public List<ReferencePlace> ForeignKeys { get; } = [];

    /// <summary>What happens once between the look at the references and the writes.</summary>
    public Action? BeforeWritingTogether { get; set; }

    /// <summary>What happens before each row's write.</summary>
    public Action<RowWrite> BeforeEachRow { get; set; } = _ => { };

    /// <summary>How many row writes are made before the process dies; null for all.</summary>
    public int? DiesAfterRows { get; set; }

    public int SimultaneousWrites { get; set; } = 1;

    /// <summary>What each change of several rows waits for.</summary>
    public Func<Task> Arriving { get; set; } = () => Task.CompletedTask;

    public IReadOnlyList<SystemIndex> IndexesNow => indexes;

    /// <summary>An index that somebody made by hand.</summary>
    public void Index(SystemIndex index) => indexes.Add(index);

    public IReadOnlyList<string> ReferringNow => [.. referring.Select(pair => $"{pair.Key.Table}: {pair.Value}").Order(StringComparer.Ordinal)];

    public void Refer(string table, string[] key, params (string Field, object? Value)[] fields)
    {
        var row = Record(fields);
        referring[(table, row.Only(key))] = row;
    }

    public IEnumerable<Fields> Table(string table) => referring.Where(pair => pair.Key.Table == table).Select(pair => pair.Value);

    public Task<IReadOnlyList<ReferencePlace>> FindPlacesAsync(IReadOnlyList<ReferencePlace> declared, CancellationToken cancellation)
        => Task.FromResult<IReadOnlyList<ReferencePlace>>([.. ForeignKeys, .. declared.Where(place => !ForeignKeys.Exists(place.IsSamePlaceAs))]);

    public Func<Task> WhileReadingReferences { get; set; } = () => Task.CompletedTask;

    public async Task<IReadOnlyList<ReferringRow>> ReadReferringAsync(
        IReadOnlyList<ReferencePlace> places, IReadOnlyList<Account> accounts, CancellationToken cancellation)
    {
        await WhileReadingReferences();
        return [.. from place in places
                   from row in RowsOf(place.Table).OrderBy(pair => pair.Row.ToString(), StringComparer.Ordinal)
                   from account in accounts
                   where Refers(place, row.Row, [.. place.AccountFields.Select(account.Record.ValueOrNull)])
                   select new ReferringRow(place, account.Id, row.Key, row.Row)];
    }

    public async Task<IReadOnlyList<ReferringCount>> CountReferringAsync(
        IReadOnlyList<ReferencePlace> places, IReadOnlyList<Account> accounts, CancellationToken cancellation)
        => [.. (await ReadReferringAsync(places, accounts, cancellation)).GroupBy(row => (row.Place, row.Account)).Select(group => new ReferringCount(group.Key.Place, group.Key.Account, group.Count()))];

    /// <summary>What its other unique indexes would hold to be equal.</summary>
    public List<ReferenceClash> Clashes { get; } = [];

    public Task<IReadOnlyList<ReferenceClash>> FindClashesAsync(IReadOnlyList<ReferencePlace> places, IReadOnlyList<Account> accounts, CancellationToken cancellation)
        => Task.FromResult<IReadOnlyList<ReferenceClash>>(Clashes);

    public Task<IReadOnlyList<Fields?>> ReadRowsAsync(IReadOnlyList<(string Table, Fields Key)> keys, CancellationToken cancellation)
        => Task.FromResult<IReadOnlyList<Fields?>>([.. keys.Select(key => Row(key.Table, key.Key))]);

    public async Task<WriteOutcome> WriteTogetherAsync(
        IReadOnlyList<RowWrite> writes, IReadOnlyList<NoReferenceLeft> noneLeft, CancellationToken cancellation)
    {
        await Arriving();
        Task<WriteOutcome> written;
        lock (rows)
        {
            written = WriteTogetherAsync(writes, noneLeft);
        }

        return await written;
    }

    private Task<WriteOutcome> WriteTogetherAsync(IReadOnlyList<RowWrite> writes, IReadOnlyList<NoReferenceLeft> noneLeft)
    {
        var before = BeforeWritingTogether;
        BeforeWritingTogether = null;
        before?.Invoke();
        return Write(() =>
        {
            var (savedRows, savedReferring) = (new Dictionary<AccountId, Fields>(rows), new Dictionary<(string, Fields), Fields>(referring));
            var (outcome, made) = ((WriteOutcome)new Done(), 0);
            if (Facts.AtomicPreconditions && AreMade(writes))
            {
                return Answer();
            }

            if (writes.FirstOrDefault(write => write.Action == RowAction.Keep && (Row(write.Table, write.Key) is not { } kept || write.Before.DifferencesFrom(kept, "").Count > 0)) is not null)
            {
                return new Drifted("An account is not as before.");
            }

            foreach (var (index, write) in writes.Index().Where(pair => pair.Item.Action != RowAction.Keep))
            {
                if (AnyLeft(noneLeft, index))
                {
                    outcome = new Drifted("A reference arrived.");
                    break;
                }

                if (DiesAfterRows == made++)
                {
                    RollBack();
                    throw new InvalidOperationException("It died.");
                }

                // A list that was made in part: its row is as a later write leaves it.
                if (write.Action == RowAction.Update && Row(write.Table, write.Key) is null
                    && writes.Skip(index + 1).Any(later => later.Action == RowAction.Delete && later.Table == write.Table && later.Key.Equals(write.KeyAfter)))
                {
                    continue;
                }

                BeforeEachRow(write);
                outcome = write.Action == RowAction.Delete && write.Table == AccountsTable && AnyLeft(noneLeft, null)
                    ? new Drifted("A reference arrived.")
                    : Make(write);
                if (outcome is not Done)
                {
                    break;
                }
            }

            if (outcome is Done && (AnyLeft(noneLeft, writes.Count) || (!writes.Any(write => write.Action == RowAction.Delete && write.Table == AccountsTable) && AnyLeft(noneLeft, null))))
            {
                outcome = new Drifted("A reference arrived.");
            }

            if (outcome is not Done)
            {
                RollBack();
            }

            return outcome is Done ? Answer() : outcome;

            void RollBack()
            {
                if (!Facts.AtomicPreconditions)
                {
                    return;
                }

                rows.Clear();
                referring.Clear();
                foreach (var (id, row) in savedRows)
                {
                    rows.Add(id, row);
                }

                foreach (var (key, row) in savedReferring)
                {
                    referring.Add(key, row);
                }
            }
        });
    }

    public Task<IReadOnlyList<SystemIndex>> ReadIndexesAsync(CancellationToken cancellation) => Task.FromResult<IReadOnlyList<SystemIndex>>([.. indexes]);

    public SystemIndex CanonicalIndex(IdentifierKind kind) => ByUsername;

    public SystemIndex PlainIndex(string field) => new() { Name = $"{field}_unique", Fields = [field], Unique = true, Definition = field };

    public bool IsCanonical(SystemIndex existing, IdentifierKind kind) => existing with { Name = ByUsername.Name } == ByUsername with { Fields = existing.Fields } && existing.Fields.SequenceEqual(ByUsername.Fields);

    public string? JoinsMore(SystemIndex existing, IdentifierKind kind) => existing is { Unique: true, Collation: "blunt" } ? "its collation ignores accents" : null;

    public Task<IReadOnlyList<EqualAccounts>> FindEqualAsync(IdentifierKind kind, CancellationToken cancellation)
        => Task.FromResult<IReadOnlyList<EqualAccounts>>([.. rows.Where(pair => pair.Value["username"].AsText is { Length: > 0 })
            .GroupBy(pair => string.Concat(pair.Value["username"].AsText!.EnumerateRunes()).Normalize(NormalizationForm.FormKC), StringComparer.OrdinalIgnoreCase)
            .Where(group => group.Skip(1).Any())
            .Select(group => new EqualAccounts(group.Key, [.. group.Select(pair => pair.Key)]))]);

    /// <summary>How long a change of the shape takes.</summary>
    public Func<Task> WhileChangingSchema { get; set; } = () => Task.CompletedTask;

    /// <summary>What becomes of a step instead of its being taken; null lets it be taken.</summary>
    public Func<SchemaStep, WriteOutcome?> InsteadOfStep { get; set; } = _ => null;

    public async Task<WriteOutcome> ChangeSchemaAsync(IReadOnlyList<SchemaStep> steps, CancellationToken cancellation)
    {
        await WhileChangingSchema();
        var dropped = new List<SystemIndex>();
        foreach (var step in steps)
        {
            var outcome = InsteadOfStep(step) ?? await TakeAsync(step, steps, dropped);
            if (outcome is Done)
            {
                continue;
            }

            // As a system without transactions for this: what was dropped by this call is made again, unless nobody knows.
            indexes.AddRange(outcome is Unknown ? [] : dropped);
            return outcome;
        }

        return new Done();
    }

    private async Task<WriteOutcome> TakeAsync(SchemaStep step, IReadOnlyList<SchemaStep> steps, List<SystemIndex> dropped)
    {
        var present = indexes.Find(index => index.Name == step.Name);
        switch (step.Action)
        {
            case SchemaAction.DropIndex when present is not null && present.Definition == step.Definition:
                indexes.Remove(present);
                dropped.Add(present);
                return new Done();
            case SchemaAction.DropIndex when present is not null && !steps.Contains(new SchemaStep(SchemaAction.CreateIndex, step.Name, present.Definition)):
                return new Drifted($"The index {step.Name} is another one now.");
            case SchemaAction.CreateIndex when present is not null:
                return present.Definition == step.Definition ? new Done() : new Refused($"There is another index {step.Name}.");
            case SchemaAction.CreateIndex when step.Definition == ByUsername.Definition && (await FindEqualAsync(IdentifierKind.Username, CancellationToken.None)).Count > 0:
                return new AlreadyExists(["username"], "Two have one name.");
            case SchemaAction.CreateIndex:
                indexes.Add((step.Definition == ByUsername.Definition ? ByUsername : PlainIndex(step.Definition)) with { Name = step.Name });
                return new Done();
            default:
                return new Done();
        }
    }

    /// <summary>The places whose rows go with the account to which they refer.</summary>
    public List<ReferencePlace> Cascades { get; } = [];

    public Task<IReadOnlyDictionary<AccountId, IReadOnlyList<TakenRows>>> CountTakenAsync(IReadOnlyList<AccountId> ids, CancellationToken cancellation)
        => Task.FromResult<IReadOnlyDictionary<AccountId, IReadOnlyList<TakenRows>>>(ids.Where(rows.ContainsKey).ToDictionary(id => id, Taken));

    public Task<WriteOutcome> DeleteAsync(AccountId id, Fields precondition, IReadOnlyList<TakenRows> atMost, CancellationToken cancellation)
    {
        if (TakenRows.MoreThan(atMost, rows.ContainsKey(id) ? Taken(id) : []) is { } more)
        {
            return Task.FromResult<WriteOutcome>(more);
        }

        var going = Cascades.SelectMany(place => Going(place, id).Select(row => (place.Table, row.Key))).ToList();
        going.ForEach(row => referring.Remove(row));
        return DeleteAsync(id, precondition, cancellation);
    }

    private IReadOnlyList<TakenRows> Taken(AccountId id)
        => [.. Cascades.Select(place => new TakenRows(place.Table, place.Fields, Going(place, id).Count())).Where(taken => taken.Rows > 0)];

    private IEnumerable<(Fields Key, Fields Row)> Going(ReferencePlace place, AccountId id)
        => RowsOf(place.Table).Where(row => Refers(place, row.Row, [.. place.AccountFields.Select(rows[id].ValueOrNull)]));

    private bool AnyLeft(IReadOnlyList<NoReferenceLeft> noneLeft, int? afterWrites)
        => noneLeft.Any(left => left.AfterWrites == afterWrites && RowsOf(left.Place.Table).Any(row => Refers(left.Place, row.Row, left.Values)));

    private IEnumerable<(Fields Key, Fields Row)> RowsOf(string table)
        => (table == AccountsTable ? rows.Values.Select(row => (row.Only(mapping.Id), row)) : []).Concat(referring.Where(pair => pair.Key.Table == table).Select(pair => (pair.Key.Key, pair.Value)));

    /// <summary>Whether a foreign key from account to account does not hold: each write is a statement, at whose end it is looked at.</summary>
    private bool IsDangling(Fields row)
        => ForeignKeys.Where(place => place.Table == AccountsTable && place.Enforced).Any(place => place.Fields.All(field => !row.ValueOrNull(field).IsNull)
            && !rows.Values.Any(other => Refers(place, row, [.. place.AccountFields.Select(other.ValueOrNull)])));

    private static bool Refers(ReferencePlace place, Fields row, IReadOnlyList<FieldValue> values)
        => place.Fields.Zip(values).All(pair => !pair.Second.IsNull && row.ValueOrNull(pair.First) == pair.Second);

    private Fields? Row(string table, Fields key)
        => table == AccountsTable ? rows.GetValueOrDefault(AccountId.FromRecord(key, mapping.Id)!) : referring.GetValueOrDefault((table, key));

    /// <summary>Whether every row is as all writes together leave it.</summary>
    private bool AreMade(IReadOnlyList<RowWrite> writes)
    {
        var states = new Dictionary<(string Table, Fields Key), Fields?>();
        foreach (var write in writes.Where(write => write.Action != RowAction.Keep))
        {
            states.Remove((write.Table, write.Key), out var before);
            states[(write.Table, write.Key)] = null;
            if (write.Action != RowAction.Delete)
            {
                states[(write.Table, write.KeyAfter)] = (before ?? Fields.Empty).With(write.After);
            }
        }

        return states.All(state => state.Value is { } wanted
            ? Row(state.Key.Table, state.Key.Key) is { } present && wanted.DifferencesFrom(present, "").Count == 0
            : Row(state.Key.Table, state.Key.Key) is null);
    }

    private WriteOutcome Make(RowWrite write)
    {
        var present = Row(write.Table, write.Key);
        if (write.IsMade(Row(write.Table, write.KeyAfter)) && (present is null || write.KeyAfter.Equals(write.Key)))
        {
            return new Done();
        }

        if (write.Action == RowAction.Insert ? present is not null : present is null || write.Before.DifferencesFrom(present, "").Count > 0)
        {
            return new Drifted($"{write.Table} {write.Key} is not as before.");
        }

        var after = write.Action == RowAction.Update ? present!.With(write.After) : write.After;
        if (write.Action != RowAction.Insert)
        {
            Remove(write.Table, write.Key);
        }

        if (write.Action != RowAction.Delete && !Add(write.Table, write.KeyAfter, after))
        {
            if (present is not null)
            {
                Add(write.Table, write.Key, present);
            }

            return new AlreadyExists([], "The key is taken.");
        }

        if (write.Table == AccountsTable && rows.Values.Any(IsDangling))
        {
            _ = write.Action == RowAction.Delete || rows.Remove(AccountId.FromRecord(write.KeyAfter, mapping.Id)!);
            _ = present is null || Add(write.Table, write.Key, present);
            return new Refused("An account refers to one that is not there.");
        }

        return new Done();
    }

    private void Remove(string table, Fields key)
    {
        if (table == AccountsTable)
        {
            rows.Remove(AccountId.FromRecord(key, mapping.Id)!);
        }
        else
        {
            referring.Remove((table, key));
        }
    }

    private bool Add(string table, Fields key, Fields row)
        => table == AccountsTable ? rows.TryAdd(AccountId.FromRecord(key, mapping.Id)!, row) : !IsRepeated(table, row) && referring.TryAdd((table, key), row);

    private bool IsRepeated(string table, Fields row)
        => ForeignKeys.Where(place => place.Table == table).SelectMany(place => place.UniqueSets).Any(unique => Table(table).Any(other => other.Only(unique).Equals(row.Only(unique))));
}
