using Npgsql;
using Selfsame.Core.Accounts;
using Selfsame.Databases;

namespace Selfsame.Connectors.Postgres;

/// <summary>
/// What the server's errors mean for the caller. Messages hold neither the connection string nor a password; the server's own sentence is
/// repeated without its detail, which may hold values.
/// </summary>
internal sealed class PostgresErrors(string system, PostgresDatabase database)
{
    public async Task<SystemUnavailableException> UnavailableAsync(NpgsqlException exception, PostgresSession? session, CancellationToken cancellation)
        => new(await SentenceAsync(exception, session, cancellation), exception);

    public async Task<WriteOutcome> OutcomeAsync(NpgsqlException exception, PostgresSession? session, bool committing, CancellationToken cancellation)
    {
        if (exception is not PostgresException error || error.SqlState.StartsWith("57P", StringComparison.Ordinal))
        {
            var sentence = await SentenceAsync(exception, session, cancellation);
            return committing ? new Unknown($"The change may or may not have been made: {sentence}") : new Unavailable(sentence);
        }

        return error.SqlState switch
        {
            PostgresErrorCodes.UniqueViolation or PostgresErrorCodes.ExclusionViolation
                => new AlreadyExists(await ConstraintFieldsAsync(error, cancellation), $"Another row has the same value: {error.MessageText}"),
            PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.LockNotAvailable
                => new Unavailable($"'{system}' is busy: {error.MessageText}. Nothing was changed."),
            PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.UndefinedColumn or PostgresErrorCodes.DatatypeMismatch
                => new Refused($"A table has changed its shape meanwhile: {error.MessageText}. Make a new plan."),
            PostgresErrorCodes.InsufficientPrivilege => new Refused(await SentenceAsync(error, session, cancellation)) { LacksPermission = true },
            _ when IsForGood(error.SqlState) => new Refused($"{error.MessageText} ({error.SqlState}{Place(error)})."),
            _ => new Unavailable(await SentenceAsync(error, session, cancellation)),
        };
    }

    // postgresql.org/docs/current/errcodes-appendix.html: 22 data, 23 constraints, 25006 read-only, 2BP01 dependent objects, 42 definitions, 0A not
    // supported, 44 a view's check, 55 not in the state (a table in use), P0001 raised by a trigger.
    private static bool IsForGood(string state) => state[..2] is "22" or "23" or "2B" or "42" or "0A" or "44" or "55" or "P0" || state == PostgresErrorCodes.ReadOnlySqlTransaction;

    private static string Place(PostgresException error)
        => string.Concat(new[] { error.TableName, error.ColumnName, error.ConstraintName }.Where(name => !string.IsNullOrEmpty(name)).Select(name => $", {name}"));

    private async Task<string> SentenceAsync(NpgsqlException exception, PostgresSession? session, CancellationToken cancellation)
    {
        var text = (exception as PostgresException)?.MessageText ?? exception.Message;
        return (exception as PostgresException)?.SqlState switch
        {
            PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification
                => $"'{system}': the server refuses the sign-in: {text}. Correct the user or the password in 'connection'.",
            PostgresErrorCodes.InvalidCatalogName => $"'{system}': {text}. Correct the database in 'connection'.",
            PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.UndefinedColumn => $"'{system}': a table has changed its shape meanwhile: {text}. Run it again.",
            PostgresErrorCodes.InsufficientPrivilege => await MissingPrivilegesAsync(text, session, cancellation),
            null => $"'{system}' is not reached: {Reason(exception)}",
            var state => $"'{system}': {text} ({state}).",
        };
    }

    private static string Reason(NpgsqlException exception)
        => exception.InnerException is TimeoutException ? "it did not answer in time." : $"{exception.Message}{(exception.InnerException is { } inner ? $": {inner.Message}" : "")}";

    /// <summary>The GRANT lines that the failed transaction needed.</summary>
    private async Task<string> MissingPrivilegesAsync(string text, PostgresSession? session, CancellationToken cancellation)
    {
        var needs = session?.Needs ?? [];
        var lines = await AskAsync(fresh => PostgresPrivileges.MissingAsync(fresh, needs), cancellation);
        var advice = lines.Count > 0 ? $"An owner must run: {string.Join(" ", lines)}" : $"It takes {string.Join(", ", needs.Select(need => $"{need.Privilege} on {need.Table}"))}.";
        return $"'{system}': {text}. {advice}";
    }

    // To know more is a help and no more: when the server can't be asked, the error is told without.
    private async Task<IReadOnlyList<string>> AskAsync(Func<PostgresSession, Task<IReadOnlyList<string>>> ask, CancellationToken cancellation)
    {
        try
        {
            return await database.ReadAsync(ask, cancellation);
        }
        catch (SystemUnavailableException)
        {
            return [];
        }
    }

    // The columns of the index behind the constraint; those of an expression are the columns that it depends on.
    private Task<IReadOnlyList<string>> ConstraintFieldsAsync(PostgresException error, CancellationToken cancellation)
        => AskAsync(
            async session => await session.QueryAsync(
                """
                SELECT a.attname FROM pg_class x JOIN pg_namespace n ON n.oid = x.relnamespace JOIN pg_index i ON i.indexrelid = x.oid
                JOIN pg_attribute a ON a.attrelid = i.indrelid AND (a.attnum = ANY (i.indkey) OR (i.indexprs IS NOT NULL AND EXISTS (
                    SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = x.oid
                        AND d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indrelid AND d.refobjsubid = a.attnum)))
                WHERE x.relname = $1 AND n.nspname = $2 ORDER BY array_position(i.indkey::int2[], a.attnum), a.attnum
                """,
                reader => reader.GetString(0),
                [error.ConstraintName ?? "", error.SchemaName ?? ""]),
            cancellation);
}

/// <summary>Which privileges a role lacks, as the lines that give them.</summary>
internal static class PostgresPrivileges
{
    /// <summary>Being a table's owner, which no GRANT on the table gives.</summary>
    public const string Own = "OWN";

    public static async Task<IReadOnlyList<string>> MissingAsync(PostgresSession session, IReadOnlyCollection<(string Table, string Privilege)> needs)
    {
        var tables = needs.Select(need => need.Table).ToArray();
        var rows = await session.QueryAsync(
            """
            SELECT r.nspname, r.relname, u.privilege, quote_ident(current_user), quote_ident(pg_get_userbyid(r.relowner)),
                has_schema_privilege(r.nspoid, 'USAGE'), pg_has_role(r.relowner, 'USAGE'), r.relrowsecurity
            FROM unnest($1, $2, $3) u(schema, name, privilege)
            CROSS JOIN LATERAL (
                SELECT c.oid, c.relname, c.relowner, c.relrowsecurity, n.oid AS nspoid, n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE c.relname = u.name AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND (u.schema = n.nspname OR (u.schema = '' AND pg_table_is_visible(c.oid)))
            ) r
            WHERE NOT has_schema_privilege(r.nspoid, 'USAGE') OR r.relrowsecurity
                OR NOT CASE u.privilege WHEN 'OWN' THEN pg_has_role(r.relowner, 'USAGE') ELSE has_table_privilege(r.oid, u.privilege) END
            ORDER BY r.nspname, r.relname, u.privilege
            """,
            reader => (
                Schema: reader.GetString(0), Table: reader.GetString(1), Privilege: reader.GetString(2), Role: reader.GetString(3), Owner: reader.GetString(4),
                MayUseSchema: reader.GetBoolean(5), IsOwner: reader.GetBoolean(6), HasPolicies: reader.GetBoolean(7)),
            [
                tables.Select(table => table.Contains('.', StringComparison.Ordinal) ? table.Split('.')[0] : "").ToArray(),
                tables.Select(table => table[(table.IndexOf('.', StringComparison.Ordinal) + 1)..]).ToArray(),
                needs.Select(need => need.Privilege).ToArray(),
            ]);
        var schemas = rows.Where(row => !row.MayUseSchema).Select(row => $"GRANT USAGE ON SCHEMA {DialectText.Quote(row.Schema)} TO {row.Role};").Distinct();
        var tablesLacking = rows.Where(row => row.Privilege != Own)
            .GroupBy(row => (row.Schema, row.Table, row.Role))
            .Select(group => $"GRANT {string.Join(", ", group.Select(row => row.Privilege))} ON {DialectText.Quote(group.Key.Schema)}.{DialectText.Quote(group.Key.Table)} TO {group.Key.Role};");
        var owners = rows.Where(row => row.Privilege == Own && !row.IsOwner).Select(row => $"GRANT {row.Owner} TO {row.Role};").Distinct();
        var policies = rows.Where(row => row.HasPolicies && !row.IsOwner).Select(row => $"ALTER ROLE {row.Role} BYPASSRLS;").Distinct();
        return [.. schemas, .. tablesLacking, .. owners, .. policies];
    }
}
