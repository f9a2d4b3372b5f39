using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Postgres;

/// <summary>The places whose rows refer to the accounts of one table, and those rows.</summary>
internal sealed class PostgresReferences(string system, PostgresSession session, PostgresTable accounts)
{
    /// <summary>The foreign keys of the catalog and the declared places that are none of them, with their unique sets.</summary>
    public async Task<IReadOnlyList<ReferencePlace>> FindPlacesAsync(IReadOnlyList<ReferencePlace> declared)
    {
        var enforced = (await PostgresCatalog.ForeignKeysToAsync(session, [accounts.Id]))
            .Select(key => new ReferencePlace { Table = key.From == accounts.Id ? accounts.Name : key.Table, Fields = key.Fields, AccountFields = key.AccountFields, Enforced = true })
            .ToList();
        var tables = await PostgresTable.LoadAsync(session, [.. enforced.Concat(declared).Select(place => place.Table)]);
        foreach (var place in declared)
        {
            if (await ProblemAsync(place, tables[place.Table]) is { } problem)
            {
                throw new SystemUnavailableException($"'{system}': {problem}");
            }
        }

        // A declared place may write a schema that the catalog leaves out: the same table is the same place.
        var others = declared.Where(place => !enforced.Exists(known => place.IsSamePlaceAs(known with { Table = place.Table }) && tables[known.Table].Id == tables[place.Table].Id));
        var unique = await PostgresCatalog.UniqueSetsAsync(session, [.. tables.Values.Select(table => table.Id)]);
        return [.. enforced.Concat(others)
            .DistinctBy(place => (tables[place.Table].Id, string.Join('+', place.Fields), string.Join('+', place.AccountFields)))
            .Select(place => place with { UniqueSets = [.. unique[tables[place.Table].Id].Where(set => set.Any(place.Fields.Contains))] })];
    }

    public async Task<IReadOnlyList<ReferringRow>> ReadReferringAsync(IReadOnlyList<ReferencePlace> places, IReadOnlyList<Account> referredTo)
    {
        var tables = await PostgresTable.LoadAsync(session, [.. places.Select(place => place.Table)]);
        var statements = Referring(tables, places, referredTo, table => table.SelectedColumns);
        var found = await session.QueryAsync(statements, (reader, number) => (Account: (int)reader.GetInt64(0) - 1, Row: tables[places[number].Table].Record(reader, 1)));
        return [.. found.Zip(places).SelectMany(pair => pair.First
            .Select(row => new ReferringRow(
                pair.Second, referredTo[row.Account].Id, row.Row.Only(tables[pair.Second.Table].Key.Select(column => column.Name)), row.Row))
            .OrderBy(row => row.Account, AccountId.Order).ThenBy(row => row.Key.ToString(), StringComparer.Ordinal))];
    }

    public async Task<IReadOnlyList<ReferringCount>> CountReferringAsync(IReadOnlyList<ReferencePlace> places, IReadOnlyList<Account> referredTo)
    {
        var tables = await PostgresTable.LoadAsync(session, [.. places.Select(place => place.Table)]);
        var statements = Referring(tables, places, referredTo, _ => "count(*)", " GROUP BY 1 ORDER BY 1");
        var found = await session.QueryAsync(statements, (reader, _) => (Account: (int)reader.GetInt64(0) - 1, Rows: (int)reader.GetInt64(1)));
        return [.. found.Zip(places).SelectMany(pair => pair.First.Select(count => new ReferringCount(pair.Second, referredTo[count.Account].Id, count.Rows)))];
    }

    /// <summary>For each place a statement that gives the number of an account, from 1, and <paramref name="columns"/> of the rows that refer to it.</summary>
    private List<PostgresStatement> Referring(
        IReadOnlyDictionary<string, PostgresTable> tables, IReadOnlyList<ReferencePlace> places, IReadOnlyList<Account> referredTo, Func<PostgresTable, string> columns, string end = "")
    {
        var statements = new List<PostgresStatement>();
        foreach (var place in places)
        {
            var table = Present(tables, place);
            session.Need(table, "SELECT");
            var values = referredTo.Select(account => place.AccountFields.Select(field => PostgresColumn.TextOf(account.Record.ValueOrNull(field))).ToList()).ToList();
            var statement = new PostgresStatement();
            statement.Sql = $"SELECT v.number, {columns(table)} FROM {table.Quoted} t JOIN {Values(statement, place, values)} ON {Refers(place, table)}{end}";
            statements.Add(statement);
        }

        // PostgreSQL makes no index for a reference.
        session.CommandTimeout = PostgresSession.ScanSeconds;
        return statements;
    }

    /// <summary>Asks of each place whether a row refers there to values that nothing may refer to any more.</summary>
    public IReadOnlyList<PostgresQuestion> AnyLeft(IReadOnlyList<NoReferenceLeft> checks, IReadOnlyDictionary<string, PostgresTable> tables)
        => [.. checks.GroupBy(check => (check.Place.ToString(), string.Join('+', check.Place.AccountFields))).Select(group =>
        {
            var place = group.First().Place;
            var table = Present(tables, place);
            session.Need(table, "SELECT");
            var statement = new PostgresStatement();
            var values = group.Select(check => check.Values.Select(PostgresColumn.TextOf).ToList()).ToList();
            statement.Sql = $"SELECT (EXISTS (SELECT 1 FROM {table.Quoted} t JOIN {Values(statement, place, values)} ON {Refers(place, table)}))::int::int8";
            return new PostgresQuestion(statement, null, _ => $"A reference arrived meanwhile at {place}.", text => new Drifted(text));
        })];

    private static string Values(PostgresStatement statement, ReferencePlace place, List<List<string?>> values)
    {
        var lists = place.Fields.Select((_, index) => statement.Texts(values.Select(row => row[index])));
        return $"unnest({string.Join(", ", lists)}) WITH ORDINALITY v({string.Join(", ", place.Fields.Select((_, index) => $"k{index}"))}, number)";
    }

    private string Refers(ReferencePlace place, PostgresTable table)
        => string.Join(" AND ", place.Fields.Zip(place.AccountFields, (field, to) => (Field: table[field], To: accounts[to]))
            .Select((pair, index) => Refers(pair.Field, pair.To, $"v.k{index}", place.Enforced)));

    // A foreign key compares as the column referred to; a declared place holds exactly the value, whatever its own equality.
    private static string Refers(PostgresColumn field, PostgresColumn to, string value, bool enforced) => (field, to) switch
    {
        _ when enforced => $"t.{field.Quoted} = {value}::{(to.IsInteger ? "int8" : to.TypeName)}",
        ({ IsText: true }, { IsUuid: true }) => $"lower(t.{field.Quoted}::text) = {value}",
        ({ IsUuid: true }, { IsText: true }) => $"t.{field.Quoted}::text = lower({value})",
        ({ IsText: true, ComparesLoosely: true }, _) => $"t.{field.Quoted} = {value}::{field.TypeName} AND t.{field.Quoted}::text COLLATE \"C\" = {value}",
        ({ IsText: true }, _) => $"t.{field.Quoted} = {value}::{field.TypeName}",
        ({ IsInteger: true }, { IsInteger: true }) => $"t.{field.Quoted} = {value}::int8",
        ({ IsUuid: true }, { IsUuid: true }) => $"t.{field.Quoted} = {value}::uuid",
        _ => $"t.{field.Quoted}::text = {value}",
    };

    private PostgresTable Present(IReadOnlyDictionary<string, PostgresTable> tables, ReferencePlace place)
    {
        var table = tables[place.Table];
        var gone = place.Fields.Where(field => !table.Has(field)).Select(field => $"{place.Table}.{field}")
            .Concat(place.AccountFields.Where(field => !accounts.Has(field)).Select(field => $"{accounts.Name}.{field}")).ToList();
        return gone.Count == 0 ? table : throw new SystemUnavailableException($"'{system}': {string.Join(", ", gone)} is not there any more. Make a new plan.");
    }

    /// <summary>Why nothing can be read at a place that the config declares, and what to do; null where it can.</summary>
    public async Task<string?> ProblemAsync(ReferencePlace place, PostgresTable table)
    {
        if (table.Id == 0)
        {
            return $"'references' names the table '{place.Table}', which is not there.{Near(await PostgresCatalog.NearAsync(session, place.Table))} Correct 'references' in the config.";
        }

        var missing = place.Fields.Where(field => !table.Has(field)).Select(field => (Field: field, Table: table))
            .Concat(place.AccountFields.Where(field => !accounts.Has(field)).Select(field => (Field: field, Table: accounts))).ToList();
        return missing.Count == 0 ? null
            : $"'references' names the column '{missing[0].Field}' of '{missing[0].Table.Name}', which is not there. "
                + $"It has: {string.Join(", ", missing[0].Table.Columns.Select(column => column.Name))}. Correct 'references' in the config.";
    }

    /// <summary>A sentence that names tables of a similar name, with a blank before it; empty when there is none.</summary>
    public static string Near(IReadOnlyList<string> tables) => tables.Count == 0 ? "" : $" There is {string.Join(", ", tables)}.";
}
