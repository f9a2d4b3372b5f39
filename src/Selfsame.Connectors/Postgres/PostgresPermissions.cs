using Selfsame.Core.Accounts;
using Selfsame.Databases;

namespace Selfsame.Connectors.Postgres;

/// <summary>Asks PostgreSQL's catalog what our role may do (postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-ACCESS).</summary>
internal static class PostgresPermissions
{
    private static readonly (string Name, string Privilege)[] OfAccounts =
        [("read accounts", "SELECT"), ("create accounts", "INSERT"), ("change accounts", "UPDATE"), ("delete accounts", "DELETE")];

    /// <param name="session">The transaction to ask in.</param>
    /// <param name="accounts">The accounts' table.</param>
    /// <param name="referring">The tables that refer to it.</param>
    /// <param name="numbers">Where the database numbers new accounts, what it takes the numbers from; else null.</param>
    public static async Task<IReadOnlyList<PermissionProbe>> ProbeAsync(
        PostgresSession session, PostgresTable accounts, IReadOnlyList<PostgresTable> referring, PostgresNumbers? numbers)
    {
        var role = (await session.QueryAsync("SELECT current_user::text", reader => reader.GetString(0)))[0];
        var probes = new List<PermissionProbe>();
        foreach (var (name, privilege) in OfAccounts)
        {
            probes.Add(privilege == "DELETE" && accounts.Undeletable is { } undeletable
                ? new PermissionProbe(name, ProbeAnswer.No, undeletable)
                : await OfTableAsync(session, name, accounts.Name, privilege, role));
        }

        if (numbers is not null)
        {
            probes.Add(await numbers.LackingGrantAsync() is { } grant
                ? new PermissionProbe("number new accounts", ProbeAnswer.No, grant)
                : new PermissionProbe("number new accounts", ProbeAnswer.Yes));
        }

        // An audit reads the accounts, a plan also what refers to them: a policy on any of these tables ends it.
        var policed = await session.QueryAsync(
            "SELECT c.oid FROM pg_class c WHERE c.oid = ANY ($1) AND row_security_active(c.oid)",
            reader => reader.GetFieldValue<uint>(0),
            [referring.Select(table => table.Id).Append(accounts.Id).ToArray()]);
        probes.Add(policed.Count > 0
            ? new PermissionProbe(
                "see every row",
                ProbeAnswer.No,
                $"Row security hides rows of {string.Join(", ", referring.Prepend(accounts).Where(table => policed.Contains(table.Id)).Select(table => table.Name))} from {role}: ALTER ROLE {DialectText.Quote(role)} BYPASSRLS")
            : new PermissionProbe("see every row", ProbeAnswer.Yes));
        var owner = (await session.QueryAsync("SELECT pg_has_role(c.relowner, 'USAGE') FROM pg_class c WHERE c.oid = $1", reader => reader.GetBoolean(0), [accounts.Id]))[0];
        probes.Add(owner
            ? new PermissionProbe("make indexes", ProbeAnswer.Yes)
            : new PermissionProbe("make indexes", ProbeAnswer.No, $"Only the owner of {accounts.Name} makes its indexes: GRANT the owner's role to {DialectText.Quote(role)}, or apply with the owner's connection."));
        foreach (var table in referring.Select(table => table.Name))
        {
            probes.Add(await OfTableAsync(session, $"move references in {table}", table, "SELECT, UPDATE, DELETE", role));
        }

        return probes;
    }

    private static async Task<PermissionProbe> OfTableAsync(PostgresSession session, string name, string table, string privileges, string role)
    {
        var quoted = DialectText.QuoteQualified(table);
        var lacking = new List<string>();
        foreach (var privilege in privileges.Split(", "))
        {
            if (!(await session.QueryAsync("SELECT has_table_privilege($1, $2)", reader => reader.GetBoolean(0), [quoted, privilege]))[0])
            {
                lacking.Add(privilege);
            }
        }

        return lacking.Count == 0
            ? new PermissionProbe(name, ProbeAnswer.Yes)
            : new PermissionProbe(name, ProbeAnswer.No, $"GRANT {string.Join(", ", lacking)} ON {quoted} TO {DialectText.Quote(role)}");
    }
}
