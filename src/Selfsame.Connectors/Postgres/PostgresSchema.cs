using Selfsame.Connectors.Rows;
using Selfsame.Core.Accounts;
using Selfsame.Databases;

namespace Selfsame.Connectors.Postgres;

/// <summary>
/// The canonical unique index of one table's identifiers, what it holds to be equal, and steps that change the table's shape. The canonical index
/// is one on <c>lower(column)</c>; on a column whose own equality ignores case already (citext, a collation), and on one that is no text, on the
/// column itself. Texts that are empty name nobody and are left out of it.
/// </summary>
internal sealed class PostgresSchema(string table, AccountMapping mapping)
{
    /// <summary>Stands after the collation of an index whose first column ignores case by itself.</summary>
    public const string IgnoresCase = "(ignores case)";

    /// <summary>Stands before <see cref="IgnoresCase"/> where it ignores accents too.</summary>
    public const string IgnoresAccents = "(ignores accents)";

    // PostgreSQL cuts longer names off, silently.
    private const int LongestName = 63;
    private const int IndexSeconds = 6 * 3600;

    // What the shape was when it was last read: a definition needs no reading of its own.
    private volatile PostgresTable? shape;

    public void Remember(PostgresTable known) => shape = known;

    public SystemIndex CanonicalIndex(IdentifierKind kind)
    {
        var (column, expression) = (mapping.Identifiers[kind], Expression(mapping.Identifiers[kind], quoted: true));
        // Of the expression, not of the column: the server then sees that a search for a value finds it in this index.
        return UniqueIndex(column, Expression(column, quoted: false), expression, IsText(column) ? $"{expression} <> ''" : null);
    }

    public SystemIndex PlainIndex(string field) => UniqueIndex(field, field, DialectText.Quote(field), null);

    public bool IsCanonical(SystemIndex existing, IdentifierKind kind)
    {
        var column = mapping.Identifiers[kind];
        if (existing is not { Unique: true, Fields: [var field] } || !(existing.Predicate is null || (IsText(column) && IndexDefinition.CoversWhatIsNotBlank(existing.Predicate, column))))
        {
            return false;
        }

        var ignoresCase = existing.Collation?.EndsWith(IgnoresCase, StringComparison.Ordinal) == true;
        return field == column ? ignoresCase || (shape?.Has(column) == true && !shape[column].IsText) : IsLowerOf(field, column);
    }

    /// <summary>Of an expression what it may make one, and of a collation that it ignores accents; where the column's own equality does, the canonical index does too.</summary>
    public string? JoinsMore(SystemIndex existing, IdentifierKind kind)
    {
        var column = mapping.Identifiers[kind];
        if (existing is not { Unique: true, Fields: [var field] })
        {
            return null;
        }

        return field != column && IndexExpression.MayJoin(field, column) ? $"{field} may be one for two different values"
            : field == column && existing.Collation?.Contains(IgnoresAccents, StringComparison.Ordinal) == true && shape?.Has(column) == true && !shape[column].FoldsCase ? $"its collation {existing.Collation} ignores accents"
            : HoldsOnce(existing, column, isNull: true) ? $"it lets only one account be without '{column}'"
            : null;
    }

    public async Task<IReadOnlyList<EqualAccounts>> FindEqualAsync(PostgresSession session, PostgresTable present, IdentifierKind kind)
    {
        var column = present[mapping.Identifiers[kind]];
        var expression = Expression(column.Name, quoted: true);
        var ids = mapping.Id.Select(id => present[id]).ToList();
        session.Need(present, "SELECT");
        // It is asked just where no index answers it.
        session.CommandTimeout = PostgresSession.ScanSeconds;
        var rows = await session.QueryAsync(
            $"""
            SELECT d.number, t.{column.Quoted}::text, {string.Join(", ", ids.Select(id => id.Selected))} FROM {present.Quoted} t
            JOIN (
                SELECT {expression} AS "key", row_number() OVER (ORDER BY {expression}) AS number FROM {present.Quoted} WHERE {(IsText(column.Name) ? $"{expression} <> ''" : $"{column.Quoted} IS NOT NULL")}
                GROUP BY {expression} HAVING count(*) > 1
            ) d ON {Expression($"t.{column.Quoted}", column)} = d."key"
            ORDER BY d.number, {string.Join(", ", ids.Select(id => $"t.{id.Quoted}"))}
            """,
            reader => (
                Group: reader.GetInt64(0), Value: reader.GetString(1),
                Id: AccountId.FromRecord(new Fields(ids.Select((id, index) => KeyValuePair.Create(id.Name, id.Read(reader, index + 2)))), mapping.Id)));
        return [.. rows.Where(row => row.Id is not null).GroupBy(row => row.Group).Where(group => group.Count() > 1)
            .Select(group => new EqualAccounts(group.First().Value, [.. group.Select(row => row.Id!)]))];
    }

    public async Task<IReadOnlyList<LoneBlank>> FindLoneBlanksAsync(PostgresSession session, PostgresTable present, IReadOnlyList<SystemIndex> existing, IdentifierKind kind)
    {
        var column = present[mapping.Identifiers[kind]];
        var found = new List<LoneBlank>();
        var each = existing.SelectMany(index => new[] { (Index: index, IsNull: true), (Index: index, IsNull: false) });
        foreach (var (index, isNull) in each.Where(pair => HoldsOnce(pair.Index, column.Name, pair.IsNull)))
        {
            session.Need(present, "SELECT");
            session.CommandTimeout = PostgresSession.ScanSeconds;
            var blank = isNull ? $"t.{column.Quoted} IS NULL" : $"{Expression($"t.{column.Quoted}", column)} = ''";
            var covered = index.Predicate is { } predicate ? $" AND ({predicate})" : "";
            var taken = await session.QueryAsync($"SELECT EXISTS (SELECT 1 FROM {present.Quoted} t WHERE {blank}{covered})", reader => reader.GetBoolean(0), []);
            found.Add(new LoneBlank(index.Name, isNull, taken.Single()));
        }

        return found;
    }

    /// <summary>Whether an index takes one account only that has nothing in the column (PostgreSQL 15: NULLS NOT DISTINCT), or an empty text. One of another condition takes one of those that it covers.</summary>
    private bool HoldsOnce(SystemIndex existing, string column, bool isNull)
        => existing is { Unique: true, Fields: [var field] } && (field == column || IsLowerOf(field, column))
            && (isNull ? existing.Definition.Contains("NULLS NOT DISTINCT", StringComparison.Ordinal) : IsText(column))
            && !(existing.Predicate is { } predicate && IndexDefinition.LeavesOutBlanks(predicate, column, isNull));

    public async Task<WriteOutcome> ChangeAsync(PostgresSession session, IReadOnlyList<SchemaStep> steps)
    {
        foreach (var step in steps)
        {
            var present = (await PostgresTable.LoadAsync(session, [table]))[table];
            if (present.Id == 0)
            {
                return new Refused($"There is no table {table} any more. Make a new plan.");
            }

            session.Need(present, PostgresPrivileges.Own);
            session.CommandTimeout = IndexSeconds;
            if (await TakeAsync(session, present, steps, step) is not Done and var outcome)
            {
                return outcome;
            }
        }

        return new Done();
    }

    private static async Task<WriteOutcome> ExecuteAsync(PostgresSession session, string sql)
    {
        await session.ExecuteAsync([new PostgresStatement { Sql = sql }]);
        return new Done();
    }

    private async Task<WriteOutcome> TakeAsync(PostgresSession session, PostgresTable present, IReadOnlyList<SchemaStep> steps, SchemaStep step)
    {
        var alter = $"ALTER TABLE {present.Quoted}";
        var column = DialectText.Quote(step.Name);
        return step.Action switch
        {
            SchemaAction.CreateIndex => await CreateIndexAsync(session, present, step),
            SchemaAction.DropIndex => await DropIndexAsync(session, present, steps, step),
            SchemaAction.AddUuidField => present.Has(step.Name) ? new Done() : await ExecuteAsync(session, $"{alter} ADD COLUMN {column} uuid"),
            SchemaAction.DropField => present.Has(step.Name) ? await DropFieldAsync(session, present, step.Name) : new Done(),
            _ when !present.Has(step.Name) => new Refused($"The table {table} has no column {step.Name} any more. Make a new plan."),
            SchemaAction.RequireValue => present[step.Name].NotNull ? new Done() : await ExecuteAsync(session, $"{alter} ALTER COLUMN {column} SET NOT NULL"),
            _ => present[step.Name].NotNull ? await ExecuteAsync(session, $"{alter} ALTER COLUMN {column} DROP NOT NULL") : new Done(),
        };
    }

    private async Task<WriteOutcome> DropFieldAsync(PostgresSession session, PostgresTable present, string column)
    {
        var quoted = DialectText.Quote(column);
        // Nobody writes a value between the look and the drop.
        await ExecuteAsync(session, $"LOCK TABLE {present.Quoted} IN ACCESS EXCLUSIVE MODE");
        var held = await session.QueryAsync($"SELECT 1 FROM {present.Quoted} WHERE {quoted} IS NOT NULL LIMIT 1", reader => reader.GetInt32(0), []);
        return held.Count > 0 ? SchemaSteps.StillHolds(table, column) : await ExecuteAsync(session, $"ALTER TABLE {present.Quoted} DROP COLUMN {quoted}");
    }

    private async Task<WriteOutcome> CreateIndexAsync(PostgresSession session, PostgresTable present, SchemaStep step)
    {
        if (!IndexDefinition.IsOneStatement(step.Definition))
        {
            return new Refused($"The definition of the index {step.Name} is not one CREATE INDEX statement. It was not run.");
        }

        if (await IndexAsync(session, present, step.Name) is { } existing)
        {
            return Means(existing, step.Definition)
                ? new Done()
                : new Refused($"There is an index {step.Name} already, and it is another one. Drop or rename it, or make a new plan.");
        }

        await ExecuteAsync(session, step.Definition);
        return await IndexAsync(session, present, step.Name) is not null
            ? new Done()
            : new Refused($"The definition of the index {step.Name} makes an index of another name or table. It was taken back.");
    }

    private async Task<WriteOutcome> DropIndexAsync(PostgresSession session, PostgresTable present, IReadOnlyList<SchemaStep> steps, SchemaStep step)
        => await IndexAsync(session, present, step.Name) switch
        {
            null => new Done(),
            { OfConstraint: true } => new Refused($"The index {step.Name} belongs to a constraint of {table} and goes only with it. It was left."),
            var index => SchemaSteps.NotDropped(steps, step, index.Definition, definition => Means(index, definition))
                ?? await ExecuteAsync(session, $"DROP INDEX {Schema(await SchemaOfAsync(session, present))}{DialectText.Quote(step.Name)}"),
        };

    private static async Task<SystemIndex?> IndexAsync(PostgresSession session, PostgresTable present, string name)
        => (await PostgresCatalog.IndexesAsync(session, present)).FirstOrDefault(index => index.Name == name);

    private static async Task<string> SchemaOfAsync(PostgresSession session, PostgresTable present)
        => (await session.QueryAsync(
            "SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1", reader => reader.GetString(0), [present.Id])).Single();

    private static string Schema(string schema) => DialectText.Quote(schema) + ".";

    // The server writes a definition its own way; ours is the same index when both are the canonical one.
    private bool Means(SystemIndex existing, string definition)
        => IndexDefinition.SameAs(existing.Definition, definition)
            || mapping.Identifiers.Keys.Any(kind => IsCanonical(existing, kind) && CanonicalIndex(kind).Definition == definition)
            || (existing is { Unique: true, Predicate: null, Fields: [var field] } && PlainIndex(field).Definition == definition);

    private SystemIndex UniqueIndex(string column, string field, string expression, string? predicate)
    {
        var name = NameOf(column);
        return new SystemIndex
        {
            Name = name,
            Fields = [field],
            Unique = true,
            Predicate = predicate,
            Definition = $"CREATE UNIQUE INDEX {DialectText.Quote(name)} ON {DialectText.QuoteQualified(table)} ({expression}){(predicate is null ? "" : $" WHERE {predicate}")}",
        };
    }

    private string NameOf(string column)
    {
        var ending = $"_{column}_selfsame";
        var bare = table[(table.LastIndexOf('.') + 1)..];
        var name = bare[..Math.Clamp(LongestName - ending.Length, 0, bare.Length)] + ending;
        return name[..Math.Min(name.Length, LongestName)];
    }

    private bool IsText(string column) => shape?.Has(column) != true || shape[column].IsText || shape[column].FoldsCase;

    private string Expression(string column, bool quoted)
    {
        var written = quoted ? DialectText.Quote(column) : column;
        return shape?.Has(column) == true ? Expression(written, shape[column]) : $"lower({written})";
    }

    private static string Expression(string written, PostgresColumn column) => column.FoldsCase || !column.IsText ? written : $"lower({written})";

    // As pg_get_indexdef writes it: lower(login), lower("Login"), lower((login)::text).
    private static bool IsLowerOf(string expression, string column)
    {
        var bare = expression.Replace("(", "", StringComparison.Ordinal).Replace(")", "", StringComparison.Ordinal)
            .Replace("::text", "", StringComparison.Ordinal).Trim();
        return bare.StartsWith("lower", StringComparison.Ordinal) && (bare[5..] == column || bare[5..] == DialectText.Quote(column));
    }
}
