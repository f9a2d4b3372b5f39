using System.Runtime.CompilerServices;
using Selfsame.Connectors.Rows;
using Selfsame.Core;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Connectors.Postgres;

/// <summary>
/// One table of a PostgreSQL database, as a connected system. Each change is one transaction in which the row is locked, compared with the
/// precondition and changed; a bulk read is one snapshot.
/// </summary>
public sealed class PostgresSystem
    : IReadsFields, IReadsAccountsById, IFindsAccounts, INumbersAccounts, IUpdatesAccounts, IDeletesWithRows, IHasReferences, IWritesTogether,
        IHasCanonicalIndexes, IChangesSchema, IProbesPermissions, IMakesUserCodes, ITellsCascades
{
    private const int PortionSize = 1000;
    private const int IdsPerQuery = 5000;

    // Few enough for a server whose connections are counted: each has its own.
    private const int SimultaneousTransactions = 8;

    private readonly string name;
    private readonly string tableName;
    private readonly PostgresDatabase database;
    private readonly PostgresSchema schema;
    private readonly PostgresShapes shapes = new();
    private readonly AccountMapping own;
    private readonly IReadOnlyList<ReferencePlace> declared;
    private readonly IReadOnlyList<RecordConfig> recordTypes;
    private readonly AccountRecords? records;

    /// <param name="config">The system, as the config has it.</param>
    /// <param name="clock">For the year of user codes.</param>
    /// <param name="random">For user codes.</param>
    public PostgresSystem(SystemConfig config, TimeProvider? clock = null, RandomSource? random = null)
    {
        name = config.Name;
        tableName = config.Settings["table"];
        Mapping = config.Mapping;
        database = new PostgresDatabase(name, config.Settings["connection"]);
        schema = new PostgresSchema(tableName, Mapping);
        declared = config.References;
        own = AccountRecords.OwnPart(config);
        recordTypes = [.. config.Records.Where(record => !record.IsForEach)];
        records = AccountRecords.Of(config, this, null, clock ?? TimeProvider.System, random ?? RandomSource.System);
    }

    /// <summary>What the config may say: <c>connection</c> and <c>table</c> (<c>users</c>, <c>auth.users</c>), besides the mapping, <c>records</c> and <c>userCode</c>.</summary>
    public static ConnectorKind Kind { get; } = new()
    {
        Name = "postgres",
        RecordTableKey = "table",
        Settings = [new ConnectorSetting("connection", Required: true), new ConnectorSetting("table", Required: true)],
    };

    public AccountMapping Mapping { get; }

    public string AccountsTable => tableName;

    public int SimultaneousWrites => SimultaneousTransactions;

    public ValueTask DisposeAsync() => database.DisposeAsync();

    public Task<SystemFacts> DescribeAsync(CancellationToken cancellation) => database.ReadAsync(
        async session =>
        {
            var table = await CheckedTableAsync(session);
            var others = recordTypes.Count == 0 ? null : await PostgresTable.LoadAsync(session, [.. recordTypes.Select(record => record.Table)]);
            return new SystemFacts
            {
                Spelling = new PostgresSpelling(Mapping, table, [.. recordTypes.Select(record => (record, others![record.Table]))]).Spell,
                TakesChosenId = !Mapping.Id.Any(id => table[id].Numbered),
                GivesNumbers = Mapping.Id is [var id] && table[id].Numbered && await PostgresNumbers.FindAsync(session, table, table[id]) is not null,
                FieldsWithoutDefault = table.Columns.Where(column => column is { NotNull: true, FillsItself: false }).Select(column => column.Name).ToHashSet(StringComparer.Ordinal),
                UnchangeableFields = table.Columns.Where(column => column.AlwaysNumbered || column.Computed).Select(column => column.Name).ToHashSet(StringComparer.Ordinal),
                AtomicPreconditions = true,
                NotNullFields = table.Columns.Where(column => column.NotNull).Select(column => column.Name).ToHashSet(StringComparer.Ordinal),
                KeepsAccounts = table.Undeletable,
                DeletionEffects = [.. (await PostgresCatalog.CascadesAsync(session, table)).Select(cascade => cascade.ToString())],
            };
        },
        cancellation);

    public async IAsyncEnumerable<ReadPart> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        var (connection, session) = await database.OpenSnapshotAsync(cancellation);
        await using var opened = connection;
        var table = await database.GuardAsync(session, () => CheckedTableAsync(session));
        session.Need(table, "SELECT");
        await using var reader = await database.GuardAsync(session, () => session.StreamAsync($"SELECT {table.SelectedColumns} FROM {table.Quoted} t"));
        var portion = new List<Account>(PortionSize);
        long count = 0;
        long row = 0;
        while (await database.GuardAsync(session, () => reader.ReadAsync(cancellation)))
        {
            row++;
            if (Mapping.ToAccount(table.Record(reader)) is not { } account)
            {
                yield return new UnreadableRecord($"row {row}", "its id is null, or bytes, which Selfsame takes for no id.");
                continue;
            }

            portion.Add(account);
            count++;
            if (portion.Count == PortionSize)
            {
                yield return new ReadAccounts(await JoinedAsync(portion, cancellation));
                portion = new List<Account>(PortionSize);
            }
        }

        if (portion.Count > 0)
        {
            yield return new ReadAccounts(await JoinedAsync(portion, cancellation));
        }

        // ReadAsync says false only when the server has said that the rows are complete; a connection that breaks throws.
        yield return new ReadEnd(count, Complete: true);
    }

    public async IAsyncEnumerable<ReadPart> ReadFieldsAsync(IReadOnlyList<string> fields, [EnumeratorCancellation] CancellationToken cancellation)
    {
        if (records is not null)
        {
            await foreach (var part in AccountRecords.AsFieldsAsync(ReadAllAsync(cancellation), fields))
            {
                yield return part;
            }

            yield break;
        }

        var (connection, session) = await database.OpenSnapshotAsync(cancellation);
        await using var opened = connection;
        var table = await database.GuardAsync(session, () => CheckedTableAsync(session));
        session.Need(table, "SELECT");
        var columns = fields.Select(field => table.Has(field) ? table[field] : null).ToArray();
        await using var copy = await database.GuardAsync(session, () => session.CopyAsync($"SELECT {PostgresCopyRows.Selected(columns)} FROM {table.Quoted} t"));
        var parsed = new PostgresCopyRows(columns, Mapping.Id.Select(id => Array.FindIndex(columns, column => column?.Name == id)).ToHashSet());
        var rows = new FieldRows(fields.Count);
        var withoutId = new List<long>();
        var count = 0L;
        while (await database.GuardAsync(session, () => copy.NextAsync(cancellation)) is var (buffer, end))
        {
            withoutId.Clear();
            parsed.Take(buffer, end, rows, withoutId);
            foreach (var row in withoutId)
            {
                yield return new UnreadableRecord($"row {row}", "its id is null, or bytes, which Selfsame takes for no id.");
            }

            if (rows.Count > 0)
            {
                count += rows.Count;
                yield return new ReadFields(rows);
            }

            parsed.KeepRest();
            copy.Return(buffer);
        }

        yield return new ReadEnd(count, parsed.Complete);
    }

    public async Task<IReadOnlyList<Account>> ReadByIdAsync(IReadOnlyList<AccountId> ids, CancellationToken cancellation)
    {
        var read = await database.ReadAsync(
            async session =>
            {
                var accounts = new PostgresAccounts(session, await CheckedTableAsync(session), Mapping);
                var found = new List<Account>();
                foreach (var chunk in ids.Chunk(IdsPerQuery))
                {
                    found.AddRange(await accounts.ReadAsync(chunk, locked: false));
                }

                return found;
            },
            cancellation);
        return await JoinedAsync(read, cancellation);
    }

    public async Task<IReadOnlyList<Account>> FindAsync(
        IReadOnlyDictionary<IdentifierKind, IReadOnlyList<string>> identifiers, CancellationToken cancellation)
        => await JoinedAsync(
            await database.ReadAsync(async session => await new PostgresAccounts(session, await CheckedTableAsync(session), own).FindAsync(identifiers), cancellation), cancellation);

    public Task<WriteOutcome> CreateAsync(AccountId id, Fields fields, CancellationToken cancellation)
        => records is not null ? AccountRecords.GuardAsync(() => records.CreateAsync(fields, cancellation)) : WriteAsync(fields.Keys, accounts => accounts.InsertAsync(fields), cancellation);

    public async Task<IReadOnlyList<FieldValue>> TakeNumbersAsync(int count, CancellationToken cancellation)
    {
        IReadOnlyList<FieldValue> numbers = [];
        var outcome = await database.WriteAsync(
            async session =>
            {
                var table = await CheckedTableAsync(session);
                var sequence = await PostgresNumbers.FindAsync(session, table, table[Mapping.Id[0]]);
                numbers = sequence is not null ? await sequence.TakeAsync(count)
                    : throw new SystemUnavailableException($"'{name}': {tableName}.{Mapping.Id[0]} is not numbered by a sequence any more. Make a new plan.");
                return new Done();
            },
            cancellation);
        return outcome switch
        {
            Done => numbers,
            Refused refused => throw new SystemUnavailableException(refused.Message),
            Unavailable unavailable => throw new SystemUnavailableException(unavailable.Message),
            // A number whose commit is unknown may be given again after a crash of the server.
            _ => throw new SystemUnavailableException($"'{name}' did not confirm which numbers it gave. Run it again."),
        };
    }

    public Task<WriteOutcome> UpdateAsync(AccountId id, Fields set, Fields precondition, CancellationToken cancellation)
        => records is not null ? WithRecordsAsync(id, precondition, present => records.UpdateAsync(present, set, precondition, cancellation), cancellation) : WriteAsync(
            set.Keys.Concat(precondition.Keys), accounts => WithRowAsync(accounts, id, precondition, row => accounts.UpdateAsync(row.Only(Mapping.Id), set)), cancellation);

    public Task<WriteOutcome> DeleteAsync(AccountId id, Fields precondition, CancellationToken cancellation)
        => records is not null ? WithRecordsAsync(id, precondition, present => records.DeleteAsync(present, cancellation), cancellation) : WriteAsync(
            precondition.Keys, accounts => WithRowAsync(accounts, id, precondition, row => accounts.DeleteAsync(row.Only(Mapping.Id))), cancellation);

    // With records of its own it goes row by row, and takes nothing along.
    public Task<WriteOutcome> DeleteAsync(AccountId id, Fields precondition, IReadOnlyList<TakenRows> atMost, CancellationToken cancellation)
        => records is not null ? DeleteAsync(id, precondition, cancellation) : WriteAsync(
            precondition.Keys,
            (session, accounts) => WithRowAsync(accounts, id, precondition, async row => await MoreTakenAsync(session, row, atMost) ?? await accounts.DeleteAsync(row.Only(Mapping.Id))),
            cancellation);

    public Task<IReadOnlyDictionary<AccountId, IReadOnlyList<TakenRows>>> CountTakenAsync(IReadOnlyList<AccountId> ids, CancellationToken cancellation)
        => database.ReadAsync<IReadOnlyDictionary<AccountId, IReadOnlyList<TakenRows>>>(
            async session => await PostgresTaken.CountByIdAsync(session, await CheckedTableAsync(session), Mapping, ids.Chunk(IdsPerQuery)), cancellation);

    // The locked account keeps others from coming to refer to it, the lock on its table from making foreign keys by which more would go.
    private async Task<WriteOutcome?> MoreTakenAsync(PostgresSession session, Fields row, IReadOnlyList<TakenRows> atMost)
    {
        var table = (await PostgresTable.LoadAsync(session, [tableName]))[tableName];
        session.Need(table, "DELETE");
        await PostgresShapes.HoldAsync(session, [table]);
        var found = await new PostgresTaken(session, table).CountAsync([Mapping.ToAccount(row)!], Mapping.Id);
        return TakenRows.MoreThan(atMost, found[0]);
    }

    public Task<IReadOnlyList<SystemIndex>> ReadIndexesAsync(CancellationToken cancellation)
        => database.ReadAsync<IReadOnlyList<SystemIndex>>(
            async session => await PostgresCatalog.IndexesAsync(session, await CheckedTableAsync(session)), cancellation);

    public Task<IReadOnlyList<ReferencePlace>> FindPlacesAsync(IReadOnlyList<ReferencePlace> declared, CancellationToken cancellation)
        => database.ReadAsync(
            async session => await new PostgresReferences(name, session, await CheckedTableAsync(session)).FindPlacesAsync(declared), cancellation);

    public Task<IReadOnlyList<ReferringRow>> ReadReferringAsync(
        IReadOnlyList<ReferencePlace> places, IReadOnlyList<Account> accounts, CancellationToken cancellation)
        => database.ReadAsync(
            async session => await new PostgresReferences(name, session, await CheckedTableAsync(session)).ReadReferringAsync(places, accounts), cancellation);

    public Task<IReadOnlyList<ReferringCount>> CountReferringAsync(
        IReadOnlyList<ReferencePlace> places, IReadOnlyList<Account> accounts, CancellationToken cancellation)
        => database.ReadAsync(
            async session => await new PostgresReferences(name, session, await CheckedTableAsync(session)).CountReferringAsync(places, accounts), cancellation);

    public Task<IReadOnlyList<ReferenceClash>> FindClashesAsync(
        IReadOnlyList<ReferencePlace> places, IReadOnlyList<Account> accounts, CancellationToken cancellation)
        => database.ReadAsync(
            async session => await new PostgresReferences(name, session, await CheckedTableAsync(session)).FindClashesAsync(places, accounts), cancellation);

    public Task<WriteOutcome> WriteTogetherAsync(
        IReadOnlyList<RowWrite> writes, IReadOnlyList<NoReferenceLeft> noneLeft, CancellationToken cancellation)
    {
        string[] names = [tableName, .. writes.Select(write => write.Table), .. noneLeft.Select(check => check.Place.Table)];
        return database.WriteAsync(
            () => PostgresOpening.Of(shapes.Remembered(names), writes),
            async (session, opening) =>
            {
                var known = opening?.Shapes ?? await shapes.LoadHeldAsync(session, names, writes);
                return await new PostgresRows(name, session, known.Tables[tableName], known).WriteAsync(writes, noneLeft, opening?.Rows);
            },
            cancellation);
    }

    public Task<IReadOnlyList<Fields?>> ReadRowsAsync(IReadOnlyList<(string Table, Fields Key)> keys, CancellationToken cancellation)
        => database.ReadAsync<IReadOnlyList<Fields?>>(async session => [.. (await PostgresRows.ReadAsync(name, session, keys)).Select(rows => rows is [var first, ..] ? first : null)], cancellation);

    public Task<IReadOnlyList<int>> CountRowsAsync(IReadOnlyList<(string Table, Fields Key)> keys, CancellationToken cancellation)
        => database.ReadAsync<IReadOnlyList<int>>(async session => [.. (await PostgresRows.ReadAsync(name, session, keys)).Select(rows => rows.Count)], cancellation);

    public SystemIndex CanonicalIndex(IdentifierKind kind) => schema.CanonicalIndex(kind);

    public SystemIndex PlainIndex(string field) => schema.PlainIndex(field);

    public bool IsCanonical(SystemIndex existing, IdentifierKind kind) => schema.IsCanonical(existing, kind);

    public string? JoinsMore(SystemIndex existing, IdentifierKind kind) => schema.JoinsMore(existing, kind);

    public Task<IReadOnlyList<EqualAccounts>> FindEqualAsync(IdentifierKind kind, CancellationToken cancellation)
        => database.ReadAsync(async session => await schema.FindEqualAsync(session, await CheckedTableAsync(session), kind), cancellation);

    public Task<IReadOnlyList<LoneBlank>> FindLoneBlanksAsync(IReadOnlyList<SystemIndex> existing, IdentifierKind kind, CancellationToken cancellation)
        => database.ReadAsync(async session => await schema.FindLoneBlanksAsync(session, await CheckedTableAsync(session), existing, kind), cancellation);

    public Task<IReadOnlyList<PermissionProbe>> ProbeAsync(CancellationToken cancellation)
        => database.ReadAsync<IReadOnlyList<PermissionProbe>>(
            async session =>
            {
                var table = await CheckedTableAsync(session);
                var references = new PostgresReferences(name, session, table);
                var tables = await PostgresTable.LoadAsync(session, [.. (await references.FindPlacesAsync([])).Concat(declared).Select(place => place.Table)]);
                var lost = new List<PermissionProbe>();
                foreach (var place in declared)
                {
                    if (await references.ProblemAsync(place, tables[place.Table]) is { } problem)
                    {
                        lost.Add(new PermissionProbe($"references at {place}", ProbeAnswer.No, problem));
                    }
                }

                var referring = tables.Values.Where(other => other.Id != 0 && other.Id != table.Id).DistinctBy(other => other.Id);
                var numbers = Mapping.Id is [var id] && table[id].Numbered ? await PostgresNumbers.FindAsync(session, table, table[id]) : null;
                return [.. await PostgresPermissions.ProbeAsync(session, table, [.. referring], numbers), .. lost];
            },
            cancellation);

    public Task<IReadOnlyDictionary<AccountId, IReadOnlyList<ToldCascade>>> ReadCascadesAsync(string table, IReadOnlyList<AccountId> ids, CancellationToken cancellation)
        => database.ReadAsync(session => new PostgresCascades(name, session).ReadAsync(table, ids), cancellation);

    public Task<WriteOutcome> ChangeSchemaAsync(IReadOnlyList<SchemaStep> steps, CancellationToken cancellation)
        => database.WriteAsync(session => schema.ChangeAsync(session, steps), cancellation);

    public Task<UserCodeTrial?> TryUserCodeAsync(CancellationToken cancellation) => records?.TryCodeAsync(cancellation) ?? Task.FromResult<UserCodeTrial?>(null);

    private Task<IReadOnlyList<Account>> JoinedAsync(IReadOnlyList<Account> found, CancellationToken cancellation)
        => records?.JoinAsync(found, cancellation) ?? Task.FromResult(found);

    private Task<WriteOutcome> WithRecordsAsync(AccountId id, Fields precondition, Func<Account, Task<WriteOutcome>> change, CancellationToken cancellation)
        => AccountRecords.GuardAsync(async () =>
        {
            var rows = await ReadByIdAsync([id], cancellation);
            return AccountRecords.Changed(rows, precondition) ?? await change(rows[0]);
        });

    private Task<WriteOutcome> WriteAsync(IEnumerable<string> fields, Func<PostgresAccounts, Task<WriteOutcome>> write, CancellationToken cancellation)
        => WriteAsync(fields, (_, accounts) => write(accounts), cancellation);

    private Task<WriteOutcome> WriteAsync(IEnumerable<string> fields, Func<PostgresSession, PostgresAccounts, Task<WriteOutcome>> write, CancellationToken cancellation)
        => database.WriteAsync(
            async session =>
            {
                var table = (await PostgresTable.LoadAsync(session, [tableName]))[tableName];
                var gone = fields.Concat(Mapping.Id).Where(field => !table.Has(field)).Distinct().ToList();
                return gone.Count == 0
                    ? await write(session, new PostgresAccounts(session, table, Mapping))
                    : new Refused($"The table {tableName} has no column {string.Join(", ", gone)} any more. Make a new plan.");
            },
            cancellation);

    private static async Task<WriteOutcome> WithRowAsync(PostgresAccounts accounts, AccountId id, Fields precondition, Func<Fields, Task<WriteOutcome>> change)
    {
        var rows = await accounts.ReadAsync([id], locked: true);
        if (rows.Count != 1)
        {
            return new Drifted(rows.Count == 0 ? "It is gone." : $"{rows.Count} rows have its id.");
        }

        var different = precondition.DifferencesFrom(rows[0].Record, "");
        return different.Count == 0 ? await change(rows[0].Record) : new Drifted($"It changed meanwhile: {string.Join(", ", different)}.");
    }

    private async Task<PostgresTable> CheckedTableAsync(PostgresSession session)
    {
        var table = (await PostgresTable.LoadAsync(session, [tableName]))[tableName];
        if (table.Id == 0)
        {
            throw new SystemUnavailableException(
                $"'{name}': there is no table '{tableName}'.{PostgresReferences.Near(await PostgresCatalog.NearAsync(session, tableName))} Correct 'table' in the config.");
        }

        var unknown = own.MappedFields.Where(field => !table.Has(field)).Distinct().ToList();
        if (unknown.Count > 0)
        {
            throw new SystemUnavailableException(
                $"'{name}': the table '{tableName}' has no column {string.Join(", ", unknown)}, which the config maps. "
                + $"It has: {string.Join(", ", table.Columns.Select(column => column.Name))}.");
        }

        schema.Remember(table);
        return table;
    }
}
