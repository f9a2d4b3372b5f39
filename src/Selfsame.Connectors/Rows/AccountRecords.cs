using Selfsame.Core;
using Selfsame.Core.Accounts;
using Selfsame.Core.Identifiers;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Connectors.Rows;

/// <summary>
/// What belongs to an account besides its own row: records of further types, and the user code. Read, they are part of the account; written, all rows
/// change as one, in one transaction where the system has them. Elsewhere the account's own row is made last: where it is, all is.
/// </summary>
internal sealed class AccountRecords
{
    private const int MostLooks = 4;

    private readonly SystemConfig config;
    private readonly IWritesTogether system;
    private readonly string? primaryKey;
    private readonly TimeProvider clock;
    private readonly RandomSource random;
    private readonly HashSet<string> recordFields;
    private bool indexSeen;

    private AccountRecords(SystemConfig config, IWritesTogether system, string? primaryKey, TimeProvider clock, RandomSource random)
    {
        this.config = config;
        this.system = system;
        this.primaryKey = primaryKey;
        this.clock = clock;
        this.random = random;
        recordFields = config.Records.SelectMany(FieldsOf).ToHashSet(StringComparer.Ordinal);
    }

    /// <summary>Null where the config has neither further records nor a code.</summary>
    /// <param name="config">The system's.</param>
    /// <param name="system">Reads and writes single rows; it also inspects its indexes.</param>
    /// <param name="primaryKey">A field that is unique in every table by itself (<c>_id</c>), which a record takes the account's id in too; or null.</param>
    /// <param name="clock">For the code's year.</param>
    /// <param name="random">For the code.</param>
    public static AccountRecords? Of(SystemConfig config, IWritesTogether system, string? primaryKey, TimeProvider clock, RandomSource random)
        => config.Records.Count > 0 || config.UserCode is not null ? new AccountRecords(config, system, primaryKey, clock, random) : null;

    /// <summary>The part of a mapping that stands in the account's own row.</summary>
    public static AccountMapping OwnPart(SystemConfig config)
    {
        var others = config.Records.SelectMany(record => record.Fields.Values.Select(record.InAccount)).ToHashSet(StringComparer.Ordinal);
        return config.Mapping with
        {
            Identifiers = config.Mapping.Identifiers.Where(pair => !others.Contains(pair.Value)).ToDictionary(pair => pair.Key, pair => pair.Value),
            Attributes = config.Mapping.Attributes.Where(pair => !others.Contains(pair.Value.Field)).ToDictionary(pair => pair.Key, pair => pair.Value, StringComparer.Ordinal),
        };
    }

    /// <summary>The accounts with what stands in their records, read in bulk.</summary>
    public async Task<IReadOnlyList<Account>> JoinAsync(IReadOnlyList<Account> accounts, CancellationToken cancellation)
    {
        var types = config.Records;
        if (types.Count == 0 || accounts.Count == 0)
        {
            return accounts;
        }

        var rows = await system.ReadRowsAsync([.. accounts.SelectMany(account => types.Select(type => Place(type, IdOf(account.Record))))], cancellation);
        return [.. accounts.Select((account, index) => config.Mapping.ToAccount(account.Record.With(new Fields(
            types.SelectMany((type, number) => Joined(type, rows[(index * types.Count) + number], account)))))!)];
    }

    private IEnumerable<KeyValuePair<string, FieldValue>> Joined(RecordConfig type, Fields? row, Account account)
        => type.IsForEach
            ? [KeyValuePair.Create(type.Presence, row is null ? FieldValue.Null : IdOf(account.Record))]
            : type.Fields.Values.Distinct().Select(field => KeyValuePair.Create(type.InAccount(field), row?.ValueOrNull(field) ?? FieldValue.Null));

    /// <summary>A bulk read of whole accounts as one of a few fields.</summary>
    public static async IAsyncEnumerable<ReadPart> AsFieldsAsync(IAsyncEnumerable<ReadPart> parts, IReadOnlyList<string> fields)
    {
        await foreach (var part in parts)
        {
            if (part is not ReadAccounts some)
            {
                yield return part;
                continue;
            }

            var rows = new FieldRows(fields.Count);
            foreach (var value in some.Accounts.SelectMany(account => fields.Select(account.Record.ValueOrNull)))
            {
                rows.Add(value);
            }

            yield return new ReadFields(rows);
        }
    }

    /// <summary>Makes the account with its records and its code. What an attempt whose answer was lost left half-made is completed.</summary>
    public async Task<WriteOutcome> CreateAsync(Fields fields, CancellationToken cancellation)
    {
        if (config.UserCode is { } code && fields.ValueOrNull(code.Field).IsNull && !await IsUniqueAsync(cancellation))
        {
            return NoCode(code);
        }

        var accountFirst = (await system.DescribeAsync(cancellation)).AtomicPreconditions;
        WriteOutcome outcome = new Unavailable($"'{config.Name}' changes too fast to make an account and its records. Try again.");
        for (var (look, codes) = (1, 0); look <= MostLooks; look++)
        {
            var whole = WithCode(fields, codes);
            var (writes, isThere) = await MissingAsync(whole, accountFirst, cancellation);
            if (isThere)
            {
                return new AlreadyExists(config.Mapping.Id, $"{config.Name} has an account with this id.");
            }

            outcome = await system.WriteTogetherAsync(writes, [], cancellation);
            if (outcome is AlreadyExists exists && await IsCodeTakenAsync(exists, fields, whole, cancellation) && codes < UserCode.MostTries)
            {
                codes++;
                look--;
            }
            else if (outcome is not (AlreadyExists or Drifted))
            {
                return outcome;
            }
        }

        return outcome is Drifted drifted ? new Unavailable(drifted.Message) : outcome;
    }

    /// <summary>Sets fields of an account and of its records, which are made where they are missing.</summary>
    public async Task<WriteOutcome> UpdateAsync(Account present, Fields set, Fields precondition, CancellationToken cancellation)
    {
        if (config.UserCode is { } code && set.ValueOrNull(code.Field).AsText is not null && !await IsUniqueAsync(cancellation))
        {
            return NoCode(code);
        }

        var id = IdOf(present.Record);
        var writes = new List<RowWrite>();
        if (set.Without(recordFields) is { Count: > 0 } own)
        {
            writes.Add(new RowWrite
            {
                Table = system.AccountsTable,
                Action = RowAction.Update,
                Key = present.Record.Only(config.Mapping.Id),
                Before = present.Record.OrMissing(own.Keys.Concat(precondition.Without(recordFields).Keys)),
                After = own,
            });
        }

        var types = config.Records.Where(record => FieldsOf(record).Any(set.ContainsKey)).ToList();
        var rows = await system.ReadRowsAsync([.. types.Select(type => Place(type, id))], cancellation);
        foreach (var (type, row) in types.Zip(rows))
        {
            var part = PartOf(type, set);
            if (type.IsForEach && set[type.Presence] is { IsNull: true } or { IsMissing: true })
            {
                // What a completion made is taken back.
                writes.AddRange(row is null ? [] : [Deletion(type, id, row)]);
            }
            else if (row is null)
            {
                writes.Add(Insertion(type, id, part));
            }
            else if (!type.IsForEach)
            {
                writes.Add(new RowWrite { Table = type.Table, Action = RowAction.Update, Key = Place(type, id).Key, Before = row.OrMissing(part.Keys), After = part });
            }
        }

        return await system.WriteTogetherAsync(writes, [], cancellation);
    }

    /// <summary>Deletes an account with its records.</summary>
    public async Task<WriteOutcome> DeleteAsync(Account present, CancellationToken cancellation)
    {
        var id = IdOf(present.Record);
        var rows = await system.ReadRowsAsync([.. config.Records.Select(type => Place(type, id))], cancellation);
        var writes = config.Records.Zip(rows).Where(pair => pair.Second is not null)
            .Select(pair => Deletion(pair.First, id, pair.Second!))
            .Append(new RowWrite
            {
                Table = system.AccountsTable,
                Action = RowAction.Delete,
                Key = present.Record.Only(config.Mapping.Id),
                Before = present.Record.Without(recordFields),
                After = Fields.Empty,
            });
        return await system.WriteTogetherAsync([.. writes], [], cancellation);
    }

    /// <summary>Makes a code and keeps nothing; null where the config gives none.</summary>
    public async Task<UserCodeTrial?> TryCodeAsync(CancellationToken cancellation)
    {
        if (config.UserCode is null)
        {
            return null;
        }

        var index = await UniqueIndexAsync(cancellation);
        for (var codes = 0; codes < UserCode.MostTries; codes++)
        {
            var code = NewCode(codes);
            if (!await IsTakenAsync(code, cancellation))
            {
                return new UserCodeTrial(code, index?.Name ?? "");
            }
        }

        return new UserCodeTrial("", index?.Name ?? "");
    }

    /// <summary>Why the one account that was read does not hold the precondition; null where it does.</summary>
    public static Drifted? Changed(IReadOnlyList<Account> read, Fields precondition)
        => read.Count != 1 ? new Drifted(read.Count == 0 ? "It is gone." : $"{read.Count} rows have its id.")
            : precondition.DifferencesFrom(read[0].Record, "") is { Count: > 0 } different ? new Drifted($"It changed meanwhile: {string.Join(", ", different)}.")
            : null;

    /// <summary>A change that reads first: where reading fails, nothing was changed.</summary>
    public static async Task<WriteOutcome> GuardAsync(Func<Task<WriteOutcome>> change)
    {
        try
        {
            return await change();
        }
        catch (SystemUnavailableException exception)
        {
            return new Unavailable(exception.Message);
        }
    }

    /// <summary>The writes that are still to be made, and whether the account itself is there.</summary>
    private async Task<(IReadOnlyList<RowWrite> Writes, bool IsThere)> MissingAsync(Fields whole, bool accountFirst, CancellationToken cancellation)
    {
        var id = IdOf(whole);
        var key = whole.Only(config.Mapping.Id);
        var wanted = config.Records.Select(type => (Type: type, Part: PartOf(type, whole))).Where(pair => pair.Type.Fields.Count == 0 || pair.Part.Values.Any(value => !value.IsNull)).ToList();
        var rows = await system.ReadRowsAsync([(system.AccountsTable, key), .. wanted.Select(pair => Place(pair.Type, id))], cancellation);
        var account = new RowWrite { Table = system.AccountsTable, Action = RowAction.Insert, Key = key, Before = Fields.Empty, After = whole.Without(recordFields) };
        var records = wanted.Zip(rows.Skip(1)).Where(pair => pair.Second is null).Select(pair => Insertion(pair.First.Type, id, pair.First.Part));
        return (accountFirst ? [account, .. records] : [.. records, account], rows[0] is not null);
    }

    private RowWrite Insertion(RecordConfig type, FieldValue id, Fields part)
    {
        var after = part.With(new Fields([KeyValuePair.Create(type.Id, id)]));
        if (primaryKey is not null && !after.ContainsKey(primaryKey))
        {
            // Two who make the record at once can't both succeed, whatever indexes there are.
            after = after.With(new Fields([KeyValuePair.Create(primaryKey, id)]));
        }

        return new RowWrite { Table = type.Table, Action = RowAction.Insert, Key = Place(type, id).Key, Before = Fields.Empty, After = after };
    }

    private static RowWrite Deletion(RecordConfig type, FieldValue id, Fields row)
        => new() { Table = type.Table, Action = RowAction.Delete, Key = Place(type, id).Key, Before = row, After = Fields.Empty };

    private Refused NoCode(UserCodeConfig code)
        => new($"'{config.Name}': no unique index keeps '{code.Field}' to one account, so a code can't be given. Make one: selfsame plan -o plan.json, under whatever name.");

    /// <summary>The fields in the account's record that stand in a further one.</summary>
    private static IEnumerable<string> FieldsOf(RecordConfig type) => type.IsForEach ? [type.Presence] : type.Fields.Values.Select(type.InAccount);

    private static (string Table, Fields Key) Place(RecordConfig type, FieldValue id) => (type.Table, new Fields([KeyValuePair.Create(type.Id, id)]));

    private static Fields PartOf(RecordConfig type, Fields whole)
        => new(type.Fields.Values.Distinct().Where(field => whole.ContainsKey(type.InAccount(field))).Select(field => KeyValuePair.Create(field, whole[type.InAccount(field)])));

    private FieldValue IdOf(Fields record) => record[config.Mapping.Id[0]];

    private Fields WithCode(Fields fields, int codes)
        => config.UserCode is { } code && fields.ValueOrNull(code.Field).IsNull
            ? fields.With(new Fields([KeyValuePair.Create(code.Field, FieldValue.Text(NewCode(codes)))]))
            : fields;

    private string NewCode(int tries)
        => UserCode.CreateAnew(config.UserCode!.Prefix, clock.GetUtcNow().Year, tries, random).Key;

    // Before 4.4 MongoDB names no field: then the code itself is looked for.
    private async Task<bool> IsCodeTakenAsync(AlreadyExists exists, Fields asked, Fields whole, CancellationToken cancellation)
        => config.UserCode is { } code && asked.ValueOrNull(code.Field).IsNull
            && (exists.Fields.Contains(code.Field) || (exists.Fields.Count == 0 && await IsTakenAsync(whole[code.Field].ToString(), cancellation)));

    private async Task<bool> IsTakenAsync(string code, CancellationToken cancellation)
        => system is IFindsAccounts finding
            && (await finding.FindAsync(new Dictionary<IdentifierKind, IReadOnlyList<string>> { [IdentifierKind.UserCode] = [code] }, cancellation)).Count > 0;

    private async Task<bool> IsUniqueAsync(CancellationToken cancellation)
        => indexSeen = indexSeen || await UniqueIndexAsync(cancellation) is not null;

    /// <summary>The index that keeps codes unique. What it is called does not matter (CASES 19).</summary>
    private async Task<SystemIndex?> UniqueIndexAsync(CancellationToken cancellation)
        => (await ((IInspectsIndexes)system).ReadIndexesAsync(cancellation)).FirstOrDefault(index =>
            (index.Unique && index.Predicate is null && index.Fields.SequenceEqual([config.UserCode!.Field]))
            || (system is IHasCanonicalIndexes canonical && canonical.IsCanonical(index, IdentifierKind.UserCode)));
}
