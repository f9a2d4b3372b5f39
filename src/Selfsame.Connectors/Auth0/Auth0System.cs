using System.Net;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Selfsame.Connectors.Http;
using Selfsame.Core;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Connectors.Auth0;

/// <summary>
/// The users of an Auth0 tenant, through its Management API. The list and the exports lag behind; users by id and by e-mail are as they are. A precondition
/// is compared with a fresh read right before the change, but not in one transaction with it. The id of a new user of a database connection is ours to
/// choose, so that a lost answer is found again by it.
/// </summary>
public sealed class Auth0System
    : IReadsAccounts, IReadsAccountsById, IFindsAccounts, ICreatesAccounts, IUpdatesAccounts, IDeletesAccounts, IProbesPermissions, IReportsEvents
{
    /// <summary>The database connection that every tenant begins with.</summary>
    private const string DefaultConnection = "Username-Password-Authentication";
    private const int PortionSize = 1000;
    private const int ReadsAtOnce = 8;
    private const int EventsAtOnce = 100;
    private static readonly HashSet<string> CountField = [Auth0Fields.VerificationCount];
    private static readonly (string Name, string Scope)[] Probes =
    [
        ("read users", "read:users"), ("create users", "create:users"), ("update and block users", "update:users"), ("delete users", "delete:users"),
        ("read the log", "read:logs"), ("read log streams", "read:log_streams"),
    ];

    private readonly string name;
    private readonly string connection;
    private readonly Auth0Api api;
    private readonly Auth0Failures failures;
    private readonly Auth0BulkRead bulk;
    private readonly RandomSource random;
    private readonly VerificationCounts? verifications;

    /// <param name="config">The system, as the config has it.</param>
    /// <param name="clock">For time limits, waits and the token.</param>
    /// <param name="random">For the passwords of new users.</param>
    /// <param name="verifications">How often each user proved the e-mail; nobody did where it is left out.</param>
    /// <param name="http">What sends the requests, disposed with the system; a connection pool of its own where it is left out.</param>
    /// <param name="patience">How long reads wait in place; a command's where it is left out.</param>
    public Auth0System(
        SystemConfig config, TimeProvider clock, RandomSource random, VerificationCounts? verifications = null, HttpMessageInvoker? http = null, Patience? patience = null)
    {
        name = config.Name;
        connection = config.Settings.GetValueOrDefault("connection") ?? DefaultConnection;
        this.random = random;
        this.verifications = verifications;
        api = new Auth0Api(config, http ?? HttpCalls.OwnConnections(), clock, patience ?? Patience.OfCommand);
        failures = new Auth0Failures(name);
        bulk = new Auth0BulkRead(name, api, failures, clock);
    }

    /// <summary>
    /// What the config may say: <c>domain</c>, <c>clientId</c>, <c>clientSecret</c>, <c>audience</c> and <c>connection</c>, besides the <c>hook</c>; the mapping is fixed.
    /// </summary>
    public static ConnectorKind Kind { get; } = new()
    {
        Name = "auth0",
        Settings =
        [
            new ConnectorSetting("domain", Required: true),
            new ConnectorSetting("clientId", Required: true),
            new ConnectorSetting("clientSecret", Required: true, Secret: true),
            new ConnectorSetting("audience", Required: false),
            new ConnectorSetting("connection", Required: false),
        ],
        FixedMapping = Auth0Fields.Mapping,
        TakesHook = true,
    };

    public AccountMapping Mapping => Auth0Fields.Mapping;

    public ValueTask DisposeAsync()
    {
        api.Dispose();
        return ValueTask.CompletedTask;
    }

    public async Task<SystemFacts> DescribeAsync(CancellationToken cancellation)
    {
        var reply = await api.ReadAsync("users?per_page=1&page=0", cancellation);
        return reply is Answer { IsSuccess: true, Body: not null }
            ? new SystemFacts
            {
                TakesChosenId = true,
                AtomicPreconditions = false,
                CanRequireValues = false,
                NotNullFields = new HashSet<string>(StringComparer.Ordinal) { Auth0Fields.Id, Auth0Fields.Email, Auth0Fields.EmailVerified, Auth0Fields.Active, Auth0Fields.VerificationCount },
                Spelling = foreign => Auth0Fields.Spelling(foreign.Field, foreign.Value),
                DuplicateAdvice =
                    "Propose to this person, after both sign-ins were proved, to link the accounts: POST /api/v2/users/{the one that stays}/identities; the other's id then names nobody.",
                DeletionEffects = ["The user's password, sessions, linked identities, enrolments and consents are deleted with it and can't be put back."],
            }
            : throw failures.Unreadable(reply);
    }

    public async IAsyncEnumerable<ReadPart> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        var everybody = await bulk.ReadAsync(cancellation);
        var counts = verifications is null ? null : await verifications(null, cancellation);
        foreach (var portion in everybody.Accounts.Chunk(PortionSize))
        {
            yield return new ReadAccounts([.. portion.Select(account => Counted(account, counts))]);
        }

        foreach (var record in everybody.Unreadable)
        {
            yield return record;
        }

        yield return new ReadEnd(everybody.Accounts.Count, everybody.Complete);
    }

    public bool AsksOneByOne => true;

    public async Task<IReadOnlyList<Account>> ReadByIdAsync(IReadOnlyList<AccountId> ids, CancellationToken cancellation)
    {
        var found = new List<Account>();
        var asked = ids.Where(id => id.Parts.Count == 1).ToHashSet();
        foreach (var portion in asked.Chunk(ReadsAtOnce))
        {
            var replies = await Task.WhenAll(portion.Select(id => api.ReadAsync(Path(id), cancellation)));
            found.AddRange(replies.Select(reply => Present(reply) ?? (IsGone(reply) ? null : throw failures.Unreadable(reply)))
                .OfType<Account>().Where(account => asked.Contains(account.Id)));
        }

        return await CountedAsync(found, cancellation);
    }

    /// <summary>E-mail addresses by the endpoint that is always up to date, as they are written and in lower case; usernames and numbers by the search, which lags.</summary>
    public async Task<IReadOnlyList<Account>> FindAsync(IReadOnlyDictionary<IdentifierKind, IReadOnlyList<string>> identifiers, CancellationToken cancellation)
    {
        var paths = identifiers.Where(pair => Mapping.Identifiers.ContainsKey(pair.Key)).SelectMany(pair => pair.Value.SelectMany(text => pair.Key == IdentifierKind.Email
            ? new[] { text, text.ToLowerInvariant() }.Distinct(StringComparer.Ordinal).Select(address => $"users-by-email?email={Uri.EscapeDataString(address)}")
            : [$"users?search_engine=v3&per_page=50&page=0&q={Uri.EscapeDataString($"{Mapping.Identifiers[pair.Key]}:\"{Quoted(text)}\"")}"]));
        var found = new Dictionary<AccountId, Account>();
        foreach (var portion in paths.Chunk(ReadsAtOnce))
        {
            foreach (var reply in await Task.WhenAll(portion.Select(path => api.ReadAsync(path, cancellation))))
            {
                if (reply is not Answer { IsSuccess: true, Body: { ValueKind: JsonValueKind.Array } users })
                {
                    throw failures.Unreadable(reply);
                }

                // Whoever can't be read may be the one who is looked for.
                foreach (var account in users.EnumerateArray().Select(user => user.IsText() ? Auth0User.Read(user) : throw failures.Unreadable(user)).OfType<Account>())
                {
                    found.TryAdd(account.Id, account);
                }
            }
        }

        return await CountedAsync([.. found.Values], cancellation);
    }

    public async Task<WriteOutcome> CreateAsync(AccountId id, Fields fields, CancellationToken cancellation)
    {
        var (body, problem) = Auth0User.ToCreate(id, fields, connection, random);
        if (body is null)
        {
            return new Refused(problem);
        }

        var reply = await api.SendAsync(HttpMethod.Post, "users", body, cancellation);
        var outcome = Present(reply) is { } made
            ? made.Id.Equals(id) ? new Done() : new Refused($"Auth0 made the user {made.Id} in place of {id}: delete it, and look at the connection '{connection}', which must be a database of Auth0's own.")
            : failures.Change(reply);
        return outcome is AlreadyExists exists ? exists with { Fields = await TakenAsync(id, fields, cancellation) } : outcome;
    }

    public async Task<WriteOutcome> UpdateAsync(AccountId id, Fields set, Fields precondition, CancellationToken cancellation)
    {
        var (present, not) = await ReadForChangeAsync(id, precondition, cancellation);
        if (present is null)
        {
            return not!;
        }

        var (body, problem) = Auth0User.ToUpdate(set, present, connection);
        if (body is null)
        {
            return new Refused(problem);
        }

        var reply = await api.SendAsync(HttpMethod.Patch, Path(id), body, cancellation);
        return reply is Answer { IsSuccess: true, Body: not null } ? new Done() : IsGone(reply) ? new Drifted("It is gone.") : failures.Change(reply);
    }

    public async Task<WriteOutcome> DeleteAsync(AccountId id, Fields precondition, CancellationToken cancellation)
    {
        var (present, not) = await ReadForChangeAsync(id, precondition, cancellation);
        if (present is null)
        {
            return not!;
        }

        var reply = await api.SendAsync(HttpMethod.Delete, Path(id), null, cancellation);
        return reply is Answer { IsSuccess: true } ? new Done() : failures.Change(reply);
    }

    /// <summary>By name, from the scopes that the token endpoint says it granted; nothing else is asked.</summary>
    public async Task<IReadOnlyList<PermissionProbe>> ProbeAsync(CancellationToken cancellation)
    {
        var (scopes, not) = await api.ScopesAsync(cancellation);
        if (not is { Patience: null })
        {
            throw failures.Unreadable(not);
        }

        return [.. Probes.Select(probe => scopes is null
            ? new PermissionProbe(probe.Name, ProbeAnswer.Unknown, not is null ? "The token does not say what it may do." : "It asks for fewer requests: ask again later.")
            : scopes.Contains(probe.Scope)
                ? new PermissionProbe(probe.Name, ProbeAnswer.Yes)
                : new PermissionProbe(probe.Name, ProbeAnswer.No, $"Grant the machine-to-machine application the scope {probe.Scope} of the Management API (APIs, Auth0 Management API, Machine To Machine Applications)."))];
    }

    public EventReading ReadBody(ReadOnlyMemory<byte> body) => Auth0Events.ReadBody(body);

    public async Task<EventPage> ReadEventsAsync(string? checkpoint, DateTimeOffset since, CancellationToken cancellation)
    {
        var start = Uri.EscapeDataString($"date:[{since.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss.fff'Z'} TO *]");
        var first = $"logs?sort=date%3A1&page=0&per_page={EventsAtOnce}&q={start}";
        var reply = await api.ReadAsync(checkpoint is null ? first : $"logs?from={Uri.EscapeDataString(checkpoint)}&take={EventsAtOnce}", cancellation);
        if (checkpoint is not null && reply is Answer { Status: HttpStatusCode.BadRequest or HttpStatusCode.NotFound })
        {
            // The log is kept for some days only: the checkpoint is older.
            return await ReadEventsAsync(null, since, cancellation);
        }

        return reply is Answer { IsSuccess: true, Body: { ValueKind: JsonValueKind.Array } lines }
            ? Auth0Events.ReadLog(lines, checkpoint)
            : throw failures.Unreadable(reply);
    }

    public async Task<EventDelivery> DescribeDeliveryAsync(CancellationToken cancellation)
    {
        var reply = await api.ReadAsync("log-streams", cancellation);
        return reply is Answer { IsSuccess: true, Body: { ValueKind: JsonValueKind.Array } streams }
            ? new EventDelivery([.. streams.EnumerateArray().Select(Stream).OfType<EventStream>()], api.ClockAhead)
            : throw failures.Unreadable(reply);
    }

    private static EventStream? Stream(JsonElement stream)
    {
        static string Text(JsonElement element, string property)
            => element.ValueKind == JsonValueKind.Object ? element.TextOrNull(property) ?? "" : "";
        return Text(stream, "type") == "http" && stream.TryGetProperty("sink", out var sink)
            ? new EventStream(Text(stream, "name"), Text(sink, "httpEndpoint"), Text(stream, "status"), Text(stream, "status") == "active", Text(sink, "httpAuthorization"))
            : null;
    }

    private static string Path(AccountId id) => $"users/{Uri.EscapeDataString(id.ToString())}";

    private static string Quoted(string text) => text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal);

    private static Account? Present(HttpReply reply) => reply is Answer { IsSuccess: true, Body: { } user } ? Auth0User.Read(user) : null;

    private static bool IsGone(HttpReply reply) => reply is Answer { Status: HttpStatusCode.NotFound, Code: "inexistent_user" };

    private static Account Counted(Account account, IReadOnlyDictionary<AccountId, long>? counts)
        => counts is not null && counts.TryGetValue(account.Id, out var count)
            ? Auth0Fields.Mapping.ToAccount(account.Record.With(new Fields([KeyValuePair.Create(Auth0Fields.VerificationCount, FieldValue.Integer(count))])))!
            : account;

    private async Task<IReadOnlyList<Account>> CountedAsync(List<Account> accounts, CancellationToken cancellation)
    {
        var counts = verifications is null || accounts.Count == 0 ? null : await verifications([.. accounts.Select(account => account.Id)], cancellation);
        return accounts.ConvertAll(account => Counted(account, counts));
    }

    // The one answer 409 does not say what is taken.
    private async Task<IReadOnlyList<string>> TakenAsync(AccountId id, Fields fields, CancellationToken cancellation)
    {
        try
        {
            if ((await ReadByIdAsync([id], cancellation)).Count > 0)
            {
                return [Auth0Fields.Id];
            }

            var email = fields[Auth0Fields.Email].ToString();
            var holders = await FindAsync(new Dictionary<IdentifierKind, IReadOnlyList<string>> { [IdentifierKind.Email] = [email] }, cancellation);
            return holders.Count > 0 ? [Auth0Fields.Email] : fields.ValueOrNull(Auth0Fields.Username).IsNull ? [] : [Auth0Fields.Username];
        }
        catch (SystemUnavailableException)
        {
            // That it exists is certain; which field it is stays untold.
            return [];
        }
    }

    /// <summary>The account if it holds the precondition; else what the change comes to without it.</summary>
    private async Task<(Account? Present, WriteOutcome? Not)> ReadForChangeAsync(AccountId id, Fields precondition, CancellationToken cancellation)
    {
        var reply = await api.SendAsync(HttpMethod.Get, Path(id), null, cancellation);
        if (IsGone(reply))
        {
            return (null, new Drifted("It is gone."));
        }

        if (Present(reply) is not { } present || !present.Id.Equals(id))
        {
            return (null, failures.BeforeChange(reply));
        }

        // The count is ours and no state of Auth0's.
        var different = precondition.Without(CountField).DifferencesFrom(present.Record, "");
        return different.Count == 0 ? (present, null) : (null, new Drifted($"It changed meanwhile: {string.Join(", ", different)}."));
    }
}
