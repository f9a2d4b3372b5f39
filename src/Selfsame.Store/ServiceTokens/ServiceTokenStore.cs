using Selfsame.Core.Identifiers;
using Selfsame.Store.Links;
using Selfsame.Store.Sessions;

namespace Selfsame.Store.ServiceTokens;

/// <summary>What a service may do.</summary>
public static class ServiceScope
{
    public const string ReadUsers = "users:read";
    public const string WriteUsers = "users:write";
    public const string VerifySessions = "sessions:verify";
    public const string ReadProvisioning = "provisioning:read";
    public const string WriteProvisioning = "provisioning:write";

    /// <summary>Every scope there is.</summary>
    public static IReadOnlyList<string> All { get; } = [ReadUsers, WriteUsers, VerifySessions, ReadProvisioning, WriteProvisioning];
}

/// <summary>A machine's right to call the API. The token is shown once; the store keeps its hash.</summary>
public sealed record ServiceToken
{
    /// <summary>How every service token begins, so that a leaked one is recognised.</summary>
    public const string Prefix = "sst_";

    public required Guid Uuid { get; init; }

    public required string Tenant { get; init; }

    public required string Name { get; init; }

    public required string Scopes { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? ExpiresAt { get; init; }

    public DateTimeOffset? RevokedAt { get; init; }

    /// <summary>The last call with it, to within a minute; null before the first.</summary>
    public DateTimeOffset? LastUsedAt { get; init; }

    public bool Has(string scope) => Scopes.Split(' ').Contains(scope, StringComparer.Ordinal);
}

/// <summary>Makes, finds and revokes service tokens.</summary>
public sealed class ServiceTokenStore(StoreContext context)
{
    // A call does not write, except when this much time has passed since the last one that did.
    private static readonly TimeSpan UseGranularity = TimeSpan.FromMinutes(1);

    private const string Select =
        "SELECT t.uuid, t.tenant, t.name, t.scopes, t.created_at, t.expires_at, t.revoked_at, t.last_used_at FROM service_tokens t";

    /// <summary>The new token, or why its name or scopes are refused.</summary>
    public async Task<(string? Token, Refusal? Refusal)> CreateAsync(
        string tenant, string name, IReadOnlyList<string> scopes, TimeSpan? lifetime, CancellationToken cancellation)
    {
        if (string.IsNullOrWhiteSpace(name) || name.Length > 100 || name.Any(char.IsControl))
        {
            return (null, new Refusal("name.shape", "Give the token a name of 1 to 100 characters, without control characters."));
        }

        if (scopes.Count == 0 || scopes.Any(scope => !ServiceScope.All.Contains(scope)))
        {
            return (null, new Refusal("scopes.unknown", $"Choose scopes from: {string.Join(", ", ServiceScope.All)}."));
        }

        var token = ServiceToken.Prefix + context.Random.NextToken();
        var now = context.Now();
        var inserted = await context.Database.TransactAsync(
            transaction => transaction.ExecuteAsync(
                """
                INSERT INTO service_tokens (uuid, tenant, name, token_hash, scopes, created_at, expires_at)
                VALUES (@uuid, @tenant, @name, @hash, @scopes, @now, @expires) ON CONFLICT DO NOTHING
                """,
                new
                {
                    uuid = context.Random.NextUuid(),
                    tenant,
                    name = name.Trim(),
                    hash = LinkTokens.Hash(token),
                    scopes = string.Join(' ', scopes.Distinct().Order(StringComparer.Ordinal)),
                    now,
                    expires = now + lifetime,
                }),
            cancellation);
        return inserted > 0 ? (token, null) : (null, new Refusal("name.taken", "There is a token with this name. Revoke it or choose another name."));
    }

    /// <summary>The token's rights, for a call with it; null when it is unknown, revoked, expired or not of the <paramref name="tenant"/>, if one is given.</summary>
    public async Task<ServiceToken?> FindAsync(string? tenant, string token, CancellationToken cancellation)
    {
        var now = context.Now();
        var found = await context.Database.ReadAsync(
            transaction => transaction.QueryFirstOrDefaultAsync<ServiceToken>(
                $"{Select} WHERE t.token_hash = @hash AND t.tenant = coalesce(@tenant, t.tenant) AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > @now)",
                new { hash = LinkTokens.Hash(token), tenant, now }),
            cancellation);
        if (found is not null && !(now - found.LastUsedAt <= UseGranularity))
        {
            await LastUse.NoteAsync(
                context,
                "UPDATE service_tokens SET last_used_at = @now WHERE uuid = @uuid AND (last_used_at IS NULL OR last_used_at < @before)",
                new { now, before = now - UseGranularity, uuid = found.Uuid },
                cancellation);
        }

        return found;
    }

    public Task<List<ServiceToken>> ListAsync(string tenant, CancellationToken cancellation)
        => context.Database.ReadAsync(
            transaction => transaction.QueryAsync<ServiceToken>($"{Select} WHERE t.tenant = @tenant ORDER BY t.id", new { tenant }),
            cancellation);

    /// <summary>Revokes by name; false when there is no such token in force.</summary>
    public Task<bool> RevokeAsync(string tenant, string name, CancellationToken cancellation)
        => context.Database.TransactAsync(
            async transaction => await transaction.ExecuteAsync(
                "UPDATE service_tokens SET revoked_at = @now, name = name || ' (revoked ' || uuid || ')' WHERE tenant = @tenant AND name = @name AND revoked_at IS NULL",
                new { tenant, name, now = context.Now() }) > 0,
            cancellation);
}
