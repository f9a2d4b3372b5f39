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
    public static async Task<IReadOnlyList<PermissionProbe>> ProbeAsync(PostgresSession session, PostgresTable accounts, IReadOnlyList<string> referring)
    {
        var role = (await session.QueryAsync("SELECT current_user::text", reader => reader.GetString(0)))[0];
        var probes = new List<PermissionProbe>();
        foreach (var (name, privilege) in OfAccounts)
        {
            probes.Add(await OfTableAsync(session, name, accounts.Name, privilege, role));
        }

        var (owner, policed) = (await session.QueryAsync(
            "SELECT pg_has_role(c.relowner, 'USAGE'), row_security_active(c.oid) FROM pg_class c WHERE c.oid = $1",
            reader => (reader.GetBoolean(0), reader.GetBoolean(1)),
            [accounts.Id]))[0];
        probes.Add(policed
            ? new PermissionProbe("see every row", ProbeAnswer.No, $"Row security hides rows of {accounts.Name} from {role}: ALTER ROLE {DialectText.Quote(role)} BYPASSRLS")
            : new PermissionProbe("see every row", ProbeAnswer.Yes));
        probes.Add(owner
            ? new PermissionProbe("make indexes", ProbeAnswer.Yes)
            : new PermissionProbe("make indexes", ProbeAnswer.No, $"Only the owner of {accounts.Name} makes its indexes: GRANT the owner's role to {DialectText.Quote(role)}, or apply with the owner's connection."));
        foreach (var table in referring)
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
