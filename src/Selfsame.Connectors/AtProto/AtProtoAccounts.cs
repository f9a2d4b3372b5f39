using System.Text.Json;
using Selfsame.Connectors.Http;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.AtProto;

/// <summary>What a PDS tells of itself (<c>com.atproto.server.describeServer</c>).</summary>
internal sealed record ServerDescription(string Did, IReadOnlyList<string> Domains, bool InviteRequired);

/// <summary>What a PDS says about an account's use: <see cref="Status"/> is null for an active one.</summary>
internal sealed record HostedStatus(string? Status);

/// <summary>Reads the accounts of one PDS.</summary>
internal sealed class AtProtoAccounts(string name, AtProtoApi api, AtProtoFailures failures, AtProtoDirectory directory, AtProtoNames names, TimeProvider clock)
{
    // Provisioning asks before each account what the PDS is like; it does not change from one second to the next.
    private static readonly TimeSpan DescriptionAge = TimeSpan.FromSeconds(10);

    // DIDs stand in the address of the request, which proxies let through up to 8 kB.
    private const int InfosAtOnce = 100;
    private const int ReadsAtOnce = 8;
    private const int RepositoriesAtOnce = 1000;
    private const string TakenDown = "takendown";
    private const string Deactivated = "deactivated";

    private ServerDescription? description;
    private long described;

    /// <summary>What the PDS says of itself, or said seconds ago; throws <see cref="SystemUnavailableException"/> where it is none, or does not serve the configured domain.</summary>
    public async Task<ServerDescription> DescribeAsync(CancellationToken cancellation)
    {
        if (description is { } recent && clock.GetElapsedTime(described) < DescriptionAge)
        {
            return recent;
        }

        var reply = await api.QueryAsync("com.atproto.server.describeServer", [], cancellation);
        if (reply is not Answer { IsSuccess: true, Body: { } body } || body.TextOrNull("did") is not { } did
            || !body.TryGetProperty("availableUserDomains", out var domains) || domains.ValueKind != JsonValueKind.Array)
        {
            throw failures.Unreadable(reply);
        }

        var served = domains.EnumerateArray().Select(domain => domain.TextOrNull()).OfType<string>().Select(domain => domain.TrimStart('.').ToLowerInvariant()).ToList();
        if (!served.Contains(names.Domain))
        {
            // What it said before holds no longer, for nobody.
            description = null;
            throw new SystemUnavailableException(
                $"'{name}' does not serve 'handleDomain' {names.Domain}; it serves {string.Join(", ", served)}. Correct the config, or PDS_SERVICE_HANDLE_DOMAINS of the PDS.");
        }

        described = clock.GetTimestamp();
        return description = new ServerDescription(did, served, body.IsTrue("inviteCodeRequired"));
    }

    /// <summary>What it said of itself last.</summary>
    public async Task<ServerDescription> KnownAsync(CancellationToken cancellation) => description ?? await DescribeAsync(cancellation);

    /// <summary>The next portion of DIDs in the order of creation, so that who signs up meanwhile is added at the end; a null cursor is the end.</summary>
    public async Task<(IReadOnlyList<(string Did, HostedStatus Status)> Repositories, string? Cursor)> ListAsync(string? cursor, CancellationToken cancellation)
    {
        List<(string, string)> parameters = [("limit", $"{RepositoriesAtOnce}")];
        if (cursor is not null)
        {
            parameters.Add(("cursor", cursor));
        }

        var reply = await api.QueryAsync("com.atproto.sync.listRepos", parameters, cancellation);
        if (reply is not Answer { IsSuccess: true } answer || answer.Objects("repos") is not { } repositories)
        {
            throw failures.Unreadable(reply);
        }

        // A cursor that is no text must not look like the end.
        var next = answer.Text("cursor");
        return next is not null || !answer.Body!.Value.TryGetProperty("cursor", out var told) || told.ValueKind == JsonValueKind.Null
            ? ([.. repositories.Select(Listed)], next)
            : throw failures.Unreadable(reply);
    }

    /// <summary>
    /// The accounts of DIDs whose status was listed, and those of them that can't be read. The authority is asked about those alone that the PDS calls deactivated.
    /// </summary>
    public async Task<(IReadOnlyList<Account> Accounts, IReadOnlyList<UnreadableRecord> Unreadable)> ReadListedAsync(
        IReadOnlyList<(string Did, HostedStatus Status)> listed, CancellationToken cancellation)
    {
        var statuses = listed.DistinctBy(pair => pair.Did, StringComparer.Ordinal).ToDictionary(pair => pair.Did, pair => pair.Status, StringComparer.Ordinal);
        var infos = await InfosAsync([.. statuses.Keys], cancellation);
        // Who is missing was deleted since the list was made, or left out by mistake: a second question tells.
        var missing = statuses.Keys.Except(infos.Keys, StringComparer.Ordinal).ToList();
        foreach (var (did, info) in await InfosAsync(missing, cancellation))
        {
            infos[did] = info;
        }

        var accounts = await InTurnAsync([.. infos.Where(pair => pair.Value.IsText())], async pair =>
        {
            var status = statuses[pair.Key];
            var residence = status.Status == Deactivated ? await ResidenceAsync(pair.Key, cancellation) : new Here();
            return ToAccount(pair.Value, status, residence);
        });
        return (accounts, [.. infos.Where(pair => !pair.Value.IsText()).Select(pair => new UnreadableRecord($"account {pair.Key}", JsonMembers.NoText))]);
    }

    /// <summary>The accounts of these DIDs as they are now; with <paramref name="askAuthority"/> its DID document says of each where it lives.</summary>
    public async Task<IReadOnlyList<Account>> ReadAsync(IReadOnlyCollection<string> dids, bool askAuthority, CancellationToken cancellation)
    {
        var infos = await SoundInfosAsync([.. dids], cancellation);
        var read = await InTurnAsync([.. infos], async pair =>
        {
            var status = await StatusAsync(pair.Key, cancellation);
            return status is null ? null : ToAccount(pair.Value, status, askAuthority ? await ResidenceAsync(pair.Key, cancellation) : new Here());
        });
        return [.. read.OfType<Account>()];
    }

    /// <summary>One account as <c>admin.getAccountInfos</c> has it, as if it were active and here; null where there is none.</summary>
    public async Task<Account?> ReadIdentifiersAsync(string did, CancellationToken cancellation)
        => (await SoundInfosAsync([did], cancellation)).TryGetValue(did, out var info) ? ToAccount(info, new HostedStatus(null), new Here()) : null;

    /// <summary>The DID of an active account by its whole handle; null where there is none, or a disabled one.</summary>
    public async Task<string?> ResolveAsync(string handle, CancellationToken cancellation)
    {
        var reply = await api.QueryAsync("com.atproto.identity.resolveHandle", [("handle", handle)], cancellation);
        return reply switch
        {
            Answer { IsSuccess: true } answer when AtProtoNames.IsDid(answer.Text("did")) => answer.Text("did"),
            Answer { Status: System.Net.HttpStatusCode.BadRequest, Body: not null } => null,
            _ => throw failures.Unreadable(reply),
        };
    }

    /// <summary>Why an active account is not reached by those who follow it; null where it is.</summary>
    public async Task<string?> FindUnreachedAsync(Account account, CancellationToken cancellation)
    {
        var did = account.Id.ToString();
        if (account.Record.ValueOrNull(AtProtoFields.Handle).AsText is not { } label)
        {
            return "it has no handle.";
        }

        var handle = names.ToHandle(label);
        if (await ResolveAsync(handle, cancellation) is var resolved && resolved != did)
        {
            return $"{handle} leads to {resolved ?? "nobody"}.";
        }

        var reply = await api.QueryAsync("com.atproto.repo.describeRepo", [("repo", did)], cancellation);
        return reply switch
        {
            Answer { IsSuccess: true, Body: { } body } answer when answer.Text("did") == did => body.IsTrue("handleIsCorrect") ? null : $"its DID document does not name {handle}.",
            Answer { Status: System.Net.HttpStatusCode.BadRequest, Body: not null } answer => $"its repository is not served ({(answer.Error is { Length: > 0 } error ? error : "400")}).",
            _ => throw failures.Unreadable(reply),
        };
    }

    /// <summary>Which of a handle and an address a disabled account holds: no other call tells, and the PDS answers a creation beside it with 500.</summary>
    public async Task<IReadOnlyList<string>> HeldByDisabledAsync(FieldValue handle, FieldValue email, CancellationToken cancellation)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (string? cursor = null; ;)
        {
            var (listed, next) = await ListAsync(cursor, cancellation);
            var (disabled, unreadable) = await ReadListedAsync([.. listed.Where(pair => pair.Status.Status is not null)], cancellation);
            if (unreadable is [var record, ..])
            {
                throw Unreadable(record);
            }

            foreach (var account in disabled)
            {
                string[] held = [.. new[] { (AtProtoFields.Handle, handle), (AtProtoFields.Email, email) }
                    .Where(pair => account.Record[pair.Item1] == pair.Item2).Select(pair => pair.Item1)];
                if (held.Length > 0)
                {
                    return held;
                }
            }

            var before = seen.Count;
            seen.UnionWith(listed.Select(pair => pair.Did));
            if (next is null || next == cursor || seen.Count == before)
            {
                return [];
            }

            cursor = next;
        }
    }

    private static (string Did, HostedStatus Status) Listed(JsonElement repository)
        => (repository.TextOrNull("did") ?? "", new HostedStatus(repository.IsTrue("active") ? null : repository.TextOrNull("status") ?? Deactivated));

    /// <summary>As <see cref="InfosAsync"/>; throws where one of them can't be read.</summary>
    private async Task<Dictionary<string, JsonElement>> SoundInfosAsync(IReadOnlyList<string> dids, CancellationToken cancellation)
    {
        var infos = await InfosAsync(dids, cancellation);
        return infos.FirstOrDefault(pair => !pair.Value.IsText()).Key is { } did ? throw Unreadable(new UnreadableRecord($"account {did}", JsonMembers.NoText)) : infos;
    }

    private SystemUnavailableException Unreadable(UnreadableRecord record)
        => new($"'{name}' told about {record.Where}, and {record.Problem} Correct it there.") { Answered = true };

    private async Task<Dictionary<string, JsonElement>> InfosAsync(IReadOnlyList<string> dids, CancellationToken cancellation)
    {
        var found = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var portion in dids.Chunk(InfosAtOnce))
        {
            var reply = await api.QueryAsync("com.atproto.admin.getAccountInfos", portion.Select(did => ("dids", did)), cancellation);
            if (reply is not Answer { IsSuccess: true } answer || answer.Objects("infos") is not { } infos)
            {
                throw failures.Unreadable(reply);
            }

            foreach (var info in infos)
            {
                var did = info.TextOrNull("did") ?? "";
                found[did] = portion.Contains(did, StringComparer.Ordinal)
                    ? info
                    : throw new SystemUnavailableException($"'{name}' answered about the account {did}, which it was not asked about. Nothing was concluded from its answer.");
            }
        }

        return found;
    }

    private async Task<HostedStatus?> StatusAsync(string did, CancellationToken cancellation)
    {
        var reply = await api.QueryAsync("com.atproto.admin.getSubjectStatus", [("did", did)], cancellation);
        if (AtProtoFailures.IsNotFound(reply))
        {
            return null;
        }

        if (reply is not Answer { IsSuccess: true, Body: { } body } || !body.TryGetProperty("subject", out var subject) || subject.ValueKind != JsonValueKind.Object
            || subject.TextOrNull("did") != did)
        {
            throw failures.Unreadable(reply);
        }

        return new HostedStatus(IsApplied(body, "takedown") ? TakenDown : IsApplied(body, "deactivated") ? Deactivated : null);
    }

    private static bool IsApplied(JsonElement status, string what)
        => status.TryGetProperty(what, out var value) && value.ValueKind == JsonValueKind.Object && value.IsTrue("applied");

    private async Task<Residence> ResidenceAsync(string did, CancellationToken cancellation)
        => await directory.FindAsync(did, (await KnownAsync(cancellation)).Did, cancellation);

    private Account ToAccount(JsonElement info, HostedStatus hosted, Residence residence)
    {
        var status = residence switch { Elsewhere => "moved", Unregistered => "unregistered", _ => hosted.Status };
        return AtProtoFields.Mapping.ToAccount(new Fields(new Dictionary<string, FieldValue>
        {
            [AtProtoFields.Did] = Text(info.TextOrNull("did")),
            [AtProtoFields.Handle] = names.ToField(info.TextOrNull("handle")),
            [AtProtoFields.Email] = Text(info.TextOrNull("email")),
            [AtProtoFields.EmailConfirmed] = FieldValue.Boolean(info.TextOrNull("emailConfirmedAt") is not null),
            [AtProtoFields.Active] = residence is Elsewhere ? FieldValue.Null : FieldValue.Boolean(status is null),
            [AtProtoFields.Status] = Text(status),
            [AtProtoFields.MovedTo] = residence is Elsewhere elsewhere ? FieldValue.Text(elsewhere.Endpoint) : FieldValue.Null,
            [AtProtoFields.CreatedAt] = Text(info.TextOrNull("indexedAt")),
        }))!;
    }

    private static FieldValue Text(string? text) => text is null ? FieldValue.Null : FieldValue.Text(text);

    private static async Task<IReadOnlyList<T>> InTurnAsync<TItem, T>(IReadOnlyList<TItem> items, Func<TItem, Task<T>> read)
    {
        var results = new List<T>(items.Count);
        foreach (var portion in items.Chunk(ReadsAtOnce))
        {
            results.AddRange(await Task.WhenAll(portion.Select(read)));
        }

        return results;
    }
}
