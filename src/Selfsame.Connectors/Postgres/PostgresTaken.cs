using Selfsame.Core.Accounts;
using Selfsame.Databases;

namespace Selfsame.Connectors.Postgres;

/// <summary>
/// Counts the rows that the server by itself deletes with accounts, or takes the reference from: foreign key by foreign key, from the accounts to what refers to them,
/// and on from those rows that go.
/// </summary>
internal sealed class PostgresTaken(PostgresSession session, PostgresTable accounts)
{
    private readonly Dictionary<long, Dictionary<(string Table, string Fields), TakenRows>> taken = [];
    private readonly HashSet<Going> seen = [];

    /// <summary>A row that goes.</summary>
    /// <param name="Account">With whom: its number, from 1.</param>
    /// <param name="Relation">The table in which it lies: a partition, where it has some.</param>
    /// <param name="Place">Where it lies there.</param>
    private readonly record struct Going(long Account, uint Relation, string Place);

    /// <summary>What goes with each of the accounts that are there, portion by portion.</summary>
    public static async Task<Dictionary<AccountId, IReadOnlyList<TakenRows>>> CountByIdAsync(
        PostgresSession session, PostgresTable accounts, AccountMapping mapping, IEnumerable<AccountId[]> portions)
    {
        var counted = new Dictionary<AccountId, IReadOnlyList<TakenRows>>();
        foreach (var portion in portions)
        {
            var found = await new PostgresAccounts(session, accounts, mapping).ReadAsync(portion, locked: false);
            foreach (var (account, rows) in found.Zip(await new PostgresTaken(session, accounts).CountAsync(found, mapping.Id)))
            {
                counted.TryAdd(account.Id, rows);
            }
        }

        return counted;
    }

    /// <summary>What goes with each of the accounts, in their order.</summary>
    public async Task<IReadOnlyList<IReadOnlyList<TakenRows>>> CountAsync(IReadOnlyList<Account> found, IReadOnlyList<string> id)
    {
        // No index need lead to what refers.
        session.CommandTimeout = PostgresSession.ScanSeconds;
        var level = new Dictionary<uint, (string Quoted, List<Going> Rows)>();
        if (found.Count > 0 && accounts.Undeletable is null)
        {
            level.Add(accounts.Id, (accounts.Quoted, await FindAsync(found, id)));
        }

        while (level.Count > 0)
        {
            var keys = await CascadingToAsync(level.Keys);
            var parents = (await CascadingToAsync(keys.Where(key => key.OnDelete == "CASCADE").Select(key => key.From))).Select(key => key.To).ToHashSet();
            var next = new Dictionary<uint, (string Quoted, List<Going> Rows)>();
            foreach (var key in keys)
            {
                var rows = key.OnDelete == "CASCADE" && parents.Contains(key.From) ? await FollowAsync(key, level[key.To]) : await CountAsync(key, level[key.To]);
                if (rows.Count > 0)
                {
                    next.TryAdd(key.From, (DialectText.QuoteQualified(key.Table), []));
                    next[key.From].Rows.AddRange(rows);
                }
            }

            level = next;
        }

        return [.. found.Select((_, index) => taken.GetValueOrDefault(index + 1, [])
            .OrderBy(pair => pair.Key.Table, StringComparer.Ordinal).ThenBy(pair => pair.Key.Fields, StringComparer.Ordinal).Select(pair => pair.Value).ToList())];
    }

    private async Task<List<PostgresForeignKey>> CascadingToAsync(IEnumerable<uint> tables)
        => tables.Distinct().ToList() is { Count: > 0 } some ? [.. (await PostgresCatalog.ForeignKeysToAsync(session, some)).Where(key => key.Cascades)] : [];

    private async Task<List<Going>> FindAsync(IReadOnlyList<Account> found, IReadOnlyList<string> id)
    {
        var statement = new PostgresStatement();
        var keys = found.Select(account => account.Record.Only(id)).ToList();
        statement.Sql = $"SELECT v.number, t.tableoid, t.ctid::text FROM {accounts.Quoted} t JOIN {RowQuery.List(statement, keys)} ON {accounts.HoldsListed(keys[0])}";
        var rows = await session.QueryAsync(statement, reader => new Going(reader.GetInt64(0), reader.GetFieldValue<uint>(1), reader.GetString(2)));
        seen.UnionWith(rows);
        return rows;
    }

    /// <summary>Counts the rows that refer to rows that go, and says which of them are new: with them more goes.</summary>
    private async Task<List<Going>> FollowAsync(PostgresForeignKey key, (string Quoted, List<Going> Rows) parents)
    {
        var rows = await session.QueryAsync(
            Referring(key, parents, "v.number, r.tableoid, r.ctid::text"), reader => new Going(reader.GetInt64(0), reader.GetFieldValue<uint>(1), reader.GetString(2)));
        foreach (var (account, count) in rows.CountBy(row => row.Account))
        {
            Add(key, account, count);
        }

        return [.. rows.Where(seen.Add)];
    }

    private async Task<List<Going>> CountAsync(PostgresForeignKey key, (string Quoted, List<Going> Rows) parents)
    {
        foreach (var (account, count) in await session.QueryAsync(Referring(key, parents, "v.number, count(*)", " GROUP BY 1"), reader => (reader.GetInt64(0), reader.GetInt64(1))))
        {
            Add(key, account, count);
        }

        return [];
    }

    private PostgresStatement Referring(PostgresForeignKey key, (string Quoted, List<Going> Rows) parents, string columns, string end = "")
    {
        session.Need(key.Table, "SELECT");
        var statement = new PostgresStatement();
        var join = string.Join(" AND ", key.AccountFields.Zip(key.Fields, (to, field) => $"p.{DialectText.Quote(to)} = r.{DialectText.Quote(field)}"));
        statement.Sql =
            $"SELECT {columns} FROM unnest({statement.Numbers(parents.Rows.Select(row => row.Account))}, {statement.Ids(parents.Rows.Select(row => row.Relation))}, "
            + $"{statement.Texts(parents.Rows.Select(row => row.Place))}) v(number, relation, place) "
            + $"JOIN {parents.Quoted} p ON p.tableoid = v.relation AND p.ctid = v.place::tid JOIN {DialectText.QuoteQualified(key.Table)} r ON {join}{end}";
        return statement;
    }

    private void Add(PostgresForeignKey key, long account, long rows)
    {
        var (places, place) = (taken.GetValueOrDefault(account, []), (key.Table, string.Join('+', key.Fields)));
        places[place] = new TakenRows(key.Table, key.Fields, (int)rows + (places.GetValueOrDefault(place)?.Rows ?? 0));
        taken[account] = places;
    }
}
