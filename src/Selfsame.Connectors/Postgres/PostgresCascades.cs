using Selfsame.Core.Accounts;
using Selfsame.Databases;

namespace Selfsame.Connectors.Postgres;

/// <summary>What a deletion from a table that another program keeps takes along, by table and number: Supabase's <c>auth.users</c>, whose API does not tell.</summary>
internal sealed class PostgresCascades(string system, PostgresSession session)
{
    private const string Id = "id";

    /// <summary>For each id what goes; what stands in the table's own schema is the other program's, and left out.</summary>
    public async Task<IReadOnlyDictionary<AccountId, IReadOnlyList<ToldCascade>>> ReadAsync(string name, IReadOnlyList<AccountId> ids)
    {
        var table = (await PostgresTable.LoadAsync(session, [name]))[name];
        if (table.Id == 0 || !table.Has(Id))
        {
            throw new SystemUnavailableException($"'{system}': its database has no {name}, so it can't tell what goes along when an account there is deleted. Correct 'database' in the config.");
        }

        var told = ids.ToDictionary(id => id, _ => new List<ToldCascade>());
        foreach (var cascade in (await PostgresCatalog.CascadesAsync(session, table)).Where(cascade => !cascade.IsOfAccountsSchema))
        {
            // What refers by more than the id, or to rows that go along, is told without a number.
            var counted = cascade is { Depth: 1, Fields: [_], To: [Id] };
            var counts = counted && cascade.CanCount ? await CountAsync(cascade, table, ids) : null;
            foreach (var id in ids)
            {
                var rows = counts?.GetValueOrDefault(id);
                told[id].Add(new ToldCascade(
                    new TakenRows(cascade.Table, cascade.Fields, rows),
                    rows is { } number ? Sentence(cascade, number)
                        : !counted ? cascade.ToString()
                        : $"{cascade} How many can't be told: '{system}' sees not all rows of {cascade.Table} (GRANT SELECT, BYPASSRLS)."));
            }
        }

        return told.ToDictionary(pair => pair.Key, pair => (IReadOnlyList<ToldCascade>)pair.Value);
    }

    private static string Sentence(PostgresCascade cascade, int rows)
        => cascade.Deletes
            ? $"{rows} {(rows == 1 ? "row" : "rows")} of {cascade.Table} that {(rows == 1 ? "refers" : "refer")} to the account by {cascade.Fields[0]} {(rows == 1 ? "is" : "are")} deleted with it."
            : $"{rows} {(rows == 1 ? "row" : "rows")} of {cascade.Table} {(rows == 1 ? "loses its" : "lose their")} reference to the account ({cascade.Fields[0]}).";

    private async Task<Dictionary<AccountId, int>> CountAsync(PostgresCascade cascade, PostgresTable accounts, IReadOnlyList<AccountId> ids)
    {
        // PostgreSQL makes no index for a reference.
        session.CommandTimeout = PostgresSession.ScanSeconds;
        var rows = await session.QueryAsync(
            $"""
            SELECT v.number, count(*) FROM {DialectText.QuoteQualified(cascade.Table)} t
            JOIN unnest($1) WITH ORDINALITY v(id, number) ON t.{DialectText.Quote(cascade.Fields[0])} = v.id::{accounts[Id].TypeName} GROUP BY 1
            """,
            reader => (Account: ids[(int)reader.GetInt64(0) - 1], Rows: (int)reader.GetInt64(1)),
            [ids.Select(id => id.ToString()).ToArray()]);
        return rows.ToDictionary(row => row.Account, row => row.Rows);
    }
}
