using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Selfsame.Core.Accounts;
using Selfsame.Testing;

namespace Selfsame.Simulation.Tests.Remotes.Services;

/// <summary>
/// An Auth0 tenant as a source: its token endpoint, users by id and e-mail (as they are) and in a list (which lags), and its log, from the Management API's
/// documented shapes. Tokens live for minutes; an address may come by several connections. People sign up and change by themselves: it has no creation, change or deletion through the API, no exports.
/// </summary>
internal sealed class SimulatedAuth0(RemoteAccounts accounts, VirtualClock clock, string rowsOf) : HttpService(accounts)
{
    public const string Domain = "tenant.example";
    public const string ClientSecret = "c8d0a2f5e1b0-auth0-client-secret";
    private const string TokenPrefix = "7e9f3b60d2aa-management-token-";
    private static readonly TimeSpan TokenLife = TimeSpan.FromMinutes(10);

    private readonly List<(SystemEvent Event, JsonObject Line)> log = [];
    private readonly Dictionary<string, TimeSpan> tokens = new(StringComparer.Ordinal);

    public static AccountMapping Mapping { get; } = new()
    {
        Id = ["user_id"],
        Identifiers = new Dictionary<IdentifierKind, string> { [IdentifierKind.Email] = "email" },
        Attributes = new Dictionary<string, AttributeMapping>(),
    };

    public override string RowsOf => rowsOf;

    /// <summary>What happened so far.</summary>
    public IEnumerable<SystemEvent> Log => log.Select(entry => entry.Event);

    /// <summary>The tokens that it gave: nobody else may see them.</summary>
    public IEnumerable<string> Tokens => tokens.Keys;

    /// <summary>A new user's record.</summary>
    public static Fields Record(AccountId id, string email, string name, bool verified) => new(new Dictionary<string, FieldValue>
    {
        ["user_id"] = FieldValue.Text(id.ToString()),
        ["email"] = FieldValue.Text(email),
        ["verified"] = FieldValue.Boolean(verified),
        ["name"] = FieldValue.Text(name),
        ["blocked"] = FieldValue.Boolean(false),
    });

    /// <summary>Somebody did something; what the log then says.</summary>
    public SystemEvent Record(string type, AccountId account)
    {
        var happened = new SystemEvent
        {
            Id = $"900202611210000000000000000{log.Count + 1:D28}",
            Type = type,
            Account = account,
            Occurred = clock.GetUtcNow(),
            ProvesEmail = type == "sv",
        };
        log.Add((happened, new JsonObject
        {
            ["date"] = Instant(clock.GetUtcNow()),
            ["type"] = type,
            ["log_id"] = happened.Id,
            ["user_id"] = account.ToString(),
            ["details"] = new JsonObject(),
        }));
        return happened;
    }

    public override bool Changes(ServiceRequest request) => false;

    public override bool MayLag(ServiceRequest request) => request.Path == "/api/v2/users";

    public override IEnumerable<string> About(ServiceRequest request) => new[] { UserOf(request), request.Query("email") }.OfType<string>();

    // Its clock is the world's, which ours need not be: the headers tell both instants by it.
    public override ServiceAnswer TooMany(ServiceRequest request, TimeSpan wait)
        => Error(HttpStatusCode.TooManyRequests, "too_many_requests", $"Global limit has been reached {request.Echo}") with { Headers = Limits(0, wait) };

    public override ServiceAnswer Broken(ServiceRequest request, int kind) => kind switch
    {
        0 => Page(HttpStatusCode.ServiceUnavailable, request),
        _ => Error(HttpStatusCode.InternalServerError, "", $"An internal server error occurred {request.Echo}"),
    };

    public override ServiceAnswer Answer(ServiceRequest request, TimeSpan lag)
    {
        if (request.Path == "/oauth/token")
        {
            return Token(request);
        }

        if (!tokens.TryGetValue(request.Authorization?["Bearer ".Length..] ?? "", out var end) || end < clock.Elapsed)
        {
            return Error(HttpStatusCode.Unauthorized, "invalid_token", $"Invalid token {request.Echo}");
        }

        return (request.Path switch
        {
            "/api/v2/users" => List(request, lag),
            "/api/v2/users-by-email" => Ok(new JsonArray([.. Accounts.SeeRecords(TimeSpan.Zero).Where(record => record["email"].AsText == request.Query("email")).Select(User)])),
            "/api/v2/logs" => Lines(request),
            _ when UserOf(request) is { } id => Accounts.Accounts.TryGetValue(new AccountId(id), out var user)
                ? Ok(User(user.Record))
                : Error(HttpStatusCode.NotFound, "inexistent_user", "The user does not exist."),
            _ => Error(HttpStatusCode.NotFound, "", "Not Found"),
        }) with
        { Headers = Limits(10, TimeSpan.FromSeconds(1)) };
    }

    private static string? UserOf(ServiceRequest request)
        => request.Path.StartsWith("/api/v2/users/", StringComparison.Ordinal) ? Uri.UnescapeDataString(request.Path["/api/v2/users/".Length..]) : null;

    private static string Instant(DateTimeOffset instant) => instant.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    private static ServiceAnswer Error(HttpStatusCode status, string code, string message)
        => new(status, new JsonObject { ["statusCode"] = (int)status, ["error"] = $"{status}", ["message"] = message, ["errorCode"] = code });

    private static JsonObject User(Fields record) => new()
    {
        ["user_id"] = record["user_id"].AsText,
        ["email"] = record["email"].AsText,
        ["email_verified"] = record["verified"].IsTruthy,
        ["name"] = record["name"].AsText,
        ["blocked"] = record["blocked"].IsTruthy,
        ["created_at"] = "2026-11-21T12:00:00.000Z",
        ["identities"] = new JsonArray(new JsonObject { ["provider"] = record["user_id"].AsText!.Split('|')[0], ["connection"] = "Username-Password-Authentication" }),
    };

    private Dictionary<string, string> Limits(int remaining, TimeSpan reset) => new()
    {
        ["x-ratelimit-limit"] = "10",
        ["x-ratelimit-remaining"] = $"{remaining}",
        ["x-ratelimit-reset"] = $"{(clock.GetUtcNow() + reset).ToUnixTimeSeconds()}",
        ["Date"] = clock.GetUtcNow().ToString("R", CultureInfo.InvariantCulture),
    };

    private ServiceAnswer Token(ServiceRequest request)
    {
        if (request.Text("client_secret") != ClientSecret)
        {
            return new ServiceAnswer(HttpStatusCode.Unauthorized, new JsonObject { ["error"] = "access_denied", ["error_description"] = $"Unauthorized {request.Echo}" });
        }

        var token = $"{TokenPrefix}{tokens.Count}";
        tokens[token] = clock.Elapsed + TokenLife;
        return Ok(new JsonObject { ["access_token"] = token, ["token_type"] = "Bearer", ["expires_in"] = (long)TokenLife.TotalSeconds, ["scope"] = "read:users read:logs" });
    }

    private ServiceAnswer List(ServiceRequest request, TimeSpan lag)
    {
        var users = Accounts.SeeRecords(lag).ToList();
        var size = request.Number("per_page", 50);
        var page = new JsonArray([.. users.Skip(request.Number("page", 0) * size).Take(size).Select(User)]);
        return Ok(request.Query("include_totals") == "true" ? new JsonObject { ["users"] = page, ["total"] = users.Count } : page);
    }

    private ServiceAnswer Lines(ServiceRequest request)
    {
        if (request.Query("from") is { } from)
        {
            return Page(log.Where(entry => string.CompareOrdinal(entry.Event.Id, from) > 0).Take(request.Number("take", 50)));
        }

        var since = request.Query("q")!["date:[".Length..].Split(' ')[0];
        return Page(log.Where(entry => string.CompareOrdinal(Instant(entry.Event.Occurred!.Value), since) >= 0).Take(request.Number("per_page", 50)));
    }

    private static ServiceAnswer Page(IEnumerable<(SystemEvent Event, JsonObject Line)> entries) => Ok(new JsonArray([.. entries.Select(entry => entry.Line.DeepClone())]));
}
