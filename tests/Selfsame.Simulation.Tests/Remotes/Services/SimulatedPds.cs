using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Selfsame.Core.Accounts;
using Selfsame.Testing;

namespace Selfsame.Simulation.Tests.Remotes.Services;

/// <summary>
/// A PDS and its DID directory, from the methods' source (packages/pds of bluesky-social/atproto) and what a real one was seen to answer. It has what the connector
/// asks for: the description, invite codes, creation with its refusals and its 500 of a lost race or beside a disabled account, sign-in by password, the administrator's
/// reads and changes, the list of repositories; of the directory the documents. It has no repositories, tokens, e-mail confirmation or migration.
/// </summary>
internal sealed class SimulatedPds(RemoteAccounts accounts, VirtualClock clock, SeededRandom random, bool wantsInvites) : HttpService(accounts)
{
    public const string Domain = "at.example";
    public const string AdminPassword = "5f21c08e77d1-pds-administrator";

    public static readonly Uri Address = new("https://pds.example/");
    public static readonly Uri Directory = new("https://plc.example/");

    // Two creations so close to each other were both looked at before one of them was written.
    private static readonly TimeSpan Race = TimeSpan.FromSeconds(1);
    private static readonly string Credentials = $"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes($"admin:{AdminPassword}"))}";

    private readonly HashSet<string> invites = [];

    public static AccountMapping Mapping { get; } = new()
    {
        Id = ["did"],
        Identifiers = new Dictionary<IdentifierKind, string> { [IdentifierKind.Handle] = "handle", [IdentifierKind.Email] = "email" },
        Attributes = new Dictionary<string, AttributeMapping>(),
    };

    /// <summary>A new DID.</summary>
    public static AccountId NextDid(RemoteAccounts accounts) => new($"did:plc:{accounts.EverMade:D24}");

    /// <summary>A new account's record; <paramref name="handle"/> is the label under the domain.</summary>
    public static Fields Record(AccountId did, string handle, string email) => new(new Dictionary<string, FieldValue>
    {
        ["did"] = FieldValue.Text(did.ToString()),
        ["handle"] = FieldValue.Text($"{handle}.{Domain}"),
        ["email"] = FieldValue.Text(email.Trim().ToLowerInvariant()),
        ["active"] = FieldValue.Boolean(true),
    });

    public override bool Changes(ServiceRequest request) => request.Method == "POST" && Method(request) != "com.atproto.server.createSession";

    public override bool Creates(ServiceRequest request) => Method(request) == "com.atproto.server.createAccount";

    public override IEnumerable<string> About(ServiceRequest request)
        => new[]
            {
                request.Text("did"), request.Text("account"), request.Text("email"), request.Text("identifier"), request.Query("did"), request.Query("handle"),
                (request.Body?["subject"] as JsonObject)?["did"]?.GetValue<string>(), IsDirectory(request) ? request.Path.TrimStart('/') : null,
            }
            .Concat(request.Queries("dids")).OfType<string>().Distinct();

    public override ServiceAnswer TooMany(ServiceRequest request, TimeSpan wait) => NeedsDirectory(request) && random.OneIn(3)
        // The directory's words behind the PDS's own status.
        ? Error(HttpStatusCode.BadRequest, "InvalidRequest", "Too many requests, please try again later.")
        : Error(HttpStatusCode.TooManyRequests, "RateLimitExceeded", $"Rate Limit Exceeded {request.Echo}") with
        {
            Headers = new Dictionary<string, string> { ["Retry-After"] = $"{wait.TotalSeconds:0}", ["RateLimit-Reset"] = $"{(clock.GetUtcNow() + wait).ToUnixTimeSeconds()}" },
        };

    public override ServiceAnswer Broken(ServiceRequest request, int kind) => kind switch
    {
        0 => Page(HttpStatusCode.ServiceUnavailable, request),
        1 when NeedsDirectory(request) => Error(HttpStatusCode.BadGateway, "UpstreamFailure", $"Upstream Failure {request.Echo}"),
        // To an address that another account has it answers with just this, and the connector takes it for that: whichever of the two it is can't be told there.
        2 when Method(request) != "com.atproto.admin.updateAccountEmail" => Error(HttpStatusCode.InternalServerError, "InternalServerError", $"Internal Server Error {request.Echo}"),
        _ => Page(HttpStatusCode.BadGateway, request),
    };

    public override ServiceAnswer Answer(ServiceRequest request, TimeSpan lag)
        => IsDirectory(request) ? Document(request.Path.TrimStart('/'))
            : Method(request) is var method && (method.StartsWith("com.atproto.admin.", StringComparison.Ordinal) || method == "com.atproto.server.createInviteCode") && request.Authorization != Credentials
                ? Error(HttpStatusCode.Unauthorized, "AuthenticationRequired", $"Invalid credentials {request.Echo}")
            : method switch
            {
                "com.atproto.server.describeServer" => Ok(new JsonObject { ["did"] = "did:web:pds.example", ["availableUserDomains"] = new JsonArray($".{Domain}"), ["inviteCodeRequired"] = wantsInvites }),
                "com.atproto.server.createInviteCode" => Invite(),
                "com.atproto.server.createAccount" => Create(request),
                "com.atproto.server.createSession" => SignIn(request),
                "com.atproto.identity.resolveHandle" => Resolve(request.Query("handle")),
                "com.atproto.admin.getAccountInfos" => Ok(new JsonObject { ["infos"] = new JsonArray([.. request.Queries("dids").Select(Find).OfType<StoredAccount>().Select(Info)]) }),
                "com.atproto.admin.getSubjectStatus" => Find(request.Query("did")) is { } account ? Ok(Status(account)) : Error(HttpStatusCode.BadRequest, "NotFound", "Subject not found"),
                "com.atproto.admin.updateAccountHandle" => SetHandle(request),
                "com.atproto.admin.updateAccountEmail" => SetEmail(request),
                "com.atproto.admin.updateSubjectStatus" => SetStatus(request.Body!),
                "com.atproto.admin.deleteAccount" => Delete(request),
                "com.atproto.sync.listRepos" => Ok(new JsonObject { ["repos"] = new JsonArray([.. Accounts.Accounts.Values.Select(Repository)]) }),
                _ => Error(HttpStatusCode.NotImplemented, "MethodNotImplemented", "Method Not Implemented"),
            };

    private static bool IsDirectory(ServiceRequest request) => request.Address.Host == Directory.Host;

    private static string Method(ServiceRequest request) => request.Path.Split('/')[^1];

    private static bool NeedsDirectory(ServiceRequest request) => Method(request) is "com.atproto.server.createAccount" or "com.atproto.admin.updateAccountHandle";

    private static ServiceAnswer Error(HttpStatusCode status, string error, string message) => new(status, new JsonObject { ["error"] = error, ["message"] = message });

    private static string Text(StoredAccount account, string field) => account.Record[field].AsText!;

    private static bool IsActive(StoredAccount account) => account.Record["active"].IsTruthy;

    private static JsonNode Info(StoredAccount account) => new JsonObject
    {
        ["did"] = Text(account, "did"),
        ["handle"] = Text(account, "handle"),
        ["email"] = Text(account, "email"),
        ["indexedAt"] = "2026-11-21T12:00:00.000Z",
    };

    private static JsonNode Repository(StoredAccount account)
    {
        var repository = new JsonObject { ["did"] = Text(account, "did"), ["active"] = IsActive(account) };
        if (!IsActive(account))
        {
            repository["status"] = "takendown";
        }

        return repository;
    }

    private static JsonObject Status(StoredAccount account) => new()
    {
        ["subject"] = new JsonObject { ["$type"] = "com.atproto.admin.defs#repoRef", ["did"] = Text(account, "did") },
        ["takedown"] = new JsonObject { ["applied"] = !IsActive(account) },
        ["deactivated"] = new JsonObject { ["applied"] = false },
    };

    private static JsonObject DocumentOf(string did, string handle) => new()
    {
        ["id"] = did,
        ["alsoKnownAs"] = new JsonArray($"at://{handle}"),
        ["service"] = new JsonArray(new JsonObject { ["id"] = "#atproto_pds", ["type"] = "AtprotoPersonalDataServer", ["serviceEndpoint"] = "https://pds.example" }),
    };

    private StoredAccount? Find(string? did) => did is null ? null : Accounts.Accounts.GetValueOrDefault(new AccountId(did));

    private ServiceAnswer Document(string did)
        => Find(Uri.UnescapeDataString(did)) is { } account
            ? Ok(DocumentOf(Text(account, "did"), Text(account, "handle")))
            : new ServiceAnswer(HttpStatusCode.NotFound, new JsonObject { ["message"] = $"DID not registered: {did}" });

    private ServiceAnswer Invite()
    {
        var code = $"pds-example-{random.NextInt32(1 << 30)}";
        invites.Add(code);
        return Ok(new JsonObject { ["code"] = code });
    }

    private ServiceAnswer Create(ServiceRequest request)
    {
        var (handle, email, password) = (request.Text("handle")!.ToLowerInvariant(), request.Text("email")!, request.Text("password")!);
        if (wantsInvites && (request.Text("inviteCode") is not { } code || !invites.Contains(code)))
        {
            return Error(HttpStatusCode.BadRequest, "InvalidInviteCode", $"Provided invite code not available {request.Echo}");
        }

        var label = handle.Split('.')[0];
        if (handle != $"{label}.{Domain}" || label.Length is < 3 or > 18)
        {
            return Error(HttpStatusCode.BadRequest, "InvalidHandle", label.Length < 3 ? "Handle too short" : "Handle too long");
        }

        var did = NextDid(Accounts);
        var record = Record(did, label, email);
        var holders = Accounts.Holders(record).ToList();
        if (holders.Count > 0)
        {
            return holders.Any(holder => Accounts.Accounts[holder.Id] is var account && (!IsActive(account) || clock.Elapsed - account.MadeAt < Race))
                ? Error(HttpStatusCode.InternalServerError, "InternalServerError", $"Internal Server Error {request.Echo}")
                : holders.Exists(holder => holder.Field == "handle")
                    ? Error(HttpStatusCode.BadRequest, "InvalidRequest", $"Handle already taken: {handle} {request.Echo}")
                    : Error(HttpStatusCode.BadRequest, "InvalidRequest", $"Email already taken: {email} {request.Echo}");
        }

        invites.Remove(request.Text("inviteCode") ?? "");
        Accounts.Create(did, record, password);
        return Ok(new JsonObject
        {
            ["did"] = did.ToString(),
            ["handle"] = handle,
            ["didDoc"] = DocumentOf(did.ToString(), handle),
            ["accessJwt"] = "token",
            ["refreshJwt"] = "token",
        });
    }

    private ServiceAnswer SignIn(ServiceRequest request)
    {
        var identifier = request.Text("identifier")!.ToLowerInvariant();
        var account = Accounts.Accounts.Values.FirstOrDefault(account => new[] { "did", "handle", "email" }.Any(field => Text(account, field) == identifier));
        return account is null || account.Password != request.Text("password")
            ? Error(HttpStatusCode.Unauthorized, "AuthenticationRequired", $"Invalid identifier or password {request.Echo}")
            : Ok(new JsonObject { ["did"] = Text(account, "did"), ["handle"] = Text(account, "handle"), ["email"] = Text(account, "email"), ["accessJwt"] = "token", ["refreshJwt"] = "token" });
    }

    private ServiceAnswer Resolve(string? handle)
        => Accounts.Accounts.Values.FirstOrDefault(account => IsActive(account) && Text(account, "handle") == handle) is { } account
            ? Ok(new JsonObject { ["did"] = Text(account, "did") })
            : Error(HttpStatusCode.BadRequest, "InvalidRequest", "Unable to resolve handle");

    private ServiceAnswer SetHandle(ServiceRequest request)
    {
        var handle = request.Text("handle")!.ToLowerInvariant();
        return Set(request.Text("did"), "handle", FieldValue.Text(handle)) switch
        {
            null => Error(HttpStatusCode.InternalServerError, "InternalServerError", $"Internal Server Error {request.Echo}"),
            { Count: > 0 } => Error(HttpStatusCode.BadRequest, "InvalidRequest", $"Handle already taken: {handle} {request.Echo}"),
            _ => Ok(),
        };
    }

    private ServiceAnswer SetEmail(ServiceRequest request)
        => Set(request.Text("account"), "email", FieldValue.Text(request.Text("email")!.ToLowerInvariant())) switch
        {
            null => Error(HttpStatusCode.BadRequest, "InvalidRequest", $"Account does not exist: {request.Text("account")}"),
            { Count: > 0 } => Error(HttpStatusCode.InternalServerError, "InternalServerError", $"Internal Server Error {request.Echo}"),
            _ => Ok(),
        };

    private ServiceAnswer SetStatus(JsonObject body)
    {
        var applied = body["takedown"]!["applied"]!.GetValue<bool>();
        Set(body["subject"]!["did"]!.GetValue<string>(), "active", FieldValue.Boolean(!applied));
        return Ok(new JsonObject { ["subject"] = body["subject"]!.DeepClone(), ["takedown"] = new JsonObject { ["applied"] = applied } });
    }

    private ServiceAnswer Delete(ServiceRequest request)
    {
        Accounts.Remove(new AccountId(request.Text("did")!));
        return Ok();
    }

    private IReadOnlyList<string>? Set(string? did, string field, FieldValue value)
        => Find(did) is null ? null : Accounts.Set(new AccountId(did!), new Fields([KeyValuePair.Create(field, value)]));
}
