using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Postgres;

/// <summary>The statements on single accounts of one table.</summary>
internal sealed class PostgresAccounts(PostgresSession session, PostgresTable table, AccountMapping mapping)
{
    /// <summary>Those of the ids that are there; each row is locked where <paramref name="locked"/> says so.</summary>
    public async Task<IReadOnlyList<Account>> ReadAsync(IReadOnlyList<AccountId> ids, bool locked)
    {
        var ending = locked ? " FOR UPDATE OF t" : "";
        session.Need(table, locked ? ["SELECT", "UPDATE"] : ["SELECT"]);
        var asked = ids.ToHashSet();
        var possible = asked.Where(IsPossible).ToList();
        var columns = mapping.Id.Select(name => table[name]).ToList();
        var statement = new PostgresStatement();
        var lists = columns.Select((_, part) => statement.Texts(possible.Select(id => id.Parts[part])));
        var condition = columns.Select((column, part) => SpelledEither(column, $"v.k{part}"));
        statement.Sql =
            $"SELECT {table.SelectedColumns} FROM {table.Quoted} t JOIN unnest({string.Join(", ", lists)}) v({string.Join(", ", columns.Select((_, part) => $"k{part}"))}) "
            + $"ON {string.Join(" AND ", condition)}{ending}";
        var records = await session.QueryAsync(statement, reader => table.Record(reader));
        return [.. records.Select(mapping.ToAccount).OfType<Account>().Where(account => asked.Contains(account.Id))];
    }

    public async Task<IReadOnlyList<Account>> FindAsync(IReadOnlyDictionary<IdentifierKind, IReadOnlyList<string>> identifiers)
    {
        session.Need(table, "SELECT");
        var statements = identifiers.Where(pair => mapping.Identifiers.ContainsKey(pair.Key) && pair.Value.Count > 0)
            .SelectMany(pair => Finding(table[mapping.Identifiers[pair.Key]], pair.Value)).ToList();
        var found = await session.QueryAsync(statements, (reader, _) => table.Record(reader));
        return [.. found.SelectMany(rows => rows).Select(mapping.ToAccount).OfType<Account>().DistinctBy(account => account.Id)];
    }

    public async Task<WriteOutcome> InsertAsync(Fields fields)
    {
        session.Need(table, "INSERT");
        return ExactlyOne((await session.ExecuteAsync([PostgresWrites.Insert(table, fields)]))[0]);
    }

    public async Task<WriteOutcome> UpdateAsync(Fields id, Fields set)
    {
        session.Need(table, "SELECT", "UPDATE");
        return PostgresWrites.Update(table, id, set) is { } statement ? ExactlyOne((await session.ExecuteAsync([statement]))[0]) : new Done();
    }

    public async Task<WriteOutcome> DeleteAsync(Fields id)
    {
        if (table.Undeletable is { } undeletable)
        {
            return new Refused(undeletable);
        }

        session.Need(table, "SELECT", "DELETE");
        return ExactlyOne((await session.ExecuteAsync([PostgresWrites.Delete(table, id)]))[0]);
    }

    private static WriteOutcome ExactlyOne(int rows)
        => rows == 1 ? new Done() : new Refused($"The change would have hit {rows} rows; it was taken back. A trigger or a rule of the table may be the reason.");

    private bool IsPossible(AccountId id)
        => id.Parts.Count == mapping.Id.Count && mapping.Id.Zip(id.Parts).All(pair => table[pair.First].CanHold(pair.Second));

    // A uuid in a text column may stand in capitals.
    private static string SpelledEither(PostgresColumn column, string value)
        => column.IsText ? $"t.{column.Quoted} IN ({value}::{column.TypeName}, upper({value})::{column.TypeName})" : column.HoldsText(value);

    // Equal text is equal in lower case too. An equality of the column's own may hold more to be equal: that is a statement of its own, so that each can use its index.
    private IEnumerable<PostgresStatement> Finding(PostgresColumn column, IReadOnlyList<string> values)
    {
        var possible = values.Where(value => !value.Contains('\0', StringComparison.Ordinal)).ToList();
        var written = column.IsText ? $"t.{column.Quoted}" : $"t.{column.Quoted}::text";
        var own = new PostgresStatement();
        own.Sql = $"SELECT {table.SelectedColumns} FROM {table.Quoted} t WHERE {written} IN (SELECT v{(column.IsText ? $"::{column.TypeName}" : "")} FROM unnest({own.Texts(possible)}) v)";
        var folded = new PostgresStatement();
        folded.Sql = $"SELECT {table.SelectedColumns} FROM {table.Quoted} t WHERE lower({written}) IN (SELECT lower(v) FROM unnest({folded.Texts(possible)}) v)";
        return column.ComparesLoosely ? [own, folded] : [folded];
    }
}
