using Microsoft.Extensions.Logging;
using Selfsame.Core;
using Selfsame.Databases;
using Selfsame.Store.Passwords;
using Selfsame.Store.Webhooks;

namespace Selfsame.Store;

/// <summary>What every operation of the store works with; all of it is injected.</summary>
public sealed record StoreContext
{
    public required Database Database { get; init; }

    public required TimeProvider Clock { get; init; }

    public required RandomSource Random { get; init; }

    public required SecretKeys Secrets { get; init; }

    public required PasswordHashing Passwords { get; init; }

    public required PasswordPolicy PasswordPolicy { get; init; }

    public required ILogger Logger { get; init; }

    public CrashPoints CrashPoints { get; init; } = CrashPoints.None;

    /// <summary>The tenants by name; an installation without a config has one, <c>main</c>.</summary>
    public IReadOnlyDictionary<string, TenantSettings> Tenants { get; init; }
        = new Dictionary<string, TenantSettings>(StringComparer.Ordinal) { ["main"] = new() { Name = "main" } };

    /// <summary>Who is told what happens to users.</summary>
    public IReadOnlyList<WebhookSubscription> Webhooks { get; init; } = [];

    /// <summary>Where a tenant's pages are reached, for links in mails. Never taken from a request's Host header.</summary>
    public required Func<string, Uri> PublicAddress { get; init; }

    /// <summary>The settings of a tenant that exists; an unknown name is a bug, for tenants come from the config.</summary>
    public TenantSettings Tenant(string name) => Tenants[name];

    /// <summary>The present instant in whole microseconds, as the databases keep it.</summary>
    public DateTimeOffset Now()
    {
        var now = Clock.GetUtcNow();
        return new DateTimeOffset(now.UtcTicks - (now.UtcTicks % TimeSpan.TicksPerMicrosecond), TimeSpan.Zero);
    }
}
