using System.Security.Cryptography;
using Npgsql;
using NpgsqlTypes;
using Selfsame.Core.Identifiers;

namespace Selfsame.Bench.Stores;

/// <summary>
/// The rows in PostgreSQL: each client has a connection of its own, and on it one prepared batch, sent and committed in
/// one round trip (a batch without BEGIN is one transaction).
/// </summary>
internal sealed class RawPostgreSql : IRawRows
{
    private readonly NpgsqlDataSource source;
    private readonly Client[] clients;

    private RawPostgreSql(NpgsqlDataSource source, Client[] clients)
    {
        this.source = source;
        this.clients = clients;
    }

    public static async Task<RawPostgreSql> OpenAsync(string connectionString, int clientCount, RawValues values)
    {
        var source = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(connectionString) { MaxPoolSize = clientCount });
        var clients = new Client[clientCount];
        for (var client = 0; client < clientCount; client++)
        {
            clients[client] = await Client.OpenAsync(source, values);
        }

        return new RawPostgreSql(source, clients);
    }

    public Task InsertAsync(int client, string username) => clients[client].InsertAsync(username);

    public async ValueTask DisposeAsync()
    {
        foreach (var client in clients)
        {
            await client.DisposeAsync();
        }

        await source.DisposeAsync();
    }

    /// <summary>Values that are equal in two statements of the batch stand in a parameter of each.</summary>
    private sealed class Client : IAsyncDisposable
    {
        private const string Id = "currval('users_id_seq')";
        private readonly NpgsqlConnection connection;
        private readonly NpgsqlBatch batch;
        private readonly List<NpgsqlParameter<Guid>> uuids = [];
        private readonly List<NpgsqlParameter<string>> usernames = [];
        private readonly List<NpgsqlParameter<string>> emails = [];
        private readonly List<NpgsqlParameter<string>> codes = [];
        private readonly List<NpgsqlParameter<DateTime>> instants = [];
        private readonly NpgsqlParameter<DateTime> expires = Instant();
        private readonly NpgsqlParameter<byte[]> tokenHash = Bytes();
        private readonly NpgsqlParameter<byte[]> body = Bytes();

        private Client(NpgsqlConnection connection, RawValues values)
        {
            this.connection = connection;
            batch = new NpgsqlBatch(connection);
            body.TypedValue = values.MailBody;
            Add(
                $"""
                INSERT INTO users (uuid, tenant, username, email, user_code, password_hash, locale, role, is_active, is_staff, is_superuser,
                  version, created_at, updated_at)
                VALUES ($1, '{RawValues.Tenant}', $2, $3, $4, '{NoHashing.Placeholder}', '{RawValues.Locale}', '{RawValues.Role}',
                  true, false, false, 1, $5, $5)
                """,
                NewUuid(), NewText(usernames), NewText(emails), NewText(codes), NewInstant());
            Add(
                $"""
                INSERT INTO identifiers (tenant, space, key, kinds, rule_version, user_id) VALUES
                  ('{RawValues.Tenant}', 'handle', $1, 'userCode', '{KeyRules.Version}', {Id}),
                  ('{RawValues.Tenant}', 'login', $2, 'username', '{KeyRules.Version}', {Id}),
                  ('{RawValues.Tenant}', 'login', $3, 'email', '{KeyRules.Version}', {Id})
                """,
                NewText(codes), NewText(usernames), NewText(emails));
            Add(
                $"""
                INSERT INTO lookalikes (tenant, space, key, user_id) VALUES
                  ('{RawValues.Tenant}', 'mailbox', $1, {Id}), ('{RawValues.Tenant}', 'skeleton', $2, {Id})
                """,
                NewText(emails), NewText(usernames));
            Add(
                $"""
                INSERT INTO link_tokens (token_hash, tenant, purpose, user_id, email, created_at, expires_at)
                VALUES ($1, '{RawValues.Tenant}', '{RawValues.Purpose}', {Id}, $2, $3, $4)
                """,
                tokenHash, NewText(emails), NewInstant(), expires);
            Add(
                $"""
                INSERT INTO mails (uuid, tenant, user_id, recipient, subject, body, attempts, not_before, created_at)
                VALUES ($1, '{RawValues.Tenant}', {Id}, $2, '{RawValues.Subject}', $3, 0, $4, $4)
                """,
                NewUuid(), NewText(emails), body, NewInstant());
            Add(
                $"""
                INSERT INTO audit_events (tenant, user_id, actor, event, at)
                VALUES ('{RawValues.Tenant}', {Id}, '{RawValues.Actor}', '{RawValues.Event}', $1)
                """,
                NewInstant());
        }

        public static async Task<Client> OpenAsync(NpgsqlDataSource source, RawValues values)
        {
            var client = new Client(await source.OpenConnectionAsync(), values);
            await client.batch.PrepareAsync();
            return client;
        }

        public async Task InsertAsync(string username)
        {
            var now = DateTime.UtcNow;
            uuids.ForEach(parameter => parameter.TypedValue = Guid.NewGuid());
            usernames.ForEach(parameter => parameter.TypedValue = username);
            var email = $"{username}@example.com";
            emails.ForEach(parameter => parameter.TypedValue = email);
            var code = RawValues.NextUserCode();
            codes.ForEach(parameter => parameter.TypedValue = code);
            instants.ForEach(parameter => parameter.TypedValue = now);
            expires.TypedValue = now + RawValues.TokenLifetime;
            tokenHash.TypedValue = RandomNumberGenerator.GetBytes(32);
            await batch.ExecuteNonQueryAsync();
        }

        public async ValueTask DisposeAsync()
        {
            await batch.DisposeAsync();
            await connection.DisposeAsync();
        }

        private static NpgsqlParameter<DateTime> Instant() => new() { NpgsqlDbType = NpgsqlDbType.TimestampTz };

        private static NpgsqlParameter<byte[]> Bytes() => new() { NpgsqlDbType = NpgsqlDbType.Bytea };

        private void Add(string sql, params NpgsqlParameter[] parameters)
        {
            var command = new NpgsqlBatchCommand(sql);
            command.Parameters.AddRange(parameters);
            batch.BatchCommands.Add(command);
        }

        private NpgsqlParameter<Guid> NewUuid() => Keep(uuids, new NpgsqlParameter<Guid> { NpgsqlDbType = NpgsqlDbType.Uuid });

        private NpgsqlParameter<DateTime> NewInstant() => Keep(instants, Instant());

        private static NpgsqlParameter<string> NewText(List<NpgsqlParameter<string>> texts)
            => Keep(texts, new NpgsqlParameter<string> { NpgsqlDbType = NpgsqlDbType.Text });

        private static T Keep<T>(List<T> kept, T parameter)
        {
            kept.Add(parameter);
            return parameter;
        }
    }
}
