using Selfsame.Core.Accounts;
using Selfsame.Databases;

namespace Selfsame.Connectors.Postgres;

/// <summary>
/// Several rows' changes in one transaction: all rows are locked and read, compared in memory, and written in batches. The lock on an account
/// also keeps others from inserting a row whose foreign key refers to it.
/// </summary>
internal sealed class PostgresRows(string system, PostgresSession session, PostgresTable accounts, KnownShapes shapes)
{
    private const int StatementsPerBatch = 1000;

    private readonly PostgresReferences references = new(system, session, accounts);
    private readonly IReadOnlyDictionary<string, PostgresTable> tables = shapes.Tables;
    private readonly ILookup<uint, PostgresForeignKey> foreignKeys = shapes.ForeignKeys;

    public async Task<WriteOutcome> WriteAsync(IReadOnlyList<RowWrite> given, IReadOnlyList<NoReferenceLeft> noneLeft)
    {
        if (given.Select(Missing).FirstOrDefault(refusal => refusal is not null) is { } missing)
        {
            return missing;
        }

        var (keys, writes) = await AsStoredAsync(given);
        Need(writes);
        var present = new RowsPresent(tables, await FindAsync(session, tables, keys, " FOR UPDATE OF t"));
        var deletesAccounts = writes.Any(IsAccountDeletion);
        if (present.AreMade(writes))
        {
            return deletesAccounts ? new Done() : await LeftAsync(noneLeft) ?? new Done();
        }

        var todo = new List<RowWrite>();
        foreach (var write in writes)
        {
            switch (present.Take(write))
            {
                case null: break;
                case Done: todo.Add(write); break;
                case var outcome: return outcome;
            }
        }

        return await MakeAsync(todo, noneLeft, checkAtEnd: !deletesAccounts);
    }

    /// <summary>Makes the writes in as few round trips as can be: what must be known before a deletion is asked together with what is written before it.</summary>
    private async Task<WriteOutcome> MakeAsync(List<RowWrite> todo, IReadOnlyList<NoReferenceLeft> noneLeft, bool checkAtEnd)
    {
        var mustCheck = true;
        var waiting = new List<(PostgresStatement Statement, string Table)>();
        foreach (var run in RowRuns.Of(todo, shapes))
        {
            var questions = run.First.Action == RowAction.Delete ? WouldCascade(run.Writes) : [];
            if (mustCheck && IsAccountDeletion(run.First))
            {
                mustCheck = false;
                questions = [.. references.AnyLeft(noneLeft, tables), .. questions];
            }

            var inOneStatement = run is { MovesKeys: true, Writes.Count: > 1 };
            if ((questions.Count > 0 || inOneStatement) && await SendAsync(waiting, questions) is { } outcome)
            {
                return outcome;
            }

            if (inOneStatement && await MakeInOneStatementAsync(run.Writes) is { } refused)
            {
                return refused;
            }

            waiting.AddRange(inOneStatement ? [] : PostgresWrites.Grouped(tables, run.Writes).Select(statement => (statement, run.First.Table)));
        }

        return await SendAsync(waiting, mustCheck && checkAtEnd ? references.AnyLeft(noneLeft, tables) : []) ?? new Done();
    }

    /// <summary>Sends what waits, and the questions after it; what speaks against going on, or null.</summary>
    private async Task<WriteOutcome?> SendAsync(List<(PostgresStatement Statement, string Table)> waiting, IReadOnlyList<PostgresQuestion> questions)
    {
        while (waiting.Count > StatementsPerBatch)
        {
            var (changed, _) = await session.ExecuteAsync([.. waiting.Take(StatementsPerBatch).Select(write => write.Statement)], []);
            if (NotAsMany(waiting, changed) is { } refused)
            {
                return refused;
            }

            waiting.RemoveRange(0, StatementsPerBatch);
        }

        var (last, answers) = await session.ExecuteAsync([.. waiting.Select(write => write.Statement)], [.. questions.Select(question => question.Statement)]);
        var outcome = NotAsMany(waiting, last) ?? PostgresQuestion.FirstAgainst(questions, answers);
        waiting.Clear();
        return outcome;
    }

    private static Refused? NotAsMany(List<(PostgresStatement Statement, string Table)> sent, IReadOnlyList<int> changed)
        => sent.Zip(changed).Where(pair => pair.First.Statement.Rows != pair.Second).Select(pair => NotOne(pair.First.Table)).FirstOrDefault();

    // A foreign key that is not deferrable is checked at the end of each statement: an id and what refers to it can only change in one.
    private async Task<WriteOutcome?> MakeInOneStatementAsync(IReadOnlyList<RowWrite> run)
    {
        var whole = new PostgresStatement();
        var parts = run.GroupBy(write => PostgresWrites.GroupOf(tables[write.Table], write) ?? $"{write.Table} {write.Key}")
            .Select((writes, number) => $"w{number} AS ({PostgresWrites.UpdateText(whole, tables[writes.First().Table], [.. writes])} RETURNING 1)").ToList();
        whole.Sql = $"WITH {string.Join(", ", parts)} SELECT {string.Join(" + ", parts.Select((_, number) => $"(SELECT count(*) FROM w{number})"))}";
        var changed = (await session.QueryAsync(whole, reader => reader.GetInt64(0))).Single();
        return changed == run.Count ? null : NotOne(run[0].Table);
    }

    private static Refused NotOne(string table)
        => new($"A write to {table} would not have changed exactly one row; everything was taken back. A trigger or a rule of the table may be the reason.");

    private Task<WriteOutcome?> LeftAsync(IReadOnlyList<NoReferenceLeft> noneLeft) => SendAsync([], references.AnyLeft(noneLeft, tables));

    /// <summary>Asks how many rows the server would go on to by itself from a deletion.</summary>
    private List<PostgresQuestion> WouldCascade(IReadOnlyList<RowWrite> run)
    {
        var table = tables[run[0].Table];
        return [.. foreignKeys[table.Id].Where(key => key.Cascades).Select(key =>
        {
            var statement = new PostgresStatement();
            var join = string.Join(" AND ", key.AccountFields.Zip(key.Fields, (to, field) => $"t.{table[to].Quoted} = r.{DialectText.Quote(field)}"));
            statement.Sql =
                $"SELECT count(*) FROM {table.Quoted} t JOIN {DialectText.QuoteQualified(key.Table)} r ON {join} "
                + $"JOIN {Keys(statement, [.. run.Select(write => write.Key)])} ON {table.HoldsListed(run[0].Key)}";
            return new PostgresQuestion(statement, $"Deleting {run.Count} rows of {table.Name} would change other rows by itself: ", rows => $"{rows} of {key.Table} by {string.Join('+', key.Fields)} (ON DELETE {key.OnDelete})");
        })];
    }

    /// <summary>The writes with values as the columns hold them, and all keys whose rows take part.</summary>
    private async Task<(IReadOnlyList<(string Table, Fields Key)> Keys, IReadOnlyList<RowWrite> Writes)> AsStoredAsync(IReadOnlyList<RowWrite> writes)
    {
        var stored = await PostgresStored.ReadAsync(session, tables, writes);
        var converted = writes.Select(stored.Of).ToList();
        return ([.. converted.SelectMany(write => new[] { (write.Table, write.Key), (write.Table, write.KeyAfter) }).Distinct()], converted);
    }

    /// <summary>The rows under these keys as they are now, in the same order; null for one that is not there.</summary>
    public static async Task<IReadOnlyList<Fields?>> ReadAsync(string system, PostgresSession session, IReadOnlyList<(string Table, Fields Key)> keys)
    {
        var tables = await PostgresTable.LoadAsync(session, [.. keys.Select(key => key.Table)]);
        var gone = keys.Where(key => !key.Key.Keys.All(tables[key.Table].Has)).Select(key => key.Table).FirstOrDefault();
        if (gone is not null)
        {
            throw new SystemUnavailableException($"'{system}': the table '{gone}' or a column of its key is not there any more. Make a new plan.");
        }

        var rows = await FindAsync(session, tables, [.. keys.Distinct()], "");
        return [.. keys.Select(key => rows[key].FirstOrDefault())];
    }

    private static async Task<IReadOnlyDictionary<(string Table, Fields Key), List<Fields>>> FindAsync(
        PostgresSession session, IReadOnlyDictionary<string, PostgresTable> tables, IReadOnlyList<(string Table, Fields Key)> keys, string ending)
    {
        // Everybody who locks in this order waits instead of dying of a deadlock.
        var groups = keys.OrderBy(key => key.Table, StringComparer.Ordinal).ThenBy(key => key.Key.ToString(), StringComparer.Ordinal)
            .GroupBy(key => (key.Table, Shape: ShapeOf(key.Key)))
            .Select(group => (Table: tables[group.Key.Table], Keys: group.Select(key => key.Key).ToList())).ToList();
        var statements = groups.Select(group =>
        {
            session.Need(group.Table, "SELECT");
            var statement = new PostgresStatement();
            statement.Sql =
                $"SELECT v.number, {group.Table.SelectedColumns} FROM {group.Table.Quoted} t JOIN {Keys(statement, group.Keys)} "
                + $"ON {group.Table.HoldsListed(group.Keys[0])} ORDER BY v.number{ending}";
            return statement;
        }).ToList();
        var found = await session.QueryAsync(statements, (reader, number) => (Key: (int)reader.GetInt64(0) - 1, Row: groups[number].Table.Record(reader, 1)));
        var rows = keys.ToDictionary(key => key, _ => new List<Fields>());
        foreach (var (group, result) in groups.Zip(found))
        {
            foreach (var (key, row) in result)
            {
                rows[(group.Table.Name, group.Keys[key])].Add(row);
            }
        }

        return rows;
    }

    /// <summary>Keys of one shape have the same fields, and are null in the same: they can stand in one list.</summary>
    public static string ShapeOf(Fields key) => string.Join('\0', key.Select(pair => $"{pair.Key}{(pair.Value.IsNull ? "?" : "=")}"));

    private static string Keys(PostgresStatement statement, List<Fields> keys)
    {
        var lists = keys[0].Keys.Select(name => statement.Texts(keys.Select(key => PostgresColumn.TextOf(key[name]))));
        return $"unnest({string.Join(", ", lists)}) WITH ORDINALITY v({string.Join(", ", keys[0].Keys.Select((_, index) => $"k{index}"))}, number)";
    }

    private Refused? Missing(RowWrite write)
    {
        var table = tables[write.Table];
        if (table.Id == 0)
        {
            return new Refused($"There is no table {write.Table} any more. Make a new plan.");
        }

        var gone = write.Key.Keys.Concat(write.Before.Keys).Concat(write.After.Keys).Distinct().Where(field => !table.Has(field)).ToList();
        return gone.Count == 0 ? null : new Refused($"The table {write.Table} has no column {string.Join(", ", gone)} any more. Make a new plan.");
    }

    private void Need(IReadOnlyList<RowWrite> writes)
    {
        foreach (var write in writes)
        {
            session.Need(tables[write.Table], "SELECT", "UPDATE", write.Action switch { RowAction.Insert => "INSERT", RowAction.Delete => "DELETE", _ => "UPDATE" });
        }
    }

    private bool IsAccountDeletion(RowWrite write) => write.Action == RowAction.Delete && tables[write.Table].Id == accounts.Id;
}
