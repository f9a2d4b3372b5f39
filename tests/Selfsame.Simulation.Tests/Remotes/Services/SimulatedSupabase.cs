using System.Net;
using System.Text.Json.Nodes;
using Selfsame.Core.Accounts;
using Selfsame.Testing;

namespace Selfsame.Simulation.Tests.Remotes.Services;

/// <summary>
/// The admin API of Supabase Auth, from GoTrue's source (internal/api/admin.go, pagination.go, the error bodies). It has the list with page, size and filter, users by
/// id, creation under a chosen id, changes with merged metadata and bans, deletion. A taken address is answered 422; a taken id is not looked for first, so that
/// PostgreSQL's reason is answered, in one of the API's two forms. It has no sign-in, mails, identities or soft deletion.
/// </summary>
internal sealed class SimulatedSupabase(RemoteAccounts accounts, VirtualClock clock, SeededRandom random, bool newErrors) : HttpService(accounts)
{
    public const string Key = "91b7d3aa02c4-service-role-key";

    public static readonly Uri Address = new("https://project.example/");
    private const string Users = "/auth/v1/admin/users";

    public static AccountMapping Mapping { get; } = new()
    {
        Id = ["id"],
        Identifiers = new Dictionary<IdentifierKind, string> { [IdentifierKind.Email] = "email" },
        Attributes = new Dictionary<string, AttributeMapping>(),
    };

    /// <summary>A new user's record.</summary>
    public static Fields Record(AccountId id, string email) => new(new Dictionary<string, FieldValue>
    {
        ["id"] = FieldValue.Text(id.ToString()),
        ["email"] = FieldValue.Text(email.Trim().ToLowerInvariant()),
        ["confirmed"] = FieldValue.Boolean(false),
        ["role"] = FieldValue.Null,
        ["active"] = FieldValue.Boolean(true),
    });

    public override bool Changes(ServiceRequest request) => request.Method != "GET";

    public override bool Creates(ServiceRequest request) => request.Method == "POST" && request.Path == Users;

    // A list may come from a replica; a user by id comes from the primary.
    public override bool MayLag(ServiceRequest request) => request.Method == "GET" && IdOf(request) is null;

    public override IEnumerable<string> About(ServiceRequest request) => new[] { IdOf(request), request.Text("id"), request.Query("filter") }.OfType<string>();

    public override ServiceAnswer TooMany(ServiceRequest request, TimeSpan wait)
        => Error(HttpStatusCode.TooManyRequests, "over_request_rate_limit", $"Request rate limit reached {request.Echo}") with
        {
            Headers = new Dictionary<string, string> { ["Retry-After"] = $"{wait.TotalSeconds:0}" },
        };

    public override ServiceAnswer Broken(ServiceRequest request, int kind) => kind switch
    {
        0 => Page(HttpStatusCode.ServiceUnavailable, request),
        1 => Error(HttpStatusCode.GatewayTimeout, "request_timeout", $"Processing this request timed out, please retry after a moment. {request.Echo}"),
        _ => Error(HttpStatusCode.InternalServerError, "unexpected_failure", $"Unexpected failure {request.Echo}"),
    };

    public override ServiceAnswer Answer(ServiceRequest request, TimeSpan lag)
        => request.ApiKey != Key ? new ServiceAnswer(HttpStatusCode.Unauthorized, new JsonObject { ["message"] = $"Invalid authentication credentials: {request.Echo}" })
            : (request.Method, IdOf(request)) switch
            {
                ("GET", null) => List(request, lag),
                ("POST", null) => Create(request),
                (_, { } id) when !Accounts.Accounts.ContainsKey(new AccountId(id)) => Error(HttpStatusCode.NotFound, "user_not_found", "User not found"),
                ("GET", { } id) => Ok(User(Accounts.Accounts[new AccountId(id)].Record)),
                ("PUT", { } id) => Update(new AccountId(id), request),
                ("DELETE", { } id) => Delete(new AccountId(id)),
                _ => Error(HttpStatusCode.MethodNotAllowed, "", "Method not allowed"),
            };

    private static string? IdOf(ServiceRequest request)
        => request.Path.StartsWith($"{Users}/", StringComparison.Ordinal) ? request.Path[(Users.Length + 1)..] : null;

    private static JsonObject User(Fields record) => new()
    {
        ["id"] = record["id"].AsText,
        ["aud"] = "authenticated",
        ["role"] = "authenticated",
        ["email"] = record["email"].AsText,
        ["phone"] = "",
        ["email_confirmed_at"] = record["confirmed"].IsTruthy ? "2026-11-21T12:00:00Z" : null,
        ["app_metadata"] = new JsonObject { ["provider"] = "email", ["providers"] = new JsonArray("email"), ["role"] = record["role"].AsText },
        ["user_metadata"] = new JsonObject(),
        ["created_at"] = "2026-11-21T12:00:00Z",
        // A ban of a hundred years.
        ["banned_until"] = record["active"].IsTruthy ? null : "2126-11-21T12:00:00Z",
    };

    private ServiceAnswer Error(HttpStatusCode status, string code, string message)
        => new(status, newErrors ? new JsonObject { ["code"] = code, ["message"] = message } : new JsonObject { ["code"] = (int)status, ["error_code"] = code, ["msg"] = message });

    private ServiceAnswer List(ServiceRequest request, TimeSpan lag)
    {
        var filter = request.Query("filter");
        var users = Accounts.SeeRecords(lag).Where(record => filter is null || record["email"].AsText!.Contains(filter, StringComparison.Ordinal)).ToList();
        var size = request.Number("per_page", 50);
        var page = users.Skip((request.Number("page", 1) - 1) * size).Take(size);
        return Ok(new JsonObject { ["users"] = new JsonArray([.. page.Select(User)]), ["aud"] = "authenticated" }) with
        {
            Headers = new Dictionary<string, string> { ["X-Total-Count"] = $"{users.Count}" },
        };
    }

    private ServiceAnswer Create(ServiceRequest request)
    {
        var id = new AccountId(request.Text("id")!);
        var record = Record(id, request.Text("email")!).With(Wanted(request));
        if (Accounts.Accounts.ContainsKey(id))
        {
            return Violated("users_pkey", request);
        }

        // Looked for before the insert, so that of two at the same time one meets the index.
        var holders = Accounts.Holders(record).ToList();
        if (holders.Count > 0)
        {
            return holders.Exists(holder => clock.Elapsed - Accounts.Accounts[holder.Id].MadeAt < TimeSpan.FromSeconds(1))
                ? Violated("users_email_partial_key", request)
                : Taken(request);
        }

        Accounts.Create(id, record, null);
        return Ok(User(record));
    }

    private ServiceAnswer Update(AccountId id, ServiceRequest request)
        => Accounts.Set(id, Wanted(request)) is { Count: > 0 } ? Taken(request) : Ok(User(Accounts.Accounts[id].Record));

    private ServiceAnswer Delete(AccountId id)
    {
        Accounts.Remove(id);
        return Ok(new JsonObject());
    }

    private ServiceAnswer Taken(ServiceRequest request)
        => Error(HttpStatusCode.UnprocessableEntity, "email_exists", $"A user with this email address has already been registered {request.Echo}");

    private ServiceAnswer Violated(string constraint, ServiceRequest request)
        => newErrors
            ? Error(HttpStatusCode.InternalServerError, "unexpected_failure", $"Database error creating new user {request.Echo}")
            : new ServiceAnswer(HttpStatusCode.InternalServerError, new JsonObject
            {
                ["code"] = "23505",
                ["message"] = $"duplicate key value violates unique constraint \"{constraint}\"{(random.OneIn(2) ? $" {request.Echo}" : "")}",
            });

    private static Fields Wanted(ServiceRequest request)
    {
        var wanted = new Dictionary<string, FieldValue>();
        if (request.Text("email") is { } email)
        {
            wanted["email"] = FieldValue.Text(email.ToLowerInvariant());
        }

        if (request.Body?["email_confirm"]?.GetValue<bool>() == true)
        {
            wanted["confirmed"] = FieldValue.Boolean(true);
        }

        if (request.Text("ban_duration") is { } ban)
        {
            wanted["active"] = FieldValue.Boolean(ban == "none");
        }

        if (request.Body?["app_metadata"] is JsonObject metadata && metadata.ContainsKey("role"))
        {
            wanted["role"] = FieldValue.From(metadata["role"]?.GetValue<string>());
        }

        return new Fields(wanted);
    }
}
