using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.MongoDb;

/// <summary>What came of a pass.</summary>
internal sealed record RowPassEnd(WriteOutcome Outcome);

/// <summary>One pass over a list of row writes, within a transaction or not.</summary>
internal sealed class MongoRowPass(MongoDatabase database, string accounts, MongoTransaction? transaction)
{
    private readonly MongoRowSet rows = new(database, transaction);

    /// <summary>How many documents it has changed so far.</summary>
    public int Made { get; private set; }

    public async Task<RowPassEnd> RunAsync(IReadOnlyList<RowWrite> writes, IReadOnlyList<NoReferenceLeft> noneLeft)
    {
        await rows.LoadAsync(writes.Select(Place), CancellationToken.None);
        await rows.LoadAsync(writes.Where(IsRekeying).Select(write => (write.Table, NewKey(write))), CancellationToken.None);
        var looked = false;
        // What refers to whom in between was so when they were made.
        var madeBefore = Enumerable.Range(0, writes.Count).All(index => writes[index].Action == RowAction.Keep || IsMade(writes, index));
        for (var index = 0; index < writes.Count; index++)
        {
            var write = writes[index];
            if (!madeBefore && await FirstLeftAsync(noneLeft, index) is { } early)
            {
                return new RowPassEnd(early);
            }

            if (!looked && write.Action == RowAction.Delete && write.Table == accounts)
            {
                looked = true;
                if (await FirstLeftAsync(noneLeft, null) is { } left)
                {
                    return new RowPassEnd(left);
                }
            }

            var outcome = write.Action != RowAction.Keep && IsMade(writes, index) ? new Done() : await ApplyAsync(write);
            if (outcome is not Done)
            {
                return new RowPassEnd(outcome);
            }
        }

        return new RowPassEnd((madeBefore ? null : await FirstLeftAsync(noneLeft, writes.Count)) ?? (looked ? null : await FirstLeftAsync(noneLeft, null)) ?? (WriteOutcome)new Done());
    }

    private async Task<Drifted?> FirstLeftAsync(IReadOnlyList<NoReferenceLeft> noneLeft, int? afterWrites)
    {
        var references = new MongoReferences(database);
        foreach (var check in noneLeft.Where(check => check.AfterWrites == afterWrites))
        {
            if (await references.HasReferenceAsync(check, transaction))
            {
                return new Drifted($"A reference to the account arrived in {check.Place} meanwhile.");
            }
        }

        return null;
    }

    private Task<WriteOutcome> ApplyAsync(RowWrite write) => write.Action switch
    {
        RowAction.Insert => InsertAsync(write),
        RowAction.Update => UpdateAsync(write),
        RowAction.Keep => Task.FromResult(Changed(write, rows[Place(write)]) ?? (WriteOutcome)new Done()),
        _ => DeleteAsync(write),
    };

    private async Task<WriteOutcome> InsertAsync(RowWrite write)
    {
        var whole = write.After.With(write.Key);
        return rows[Place(write)] is null
            ? await InsertAsync(write.Table, write.Key, BsonFields.ToDocument(whole))
            : new Drifted($"Another document of {write.Table} has its key.");
    }

    private async Task<WriteOutcome> UpdateAsync(RowWrite write)
    {
        var present = rows[Place(write)];
        if (Changed(write, present) is { } changed)
        {
            return changed;
        }

        var unchanged = MongoFilters.Unchanged(present!.Document, write.Before.Keys.Concat(write.After.Keys));
        if (!IsRekeying(write) || !write.After.ContainsKey(MongoCollection.Id))
        {
            var missing = write.After.Where(pair => pair.Value.IsMissing).Select(pair => pair.Key).ToHashSet(StringComparer.Ordinal);
            var set = BsonFields.ToDocument(write.After.Without(missing));
            return await new MongoCollection(database, write.Table).UpdateAsync(unchanged, BsonFields.ToUpdate(write.After), transaction, CancellationToken.None)
                ? Became(write, new MongoRow(Merged(present.Document, set, missing)))
                : Gone(write);
        }

        return await RekeyAsync(write, present, unchanged);
    }

    private static Drifted? Changed(RowWrite write, MongoRow? present)
    {
        var different = present is null ? [] : write.Before.DifferencesFrom(present.Record, "");
        return present is null ? new Drifted($"A document of {write.Table} is gone.")
            : different.Count > 0 ? new Drifted($"A document of {write.Table} changed meanwhile: {string.Join(", ", different)}.")
            : null;
    }

    // The _id of a document can't change: it goes and comes again under the other, which only a transaction makes safe.
    private async Task<WriteOutcome> RekeyAsync(RowWrite write, MongoRow present, BsonDocument unchanged)
    {
        if (transaction is null)
        {
            return new Refused("MongoDB can't change an _id, and without transactions (a replica set) Selfsame does not replace the document. Change the other system's id instead.");
        }

        if (rows[(write.Table, NewKey(write))] is not null)
        {
            return new Drifted($"Another document of {write.Table} has the new key.");
        }

        if (!await new MongoCollection(database, write.Table).DeleteAsync(unchanged, transaction, CancellationToken.None))
        {
            return Gone(write);
        }

        rows[Place(write)] = null;
        return await InsertAsync(write.Table, NewKey(write), Merged(present.Document, BsonFields.ToDocument(write.After), []));
    }

    private async Task<WriteOutcome> DeleteAsync(RowWrite write)
    {
        var present = rows[Place(write)]!;
        var different = write.Before.DifferencesFromWhole(present.Record, write.Key.Keys.ToHashSet(StringComparer.Ordinal), "");
        if (different.Count > 0)
        {
            return new Drifted($"A document of {write.Table} changed meanwhile: {string.Join(", ", different)}.");
        }

        return await new MongoCollection(database, write.Table)
            .DeleteAsync(MongoFilters.Unchanged(present.Document, write.Before.Keys, asAWhole: true), transaction, CancellationToken.None)
            ? Became(write, null)
            : Gone(write);
    }

    private async Task<WriteOutcome> InsertAsync(string table, Fields key, BsonDocument document)
    {
        await new MongoCollection(database, table).InsertAsync(document, transaction, CancellationToken.None);
        Made++;
        rows[(table, key)] = new MongoRow(document);
        return new Done();
    }

    private Done Became(RowWrite write, MongoRow? row)
    {
        Made++;
        rows[Place(write)] = row;
        return new Done();
    }

    private static (string Table, Fields Key) Place(RowWrite write) => (write.Table, write.Key);

    private static bool Holds(MongoRow? row, Fields fields) => row is not null && fields.DifferencesFrom(row.Record, "").Count == 0;

    // A list that was made before, wholly or in part: the document is as this write leaves it, or as a later one of the list does.
    private bool IsMade(IReadOnlyList<RowWrite> writes, int index)
    {
        var key = writes[index].Key;
        var sum = Fields.Empty;
        foreach (var write in writes.Skip(index).Where(write => write.Table == writes[index].Table))
        {
            if (!write.Key.Equals(key))
            {
                continue;
            }

            key = NewKey(write);
            sum = write.Action == RowAction.Insert ? write.After.With(write.Key) : sum.With(write.After);
            var present = rows[(write.Table, key)];
            if (write.Action == RowAction.Delete ? present is null : Holds(present, sum))
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsRekeying(RowWrite write)
        => write.Action == RowAction.Update && write.After.Only(write.Key.Keys).DifferencesFrom(write.Key, "").Count > 0;

    private static Fields NewKey(RowWrite write) => write.Key.With(write.After.Only(write.Key.Keys));

    private static Drifted Gone(RowWrite write) => new($"A document of {write.Table} changed meanwhile.");

    // What $set leaves: fields that are there keep their places, new ones follow.
    private static BsonDocument Merged(BsonDocument document, BsonDocument set, HashSet<string> missing)
    {
        var kept = document.Where(element => !missing.Contains(element.Name)).Select(element => (element.Name, set.Find(element.Name) ?? element.Value));
        var added = set.Where(element => document.Find(element.Name) is null).Select(element => (element.Name, element.Value));
        return BsonDocument.Of([.. kept, .. added]);
    }
}
