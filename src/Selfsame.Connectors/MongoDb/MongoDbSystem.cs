using System.Runtime.CompilerServices;
using Selfsame.Connectors.Rows;
using Selfsame.Core;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Connectors.MongoDb;

/// <summary>
/// One collection of a MongoDB database, as a connected system. Each change is one command whose filter holds the whole
/// precondition, or one transaction where several documents change together and the server has transactions.
/// </summary>
public sealed class MongoDbSystem
    : IReadsAccounts, IReadsAccountsById, IFindsAccounts, ICreatesAccounts, IUpdatesAccounts, IDeletesAccounts,
        IHasReferences, IWritesTogether, IHasCanonicalIndexes, IChangesSchema, IMakesUserCodes, IProbesPermissions
{
    private const int BatchSize = 5000;
    private const int IdsPerQuery = 1000;

    private readonly IMongoConnection connection;
    private readonly MongoDatabase database;
    private readonly MongoCollection accounts;
    private readonly MongoIndexes indexes;
    private readonly MongoReferences references;
    private readonly MongoRowWrites rowWrites;
    private readonly MongoPermissions permissions;
    private readonly AccountMapping own;
    private readonly IReadOnlyList<ReferencePlace> declared;
    private readonly IReadOnlyList<RecordConfig> recordTypes;
    private readonly AccountRecords? records;

    /// <param name="config">The system, as the config has it.</param>
    /// <param name="clock">For the year of user codes.</param>
    /// <param name="random">For user codes.</param>
    /// <param name="crashPoints">Told when an index is dropped in whose place another is to come.</param>
    public MongoDbSystem(SystemConfig config, TimeProvider? clock = null, RandomSource? random = null, CrashPoints? crashPoints = null)
        : this(config, new LibmongocConnection(config.Name, config.Settings["connection"]), clock, random, crashPoints)
    {
    }

    internal MongoDbSystem(SystemConfig config, IMongoConnection connection, TimeProvider? clock = null, RandomSource? random = null, CrashPoints? crashPoints = null)
    {
        this.connection = connection;
        Mapping = config.Mapping;
        var named = config.Settings.GetValueOrDefault("database") ?? connection.Database;
        database = new MongoDatabase(connection, config.Name, named is { Length: > 0 } ? named : throw new SystemUnavailableException(
            $"'{config.Name}': neither 'connection' nor 'database' says which database it is. Add 'database: NAME'."));
        accounts = new MongoCollection(database, config.Settings["collection"]);
        indexes = new MongoIndexes(accounts, Mapping, crashPoints ?? CrashPoints.None);
        references = new MongoReferences(database);
        rowWrites = new MongoRowWrites(database, accounts.Name);
        permissions = new MongoPermissions(database, config);
        declared = config.References;
        own = AccountRecords.OwnPart(config);
        recordTypes = [.. config.Records.Where(record => !record.IsForEach)];
        records = AccountRecords.Of(config, this, MongoCollection.Id, clock ?? TimeProvider.System, random ?? RandomSource.System);
    }

    /// <summary>What the config may say: <c>connection</c>, <c>collection</c> and <c>database</c>, besides the mapping, <c>records</c> and <c>userCode</c>.</summary>
    public static ConnectorKind Kind { get; } = new()
    {
        Name = "mongodb",
        RecordTableKey = "collection",
        DefaultId = MongoCollection.Id,
        Settings =
        [
            new ConnectorSetting("connection", Required: true),
            new ConnectorSetting("collection", Required: true),
            new ConnectorSetting("database", Required: false),
        ],
    };

    public AccountMapping Mapping { get; }

    public string AccountsTable => accounts.Name;

    public ValueTask DisposeAsync() => connection.DisposeAsync();

    public Task<SystemFacts> DescribeAsync(CancellationToken cancellation) => database.ReadingAsync(async () =>
    {
        var required = (await CollectionAsync(cancellation)).Document("options").Document("validator").Document("$jsonSchema").Document("required");
        var transactions = await rowWrites.HasTransactionsAsync(cancellation);
        return new SystemFacts
        {
            Spelling = new MongoSpelling(Mapping, await MongoSample.ReadAsync(database, accounts.Name, own, recordTypes, cancellation)).Spell,
            CanRequireValues = false,
            TakesChosenId = true,
            AtomicPreconditions = transactions,

            // An _id is changed by making the document anew, which only a transaction makes safe.
            CanChangeIds = transactions || !Mapping.Id.Contains(MongoCollection.Id),
            NotNullFields = required.Select(field => field.Value.AsText ?? "").Append(MongoCollection.Id).ToHashSet(StringComparer.Ordinal),
        };
    });

    public async IAsyncEnumerable<ReadPart> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        await database.ReadingAsync(() => CollectionAsync(cancellation));
        var command = BsonDocument.Of(("find", accounts.Name), ("filter", BsonDocument.Empty), ("batchSize", BatchSize));
        await using var batches = database.ReadAsync(command, cancellation: cancellation).GetAsyncEnumerator(cancellation);
        long count = 0;
        string? idType = null;
        var names = new BsonNames();
        while (await database.ReadingAsync(async () => await batches.MoveNextAsync()))
        {
            var portion = new List<Account>(batches.Current.Count);
            foreach (var document in batches.Current)
            {
                if (TryToAccount(document, names, out var problem) is { } account)
                {
                    portion.Add(account);
                    continue;
                }

                yield return new UnreadableRecord(Where(document), problem);
            }

            idType ??= portion.Count > 0 ? IdType(portion[0]) : null;
            foreach (var twin in await TwinsAsync(portion, idType, cancellation))
            {
                portion.Remove(twin);
                yield return new UnreadableRecord($"{Mapping.Id[0]} {twin.Id}", "its id reads like that of another document, which stores it in another type. Give one of them another id.");
            }

            count += portion.Count;
            if (portion.Count > 0)
            {
                yield return new ReadAccounts(await JoinedAsync(portion, cancellation));
            }
        }

        yield return new ReadEnd(count, Complete: true);
    }

    public Task<IReadOnlyList<Account>> ReadByIdAsync(IReadOnlyList<AccountId> ids, CancellationToken cancellation)
        => database.ReadingAsync<IReadOnlyList<Account>>(async () =>
        {
            var found = new List<Account>();
            foreach (var chunk in ids.Chunk(IdsPerQuery))
            {
                found.AddRange((await RowsAsync(chunk, majority: true, cancellation)).Select(row => row.Account));
            }

            return await JoinedAsync(found, cancellation);
        });

    public Task<IReadOnlyList<Account>> FindAsync(
        IReadOnlyDictionary<IdentifierKind, IReadOnlyList<string>> identifiers, CancellationToken cancellation)
        => database.ReadingAsync<IReadOnlyList<Account>>(async () =>
        {
            var fields = identifiers.Where(pair => own.Identifiers.ContainsKey(pair.Key) && pair.Value.Count > 0)
                .Select(pair => BsonDocument.Of((
                    own.Identifiers[pair.Key], BsonDocument.Of(("$in", BsonValue.OfArray(pair.Value.Select(value => (BsonValue)value)))))))
                .ToList();
            if (fields.Count == 0)
            {
                return [];
            }

            // Equal under en/2 is whatever is equal as it stands, or in another case.
            var command = BsonDocument.Of(
                ("find", accounts.Name), ("filter", BsonDocument.Of(("$or", BsonValue.OfArray(fields)))), ("collation", MongoIndex.Canonical("x").Specification.Document("collation")));
            var documents = await database.ReadListAsync(command, cancellation);
            return await JoinedAsync([.. documents.Select(document => TryToAccount(document, new BsonNames(), out _)).OfType<Account>()], cancellation);
        });

    public Task<WriteOutcome> CreateAsync(AccountId id, Fields fields, CancellationToken cancellation) => database.WritingAsync(async () =>
    {
        if (fields.Keys.FirstOrDefault(field => field.StartsWith('$')) is { } operatorName)
        {
            return new Refused($"A document can't have a field named '{operatorName}'.");
        }

        if (records is not null)
        {
            return await records.CreateAsync(fields, cancellation);
        }

        try
        {
            await accounts.InsertAsync(BsonFields.ToDocument(fields), null, cancellation);
            return new Done();
        }
        catch (MongoErrorException exception) when (exception.Error.Fault == MongoFault.Duplicate)
        {
            return await NamedAsync(exception.Error, cancellation);
        }
    });

    public Task<WriteOutcome> UpdateAsync(AccountId id, Fields set, Fields precondition, CancellationToken cancellation) => WithRowAsync(
        id,
        precondition,
        async (present, filter) =>
        {
            if (records is not null)
            {
                return await records.UpdateAsync(present, set, precondition, cancellation);
            }

            if (set.Keys.Select(MongoIndexes.UnwritableName).FirstOrDefault(refused => refused is not null) is { } unwritable)
            {
                return unwritable;
            }

            return await accounts.UpdateAsync(filter, BsonFields.ToUpdate(set), null, cancellation)
                ? new Done()
                : new Drifted("It changed meanwhile.");
        },
        cancellation);

    public Task<WriteOutcome> DeleteAsync(AccountId id, Fields precondition, CancellationToken cancellation)
        => WithRowAsync(
            id,
            precondition,
            async (present, filter) => records is not null ? await records.DeleteAsync(present, cancellation)
                : await accounts.DeleteAsync(filter, null, cancellation) ? new Done() : new Drifted("It changed meanwhile."),
            cancellation,
            asAWhole: true);

    public Task<IReadOnlyList<ReferencePlace>> FindPlacesAsync(IReadOnlyList<ReferencePlace> declared, CancellationToken cancellation)
        => database.ReadingAsync(() => references.FindPlacesAsync(declared, cancellation));

    public Task<IReadOnlyList<ReferringRow>> ReadReferringAsync(
        IReadOnlyList<ReferencePlace> places, IReadOnlyList<Account> accounts, CancellationToken cancellation)
        => database.ReadingAsync(() => references.ReadReferringAsync(places, accounts, cancellation));

    public Task<IReadOnlyList<ReferringCount>> CountReferringAsync(
        IReadOnlyList<ReferencePlace> places, IReadOnlyList<Account> accounts, CancellationToken cancellation)
        => database.ReadingAsync(() => references.CountReferringAsync(places, accounts, cancellation));

    public Task<IReadOnlyList<ReferenceClash>> FindClashesAsync(
        IReadOnlyList<ReferencePlace> places, IReadOnlyList<Account> accounts, CancellationToken cancellation)
        => database.ReadingAsync(() => references.FindClashesAsync(places, accounts, cancellation));

    public Task<WriteOutcome> WriteTogetherAsync(
        IReadOnlyList<RowWrite> writes, IReadOnlyList<NoReferenceLeft> noneLeft, CancellationToken cancellation)
        => rowWrites.WriteAsync(writes, noneLeft, cancellation);

    public Task<IReadOnlyList<Fields?>> ReadRowsAsync(IReadOnlyList<(string Table, Fields Key)> keys, CancellationToken cancellation)
        => database.ReadingAsync(() => rowWrites.ReadAsync(keys, cancellation));

    public Task<IReadOnlyList<SystemIndex>> ReadIndexesAsync(CancellationToken cancellation)
        => database.ReadingAsync<IReadOnlyList<SystemIndex>>(async () => [.. (await indexes.ReadAsync(cancellation)).Select(index => index.ToSystemIndex())]);

    /// <summary>Unique, ascending, under ICU's English collation of strength 2 (case is ignored, accents count); named <c>field_1</c>.</summary>
    public SystemIndex CanonicalIndex(IdentifierKind kind) => MongoIndex.Canonical(Mapping.Identifiers[kind]).ToSystemIndex();

    public SystemIndex PlainIndex(string field) => MongoIndex.Plain(field).ToSystemIndex();

    public bool IsCanonical(SystemIndex existing, IdentifierKind kind) => MongoIndex.Read(existing.Definition).KeepsUnique(Mapping.Identifiers[kind]);

    public string? JoinsMore(SystemIndex existing, IdentifierKind kind) => MongoIndex.Read(existing.Definition).JoinsMore(Mapping.Identifiers[kind]);

    public Task<IReadOnlyList<EqualAccounts>> FindEqualAsync(IdentifierKind kind, CancellationToken cancellation)
        => database.ReadingAsync(() => indexes.FindEqualAsync(Mapping.Identifiers[kind], cancellation));

    public Task<WriteOutcome> ChangeSchemaAsync(IReadOnlyList<SchemaStep> steps, CancellationToken cancellation) => indexes.ChangeAsync(steps, cancellation);

    public Task<UserCodeTrial?> TryUserCodeAsync(CancellationToken cancellation) => records?.TryCodeAsync(cancellation) ?? Task.FromResult<UserCodeTrial?>(null);

    public async Task<IReadOnlyList<PermissionProbe>> ProbeAsync(CancellationToken cancellation)
    {
        // Whoever is not signed in where one must be is refused here.
        await DescribeAsync(cancellation);
        return await database.ReadingAsync<IReadOnlyList<PermissionProbe>>(async () => [.. await permissions.ProbeAsync(cancellation), .. await references.LostAsync(declared, cancellation)]);
    }

    /// <summary>What the server says of the accounts' collection; one that is not there throws.</summary>
    private async Task<BsonDocument> CollectionAsync(CancellationToken cancellation)
    {
        var found = await database.ReadListAsync(BsonDocument.Of(("listCollections", 1), ("filter", BsonDocument.Of(("name", accounts.Name)))), cancellation);
        return found.Count > 0 ? found[0] : throw new SystemUnavailableException(
            $"'{database.System}': the database '{database.Name}' has no collection '{accounts.Name}'. Correct 'collection' in the config, or create it.");
    }

    private Task<IReadOnlyList<Account>> JoinedAsync(IReadOnlyList<Account> found, CancellationToken cancellation)
        => records?.JoinAsync(found, cancellation) ?? Task.FromResult(found);

    private Task<WriteOutcome> WithRowAsync(
        AccountId id, Fields precondition, Func<Account, BsonDocument, Task<WriteOutcome>> change, CancellationToken cancellation, bool asAWhole = false)
        => database.WritingAsync(async () =>
        {
            var rows = await RowsAsync([id], majority: false, cancellation);
            if (rows.Count != 1)
            {
                return new Drifted(rows.Count == 0 ? "It is gone." : $"{rows.Count} documents have its id.");
            }

            var row = rows[0].Row;
            var present = (await JoinedAsync([rows[0].Account], cancellation))[0];
            var different = precondition.DifferencesFrom(present.Record, "");
            if (different.Count > 0)
            {
                return new Drifted($"It changed meanwhile: {string.Join(", ", different)}.");
            }

            try
            {
                return await change(present, MongoFilters.Unchanged(row.Document, precondition.Keys, asAWhole));
            }
            catch (MongoErrorException exception) when (exception.Error.Fault == MongoFault.Duplicate)
            {
                return await NamedAsync(exception.Error, cancellation);
            }
        });

    private async Task<List<(MongoRow Row, Account Account)>> RowsAsync(IReadOnlyList<AccountId> ids, bool majority, CancellationToken cancellation)
    {
        var asked = ids.ToHashSet();
        var rows = new List<(MongoRow, Account)>();
        foreach (var row in await accounts.FindAsync(MongoFilters.ByIds(Mapping, ids), cancellation, majority: majority))
        {
            if (Mapping.Id.All(field => MongoFilters.CanBeId(row.Record.ValueOrNull(field))) && Mapping.ToAccount(row.Record) is { } account && asked.Contains(account.Id))
            {
                rows.Add((row, account));
            }
        }

        return rows;
    }

    // Those whose id another document bears in another type: "5" and 5, an ObjectId and its hex. Only ids that are not of the usual type are looked up.
    private async Task<List<Account>> TwinsAsync(List<Account> portion, string? usual, CancellationToken cancellation)
    {
        var twins = new List<Account>();
        foreach (var chunk in portion.Where(account => Mapping.Id.Count == 1 && IdType(account) != usual).Chunk(IdsPerQuery))
        {
            var rows = await database.ReadingAsync(() => RowsAsync([.. chunk.Select(account => account.Id)], majority: false, cancellation));
            var several = rows.GroupBy(row => row.Account.Id).Where(group => group.Count() > 1).Select(group => group.Key).ToHashSet();
            twins.AddRange(chunk.Where(account => several.Contains(account.Id)));
        }

        return twins;
    }

    // All numbers are of one type here: the server holds 5 and 5.0 to be the same _id.
    private string IdType(Account account)
        => account.Record[Mapping.Id[0]] is var id && id.AsText is not null ? "text" : id.AsNative is { Type: "objectId" or "uuid" } native ? native.Type : "number";

    // Before 4.4 the server names only the index: its fields stand in listIndexes.
    private async Task<WriteOutcome> NamedAsync(MongoError duplicate, CancellationToken cancellation)
    {
        if (duplicate.Fields.Count > 0)
        {
            return duplicate.ToOutcome();
        }

        try
        {
            var index = (await indexes.ReadAsync(cancellation)).FirstOrDefault(candidate => candidate.Name == duplicate.Index);
            return (duplicate with { Fields = index?.Fields ?? [] }).ToOutcome();
        }
        catch (IOException)
        {
            // That it exists is certain; which field it is stays untold.
            return duplicate.ToOutcome();
        }
    }

    private Account? TryToAccount(BsonDocument document, BsonNames names, out string problem)
    {
        try
        {
            var record = BsonFields.ToFields(document, names);
            var wrong = Mapping.Id.FirstOrDefault(field => !MongoFilters.CanBeId(record.ValueOrNull(field)));
            problem = wrong is null ? "" : $"its id ({wrong}) is missing, or of a type that no text names: use an ObjectId, text, a number or a uuid.";
            return wrong is null ? Mapping.ToAccount(record) : null;
        }
        catch (BsonException exception)
        {
            problem = exception.Message;
            return null;
        }
    }

    private static string Where(BsonDocument document)
        => document.Find(MongoCollection.Id) is { } id ? $"_id {BsonFields.ToField(id)}" : "a document without _id";
}
