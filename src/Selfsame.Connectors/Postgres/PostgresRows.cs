using Selfsame.Core.Accounts;
using Selfsame.Databases;

namespace Selfsame.Connectors.Postgres;

/// <summary>
/// Several rows' changes in one transaction: all rows are locked and read, compared in memory, and written in batches. The lock on an account
/// also keeps others from inserting a row whose foreign key refers to it.
/// </summary>
internal sealed class PostgresRows(string system, PostgresSession session, PostgresTable accounts, KnownShapes shapes)
{
    private const int StepsPerBatch = 1000;

    private readonly PostgresReferences references = new(system, session, accounts);
    private readonly IReadOnlyDictionary<string, PostgresTable> tables = shapes.Tables;
    private readonly ILookup<uint, PostgresForeignKey> foreignKeys = shapes.ForeignKeys;

    /// <param name="given">What is to be written.</param>
    /// <param name="noneLeft">What nothing may refer to any more.</param>
    /// <param name="locked">The rows that take part, where they are locked and read by now.</param>
    public async Task<WriteOutcome> WriteAsync(
        IReadOnlyList<RowWrite> given, IReadOnlyList<NoReferenceLeft> noneLeft, IReadOnlyDictionary<(string Table, Fields Key), List<Fields>>? locked)
    {
        if (given.Select(write => Missing(tables, write) ?? Undeletable(write)).FirstOrDefault(refusal => refusal is not null) is { } refused)
        {
            return refused;
        }

        var writes = given;
        if (locked is null)
        {
            var stored = await PostgresStored.ReadAsync(session, tables, given);
            writes = [.. given.Select(stored.Of)];
            Need(session, tables, writes);
            locked = await FindAsync(session, Locking(tables, writes));
        }

        var present = new RowsPresent(tables, locked);
        var deletesAccounts = writes.Any(IsAccountDeletion);
        if (present.AreMade(writes))
        {
            return deletesAccounts ? new Done() : await session.RunAsync([.. AnyLeft(noneLeft, null)]) ?? new Done();
        }

        // Cut where something is to be checked in between.
        var todo = new List<(List<RowWrite> Writes, int? Until)> { ([], 0), ([], null) };
        var checks = noneLeft.Select(check => check.AfterWrites).OfType<int>().ToHashSet();
        foreach (var (index, write) in writes.Index())
        {
            switch (present.Take(write))
            {
                case null: break;
                case Done: todo[^1].Writes.Add(write); break;
                case var outcome: return outcome;
            }

            if (checks.Contains(index + 1))
            {
                todo[^1] = (todo[^1].Writes, index + 1);
                todo.Add(([], null));
            }
        }

        foreach (var some in Steps(todo, noneLeft, checkAtEnd: !deletesAccounts).Chunk(StepsPerBatch))
        {
            if (await session.RunAsync(some) is { } against)
            {
                return against;
            }
        }

        return new Done();
    }

    /// <summary>Locks and reads the rows that take part.</summary>
    public static RowQuery Locking(IReadOnlyDictionary<string, PostgresTable> tables, IReadOnlyList<RowWrite> writes)
        => new(tables, [.. writes.SelectMany(write => new[] { (write.Table, write.Key), (write.Table, write.KeyAfter) }).Distinct()], " FOR UPDATE OF t");

    /// <summary>
    /// The writes in their order, and before each deletion what must be known then. All of it may go to the server at once: what an answer speaks
    /// against is rolled back.
    /// </summary>
    private IEnumerable<PostgresStep> Steps(List<(List<RowWrite> Writes, int? Until)> todo, IReadOnlyList<NoReferenceLeft> noneLeft, bool checkAtEnd)
    {
        var mustCheck = true;
        foreach (var (writes, until) in todo)
        {
            foreach (var run in RowRuns.Of(writes, shapes))
            {
                var mayLeave = mustCheck && IsAccountDeletion(run.First);
                mustCheck &= !mayLeave;
                foreach (var step in (mayLeave ? AnyLeft(noneLeft, null) : []).Concat(Steps(run)))
                {
                    yield return step;
                }
            }

            foreach (var step in until is null ? [] : AnyLeft(noneLeft, until))
            {
                yield return step;
            }
        }

        foreach (var step in mustCheck && checkAtEnd ? AnyLeft(noneLeft, null) : [])
        {
            yield return step;
        }
    }

    private IEnumerable<PostgresStep> Steps(RowRun run)
    {
        var table = run.First.Table;
        return run switch
        {
            { First.Action: RowAction.Delete } => WouldCascade(run.Writes).Concat(Each(run.Writes)),
            { MovesKeys: true, Writes.Count: > 1 } => [Asked(InOneStatement(run.Writes))],
            _ => Each(run.Writes),
        };

        PostgresStep Asked(PostgresQuestion question) => new(question.Statement, table, question);
    }

    private IEnumerable<PostgresStep> Each(IReadOnlyList<RowWrite> run)
        => PostgresWrites.Grouped(tables, run).Select(statement => new PostgresStep(statement, run[0].Table, null));

    private IEnumerable<PostgresStep> AnyLeft(IReadOnlyList<NoReferenceLeft> noneLeft, int? afterWrites)
        => references.AnyLeft([.. noneLeft.Where(check => check.AfterWrites == afterWrites)], tables).Select(question => new PostgresStep(question.Statement, accounts.Name, question));

    // A foreign key that is not deferrable is checked at the end of each statement: an id and what refers to it can only change in one. How many rows
    // it did not change is what it is asked.
    private PostgresQuestion InOneStatement(IReadOnlyList<RowWrite> run)
    {
        var whole = new PostgresStatement();
        var parts = run.GroupBy(write => PostgresWrites.GroupOf(tables[write.Table], write) ?? $"{write.Table} {write.Key}")
            .Select((writes, number) => $"w{number} AS ({PostgresWrites.UpdateText(whole, tables[writes.First().Table], [.. writes])} RETURNING 1)").ToList();
        whole.Sql = $"WITH {string.Join(", ", parts)} SELECT {run.Count}{string.Concat(parts.Select((_, number) => $" - (SELECT count(*) FROM w{number})"))}";
        return new PostgresQuestion(whole, null, _ => "", _ => PostgresStep.NotOne(run[0].Table));
    }

    /// <summary>Asks how many rows the server would go on to by itself from a deletion.</summary>
    private IEnumerable<PostgresStep> WouldCascade(IReadOnlyList<RowWrite> run)
    {
        var table = tables[run[0].Table];
        return foreignKeys[table.Id].Where(key => key.Cascades).Select(key =>
        {
            var statement = new PostgresStatement();
            var join = string.Join(" AND ", key.AccountFields.Zip(key.Fields, (to, field) => $"t.{table[to].Quoted} = r.{DialectText.Quote(field)}"));
            statement.Sql =
                $"SELECT count(*) FROM {table.Quoted} t JOIN {DialectText.QuoteQualified(key.Table)} r ON {join} "
                + $"JOIN {RowQuery.List(statement, [.. run.Select(write => write.Key)])} ON {table.HoldsListed(run[0].Key)}";
            return new PostgresStep(statement, table.Name, new PostgresQuestion(
                statement,
                $"deleting from {table.Name}",
                rows => $"{rows} of {key.Table} by {string.Join('+', key.Fields)} (ON DELETE {key.OnDelete})",
                said => new Refused($"Deleting {run.Count} rows of {table.Name} would change other rows by itself: {said}. Nothing was changed.")));
        });
    }

    /// <summary>The rows under each of these keys as they are now, in the same order.</summary>
    public static async Task<IReadOnlyList<IReadOnlyList<Fields>>> ReadAsync(string system, PostgresSession session, IReadOnlyList<(string Table, Fields Key)> keys)
    {
        var tables = await PostgresTable.LoadAsync(session, [.. keys.Select(key => key.Table)]);
        var gone = keys.Where(key => !key.Key.Keys.All(tables[key.Table].Has)).Select(key => key.Table).FirstOrDefault();
        if (gone is not null)
        {
            throw new SystemUnavailableException($"'{system}': the table '{gone}' or a column of its key is not there any more. Make a new plan.");
        }

        var rows = await FindAsync(session, new RowQuery(tables, [.. keys.Distinct()], ""));
        return [.. keys.Select(key => rows[key])];
    }

    private static async Task<IReadOnlyDictionary<(string Table, Fields Key), List<Fields>>> FindAsync(PostgresSession session, RowQuery query)
    {
        query.Need(session);
        return query.ByKey(await session.QueryAsync(query.Statements, query.Read));
    }

    /// <summary>What speaks against a write whose table or columns are not there; null when they are.</summary>
    public static Refused? Missing(IReadOnlyDictionary<string, PostgresTable> tables, RowWrite write)
    {
        var table = tables[write.Table];
        if (table.Id == 0)
        {
            return new Refused($"There is no table {write.Table} any more. Make a new plan.");
        }

        var gone = write.Key.Keys.Concat(write.Before.Keys).Concat(write.After.Keys).Distinct().Where(field => !table.Has(field)).ToList();
        return gone.Count == 0 ? null : new Refused($"The table {write.Table} has no column {string.Join(", ", gone)} any more. Make a new plan.");
    }

    public static void Need(PostgresSession session, IReadOnlyDictionary<string, PostgresTable> tables, IReadOnlyList<RowWrite> writes)
    {
        foreach (var write in writes)
        {
            session.Need(tables[write.Table], "SELECT", "UPDATE", write.Action switch { RowAction.Insert => "INSERT", RowAction.Delete => "DELETE", _ => "UPDATE" });
        }
    }

    // A row that goes, or takes another key, has what refers to it follow.
    private Refused? Undeletable(RowWrite write)
        => tables[write.Table].Undeletable is { } problem && (write.Action == RowAction.Delete || !write.KeyAfter.Equals(write.Key)) ? new Refused(problem) : null;

    private bool IsAccountDeletion(RowWrite write) => write.Action == RowAction.Delete && tables[write.Table].Id == accounts.Id;
}
