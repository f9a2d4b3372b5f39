using Microsoft.Data.Sqlite;
using Selfsame.Connectors.Rows;
using Selfsame.Core.Accounts;
using Selfsame.Databases;

namespace Selfsame.Connectors.Sqlite;

/// <summary>
/// The canonical unique index of one table's identifiers, what it holds to be equal, and steps that change the table's shape. The canonical index is
/// one on the column, blind to the case of ASCII, over all but the empty texts, which name nobody.
/// </summary>
internal sealed class SqliteSchema(SqliteTable table, AccountMapping mapping)
{
    // sqlite.org/datatype3.html#collation: NOCASE folds the 26 letters of ASCII.
    private const string Collation = "NOCASE";

    public SystemIndex CanonicalIndex(IdentifierKind kind)
    {
        var column = mapping.Identifiers[kind];
        var name = $"{table.Name}_{column}_selfsame";
        return new SystemIndex
        {
            Name = name,
            Fields = [column],
            Unique = true,
            Collation = Collation,
            Predicate = $"{DialectText.Quote(column)} <> ''",
            Definition = $"CREATE UNIQUE INDEX {DialectText.Quote(name)} ON {table.Quoted} ({DialectText.Quote(column)} COLLATE {Collation}) WHERE {DialectText.Quote(column)} <> ''",
        };
    }

    public SystemIndex PlainIndex(string field)
    {
        var name = $"{table.Name}_{field}_selfsame";
        return new SystemIndex
        {
            Name = name,
            Fields = [field],
            Unique = true,
            Definition = $"CREATE UNIQUE INDEX {DialectText.Quote(name)} ON {table.Quoted} ({DialectText.Quote(field)})",
        };
    }

    public bool IsCanonical(SystemIndex existing, IdentifierKind kind)
        => existing is { Unique: true, Fields: [var field], Collation: { } collation }
            && field == mapping.Identifiers[kind]
            && SqliteCatalog.Same(collation, Collation)
            && (existing.Predicate is null || (IndexDefinition.PredicateOf(existing.Definition) is { } predicate && IndexDefinition.CoversWhatIsNotBlank(predicate, field)));

    /// <summary>Of an expression what it may make one; of the collations that SQLite brings along none joins what our keys tell apart.</summary>
    public string? JoinsMore(SystemIndex existing, IdentifierKind kind)
        => existing is { Unique: true, Fields: [SqliteTable.Expression] } && IndexDefinition.KeyOf(existing.Definition) is { } key
            && IndexExpression.MayJoin(key, mapping.Identifiers[kind])
                ? $"{key} may be one for two different values"
                : null;

    public IReadOnlyList<EqualAccounts> FindEqual(SqliteConnection connection, IdentifierKind kind)
    {
        var column = DialectText.Quote(mapping.Identifiers[kind]);
        var ids = string.Join(", ", mapping.Id.Select(DialectText.Quote));
        using var command = connection.CreateCommand();
        command.CommandText =
            $"""
            SELECT "group of equals", cast("value" AS text), {ids} FROM (
                SELECT {ids}, {column} AS "value",
                    dense_rank() OVER (ORDER BY {column} COLLATE {Collation}) AS "group of equals",
                    count(*) OVER (PARTITION BY {column} COLLATE {Collation}) AS "number of equals"
                FROM {table.Quoted} WHERE {column} <> '')
            WHERE "number of equals" > 1 ORDER BY 1, {ids}
            """;
        using var reader = command.ExecuteReader();
        var found = new List<(long Group, string Value, AccountId Id)>();
        while (reader.Read())
        {
            if (AccountId.FromRecord(SqliteTable.RecordOf(reader, from: 2), mapping.Id) is { } id)
            {
                found.Add((reader.GetInt64(0), reader.GetString(1), id));
            }
        }

        return [.. found.GroupBy(row => row.Group).Where(group => group.Count() > 1)
            .Select(group => new EqualAccounts(group.First().Value, [.. group.Select(row => row.Id)]))];
    }

    /// <summary>Nulls are different from each other here, always; empty texts are equal.</summary>
    public IReadOnlyList<LoneBlank> FindLoneBlanks(SqliteConnection connection, IReadOnlyList<SystemIndex> existing, IdentifierKind kind)
    {
        var column = mapping.Identifiers[kind];
        var found = new List<LoneBlank>();
        foreach (var index in existing.Where(index => index is { Unique: true, Fields: [var field] } && field == column))
        {
            var predicate = IndexDefinition.PredicateOf(index.Definition);
            if (predicate is null || !IndexDefinition.LeavesOutBlanks(predicate, column, isNull: false))
            {
                using var command = connection.CreateCommand();
                command.CommandText = $"SELECT EXISTS (SELECT 1 FROM {table.Quoted} WHERE {DialectText.Quote(column)} = ''{(predicate is null ? "" : $" AND ({predicate})")})";
                found.Add(new LoneBlank(index.Name, IsNull: false, (long)command.ExecuteScalar()! != 0));
            }
        }

        return found;
    }

    public WriteOutcome Change(SqliteConnection connection, SqliteTransaction transaction, IReadOnlyList<SchemaStep> steps)
        => steps.Select(step => Take(connection, transaction, steps, step)).FirstOrDefault(outcome => outcome is not Done) ?? new Done();

    private WriteOutcome Take(SqliteConnection connection, SqliteTransaction transaction, IReadOnlyList<SchemaStep> steps, SchemaStep step)
    {
        var column = table.Columns(connection).FirstOrDefault(column => SqliteCatalog.Same(column.Name, step.Name));
        switch (step.Action)
        {
            case SchemaAction.CreateIndex:
                return CreateIndex(connection, transaction, step);
            case SchemaAction.DropIndex:
                return DropIndex(connection, transaction, steps, step);
            case SchemaAction.AddUuidField when column is null:
                return Execute(connection, transaction, $"ALTER TABLE {table.Quoted} ADD COLUMN {DialectText.Quote(step.Name)} text");
            case SchemaAction.DropField when column is not null:
                return HoldsValues(connection, column.Name)
                    ? SchemaSteps.StillHolds(table.Name, column.Name)
                    : Execute(connection, transaction, $"ALTER TABLE {table.Quoted} DROP COLUMN {DialectText.Quote(column.Name)}");
            case SchemaAction.RequireValue or SchemaAction.AllowNull when column is null:
                return new Refused($"The table {table.Name} has no column {step.Name} any more. Make a new plan.");
            case SchemaAction.RequireValue when column is { NotNull: false }:
                return new Refused(
                    $"SQLite can't make the existing column {step.Name} of {table.Name} NOT NULL. Its unique index stands without that; "
                    + "to have it, make the table anew (sqlite.org/lang_altertable.html, section 7).");
            case SchemaAction.AllowNull when column is { NotNull: true }:
                return new Refused($"SQLite can't let the existing column {step.Name} of {table.Name} be null (sqlite.org/lang_altertable.html, section 7).");
            default:
                return new Done();
        }
    }

    private bool HoldsValues(SqliteConnection connection, string column)
        => SqliteTable.Query(connection, $"SELECT 1 FROM {table.Quoted} WHERE {DialectText.Quote(column)} IS NOT NULL LIMIT 1").Count > 0;

    private WriteOutcome CreateIndex(SqliteConnection connection, SqliteTransaction transaction, SchemaStep step)
    {
        if (!IndexDefinition.IsOneStatement(step.Definition))
        {
            return new Refused($"The definition of the index {step.Name} is not one CREATE INDEX statement. It was not run.");
        }

        if (DefinitionOf(connection, step.Name) is { } present)
        {
            return IndexDefinition.SameAs(present, step.Definition)
                ? new Done()
                : new Refused($"There is an index {step.Name} already, and it is another one. Drop or rename it, or make a new plan.");
        }

        Execute(connection, transaction, step.Definition);
        return table.Indexes(connection).Any(index => index.Name == step.Name)
            ? new Done()
            : new Refused($"The definition of the index {step.Name} makes an index of another name or table. It was taken back.");
    }

    private WriteOutcome DropIndex(SqliteConnection connection, SqliteTransaction transaction, IReadOnlyList<SchemaStep> steps, SchemaStep step)
    {
        var index = table.Indexes(connection).FirstOrDefault(index => index.Name == step.Name);
        return index switch
        {
            null => DefinitionOf(connection, step.Name) is null ? new Done() : new Refused($"The index {step.Name} is one of another table. It was left."),
            { OfConstraint: true } => new Refused($"The index {step.Name} belongs to a constraint of {table.Name} and goes only with it. It was left."),
            _ => SchemaSteps.NotDropped(steps, step, index.Definition, definition => IndexDefinition.SameAs(index.Definition, definition))
                ?? Execute(connection, transaction, $"DROP INDEX {DialectText.Quote(step.Name)}"),
        };
    }

    private static string? DefinitionOf(SqliteConnection connection, string index)
        => SqliteTable.Query(connection, "SELECT coalesce(sql, '') FROM sqlite_master WHERE type = 'index' AND name = $name", ("$name", index))
            .Select(row => (string)row[0]!).FirstOrDefault();

    private static Done Execute(SqliteConnection connection, SqliteTransaction transaction, string sql)
    {
        using var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = sql;
        command.ExecuteNonQuery();
        return new Done();
    }
}
