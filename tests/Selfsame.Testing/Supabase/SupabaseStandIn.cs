using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Npgsql;
using Selfsame.Core;
using Selfsame.Store.Passwords;

namespace Selfsame.Testing.Supabase;

/// <summary>What the stand-in does wrong on the next request of a method.</summary>
public enum SupabaseFault
{
    /// <summary>Breaks the connection off in mid-answer, and the request is not carried out.</summary>
    DropBefore,

    /// <summary>Carries it out and breaks the connection off in mid-answer.</summary>
    DropAfter,

    /// <summary>429 with <c>Retry-After</c> as <see cref="SupabaseStandIn.RetryAfter"/> says.</summary>
    TooMany,

    /// <summary>The gateway's 503, an HTML page.</summary>
    Gateway,
}

/// <summary>
/// A stand-in for the admin API of Supabase Auth (GoTrue), and its sign-in by password and recovery mail, on 127.0.0.1, over the table <c>auth.users</c> of a real PostgreSQL. Written from GoTrue's
/// source (internal/api: admin.go, pagination.go, sorting.go, the error bodies; internal/models: user.go) and its migrations for the table's constraints,
/// not from what our connector sends. It has: list with page, per_page, sort and filter, X-Total-Count and Link; get, create with a chosen id, update, delete; the
/// check for a taken address before the insert, with a latency between them; the three error bodies, and that of the gateway; the service key.
/// Sign-in (internal/api/token.go) verifies bcrypt and argon2 hashes and refuses the unconfirmed and the banned; a recovery mail is counted, and a second
/// one to the same address refused as too soon. It has no: sessions (the token is a made-up text), identities, hooks, mail itself, soft deletion, password rules,
/// audit log, other audiences, custom SSO providers, and no rate limits of its own: a 429 is said only where a test asks for one
/// (<see cref="SupabaseFault.TooMany"/>), with the wait of <see cref="RetryAfter"/>.
/// </summary>
public sealed class SupabaseStandIn : IAsyncDisposable
{
    public const string ServiceRoleKey = "service-role-key-of-the-stand-in";

    private const string Schema =
        """
        CREATE SCHEMA IF NOT EXISTS auth;
        CREATE TABLE IF NOT EXISTS auth.users (
          instance_id uuid, id uuid NOT NULL PRIMARY KEY, aud varchar(255), role varchar(255), email varchar(255), encrypted_password varchar(255),
          email_confirmed_at timestamptz, phone text DEFAULT NULL CONSTRAINT users_phone_key UNIQUE, phone_confirmed_at timestamptz, last_sign_in_at timestamptz,
          raw_app_meta_data jsonb, raw_user_meta_data jsonb, created_at timestamptz, updated_at timestamptz, banned_until timestamptz, deleted_at timestamptz,
          is_sso_user boolean NOT NULL DEFAULT false, is_anonymous boolean NOT NULL DEFAULT false);
        CREATE UNIQUE INDEX IF NOT EXISTS users_email_partial_key ON auth.users (email) WHERE (is_sso_user = false)
        """;

    private readonly HttpListener listener;
    private readonly NpgsqlDataSource database;
    private readonly Task loop;
    private readonly Lazy<BoundedPasswordHashing> passwords = new(() => new BoundedPasswordHashing(new PasswordSettings { ToNfc = text => text.Normalize() }, RandomSource.System));
    private readonly Lock guard = new();
    private readonly List<(string Method, SupabaseFault Fault)> faults = [];
    private readonly List<string> requests = [];
    private readonly List<string> recoveries = [];

    private SupabaseStandIn(HttpListener listener, NpgsqlDataSource database, int port)
    {
        this.listener = listener;
        this.database = database;
        Url = $"http://127.0.0.1:{port}";
        loop = ServeAsync();
    }

    /// <summary>The project's address, behind which /auth/v1 stands.</summary>
    public string Url { get; }

    /// <summary>What a 429 asks for.</summary>
    public TimeSpan RetryAfter { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How long it takes from the check for a taken address to the insert.</summary>
    public TimeSpan Latency { get; set; }

    /// <summary>Whether errors come in the form of the API version 2024-01-01, which does not tell the database's reason.</summary>
    public bool NewErrorBodies { get; set; }

    /// <summary>Whether it is a version that overlooks a chosen id.</summary>
    public bool OverlooksIds { get; set; }

    /// <summary>Called with the number of each page before it is read.</summary>
    public Func<int, Task> BeforePage { get; set; } = _ => Task.CompletedTask;

    /// <summary>The requests so far: method and path with query.</summary>
    public IReadOnlyList<string> Requests
    {
        get
        {
            lock (guard)
            {
                return [.. requests];
            }
        }
    }

    /// <summary>The addresses to which a recovery mail would have gone.</summary>
    public IReadOnlyList<string> Recoveries
    {
        get
        {
            lock (guard)
            {
                return [.. recoveries];
            }
        }
    }

    /// <summary>Verifies hashes at sign-in.</summary>
    internal BoundedPasswordHashing Passwords => passwords.Value;

    /// <summary>Notes a recovery mail; false when one went to that address already.</summary>
    internal bool Recover(string email)
    {
        lock (guard)
        {
            if (recoveries.Contains(email))
            {
                return false;
            }

            recoveries.Add(email);
            return true;
        }
    }

    /// <summary>Makes <c>auth.users</c> in that database where it is missing, and serves it.</summary>
    public static async Task<SupabaseStandIn> StartAsync(string connectionString)
    {
        var database = NpgsqlDataSource.Create(connectionString);
        await using var schema = database.CreateCommand(Schema);
        await schema.ExecuteNonQueryAsync();
        const int attempts = 5;
        for (var attempt = 1; ; attempt++)
        {
            var port = FreePort();
            var listener = new HttpListener { Prefixes = { $"http://127.0.0.1:{port}/" } };
            try
            {
                listener.Start();
                return new SupabaseStandIn(listener, database, port);
            }
            catch (HttpListenerException) when (attempt < attempts)
            {
                // Another process took the port in between; the next attempt asks for another.
                listener.Close();
            }
        }
    }

    /// <summary>Lets the next requests of that method go wrong, one fault each.</summary>
    public void FailNext(string method, params SupabaseFault[] next)
    {
        lock (guard)
        {
            faults.AddRange(next.Select(fault => (method, fault)));
        }
    }

    public async ValueTask DisposeAsync()
    {
        listener.Close();
        await loop;
        if (passwords.IsValueCreated)
        {
            passwords.Value.Dispose();
        }

        await database.DisposeAsync();
    }

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    private async Task ServeAsync()
    {
        var running = new List<Task>();
        while (true)
        {
            try
            {
                running.Add(AnswerAsync(await listener.GetContextAsync()));
            }
            catch (Exception exception) when (exception is HttpListenerException or ObjectDisposedException)
            {
                await Task.WhenAll(running);
                return;
            }
        }
    }

    private async Task AnswerAsync(HttpListenerContext context)
    {
        var request = context.Request;
        var fault = Take(request);
        if (fault == SupabaseFault.DropBefore)
        {
            Drop(context.Response);
            return;
        }

        var answer = fault switch
        {
            SupabaseFault.TooMany => new StandInAnswer(429, SupabaseErrors.Body(429, "over_request_rate_limit", "Request rate limit reached", NewErrorBodies)) { Headers = { ["Retry-After"] = $"{RetryAfter.TotalSeconds:0}" } },
            SupabaseFault.Gateway => new StandInAnswer(503, null),
            _ when request.Headers["apikey"] != ServiceRoleKey => new StandInAnswer(401, new JsonObject { ["message"] = $"Invalid authentication credentials: {request.Headers["apikey"]}" }),
            _ => await new SupabaseSignIn(database, this).AnswerAsync(request) ?? await new SupabaseUsers(database, this).AnswerAsync(request),
        };
        if (fault == SupabaseFault.DropAfter)
        {
            Drop(context.Response);
            return;
        }

        await WriteAsync(context.Response, answer);
    }

    // Without a length the listener would end an aborted answer as an empty one, which is no lost answer.
    private static void Drop(HttpListenerResponse response)
    {
        response.ContentLength64 = 1000;
        response.Abort();
    }

    private static async Task WriteAsync(HttpListenerResponse response, StandInAnswer answer)
    {
        try
        {
            response.StatusCode = answer.Status;
            response.ContentType = answer.Body is null ? "text/html" : "application/json";
            foreach (var (name, value) in answer.Headers)
            {
                response.Headers[name] = value;
            }

            await response.OutputStream.WriteAsync(Encoding.UTF8.GetBytes(answer.Body?.ToJsonString() ?? "<html>Service Unavailable</html>"));
            response.Close();
        }
        catch (Exception exception) when (exception is HttpListenerException or ObjectDisposedException)
        {
            // The client has gone; there is nobody to tell.
            response.Abort();
        }
    }

    private SupabaseFault? Take(HttpListenerRequest request)
    {
        lock (guard)
        {
            requests.Add($"{request.HttpMethod} {request.RawUrl}");
            var index = faults.FindIndex(fault => fault.Method == request.HttpMethod);
            if (index < 0)
            {
                return null;
            }

            var taken = faults[index].Fault;
            faults.RemoveAt(index);
            return taken;
        }
    }
}

/// <summary>An answer of the stand-in; without a body the gateway's page is sent.</summary>
internal sealed record StandInAnswer(int Status, JsonNode? Body)
{
    public Dictionary<string, string> Headers { get; } = [];
}

/// <summary>GoTrue's error bodies.</summary>
internal static class SupabaseErrors
{
    public static StandInAnswer Answer(int status, string code, string message, bool newForm) => new(status, Body(status, code, message, newForm));

    public static JsonObject Body(int status, string code, string message, bool newForm)
        => newForm
            ? new JsonObject { ["code"] = code, ["message"] = message }
            : new JsonObject { ["code"] = status, ["error_code"] = code, ["msg"] = message };

    /// <summary>In the first form PostgreSQL's own reason is passed on, in the second it is not.</summary>
    public static StandInAnswer OfDatabase(PostgresException exception, string message, bool newForm)
        => newForm
            ? Answer(500, "unexpected_failure", message, newForm)
            : new StandInAnswer(500, new JsonObject { ["code"] = exception.SqlState, ["message"] = exception.MessageText, ["detail"] = exception.Detail });
}
