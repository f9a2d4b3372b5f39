using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Core.Reconciliation;
using Selfsame.Server.Hosting;
using Selfsame.Server.Requests;
using Selfsame.Store;
using Selfsame.Store.Inbox;
using Selfsame.Store.Provisioning;

namespace Selfsame.Server.Reconciliation;

/// <summary>The provisioning as the administrators of one tenant see and retry it: into that tenant's systems only.</summary>
internal sealed class TenantProvisioning(StoreContext context, ServerOptions options, RequestScope scope)
{
    private readonly ProvisioningReports reports = new(context.Database, context.Clock);
    private readonly InboxBacklogs inbox = new(context);

    /// <summary>The tenant of a system; one that the config no longer names is the main tenant's.</summary>
    public static string TenantOf(Topology? topology, string system) => topology?.Systems.GetValueOrDefault(system)?.Tenant ?? "main";

    /// <summary>The tenant's systems that have rows, by name.</summary>
    public async Task<IReadOnlyList<SystemProvisioning>> SystemsAsync(CancellationToken cancellation)
        => [.. (await reports.SummariseAsync(cancellation)).Where(summary => TenantOf(options.Topology, summary.System) == scope.Tenant)];

    /// <summary>The tenant's systems that report what happens in them, by name: where an account can't be read there is no row of it yet.</summary>
    public async Task<IReadOnlyList<InboxBacklog>> SourcesAsync(CancellationToken cancellation)
        => [.. (await inbox.ReadAsync(cancellation)).Where(backlog => TenantOf(options.Topology, backlog.System) == scope.Tenant)];

    /// <summary>A page of rows.</summary>
    /// <param name="systems">Of these, which <see cref="SystemsAsync"/> gave.</param>
    /// <param name="state">In this state; null: in any.</param>
    /// <param name="page">From 1.</param>
    /// <param name="pageSize">Rows on a page.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public Task<ProvisioningRowPage> RowsAsync(
        IEnumerable<SystemProvisioning> systems, ProvisioningState? state, int page, int pageSize, CancellationToken cancellation)
        => reports.ListAsync(new ProvisioningQuery([.. systems.Select(system => system.System)], state, page, pageSize), cancellation);

    /// <summary>The rows of a user of the tenant with their history, and those of the accounts that were made for the user.</summary>
    public Task<IReadOnlyList<ProvisioningStatus>> OfUserAsync(Guid user, CancellationToken cancellation)
        => reports.OfAccountAsync(context.Tenant(scope.Tenant).UserSystem, new AccountId(user.ToString("D")), cancellation);

    /// <summary>The same of an account of any system: its rows into the tenant's systems with their history, and those of the accounts that were made for it.</summary>
    public async Task<IReadOnlyList<ProvisioningStatus>> OfAccountAsync(string source, AccountId account, CancellationToken cancellation)
        => [.. (await reports.OfAccountAsync(source, account, cancellation)).Where(status => TenantOf(options.Topology, status.Row.Key.System) == scope.Tenant)];

    /// <summary>The user whose row this is; null where it is about an account of another system.</summary>
    public Guid? UserOf(ProvisioningKey key)
        => key.Source == context.Tenant(scope.Tenant).UserSystem && Guid.TryParseExact(key.Account.ToText(), "D", out var user) ? user : null;

    /// <summary>Takes a row out of its conflict; false when it is in none, not there, or another tenant's.</summary>
    public async Task<bool> RetryAsync(ProvisioningKey key, CancellationToken cancellation)
        => TenantOf(options.Topology, key.System) == scope.Tenant && await ConnectedSystems.Rows(context).RetryAsync(key, scope.CorrelationId, cancellation);

    /// <summary>Takes all rows of a system out of their conflict; how many those are.</summary>
    public async Task<int> RetryAllAsync(string system, CancellationToken cancellation)
        => TenantOf(options.Topology, system) == scope.Tenant ? await new ProvisioningRetries(context).RetryAllAsync(system, scope.CorrelationId, cancellation) : 0;

    /// <summary>Has the events of a source that failed worked on now; how many those are.</summary>
    public async Task<int> RetryEventsAsync(string source, CancellationToken cancellation)
        => TenantOf(options.Topology, source) == scope.Tenant ? await inbox.RetryAsync(source, cancellation) : 0;
}
