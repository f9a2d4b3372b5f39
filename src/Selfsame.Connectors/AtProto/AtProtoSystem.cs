using System.Net;
using System.Runtime.CompilerServices;
using Selfsame.Connectors.Http;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Connectors.AtProto;

/// <summary>
/// The accounts of an ATProto PDS, through its administrator's password. The PDS gives ids (DIDs) itself and keeps handle and e-mail unique. An
/// account that was made is known again by the password that was stored before the call.
/// </summary>
public sealed class AtProtoSystem : IReadsAccounts, IReadsAccountsById, IFindsAccounts, ICreatesWithPassword, IUpdatesAccounts, IDeletesAccounts,
    IProbesPermissions, IFindsLeftovers, IChecksReach
{
    private const string PublicDirectory = "https://plc.directory";

    // Younger DIDs may be those of creations on their way.
    private static readonly TimeSpan LeftoverAge = TimeSpan.FromMinutes(5);

    private readonly HttpMessageInvoker http;
    private readonly AtProtoApi api;
    private readonly AtProtoFailures failures;
    private readonly AtProtoNames names;
    private readonly AtProtoAccounts accounts;
    private readonly AtProtoCreation creation;
    private readonly AtProtoUpdates updates;
    private readonly AtProtoDirectory directory;
    private readonly TimeProvider clock;
    private readonly string name;
    private readonly bool ownDirectory;

    /// <param name="config">The system, as the config has it.</param>
    /// <param name="clock">For time limits and waits.</param>
    /// <param name="http">What sends the requests, disposed with the system; a connection pool of its own where it is left out.</param>
    /// <param name="patience">How long reads wait in place; a command's where it is left out.</param>
    public AtProtoSystem(SystemConfig config, TimeProvider clock, HttpMessageInvoker? http = null, Patience? patience = null)
    {
        this.http = http ?? HttpCalls.OwnConnections();
        name = config.Name;
        this.clock = clock;
        var plcUrl = config.Settings.GetValueOrDefault("plcUrl", PublicDirectory);
        ownDirectory = plcUrl.TrimEnd('/') != PublicDirectory;
        names = new AtProtoNames(config.Settings["handleDomain"]);
        api = new AtProtoApi(name, config.Settings["url"], plcUrl, config.Settings["adminPassword"], this.http, clock, patience ?? Patience.OfCommand);
        failures = new AtProtoFailures(name, api);
        directory = new AtProtoDirectory(name, api);
        accounts = new AtProtoAccounts(name, api, failures, directory, names, clock);
        creation = new AtProtoCreation(name, api, failures, accounts, directory, names);
        updates = new AtProtoUpdates(name, api, failures, accounts, names);
    }

    /// <summary>
    /// What the config may say: <c>url</c>, <c>adminPassword</c>, <c>handleDomain</c> (under which handles are given) and <c>plcUrl</c> (the PLC
    /// directory, where it is not the public one); the mapping is fixed.
    /// </summary>
    public static ConnectorKind Kind { get; } = new()
    {
        Name = "atproto",
        Settings =
        [
            new ConnectorSetting("url", Required: true),
            new ConnectorSetting("adminPassword", Required: true, Secret: true),
            new ConnectorSetting("handleDomain", Required: true),
            new ConnectorSetting("plcUrl", Required: false),
        ],
        DefaultId = AtProtoFields.Did,
        FixedMapping = AtProtoFields.Mapping,
    };

    public AccountMapping Mapping => AtProtoFields.Mapping;

    public ValueTask DisposeAsync()
    {
        http.Dispose();
        return ValueTask.CompletedTask;
    }

    public async Task<SystemFacts> DescribeAsync(CancellationToken cancellation)
    {
        await accounts.DescribeAsync(cancellation);
        return new SystemFacts
        {
            TakesChosenId = false,
            // A taken handle or address is refused before a DID is registered.
            RefusesTakenIdentifiers = true,
            AtomicPreconditions = false,
            CanRequireValues = false,
            NotNullFields = new HashSet<string>(StringComparer.Ordinal) { AtProtoFields.Did, AtProtoFields.Handle, AtProtoFields.Email, AtProtoFields.Active },
            Spelling = foreign => AtProtoFields.Spelling(foreign.Field, foreign.Value),
            DeletionEffects =
            [
                "The account's repository with all its records and blobs, its sessions and its password are deleted with it and can't be put back.",
                "The handle and the e-mail address become free for others; the DID stays in the PLC directory and names nobody.",
            ],
        };
    }

    public async IAsyncEnumerable<ReadPart> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        long count = 0;
        for (string? cursor = null; ;)
        {
            var (listed, next) = await accounts.ListAsync(cursor, cancellation);
            foreach (var (did, _) in listed.Where(pair => !AtProtoNames.IsDid(pair.Did)))
            {
                yield return new UnreadableRecord($"after {count} accounts", $"'{did}' is no DID.");
            }

            var sound = listed.Where(pair => AtProtoNames.IsDid(pair.Did)).ToList();
            if (sound.Exists(pair => !seen.Add(pair.Did)))
            {
                throw new SystemUnavailableException($"'{name}' listed an account twice, so that the end of its list can't be told. Run it again.");
            }

            var (portion, unreadable) = await accounts.ReadListedAsync(sound, cancellation);
            foreach (var record in unreadable)
            {
                yield return record;
            }

            count += portion.Count;
            if (portion.Count > 0)
            {
                yield return new ReadAccounts(portion);
            }

            if (next is null)
            {
                yield return new ReadEnd(count, Complete: true);
                yield break;
            }

            // A page without anybody new is no step towards an end, whatever cursor it gives.
            if (next == cursor || sound.Count == 0)
            {
                yield return new ReadEnd(count, Complete: false);
                yield break;
            }

            cursor = next;
        }
    }

    public bool AsksOneByOne => true;

    public async Task<IReadOnlyList<Account>> ReadByIdAsync(IReadOnlyList<AccountId> ids, CancellationToken cancellation)
        => await accounts.ReadAsync([.. ids.Where(id => id.Parts is [var did] && AtProtoNames.IsDid(did)).Select(id => id.ToString())], askAuthority: true, cancellation);

    /// <summary>By handle only: a PDS has no look-up by e-mail address, and a disabled account's handle resolves to nothing.</summary>
    public async Task<IReadOnlyList<Account>> FindAsync(IReadOnlyDictionary<IdentifierKind, IReadOnlyList<string>> identifiers, CancellationToken cancellation)
    {
        var found = new HashSet<string>(StringComparer.Ordinal);
        var handles = identifiers.GetValueOrDefault(IdentifierKind.Handle, []).Where(handle => names.RefuseHandle(FieldValue.Text(handle)) is null).Select(names.ToHandle);
        foreach (var handle in handles.Distinct(StringComparer.Ordinal))
        {
            if (await accounts.ResolveAsync(handle, cancellation) is { } did)
            {
                found.Add(did);
            }
        }

        return await accounts.ReadAsync(found, askAuthority: true, cancellation);
    }

    public Task<CreationOutcome> CreateAsync(Fields fields, string password, CancellationToken cancellation) => creation.CreateAsync(fields, password, cancellation);

    public Task<Ownership> FindOursAsync(Fields fields, string password, CancellationToken cancellation) => creation.FindOursAsync(fields, password, cancellation);

    public Task<WriteOutcome> UpdateAsync(AccountId id, Fields set, Fields precondition, CancellationToken cancellation) => updates.UpdateAsync(id, set, precondition, cancellation);

    public Task<WriteOutcome> DeleteAsync(AccountId id, Fields precondition, CancellationToken cancellation) => updates.DeleteAsync(id, precondition, cancellation);

    /// <summary>A method that changes something is asked with an empty body: whoever may not is refused before the body is looked at.</summary>
    public async Task<IReadOnlyList<PermissionProbe>> ProbeAsync(CancellationToken cancellation)
    {
        var description = await accounts.DescribeAsync(cancellation);
        var probes = new List<PermissionProbe>
        {
            Probe("read accounts", await api.QueryAsync("com.atproto.admin.getAccountInfos", [("dids", "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa")], cancellation)),
        };
        (string Probe, string Method)[] changes =
        [
            .. description.InviteRequired ? [("make invite codes", "com.atproto.server.createInviteCode")] : Array.Empty<(string, string)>(),
            ("change handles", "com.atproto.admin.updateAccountHandle"),
            ("change e-mail addresses", "com.atproto.admin.updateAccountEmail"),
            ("disable accounts", "com.atproto.admin.updateSubjectStatus"),
            ("delete accounts", "com.atproto.admin.deleteAccount"),
        ];
        foreach (var (probe, method) in changes)
        {
            probes.Add(Probe(probe, await api.CallAsync(method, [], cancellation)));
        }

        probes.Add(await api.AskDirectoryAsync("_health", cancellation) is Answer { IsSuccess: true }
            ? new PermissionProbe("ask the DID directory", ProbeAnswer.Yes)
            : new PermissionProbe("ask the DID directory", ProbeAnswer.No, "Accounts can't be made, nor their handles changed, while it is down: check 'plcUrl' and the directory."));
        return probes;
    }

    /// <summary>
    /// DIDs that were registered for this PDS and have no account on it: a creation that was killed between the directory and the database, or that
    /// lost a race, leaves one. They name nobody and do no harm. On the public directory they can't be seen.
    /// </summary>
    public async Task<IReadOnlyList<Leftover>?> FindLeftoversAsync(CancellationToken cancellation)
    {
        if (!ownDirectory)
        {
            return null;
        }

        // The directory first: who is made after it was read is no leftover.
        var registered = await directory.ListRegisteredAsync((await accounts.DescribeAsync(cancellation)).Did, clock.GetUtcNow() - LeftoverAge, cancellation);
        var hosted = new HashSet<string>(StringComparer.Ordinal);
        for (string? cursor = null; ;)
        {
            var (listed, next) = await accounts.ListAsync(cursor, cancellation);
            var before = hosted.Count;
            hosted.UnionWith(listed.Select(pair => pair.Did));
            if (next is null)
            {
                break;
            }

            if (next == cursor || hosted.Count == before)
            {
                throw new SystemUnavailableException($"'{name}' answers pages of its list without anybody new, so that its end can't be told. Run it again.");
            }

            cursor = next;
        }

        return [.. registered.Where(pair => !hosted.Contains(pair.Key)).OrderBy(pair => pair.Key, StringComparer.Ordinal)
            .Select(pair => new Leftover(pair.Key, $"It was registered as {pair.Value} and has no account on '{name}'."))];
    }

    /// <summary>Whether the handle leads to the account, and its repository answers and calls the handle its own (<c>com.atproto.repo.describeRepo</c>).</summary>
    public Task<string?> FindUnreachedAsync(Account account, CancellationToken cancellation) => accounts.FindUnreachedAsync(account, cancellation);

    private PermissionProbe Probe(string what, HttpReply reply) => reply switch
    {
        Answer { Status: HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden } => new PermissionProbe(what, ProbeAnswer.No, failures.Unreadable(reply).Message),
        Answer { IsSuccess: true } or Answer { Status: HttpStatusCode.BadRequest, Body: not null } => new PermissionProbe(what, ProbeAnswer.Yes),
        _ => new PermissionProbe(what, ProbeAnswer.Unknown, failures.Unreadable(reply).Message),
    };
}
