using System.Net;
using System.Runtime.CompilerServices;
using Selfsame.Connectors.Http;
using Selfsame.Core;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Connectors.Supabase;

/// <summary>
/// The users of a Supabase project, through the admin API of Supabase Auth (GoTrue). A precondition is compared with a fresh read right before the
/// change, but not in one transaction with it. A new user's id is ours to choose, so that a lost answer is found again by it.
/// </summary>
public sealed class SupabaseSystem : IReadsAccounts, IReadsAccountsById, IFindsAccounts, ICreatesAccounts, IUpdatesAccounts, IDeletesAccounts, IProbesPermissions, ISendsRecoveryMails
{
    private const string Table = "auth.users";
    private const int PortionSize = 1000;
    private const int ReadsAtOnce = 8;
    private const int MostFilters = 20;

    private readonly HttpMessageInvoker http;
    private readonly SupabaseApi api;
    private readonly SupabaseFailures failures;
    private readonly SupabasePages pages;
    private readonly string name;
    private readonly bool namesDatabase;
    private readonly TimeProvider clock;
    private readonly RandomSource random;

    /// <param name="config">The system, as the config has it.</param>
    /// <param name="clock">For time limits, waits and bans.</param>
    /// <param name="random">For the passwords of new users.</param>
    /// <param name="http">What sends the requests, disposed with the system; a connection pool of its own where it is left out.</param>
    /// <param name="patience">How long reads wait in place; a command's where it is left out.</param>
    public SupabaseSystem(SystemConfig config, TimeProvider clock, RandomSource random, HttpMessageInvoker? http = null, Patience? patience = null)
    {
        this.http = http ?? HttpCalls.OwnConnections();
        this.clock = clock;
        this.random = random;
        name = config.Name;
        namesDatabase = config.Database is not null;
        api = new SupabaseApi(config.Name, config.Settings["url"], config.Settings["serviceRoleKey"], this.http, clock, patience ?? Patience.OfCommand);
        failures = new SupabaseFailures(config.Name);
        pages = new SupabasePages(config.Name, api, failures, clock);
    }

    /// <summary>
    /// What the config may say: <c>url</c> (the project's), <c>serviceRoleKey</c>, and <c>database</c>, the <c>postgres</c> system that shows the project's database;
    /// the mapping is fixed.
    /// </summary>
    public static ConnectorKind Kind { get; } = new()
    {
        Name = "supabase",
        Settings = [new ConnectorSetting("url", Required: true), new ConnectorSetting("serviceRoleKey", Required: true, Secret: true), new ConnectorSetting("database", Required: false, NamesSystem: "postgres")],
        FixedMapping = SupabaseFields.Mapping,
    };

    public AccountMapping Mapping => SupabaseFields.Mapping;

    public ValueTask DisposeAsync()
    {
        http.Dispose();
        return ValueTask.CompletedTask;
    }

    public async Task<SystemFacts> DescribeAsync(CancellationToken cancellation)
    {
        var reply = await api.SendAsync(HttpMethod.Get, "?page=1&per_page=1", null, cancellation);
        return reply is Answer { IsSuccess: true, Body: not null }
            ? new SystemFacts
            {
                TakesChosenId = true,
                AtomicPreconditions = false,
                CanRequireValues = false,
                IdsAreUuids = true,
                PasswordHashes = SupabasePasswords.Rules,
                NotNullFields = new HashSet<string>(StringComparer.Ordinal)
                {
                    SupabaseFields.Id, SupabaseFields.EmailConfirmed, SupabaseFields.PhoneConfirmed, SupabaseFields.Active,
                },
                Spelling = foreign => SupabaseFields.Spelling(foreign.Field, foreign.Value),
                TableBehind = Table,
                DeletionEffects =
                [
                    "The user's sessions, identities, password and second factors are deleted with it and can't be put back.",
                    namesDatabase
                        ? $"Rows of your own tables that refer to {Table} with ON DELETE CASCADE or SET NULL are deleted or changed too."
                        : $"Rows of your own tables that refer to {Table} with ON DELETE CASCADE or SET NULL are deleted or changed too; the admin API does not tell which. "
                            + "Name the postgres system of the same database under 'database', or look for them in the database.",
                ],
            }
            : throw failures.Unreadable(reply);
    }

    public async IAsyncEnumerable<ReadPart> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        var list = await pages.ReadAsync(null, cancellation);
        foreach (var portion in list.Accounts.Chunk(PortionSize))
        {
            yield return new ReadAccounts(portion);
        }

        foreach (var record in list.Unreadable)
        {
            yield return record;
        }

        yield return new ReadEnd(list.Accounts.Count, list.Complete);
    }

    public bool AsksOneByOne => true;

    public async Task<IReadOnlyList<Account>> ReadByIdAsync(IReadOnlyList<AccountId> ids, CancellationToken cancellation)
    {
        var found = new List<Account>();
        foreach (var portion in ids.Where(IsUuid).Chunk(ReadsAtOnce))
        {
            var replies = await Task.WhenAll(portion.Select(id => api.ReadAsync($"/{id}", cancellation)));
            found.AddRange(replies.Select(reply => Present(reply) ?? (IsGone(reply) ? null : throw failures.Unreadable(reply))).OfType<Account>());
        }

        return found;
    }

    /// <summary>
    /// By the list's filter for a few e-mail addresses, else by reading the whole list: the filter knows no phone numbers. It compares addresses
    /// as they are stored, which is in lower case unless somebody wrote to the table directly.
    /// </summary>
    public async Task<IReadOnlyList<Account>> FindAsync(IReadOnlyDictionary<IdentifierKind, IReadOnlyList<string>> identifiers, CancellationToken cancellation)
    {
        var wanted = identifiers
            .Where(pair => Mapping.Identifiers.ContainsKey(pair.Key))
            .SelectMany(pair => pair.Value.Select(text => (Kind: pair.Key, Text: text)))
            .ToHashSet(IdentifierComparer.Instance);
        var filters = wanted.SelectMany(pair => new[] { pair.Text.ToLowerInvariant(), pair.Text }).Distinct(StringComparer.Ordinal).ToList();
        var lists = wanted.Any(pair => pair.Kind != IdentifierKind.Email) || filters.Count > MostFilters ? [null] : filters.ToList<string?>();
        var found = new Dictionary<AccountId, Account>();
        foreach (var filter in lists)
        {
            var list = await pages.ReadAsync(filter, cancellation);
            if (!list.Complete)
            {
                throw new SystemUnavailableException($"'{name}' changed while it was looked through, so that nobody can be said to be missing from it. Run it again.");
            }

            // Whoever can't be read may be the one who is looked for.
            if (list.Unreadable is [var unreadable, ..])
            {
                throw new SystemUnavailableException($"'{name}' told about {unreadable.Where}, and {unreadable.Problem} Correct it there.") { Answered = true };
            }

            foreach (var account in list.Accounts.Where(account => account.Identifiers.Any(pair => wanted.Contains((pair.Key, pair.Value)))))
            {
                found.TryAdd(account.Id, account);
            }
        }

        return [.. found.Values];
    }

    public async Task<WriteOutcome> CreateAsync(AccountId id, Fields fields, CancellationToken cancellation)
    {
        if (!IsUuid(id))
        {
            return new Refused($"Supabase Auth takes uuids as ids; {id} is none.");
        }

        var body = SupabaseBody.ToCreate(id, fields, clock.GetUtcNow(), random);
        if (body.Json is null)
        {
            return new Refused(body.Problem);
        }

        var reply = await api.SendAsync(HttpMethod.Post, "", body.Json, cancellation);
        return Present(reply) is not { } made ? failures.Change(reply) : made.Id.Equals(id) ? new Done() : await WithdrawAsync(made, cancellation);
    }

    public async Task<WriteOutcome> UpdateAsync(AccountId id, Fields set, Fields precondition, CancellationToken cancellation)
    {
        var (present, not) = await ReadForChangeAsync(id, precondition, cancellation);
        if (present is null)
        {
            return not!;
        }

        var body = SupabaseBody.ToUpdate(set, present.Record);
        return body.Json is null ? new Refused(body.Problem) : await ChangeAsync(HttpMethod.Put, id, body, cancellation);
    }

    public async Task<WriteOutcome> DeleteAsync(AccountId id, Fields precondition, CancellationToken cancellation)
    {
        var (present, not) = await ReadForChangeAsync(id, precondition, cancellation);
        return present is null ? not! : await ChangeAsync(HttpMethod.Delete, id, null, cancellation);
    }

    /// <summary>By the address alone: GoTrue answers an unknown one with success, and mails nobody. It limits mails by address and in all.</summary>
    public async Task<WriteOutcome> SendRecoveryMailAsync(AccountId id, CancellationToken cancellation)
    {
        var (present, not) = await ReadForChangeAsync(id, Fields.Empty, cancellation);
        if (present is null)
        {
            return not!;
        }

        if (!present.Identifiers.TryGetValue(IdentifierKind.Email, out var email))
        {
            return new Refused("It has no e-mail address.");
        }

        var reply = await api.RecoverAsync(email, cancellation);
        return reply is Answer { IsSuccess: true } ? new Done() : failures.Change(reply);
    }

    /// <summary>The admin API asks one thing of a key, that it may administer users; who may read may change, too.</summary>
    public async Task<IReadOnlyList<PermissionProbe>> ProbeAsync(CancellationToken cancellation)
    {
        var reply = await api.ReadAsync("?page=1&per_page=1", cancellation);
        var (answer, what) = reply switch
        {
            Answer { IsSuccess: true, Body: not null } => (ProbeAnswer.Yes, ""),
            Answer { Status: HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden } => (ProbeAnswer.No, failures.Unreadable(reply).Message),
            Answer { Status: HttpStatusCode.TooManyRequests } => (ProbeAnswer.Unknown, "It asks for fewer requests: ask again later."),
            _ => throw failures.Unreadable(reply),
        };
        return [new PermissionProbe("read accounts", answer, what), new PermissionProbe("change accounts", answer, what)];
    }

    private static bool IsUuid(AccountId id) => id.Parts is [var part] && Guid.TryParseExact(part, "D", out _);

    private static bool IsGone(HttpReply reply) => reply is Answer { IsUserNotFound: true };

    private Account? Present(HttpReply reply)
        => reply is Answer { IsSuccess: true, Body: { } user } ? SupabaseUser.Read(user, clock.GetUtcNow()) : null;

    /// <summary>The account if it holds the precondition; else what the change comes to without it.</summary>
    private async Task<(Account? Present, WriteOutcome? Not)> ReadForChangeAsync(AccountId id, Fields precondition, CancellationToken cancellation)
    {
        var reply = IsUuid(id) ? await api.SendAsync(HttpMethod.Get, $"/{id}", null, cancellation) : null;
        if (reply is null || IsGone(reply))
        {
            return (null, new Drifted("It is gone."));
        }

        if (Present(reply) is not { } present)
        {
            return (null, failures.BeforeChange(reply));
        }

        var different = precondition.DifferencesFrom(present.Record, "");
        return different.Count == 0 ? (present, null) : (null, new Drifted($"It changed meanwhile: {string.Join(", ", different)}."));
    }

    private async Task<WriteOutcome> ChangeAsync(HttpMethod method, AccountId id, SupabaseBody? body, CancellationToken cancellation)
    {
        var reply = await api.SendAsync(method, $"/{id}", body?.Json, cancellation);
        return reply is Answer { IsSuccess: true, Body: not null } ? new Done() : IsGone(reply) ? new Drifted("It is gone.") : failures.Change(reply);
    }

    // Older versions of Supabase Auth overlook the id and give their own: that user would be found by nobody, and is taken back.
    private async Task<WriteOutcome> WithdrawAsync(Account made, CancellationToken cancellation)
    {
        var reply = await api.SendAsync(HttpMethod.Delete, $"/{made.Id}", null, cancellation);
        return new Refused(
            $"This version of Supabase Auth takes no id of ours and made the user {made.Id}, "
            + (reply is Answer { IsSuccess: true } || IsGone(reply) ? "which was deleted again. Update it." : "which could not be deleted again. Delete it, and update Supabase Auth."));
    }

    private sealed class IdentifierComparer : IEqualityComparer<(IdentifierKind Kind, string Text)>
    {
        public static IdentifierComparer Instance { get; } = new();

        public bool Equals((IdentifierKind Kind, string Text) x, (IdentifierKind Kind, string Text) y)
            => x.Kind == y.Kind && string.Equals(x.Text, y.Text, StringComparison.OrdinalIgnoreCase);

        public int GetHashCode((IdentifierKind Kind, string Text) obj) => HashCode.Combine(obj.Kind, StringComparer.OrdinalIgnoreCase.GetHashCode(obj.Text));
    }
}
