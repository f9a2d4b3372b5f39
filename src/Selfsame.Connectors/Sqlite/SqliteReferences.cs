using System.Globalization;
using Microsoft.Data.Sqlite;
using Selfsame.Connectors.Rows;
using Selfsame.Core.Accounts;
using Selfsame.Databases;

namespace Selfsame.Connectors.Sqlite;

/// <summary>The places whose rows refer to the accounts of one table, and those rows.</summary>
internal sealed class SqliteReferences(string system, SqliteTable accounts)
{
    private const int ValuesPerQuery = 200;

    /// <summary>The foreign keys of the catalog and the declared places that are none of them, with their unique sets.</summary>
    public IReadOnlyList<ReferencePlace> FindPlaces(SqliteConnection connection, IReadOnlyList<ReferencePlace> declared)
    {
        var enforced = SqliteCatalog.ForeignKeysTo(connection, accounts.Name)
            .Select(key => new ReferencePlace { Table = SqliteCatalog.Same(key.Table, accounts.Name) ? accounts.Name : key.Table, Fields = key.Fields, AccountFields = key.AccountFields, Enforced = true, Bypassable = true })
            .ToList();
        var own = ColumnsOf(connection, accounts.Name);
        var others = declared
            .Select(place => Resolved(connection, place, own))
            .Where(place => !enforced.Exists(place.IsSamePlaceAs));
        return [.. enforced.Concat(others)
            .DistinctBy(place => (place.ToString(), string.Join('+', place.AccountFields)))
            .Select(place => place with { UniqueSets = SqliteCatalog.UniqueSetsOf(connection, place.Table, place.Fields) })];
    }

    public IReadOnlyList<ReferringRow> ReadReferring(
        SqliteConnection connection, IReadOnlyList<ReferencePlace> places, IReadOnlyList<Account> referredTo)
        => [.. places.SelectMany(place => ReadAt(connection, place, referredTo))];

    public IReadOnlyList<ReferringCount> CountReferring(
        SqliteConnection connection, IReadOnlyList<ReferencePlace> places, IReadOnlyList<Account> referredTo)
        => [.. places.SelectMany(place => CountAt(connection, place, referredTo))];

    /// <summary>Rows of several of the accounts that a partial unique index, or one over an expression, would hold to be equal if they were of one.</summary>
    public IReadOnlyList<ReferenceClash> FindClashes(SqliteConnection connection, IReadOnlyList<ReferencePlace> places, IReadOnlyList<Account> referredTo)
        => [.. from place in places
               from index in SqliteCatalog.UnforeseenIndexesOf(connection, place.Table)
               where index.Keys.Any(key => place.Fields.Any(field => IndexExpression.Names(key.Text, field)))
               from accounts in ClashesAt(connection, place, index, referredTo)
               select new ReferenceClash(place, index.Name, accounts)];

    /// <summary>Whether a row at the place refers to those values.</summary>
    public bool AnyLeft(SqliteConnection connection, SqliteTransaction transaction, NoReferenceLeft check)
    {
        using var command = connection.CreateCommand();
        command.Transaction = transaction;
        var condition = Refers(command, Collations(connection, check.Place), check.Place, check.Values);
        command.CommandText = $"SELECT EXISTS (SELECT 1 FROM {DialectText.Quote(check.Place.Table)} r WHERE {condition})";
        return command.ExecuteScalar() is 1L;
    }

    private IEnumerable<ReferringRow> ReadAt(SqliteConnection connection, ReferencePlace place, IReadOnlyList<Account> referredTo)
    {
        var key = SqliteCatalog.KeyOf(connection, place.Table);
        var collations = Collations(connection, place);
        foreach (var chunk in Chunks(place, referredTo))
        {
            using var command = connection.CreateCommand();
            var parts = chunk.Select((pair, number) =>
                $"SELECT {number}, {KeyColumns(key)}, r.* FROM {DialectText.Quote(place.Table)} r WHERE {Refers(command, collations, place, pair.Values)}");
            command.CommandText = string.Join(" UNION ALL ", parts)
                + $" ORDER BY {string.Join(", ", Enumerable.Range(1, key.Count + 1))}";
            using var reader = command.ExecuteReader();
            while (reader.Read())
            {
                var row = SqliteTable.RecordOf(reader, from: key.Count + 1);
                var rowKey = key.Select((column, index) => KeyValuePair.Create(column, SqliteTable.ValueOf(reader, index + 1)));
                yield return new ReferringRow(place, chunk[reader.GetInt32(0)].Account.Id, new Fields(rowKey), row);
            }
        }
    }

    private IEnumerable<ReferringCount> CountAt(SqliteConnection connection, ReferencePlace place, IReadOnlyList<Account> referredTo)
    {
        var collations = Collations(connection, place);
        foreach (var chunk in Chunks(place, referredTo))
        {
            using var command = connection.CreateCommand();
            var parts = chunk.Select((pair, number) => $"SELECT {number}, count(*) FROM {DialectText.Quote(place.Table)} r WHERE {Refers(command, collations, place, pair.Values)}");
            command.CommandText = string.Join(" UNION ALL ", parts) + " ORDER BY 1";
            using var reader = command.ExecuteReader();
            while (reader.Read())
            {
                if (reader.GetInt32(1) is > 0 and var rows)
                {
                    yield return new ReferringCount(place, chunk[reader.GetInt32(0)].Account.Id, rows);
                }
            }
        }
    }

    // What the index holds besides the reference, which would be one: rows are equal where that is, compared by the text that its collation makes of it.
    private List<IReadOnlyList<AccountId>> ClashesAt(SqliteConnection connection, ReferencePlace place, SqliteUniqueIndex index, IReadOnlyList<Account> referredTo)
    {
        var others = index.Keys.Where(key => !place.Fields.Any(field => IndexExpression.Names(key.Text, field))).ToList();
        var collations = Collations(connection, place);
        var rows = new List<(string Key, AccountId Account)>();
        foreach (var chunk in Chunks(place, referredTo))
        {
            using var command = connection.CreateCommand();
            var keys = string.Concat(others.Select(key => $", quote({(SqliteCatalog.Same(key.Collation, "NOCASE") ? $"lower({key.Text})" : SqliteCatalog.Same(key.Collation, "RTRIM") ? $"rtrim({key.Text}, ' ')" : key.Text)})"));
            var held = string.Concat(others.Select(key => $" AND ({key.Text}) IS NOT NULL"));
            command.CommandText = string.Join(" UNION ALL ", chunk.Select((pair, number) =>
                $"SELECT {number}{keys} FROM {DialectText.Quote(place.Table)} r WHERE {Refers(command, collations, place, pair.Values)}{(index.Predicate is null ? "" : $" AND ({index.Predicate})")}{held}"));
            using var reader = command.ExecuteReader();
            while (reader.Read())
            {
                rows.Add((string.Join('\n', Enumerable.Range(1, others.Count).Select(reader.GetString)), chunk[reader.GetInt32(0)].Account.Id));
            }
        }

        return [.. rows.GroupBy(row => row.Key, row => row.Account).Select(group => (IReadOnlyList<AccountId>)[.. group.Distinct()]).Where(accounts => accounts.Count > 1)];
    }

    /// <summary>The accounts to which a row at the place can refer, with the values that it then holds, so many as one statement may ask about.</summary>
    private static IEnumerable<(Account Account, IReadOnlyList<FieldValue> Values)[]> Chunks(ReferencePlace place, IReadOnlyList<Account> referredTo)
        => referredTo
            .Select(account => (Account: account, Values: (IReadOnlyList<FieldValue>)[.. place.AccountFields.Select(account.Record.ValueOrNull)]))
            .Where(pair => !pair.Values.Any(value => value.IsNull))
            .Chunk(ValuesPerQuery);

    private static string KeyColumns(IReadOnlyList<string> key)
        => string.Join(", ", key.Select((column, index) => $"r.{DialectText.Quote(column)} AS \"key {index}\""));

    // A foreign key compares under the collation of the column referred to; a declared place holds exactly the value.
    private IReadOnlyList<string> Collations(SqliteConnection connection, ReferencePlace place)
        => [.. place.AccountFields.Select(field => place.Enforced ? SqliteCatalog.CollationOf(connection, accounts.Name, field) : "BINARY")];

    private static string Refers(SqliteCommand command, IReadOnlyList<string> collations, ReferencePlace place, IReadOnlyList<FieldValue> values)
        => string.Join(" AND ", place.Fields.Select((field, index) =>
        {
            var column = $"r.{DialectText.Quote(field)}";
            var alternatives = Spellings(values[index]).Select(value => $"{column} = {SqliteTable.Parameter(command, value)} COLLATE {DialectText.Quote(collations[index])}");
            return $"({string.Join(" OR ", alternatives)})";
        }));

    // A column without a declared type tells 5 from '5'; an application does not.
    private static IEnumerable<FieldValue> Spellings(FieldValue value) => value.Raw switch
    {
        long number => [value, FieldValue.Text(number.ToString(CultureInfo.InvariantCulture))],
        string text when long.TryParse(text, out var number) && number.ToString(CultureInfo.InvariantCulture) == text => [value, FieldValue.Integer(number)],
        _ => [value],
    };

    private ReferencePlace Resolved(SqliteConnection connection, ReferencePlace place, IReadOnlyList<string> own)
    {
        if (Problem(connection, place) is { } problem)
        {
            throw new SystemUnavailableException($"'{system}': {problem}");
        }

        var columns = ColumnsOf(connection, place.Table);
        return place with
        {
            Fields = [.. place.Fields.Select(field => columns.First(column => SqliteCatalog.Same(column, field)))],
            AccountFields = [.. place.AccountFields.Select(field => own.First(column => SqliteCatalog.Same(column, field)))],
        };
    }

    /// <summary>Why nothing can be read at a place that the config declares, and what to do; null where it can.</summary>
    public string? Problem(SqliteConnection connection, ReferencePlace place)
    {
        if (ColumnsOf(connection, place.Table).Count == 0)
        {
            return $"'references' names the table '{place.Table}', which is not there. Correct 'references' in the config.";
        }

        return Unknown(connection, place.Table, place.Fields) ?? Unknown(connection, accounts.Name, place.AccountFields);
    }

    private static string? Unknown(SqliteConnection connection, string table, IReadOnlyList<string> fields)
    {
        var columns = ColumnsOf(connection, table);
        return fields.FirstOrDefault(field => !columns.Any(column => SqliteCatalog.Same(column, field))) is { } unknown
            ? $"'references' names the column '{unknown}' of '{table}', which is not there. It has: {string.Join(", ", columns)}. Correct 'references' in the config."
            : null;
    }

    private static List<string> ColumnsOf(SqliteConnection connection, string table) => [.. new SqliteTable(table).Columns(connection).Select(column => column.Name)];
}
