using Selfsame.Connectors.Rows;
using Selfsame.Core;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Connectors.MongoDb;

/// <summary>The indexes of the accounts' collection: what there is, what is equal under one, and their changes.</summary>
internal sealed class MongoIndexes(MongoCollection accounts, AccountMapping mapping, CrashPoints crashPoints)
{
    private const string People = "people";

    public async Task<IReadOnlyList<MongoIndex>> ReadAsync(CancellationToken cancellation)
        => [.. (await accounts.IndexesAsync(cancellation)).Select(specification => new MongoIndex(specification))];

    /// <summary>
    /// The accounts whose values the server itself holds to be equal under the canonical collation. Records without a value,
    /// or with an empty one, are nobody's doubles and are left out.
    /// </summary>
    public async Task<IReadOnlyList<EqualAccounts>> FindEqualAsync(string field, CancellationToken cancellation)
    {
        var id = BsonDocument.Of([.. mapping.Id.Select((part, index) => ($"p{index}", (BsonValue)$"${part}"))]);
        BsonDocument[] pipeline =
        [
            Stage("$match", MongoIndex.HasValue(field)),
            Stage("$unwind", $"${field}"),
            Stage("$match", MongoIndex.HasValue(field)),
            Stage("$group", BsonDocument.Of((MongoCollection.Id, $"${field}"), (People, BsonDocument.Of(("$addToSet", id))))),
            Stage("$match", BsonDocument.Of(($"{People}.1", BsonDocument.Of(("$exists", true))))),
        ];
        var command = BsonDocument.Of(
            ("aggregate", accounts.Name),
            ("pipeline", BsonValue.OfArray(pipeline)),
            ("collation", MongoIndex.Canonical(field).Specification.Document("collation")),
            ("allowDiskUse", true),
            ("cursor", BsonDocument.Empty));
        var groups = await accounts.Database.ReadListAsync(command, cancellation, patience: MongoPatience.Slow);
        return [.. groups.Select(ToEqual).Where(equal => equal.Accounts.Count > 1).OrderBy(equal => equal.Accounts[0], AccountId.Order)];
    }

    /// <summary>Takes the steps; when one fails, what was done before is taken back.</summary>
    public async Task<WriteOutcome> ChangeAsync(IReadOnlyList<SchemaStep> steps, CancellationToken cancellation)
    {
        var undo = new Stack<Func<Task>>();
        foreach (var step in steps)
        {
            var outcome = await accounts.Database.WritingAsync(() => TakeAsync(steps, step, undo, cancellation));
            if (outcome is Done)
            {
                continue;
            }

            return outcome is Unknown ? outcome : await TakeBackAsync(undo, outcome);
        }

        return new Done();
    }

    private Task<WriteOutcome> TakeAsync(IReadOnlyList<SchemaStep> steps, SchemaStep step, Stack<Func<Task>> undo, CancellationToken cancellation) => step.Action switch
    {
        SchemaAction.CreateIndex => CreateAsync(MongoIndex.Read(step.Definition), undo, cancellation),
        SchemaAction.DropIndex => DropAsync(steps, step, undo, cancellation),
        SchemaAction.DropField => DropFieldAsync(step.Name, cancellation),
        SchemaAction.RequireValue => Task.FromResult<WriteOutcome>(new Refused(
            $"MongoDB requires a field by a validator, which Selfsame does not write: add {step.Name} to the collection's validator by collMod yourself.")),

        // Any document may have any field, and may have it null.
        _ => Task.FromResult<WriteOutcome>(new Done()),
    };

    private async Task<WriteOutcome> CreateAsync(MongoIndex wanted, Stack<Func<Task>> undo, CancellationToken cancellation)
    {
        var present = await ReadAsync(cancellation);
        // The canonical one may stand there under another name, or covering more.
        if (present.Any(index => index.IsSameAs(wanted) || (wanted.Fields is [var field] && wanted.KeepsUnique(field) && index.KeepsUnique(field))))
        {
            return new Done();
        }

        try
        {
            await CreateAsync(wanted);
            undo.Push(() => DropAsync(wanted.Name));
            return new Done();
        }
        catch (MongoErrorException exception) when (exception.Error.Fault == MongoFault.Duplicate)
        {
            return new AlreadyExists(
                wanted.Fields,
                $"The unique index {wanted.Name} can't be made: records have equal values in {string.Join(", ", wanted.Fields)}{(wanted.IsPartial ? "" : ", or several have none")}.");
        }
        catch (MongoErrorException exception) when (exception.Error.Code is MongoError.IndexOptionsConflict or MongoError.IndexKeySpecsConflict)
        {
            // Which of the two codes comes when differs by version: what is there now decides.
            return (await ReadAsync(cancellation)).FirstOrDefault(index => index.IsSameAs(wanted)) is null
                ? new Refused($"The index {wanted.Name} is in conflict with {ConflictWith(wanted, present)}. Drop that one, or let a new plan rebuild it.")
                : new Done();
        }
    }

    private async Task<WriteOutcome> DropAsync(IReadOnlyList<SchemaStep> steps, SchemaStep step, Stack<Func<Task>> undo, CancellationToken cancellation)
    {
        var present = (await ReadAsync(cancellation)).FirstOrDefault(index => index.Name == step.Name);
        if (present is null)
        {
            return new Done();
        }

        if (SchemaSteps.NotDropped(steps, step, present.ToSystemIndex().Definition, definition => present.IsSameAs(MongoIndex.Read(definition))) is { } instead)
        {
            return instead;
        }

        await DropAsync(step.Name);
        crashPoints.Reach(ApplyCrashPoints.IndexDropped);
        undo.Push(() => CreateAsync(present));
        return new Done();
    }

    private async Task<WriteOutcome> DropFieldAsync(string field, CancellationToken cancellation)
    {
        if (UnwritableName(field) is { } refused)
        {
            return refused;
        }

        await accounts.RemoveNullsAsync(field, cancellation);
        return new Done();
    }

    private static async Task<WriteOutcome> TakeBackAsync(Stack<Func<Task>> undo, WriteOutcome because)
    {
        try
        {
            while (undo.TryPop(out var takeBack))
            {
                await takeBack();
            }

            return because;
        }
        catch (IOException exception)
        {
            return new Unknown($"A step failed ({because}), and what was changed before could not be taken back: {exception.Message} Compare the indexes with the plan.");
        }
    }

    // An index is made and dropped once begun: half a change is worse than a late one.
    private Task<BsonDocument> CreateAsync(MongoIndex index) => accounts.Database.RunAsync(
        BsonDocument.Of(
            ("createIndexes", accounts.Name), ("indexes", BsonValue.OfArray([index.Specification])), ("writeConcern", BsonDocument.Of(("w", "majority")))),
        CancellationToken.None,
        patience: MongoPatience.Slow);

    private Task<BsonDocument> DropAsync(string index) => accounts.Database.RunAsync(
        BsonDocument.Of(("dropIndexes", accounts.Name), ("index", index), ("writeConcern", BsonDocument.Of(("w", "majority")))),
        CancellationToken.None,
        patience: MongoPatience.Slow);

    /// <summary>Why a field of that name can't be set by an update, or null.</summary>
    public static Refused? UnwritableName(string field)
        => field.Length == 0 || field.StartsWith('$') || field.AsSpan().IndexOfAny('.', '\0') >= 0
            ? new Refused($"A field named '{field}' can't be set: only whole fields of the document, whose names have no point and do not begin with $.")
            : null;

    private static string ConflictWith(MongoIndex wanted, IReadOnlyList<MongoIndex> present)
        => present.FirstOrDefault(index => index.Name == wanted.Name || index.Fields.SequenceEqual(wanted.Fields)) is { } other
            ? $"the index {other.Name}: {other.ToSystemIndex().Definition}"
            : "an index that was made meanwhile";

    private static BsonDocument Stage(string name, BsonValue value) => BsonDocument.Of((name, value));

    private EqualAccounts ToEqual(BsonDocument group)
    {
        var ids = group.Documents(People)
            .Select(person => mapping.Id.Select((_, index) => person.Find($"p{index}") is { } part ? BsonFields.ToField(part) : FieldValue.Null).ToList())
            .Where(parts => parts.TrueForAll(MongoFilters.CanBeId))
            .Select(parts => new AccountId([.. parts.Select(part => part.ToString())]))
            .Distinct()
            .Order(AccountId.Order);
        return new EqualAccounts(BsonFields.ToField(group.Find(MongoCollection.Id) ?? BsonValue.Null).ToString(), [.. ids]);
    }
}
