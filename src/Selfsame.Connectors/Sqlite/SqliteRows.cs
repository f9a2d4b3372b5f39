using Microsoft.Data.Sqlite;
using Selfsame.Connectors.Rows;
using Selfsame.Core.Accounts;
using Selfsame.Databases;

namespace Selfsame.Connectors.Sqlite;

/// <summary>Several rows' changes in one transaction: each row is read, compared and written.</summary>
internal sealed class SqliteRows(SqliteConnection connection, SqliteTransaction transaction, SqliteTable accounts, SqliteReferences references)
{
    private readonly Dictionary<string, IReadOnlyList<SqliteColumn>> columns = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, IReadOnlyList<SqliteForeignKey>> cascades = new(StringComparer.OrdinalIgnoreCase);

    // As our own updates leave them: what a trigger made of them besides is nobody's change meanwhile.
    private readonly Dictionary<(string Table, Fields Key), Fields> updated = [];

    public WriteOutcome Write(IReadOnlyList<RowWrite> writes, IReadOnlyList<NoReferenceLeft> noneLeft)
    {
        if (writes.Select(Missing).FirstOrDefault(refusal => refusal is not null) is { } missing)
        {
            return missing;
        }

        if (SqliteTable.Unwritable(connection, transaction, writes.SelectMany(write => write.Key.Values.Concat(write.Before.Values).Concat(write.After.Values))) is { } unwritable)
        {
            return unwritable;
        }

        var mustCheck = true;
        if (AreMade(writes))
        {
            mustCheck = !writes.Any(IsAccountDeletion);
            return mustCheck ? Left(noneLeft, null) ?? (WriteOutcome)new Done() : new Done();
        }

        // Rows and what refers to them may change in any order; the foreign keys are checked at the end.
        Execute("PRAGMA defer_foreign_keys=ON");
        foreach (var (index, write) in writes.Index())
        {
            if (Left(noneLeft, index) is { } early)
            {
                return early;
            }

            if (mustCheck && IsAccountDeletion(write))
            {
                mustCheck = false;
                if (Left(noneLeft, null) is { } left)
                {
                    return left;
                }
            }

            if (Make(write) is not Done and var outcome)
            {
                return outcome;
            }
        }

        return Left(noneLeft, writes.Count) ?? (mustCheck ? Left(noneLeft, null) ?? (WriteOutcome)new Done() : new Done());
    }

    /// <summary>The row under a key as it is now; null when it is not there. A table or column that is gone throws.</summary>
    public static Fields? ReadOne(SqliteConnection connection, string system, string table, Fields key)
    {
        // SQLite takes an unknown "name" for a text: what is gone must be noticed before.
        var known = new SqliteTable(table).Columns(connection).Select(column => column.Name).Concat(SqliteTable.RowIdNames).ToList();
        if (known.Count == SqliteTable.RowIdNames.Count || !key.Keys.All(field => known.Exists(name => SqliteCatalog.Same(name, field))))
        {
            throw new SystemUnavailableException($"'{system}': the table '{table}' or a column of its key is not there any more. Make a new plan.");
        }

        return Read(connection, null, table, key).FirstOrDefault();
    }

    /// <summary>Why a table does not have the key's and the row's columns, or null.</summary>
    private Refused? Missing(RowWrite write)
    {
        if (ColumnsOf(write.Table) is not { Count: > 0 } known)
        {
            return new Refused($"There is no table {write.Table} any more. Make a new plan.");
        }

        var names = known.Select(column => column.Name).Concat(SqliteTable.RowIdNames).ToHashSet(StringComparer.OrdinalIgnoreCase);
        var gone = write.Key.Keys.Concat(write.Before.Keys).Concat(write.After.Keys).Distinct().Where(field => !names.Contains(field)).ToList();
        return gone.Count == 0 ? null : new Refused($"The table {write.Table} has no column {string.Join(", ", gone)} any more. Make a new plan.");
    }

    private static List<Fields> Read(SqliteConnection connection, SqliteTransaction? transaction, string table, Fields key)
    {
        using var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = $"SELECT * FROM {DialectText.Quote(table)} WHERE {SqliteTable.Equal(command, key)}";
        using var reader = command.ExecuteReader();
        var rows = new List<Fields>();
        while (reader.Read())
        {
            rows.Add(SqliteTable.RecordOf(reader));
        }

        return rows;
    }

    private List<Fields> Read(string table, Fields key) => Read(connection, transaction, table, key);

    private bool AreMade(IReadOnlyList<RowWrite> writes)
        => RowStates.AfterAll(writes).All(state => Read(state.Key.Table, state.Key.Key) switch
        {
            [] => state.Value is null,
            [var row] => state.Value is { } wanted && row.With(state.Key.Key).Holds(wanted),
            _ => false,
        });

    private WriteOutcome Make(RowWrite write)
    {
        var present = Read(write.Table, write.Key);
        if (present.Count == 1 && updated.TryGetValue((write.Table, write.Key), out var ours))
        {
            present = [ours];
        }

        return (write.Action, present) switch
        {
            (_, { Count: > 1 }) => RowStates.Several(write, present.Count),
            (RowAction.Insert, []) => Insert(write),
            (RowAction.Insert, [var row]) => row.With(write.Key).Holds(write.After) ? new Done() : RowStates.ChangedMeanwhile(write, row),
            (RowAction.Keep, []) => RowStates.Gone(write),
            (RowAction.Keep, [var row]) => row.With(write.Key).Holds(write.Before) ? new Done() : RowStates.ChangedMeanwhile(write, row),
            (RowAction.Update, []) => IsMovedTo(write) ? new Done() : RowStates.Gone(write),
            (RowAction.Update, [var row]) => Update(write, row),
            (_, []) => new Done(),
            (_, [var row]) => Delete(write, row),
            _ => throw new InvalidOperationException(),
        };
    }

    private bool IsMovedTo(RowWrite write)
        => write.KeyAfter is var key && !key.Equals(write.Key) && Read(write.Table, key) is [var moved] && moved.With(key).Holds(write.After);

    private WriteOutcome Insert(RowWrite write)
    {
        var written = WithoutGenerated(write.Table, write.Key.With(write.After));
        using var command = NewCommand();
        var names = string.Join(", ", written.Keys.Select(DialectText.Quote));
        var values = string.Join(", ", written.Values.Select(value => SqliteTable.Parameter(command, value)));
        command.CommandText = $"INSERT INTO {DialectText.Quote(write.Table)} ({names}) VALUES ({values})";
        updated.Remove((write.Table, write.Key));
        return SqliteTable.ExactlyOne(command.ExecuteNonQuery());
    }

    private WriteOutcome Update(RowWrite write, Fields row)
    {
        if (!row.With(write.Key).Holds(write.Before))
        {
            return row.With(write.Key).Holds(write.After) ? new Done() : RowStates.ChangedMeanwhile(write, row);
        }

        var set = WithoutGenerated(write.Table, write.After);
        if (set.Count == 0)
        {
            return new Done();
        }

        using var command = NewCommand();
        var assignments = string.Join(", ", set.Select(pair => $"{DialectText.Quote(pair.Key)} = {SqliteTable.Parameter(command, pair.Value)}"));
        command.CommandText = $"UPDATE {DialectText.Quote(write.Table)} SET {assignments} WHERE {SqliteTable.Equal(command, write.Key)}";
        updated[(write.Table, write.KeyAfter)] = row.With(write.After);
        return SqliteTable.ExactlyOne(command.ExecuteNonQuery());
    }

    private WriteOutcome Delete(RowWrite write, Fields row)
    {
        if (!row.With(write.Key).Holds(write.Before))
        {
            return RowStates.ChangedMeanwhile(write, row);
        }

        if (!cascades.TryGetValue(write.Table, out var keys))
        {
            cascades[write.Table] = keys = [.. SqliteCatalog.ForeignKeysTo(connection, write.Table).Where(key => key.Cascades)];
        }

        var hit = keys.Select(key => (Key: key, Rows: RowsThatFollow(write, key))).Where(pair => pair.Rows > 0).ToList();
        if (hit.Count > 0)
        {
            var places = string.Join(", ", hit.Select(pair => $"{pair.Rows} of {pair.Key.Table} by {string.Join('+', pair.Key.Fields)} (ON DELETE {pair.Key.OnDelete})"));
            return new Refused($"Deleting the row of {write.Table} with {write.Key} would change other rows by itself: {places}. Nothing was changed.");
        }

        using var command = NewCommand();
        command.CommandText = $"DELETE FROM {DialectText.Quote(write.Table)} WHERE {SqliteTable.Equal(command, write.Key)}";
        return SqliteTable.ExactlyOne(command.ExecuteNonQuery());
    }

    // The table referred to stands on the left: its column's collation decides, as it does for the foreign key itself.
    private long RowsThatFollow(RowWrite write, SqliteForeignKey key)
    {
        using var command = NewCommand();
        var join = string.Join(" AND ", key.Fields.Zip(key.AccountFields, (field, to) => $"p.{DialectText.Quote(to)} = r.{DialectText.Quote(field)}"));
        command.CommandText =
            $"SELECT count(*) FROM {DialectText.Quote(write.Table)} p JOIN {DialectText.Quote(key.Table)} r ON {join} WHERE {SqliteTable.Equal(command, write.Key, "p.")}";
        return (long)command.ExecuteScalar()!;
    }

    private Drifted? Left(IReadOnlyList<NoReferenceLeft> noneLeft, int? afterWrites)
    {
        var left = noneLeft.FirstOrDefault(check => check.AfterWrites == afterWrites && references.AnyLeft(connection, transaction, check));
        return left is null ? null : new Drifted($"A reference arrived meanwhile at {left.Place}.");
    }

    private bool IsAccountDeletion(RowWrite write) => write.Action == RowAction.Delete && SqliteCatalog.Same(write.Table, accounts.Name);

    private Fields WithoutGenerated(string table, Fields fields)
        => fields.Without(ColumnsOf(table).Where(column => column.Generated).Select(column => column.Name).ToHashSet(StringComparer.Ordinal));

    private IReadOnlyList<SqliteColumn> ColumnsOf(string table)
        => columns.TryGetValue(table, out var known) ? known : columns[table] = new SqliteTable(table).Columns(connection);

    private void Execute(string sql)
    {
        using var command = NewCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private SqliteCommand NewCommand()
    {
        var command = connection.CreateCommand();
        command.Transaction = transaction;
        return command;
    }
}
