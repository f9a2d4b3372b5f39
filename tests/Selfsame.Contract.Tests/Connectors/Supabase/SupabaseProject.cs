using Npgsql;
using Selfsame.Connectors.Supabase;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Testing;
using Selfsame.Testing.Supabase;

namespace Selfsame.Contract.Tests.Connectors.Supabase;

/// <summary>A stand-in over a database of its own, and the system that connects it.</summary>
public abstract class SupabaseProject : IAsyncLifetime
{
    /// <summary>The database behind the API.</summary>
    protected string Connection { get; private set; } = "";

    protected SupabaseStandIn Server { get; private set; } = null!;

    protected SupabaseSystem System { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Connection = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();
        Server = await SupabaseStandIn.StartAsync(Connection);
        System = Open();
    }

    public async ValueTask DisposeAsync()
    {
        await System.DisposeAsync();
        await Server.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    protected SupabaseSystem Open(string? url = null, string key = SupabaseStandIn.ServiceRoleKey, HttpMessageHandler? handler = null, Patience? patience = null, string? database = null) => new(
        new SystemConfig
        {
            Name = "auth",
            Connector = "supabase",
            Settings = new Dictionary<string, string> { ["url"] = url ?? Server.Url, ["serviceRoleKey"] = key },
            Mapping = SupabaseSystem.Kind.FixedMapping!,
            Database = database,
        },
        TimeProvider.System,
        new SeededRandom(1),
        new HttpMessageInvoker(handler ?? new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false }),
        patience);

    protected async Task<object?> SqlAsync(string sql)
    {
        await using var opened = new NpgsqlConnection(Connection);
        await opened.OpenAsync();
        await using var command = new NpgsqlCommand(sql, opened);
        return await command.ExecuteScalarAsync();
    }

    /// <summary>Users 1 to <paramref name="count"/>, each a second younger than the one before, behind the API's back.</summary>
    protected Task FillAsync(int count) => SqlAsync(
        $"""
        INSERT INTO auth.users (id, aud, role, email, created_at, raw_app_meta_data, raw_user_meta_data)
        SELECT lpad(i::text, 32, '0')::uuid, 'authenticated', 'authenticated', 'user' || i || '@example.org', timestamptz '2026-01-01' + i * interval '1 second', '{"{}"}', '{"{}"}'
        FROM generate_series(1, {count}) i
        """);

    protected static AccountId Id(int number) => new($"00000000-0000-0000-0000-{number:D12}");

    protected static Fields Of(params (string Field, object? Value)[] fields)
        => new(fields.Select(field => KeyValuePair.Create(field.Field, FieldValue.From(field.Value))));

    protected Task<WriteOutcome> CreateAsync(int number, string email, params (string Field, object? Value)[] further)
        => System.CreateAsync(Id(number), Of([("id", Id(number).ToString()), ("email", email), .. further]), CancellationToken.None);

    protected async Task<Account?> ReadAsync(int number)
        => (await System.ReadFreshAsync("auth", [Id(number)], CancellationToken.None)).Values.SingleOrDefault();

    protected Task<BulkRead> ReadEverybodyAsync() => System.ReadEverythingAsync("auth", null, CancellationToken.None);
}
