using System.Runtime.CompilerServices;
using Microsoft.Data.Sqlite;
using Selfsame.Connectors.Rows;
using Selfsame.Core;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Databases;

namespace Selfsame.Connectors.Sqlite;

/// <summary>
/// One table of a SQLite database file, as a connected system. Each change is one immediate transaction in which the row
/// is read, compared with the precondition and changed. The file's journal mode is left as it is.
/// </summary>
public sealed class SqliteSystem
    : IReadsAccounts, IReadsAccountsById, IFindsAccounts, INumbersAccounts, IUpdatesAccounts, IDeletesWithRows, IHasReferences, IWritesTogether,
        IHasCanonicalIndexes, IChangesSchema, IProbesPermissions, IMakesUserCodes
{
    private const int PortionSize = 1000;
    private const int IdsPerQuery = 200;

    private readonly string name;
    private readonly SqliteTable table;
    private readonly SqliteReferences references;
    private readonly SqliteSchema schema;
    private readonly SqliteFile file;
    private readonly AccountMapping own;
    private readonly IReadOnlyList<ReferencePlace> declared;
    private readonly IReadOnlyList<RecordConfig> recordTypes;
    private readonly AccountRecords? records;

    // SQLite keeps no number for anybody: what was given is remembered here.
    private long lastNumber;

    /// <param name="config">The system, as the config has it.</param>
    /// <param name="clock">For the year of user codes.</param>
    /// <param name="random">For user codes.</param>
    public SqliteSystem(SystemConfig config, TimeProvider? clock = null, RandomSource? random = null)
    {
        SqliteLibrary.EnsureLoaded();
        name = config.Name;
        Mapping = config.Mapping;
        table = new SqliteTable(config.Settings["table"]);
        references = new SqliteReferences(name, table);
        schema = new SqliteSchema(table, Mapping);
        file = new SqliteFile(name, config.Settings["connection"]);
        declared = config.References;
        own = AccountRecords.OwnPart(config);
        recordTypes = [.. config.Records.Where(record => !record.IsForEach)];
        records = AccountRecords.Of(config, this, null, clock ?? TimeProvider.System, random ?? RandomSource.System);
    }

    /// <summary>What the config may say: <c>connection</c> (the file's path) and <c>table</c>, besides the mapping, <c>records</c> and <c>userCode</c>.</summary>
    public static ConnectorKind Kind { get; } = new()
    {
        Name = "sqlite",
        RecordTableKey = "table",
        Settings = [new ConnectorSetting("connection", Required: true), new ConnectorSetting("table", Required: true)],
    };

    public AccountMapping Mapping { get; }

    public string AccountsTable => table.Name;

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    public Task<SystemFacts> DescribeAsync(CancellationToken cancellation) => file.ReadAsync(
        connection =>
        {
            var columns = CheckedColumns(connection);
            var ids = columns.Where(column => Mapping.Id.Contains(column.Name)).ToList();
            return new SystemFacts
            {
                Spelling = new SqliteSpelling(Mapping, columns, [.. recordTypes.Select(record => (record, new SqliteTable(record.Table).Columns(connection)))]).Spell,
                TakesChosenId = !ids.Exists(column => column.IsRowId),
                GivesNumbers = ids is [{ IsRowId: true }],
                FieldsWithoutDefault = columns.Where(column => column is { NotNull: true, FillsItself: false, Generated: false }).Select(column => column.Name).ToHashSet(StringComparer.Ordinal),
                AtomicPreconditions = true,
                CanRequireValues = false,
                NotNullFields = columns.Where(column => column.NotNull).Select(column => column.Name).ToHashSet(StringComparer.Ordinal),
                DeletionEffects = table.CascadesFrom(connection),
            };
        },
        cancellation);

    public async IAsyncEnumerable<ReadPart> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        await using var connection = await file.OpenAsync(SqliteOpenMode.ReadOnly, cancellation);
        CheckedColumns(connection);
        await using var command = connection.CreateCommand();
        command.CommandText = $"SELECT * FROM {table.Quoted}";
        await using var reader = await file.GuardAsync(() => command.ExecuteReaderAsync(cancellation));
        var portion = new List<Account>(PortionSize);
        long count = 0;
        long row = 0;
        while (await file.GuardAsync(() => reader.ReadAsync(cancellation)))
        {
            row++;
            if (Mapping.ToAccount(SqliteTable.RecordOf(reader)) is not { } account)
            {
                yield return new UnreadableRecord($"row {row}", "its id is null, or bytes, which Selfsame takes for no id, be it in a column of texts.");
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

        yield return new ReadEnd(count, Complete: true);
    }

    public async Task<IReadOnlyList<Account>> ReadByIdAsync(IReadOnlyList<AccountId> ids, CancellationToken cancellation)
    {
        var found = await file.ReadAsync<IReadOnlyList<Account>>(
            connection =>
            {
                CheckedColumns(connection);
                return [.. ids.Chunk(IdsPerQuery).SelectMany(chunk => table.SelectByIds(connection, null, Mapping, chunk))];
            },
            cancellation);
        return await JoinedAsync(found, cancellation);
    }

    public async Task<IReadOnlyList<Account>> FindAsync(
        IReadOnlyDictionary<IdentifierKind, IReadOnlyList<string>> identifiers, CancellationToken cancellation)
    {
        var found = await file.ReadAsync<IReadOnlyList<Account>>(
            connection =>
            {
                CheckedColumns(connection);
                return table.SelectByIdentifiers(connection, own, identifiers);
            },
            cancellation);
        return await JoinedAsync(found, cancellation);
    }

    public Task<WriteOutcome> CreateAsync(AccountId id, Fields fields, CancellationToken cancellation)
        => records is not null
            ? AccountRecords.GuardAsync(() => records.CreateAsync(fields, cancellation))
            : file.WriteAsync(
                (connection, transaction) => Missing(connection, fields.Keys) ?? table.Insert(connection, transaction, fields), cancellation);

    public Task<IReadOnlyList<FieldValue>> TakeNumbersAsync(int count, CancellationToken cancellation) => file.ReadAsync<IReadOnlyList<FieldValue>>(
        connection =>
        {
            CheckedColumns(connection);
            var last = Math.Max(lastNumber, table.HighestNumber(connection, Mapping.Id[0]));
            if (last > long.MaxValue - count)
            {
                throw new SystemUnavailableException($"'{name}': {table.Name} has a row with the highest number that there is, so that no account can get the next one.");
            }

            lastNumber = last + count;
            return [.. Enumerable.Range(1, count).Select(step => FieldValue.Integer(last + step))];
        },
        cancellation);

    public Task<WriteOutcome> UpdateAsync(AccountId id, Fields set, Fields precondition, CancellationToken cancellation)
        => records is not null ? WithRecordsAsync(id, precondition, present => records.UpdateAsync(present, set, precondition, cancellation), cancellation) : file.WriteAsync(
            (connection, transaction) => Missing(connection, set.Keys.Concat(precondition.Keys))
                ?? WithRow(connection, transaction, id, precondition, row => table.Update(connection, transaction, row.Only(Mapping.Id), set)),
            cancellation);

    public Task<WriteOutcome> DeleteAsync(AccountId id, Fields precondition, CancellationToken cancellation)
        => records is not null ? WithRecordsAsync(id, precondition, present => records.DeleteAsync(present, cancellation), cancellation) : file.WriteAsync(
            (connection, transaction) => Missing(connection, precondition.Keys)
                ?? WithRow(connection, transaction, id, precondition, row => table.Delete(connection, transaction, row.Only(Mapping.Id))),
            cancellation);

    // With records of its own it goes row by row, and takes nothing along.
    public Task<WriteOutcome> DeleteAsync(AccountId id, Fields precondition, IReadOnlyList<TakenRows> atMost, CancellationToken cancellation)
        => records is not null ? DeleteAsync(id, precondition, cancellation) : file.WriteAsync(
            (connection, transaction) => Missing(connection, precondition.Keys)
                ?? WithRow(connection, transaction, id, precondition, row => TakenRows.MoreThan(atMost, new SqliteTaken(connection, transaction).Count(table.Name, row.Only(Mapping.Id)))
                    ?? table.Delete(connection, transaction, row.Only(Mapping.Id))),
            cancellation);

    public Task<IReadOnlyDictionary<AccountId, IReadOnlyList<TakenRows>>> CountTakenAsync(IReadOnlyList<AccountId> ids, CancellationToken cancellation)
        => file.ReadAsync<IReadOnlyDictionary<AccountId, IReadOnlyList<TakenRows>>>(
            connection =>
            {
                CheckedColumns(connection);
                var counting = new SqliteTaken(connection, null);
                return ids.Chunk(IdsPerQuery).SelectMany(chunk => table.SelectByIds(connection, null, Mapping, chunk)).DistinctBy(account => account.Id)
                    .ToDictionary(account => account.Id, account => counting.Count(table.Name, account.Record.Only(Mapping.Id)));
            },
            cancellation);

    public Task<IReadOnlyList<SystemIndex>> ReadIndexesAsync(CancellationToken cancellation)
        => file.ReadAsync(table.Indexes, cancellation);

    public Task<IReadOnlyList<ReferencePlace>> FindPlacesAsync(IReadOnlyList<ReferencePlace> declared, CancellationToken cancellation)
        => file.ReadAsync(
            connection =>
            {
                CheckedColumns(connection);
                return references.FindPlaces(connection, declared);
            },
            cancellation);

    public Task<IReadOnlyList<ReferringRow>> ReadReferringAsync(
        IReadOnlyList<ReferencePlace> places, IReadOnlyList<Account> accounts, CancellationToken cancellation)
        => file.ReadAsync(connection => references.ReadReferring(connection, places, accounts), cancellation);

    public Task<IReadOnlyList<ReferringCount>> CountReferringAsync(
        IReadOnlyList<ReferencePlace> places, IReadOnlyList<Account> accounts, CancellationToken cancellation)
        => file.ReadAsync(connection => references.CountReferring(connection, places, accounts), cancellation);

    public Task<IReadOnlyList<ReferenceClash>> FindClashesAsync(
        IReadOnlyList<ReferencePlace> places, IReadOnlyList<Account> accounts, CancellationToken cancellation)
        => file.ReadAsync(connection => references.FindClashes(connection, places, accounts), cancellation);

    public Task<WriteOutcome> WriteTogetherAsync(
        IReadOnlyList<RowWrite> writes, IReadOnlyList<NoReferenceLeft> noneLeft, CancellationToken cancellation)
        => file.WriteAsync(
            (connection, transaction) => new SqliteRows(connection, transaction, table, references).Write(writes, noneLeft), cancellation);

    public Task<IReadOnlyList<Fields?>> ReadRowsAsync(IReadOnlyList<(string Table, Fields Key)> keys, CancellationToken cancellation)
        => file.ReadAsync<IReadOnlyList<Fields?>>(
            connection => [.. keys.Select(key => SqliteRows.ReadOne(connection, name, key.Table, key.Key))], cancellation);

    public SystemIndex CanonicalIndex(IdentifierKind kind) => schema.CanonicalIndex(kind);

    public SystemIndex PlainIndex(string field) => schema.PlainIndex(field);

    public bool IsCanonical(SystemIndex existing, IdentifierKind kind) => schema.IsCanonical(existing, kind);

    public string? JoinsMore(SystemIndex existing, IdentifierKind kind) => schema.JoinsMore(existing, kind);

    public Task<IReadOnlyList<LoneBlank>> FindLoneBlanksAsync(IReadOnlyList<SystemIndex> existing, IdentifierKind kind, CancellationToken cancellation)
        => file.ReadAsync(
            connection =>
            {
                CheckedColumns(connection);
                return schema.FindLoneBlanks(connection, existing, kind);
            },
            cancellation);

    public Task<IReadOnlyList<EqualAccounts>> FindEqualAsync(IdentifierKind kind, CancellationToken cancellation)
        => file.ReadAsync(
            connection =>
            {
                CheckedColumns(connection);
                return schema.FindEqual(connection, kind);
            },
            cancellation);

    public Task<WriteOutcome> ChangeSchemaAsync(IReadOnlyList<SchemaStep> steps, CancellationToken cancellation)
        => file.WriteAsync(
            (connection, transaction) => Missing(connection, []) ?? schema.Change(connection, transaction, steps), cancellation);

    public async Task<IReadOnlyList<PermissionProbe>> ProbeAsync(CancellationToken cancellation)
    {
        await file.ReadAsync(CheckedColumns, cancellation);

        // The transaction takes the write lock and is rolled back, for its outcome is not "done".
        var outcome = await file.WriteAsync((_, _) => new Refused(""), cancellation);
        PermissionProbe Writing(string what) => outcome switch
        {
            Refused => new PermissionProbe(what, ProbeAnswer.Yes),
            Unavailable unavailable when unavailable.Message.Contains("locked", StringComparison.Ordinal)
                => new PermissionProbe(what, ProbeAnswer.Unknown, $"Another program writes to {file.Path} now: ask again."),
            _ => new PermissionProbe(what, ProbeAnswer.No, $"Let this user write to {file.Path} and to its folder, where SQLite keeps its journal (chmod, chown)."),
        };
        var (referring, lost) = await file.ReadAsync(Referring, cancellation);
        return [new PermissionProbe("read accounts", ProbeAnswer.Yes), Writing("change accounts"), Writing("make indexes"), .. referring.Select(other => Writing($"move references in {other}")), .. lost];
    }

    /// <summary>The tables that refer, by the catalog and by the config, and what the config names and is not there.</summary>
    private (IReadOnlyList<string> Tables, IReadOnlyList<PermissionProbe> Lost) Referring(SqliteConnection connection)
    {
        var problems = declared.Select(place => (Place: place, Problem: references.Problem(connection, place))).ToList();
        var places = references.FindPlaces(connection, [.. problems.Where(pair => pair.Problem is null).Select(pair => pair.Place)]);
        return (
            [.. places.Select(place => place.Table).Distinct(StringComparer.OrdinalIgnoreCase).Where(other => !SqliteCatalog.Same(other, table.Name))],
            [.. problems.Where(pair => pair.Problem is not null).Select(pair => new PermissionProbe($"references at {pair.Place}", ProbeAnswer.No, pair.Problem!))]);
    }

    public Task<UserCodeTrial?> TryUserCodeAsync(CancellationToken cancellation) => records?.TryCodeAsync(cancellation) ?? Task.FromResult<UserCodeTrial?>(null);

    private Task<IReadOnlyList<Account>> JoinedAsync(IReadOnlyList<Account> found, CancellationToken cancellation)
        => records?.JoinAsync(found, cancellation) ?? Task.FromResult(found);

    private Task<WriteOutcome> WithRecordsAsync(AccountId id, Fields precondition, Func<Account, Task<WriteOutcome>> change, CancellationToken cancellation)
        => AccountRecords.GuardAsync(async () =>
        {
            var rows = await ReadByIdAsync([id], cancellation);
            return AccountRecords.Changed(rows, precondition) ?? await change(rows[0]);
        });

    private WriteOutcome WithRow(
        SqliteConnection connection, SqliteTransaction transaction, AccountId id, Fields precondition, Func<Fields, WriteOutcome> change)
    {
        var rows = table.SelectByIds(connection, transaction, Mapping, [id]);
        if (rows.Count != 1)
        {
            return new Drifted(rows.Count == 0 ? "It is gone." : $"{rows.Count} rows have its id.");
        }

        var different = precondition.DifferencesFrom(rows[0].Record, "");
        return different.Count > 0 ? new Drifted($"It changed meanwhile: {string.Join(", ", different)}.")
            : SqliteTable.Unwritable(connection, transaction, rows[0].Record.Values) ?? change(rows[0].Record);
    }

    // SQLite takes an unknown "name" for a text: a column that is gone must be noticed before a statement is composed.
    private Refused? Missing(SqliteConnection connection, IEnumerable<string> fields)
    {
        var columns = table.Columns(connection).Select(column => column.Name).ToHashSet(StringComparer.Ordinal);
        var gone = fields.Concat(Mapping.Id).Where(field => !columns.Contains(field)).Distinct().ToList();
        return gone.Count == 0 ? null : new Refused($"The table {table.Name} has no column {string.Join(", ", gone)} any more. Make a new plan.");
    }

    private IReadOnlyList<SqliteColumn> CheckedColumns(SqliteConnection connection)
    {
        var columns = table.Columns(connection);
        if (columns.Count == 0)
        {
            throw new SystemUnavailableException($"'{name}': {file.Path} has no table '{table.Name}'. Correct 'table' in the config.");
        }

        var known = columns.Select(column => column.Name).ToHashSet(StringComparer.Ordinal);
        var unknown = own.MappedFields.Where(field => !known.Contains(field)).Distinct().ToList();
        return unknown.Count == 0
            ? columns
            : throw new SystemUnavailableException(
                $"'{name}': the table '{table.Name}' has no column {string.Join(", ", unknown)}, which the config maps. It has: {string.Join(", ", known)}.");
    }
}
