using System.Data;
using System.Globalization;
using System.Security.Cryptography;
using Microsoft.Data.Sqlite;
using Selfsame.Core.Identifiers;
using Selfsame.Databases;

namespace Selfsame.Bench.Stores;

/// <summary>
/// The rows in SQLite: one connection with the settings of ours, every statement prepared once, several rows of one
/// table in one statement. SQLite has one writer at a time, so one client is the fastest.
/// </summary>
internal sealed class RawSqlite : IRawRows
{
    private readonly SqliteConnection connection;
    private readonly SqliteCommand begin;
    private readonly SqliteCommand commit;
    private readonly SqliteCommand insertUser;
    private readonly SqliteCommand[] insertOthers;
    private readonly Dictionary<string, SqliteParameter> parameters = new(StringComparer.Ordinal);

    public RawSqlite(string path, RawValues values)
    {
        connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Pooling = false }.ToString());
        connection.Open();
        Prepare("PRAGMA busy_timeout=30000; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;").ExecuteNonQuery();
        begin = Prepare("BEGIN IMMEDIATE");
        commit = Prepare("COMMIT");
        insertUser = Prepare(
            $"""
            INSERT INTO users (uuid, tenant, username, email, user_code, password_hash, locale, role, is_active, is_staff, is_superuser,
              version, created_at, updated_at)
            VALUES ($uuid, '{RawValues.Tenant}', $username, $email, $code, '{NoHashing.Placeholder}', '{RawValues.Locale}', '{RawValues.Role}',
              1, 0, 0, 1, $now, $now)
            RETURNING id
            """,
            "$uuid", "$username", "$email", "$code", "$now");
        insertOthers =
        [
            Prepare(
                $"""
                INSERT INTO identifiers (tenant, space, key, kinds, rule_version, user_id) VALUES
                  ('{RawValues.Tenant}', 'handle', $code, 'userCode', '{KeyRules.Version}', $id),
                  ('{RawValues.Tenant}', 'login', $username, 'username', '{KeyRules.Version}', $id),
                  ('{RawValues.Tenant}', 'login', $email, 'email', '{KeyRules.Version}', $id)
                """,
                "$code", "$username", "$email", "$id"),
            Prepare(
                $"""
                INSERT INTO lookalikes (tenant, space, key, user_id) VALUES
                  ('{RawValues.Tenant}', 'mailbox', $email, $id), ('{RawValues.Tenant}', 'skeleton', $username, $id)
                """,
                "$username", "$email", "$id"),
            Prepare(
                $"""
                INSERT INTO link_tokens (token_hash, tenant, purpose, user_id, email, created_at, expires_at)
                VALUES ($tokenHash, '{RawValues.Tenant}', '{RawValues.Purpose}', $id, $email, $now, $expires)
                """,
                "$tokenHash", "$id", "$email", "$now", "$expires"),
            Prepare(
                $"""
                INSERT INTO mails (uuid, tenant, user_id, recipient, subject, body, attempts, not_before, created_at)
                VALUES ($mailUuid, '{RawValues.Tenant}', $id, $email, '{RawValues.Subject}', $body, 0, $now, $now)
                """,
                "$mailUuid", "$id", "$email", "$body", "$now"),
            Prepare(
                $"""
                INSERT INTO audit_events (tenant, user_id, actor, event, at)
                VALUES ('{RawValues.Tenant}', $id, '{RawValues.Actor}', '{RawValues.Event}', $now)
                """,
                "$id", "$now"),
        ];
        Parameter("$body").Value = values.MailBody;
    }

    public Task InsertAsync(int client, string username)
    {
        var now = DateTime.UtcNow;
        Parameter("$uuid").Value = Guid.NewGuid().ToString("D");
        Parameter("$mailUuid").Value = Guid.NewGuid().ToString("D");
        Parameter("$username").Value = username;
        Parameter("$email").Value = $"{username}@example.com";
        Parameter("$code").Value = RawValues.NextUserCode();
        Parameter("$now").Value = Instant(now);
        Parameter("$expires").Value = Instant(now + RawValues.TokenLifetime);
        Parameter("$tokenHash").Value = RandomNumberGenerator.GetBytes(32);
        begin.ExecuteNonQuery();
        Parameter("$id").Value = (long)insertUser.ExecuteScalar()!;
        foreach (var insert in insertOthers)
        {
            insert.ExecuteNonQuery();
        }

        commit.ExecuteNonQuery();
        return Task.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var command in (SqliteCommand[])[begin, commit, insertUser, .. insertOthers])
        {
            await command.DisposeAsync();
        }

        await connection.DisposeAsync();
    }

    private static string Instant(DateTime utc) => utc.ToString(DapperTypes.SqliteInstant, CultureInfo.InvariantCulture);

    private SqliteParameter Parameter(string name) => parameters[name];

    /// <summary>The statements share one parameter object for each name.</summary>
    private SqliteCommand Prepare(string sql, params string[] names)
    {
        var command = new SqliteCommand(sql, connection) { CommandType = CommandType.Text };
        foreach (var name in names)
        {
            if (!parameters.TryGetValue(name, out var parameter))
            {
                parameters[name] = parameter = new SqliteParameter(name, "");
            }

            command.Parameters.Add(parameter);
        }

        command.Prepare();
        return command;
    }
}
