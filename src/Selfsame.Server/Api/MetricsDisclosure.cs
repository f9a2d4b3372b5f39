using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Selfsame.Server.Hosting;
using Selfsame.Server.Reconciliation;
using Selfsame.Store;

namespace Selfsame.Server.Api;

/// <summary>
/// What <c>/metrics</c>, which is open to everybody, may tell. Where a tenant hides who is registered, a number that rises after a sign-up or not would tell it: a free address
/// makes accounts, mails and messages, a taken one does not (CASES 31).
/// </summary>
internal sealed class MetricsDisclosure
{
    private readonly StoreContext context;
    private readonly HashSet<string> hiddenSystems;

    public MetricsDisclosure(StoreContext context, ServerOptions options)
    {
        this.context = context;
        hiddenSystems = HiddenSystems(context, options);
    }

    /// <summary>Whether what a tenant's users cause may be counted; one that the config no longer names may have hidden it.</summary>
    public bool MayCount(string tenant) => context.Tenants.GetValueOrDefault(tenant) is { Disclosure: not Disclosure.Hide };

    /// <summary>Whether what happens to a system's accounts may be counted.</summary>
    public bool MayCountSystem(string system) => !hiddenSystems.Contains(system);

    /// <summary>Leaves the request out of the requests' durations: that there was one tells it.</summary>
    public static void DoNotCount(HttpContext http) => http.Features.Get<IHttpMetricsTagsFeature>()?.MetricsDisabled = true;

    /// <summary>The systems of the tenants that hide, and whatever their users are provisioned into, from one to the next.</summary>
    private static HashSet<string> HiddenSystems(StoreContext context, ServerOptions options)
    {
        var tenants = context.Tenants.Values.Where(tenant => tenant.Disclosure == Disclosure.Hide).ToList();
        var reached = new Queue<string>(tenants.SelectMany(tenant => tenant.ProvisionTo));
        foreach (var system in options.Topology?.Systems.Keys ?? [])
        {
            if (tenants.Exists(tenant => tenant.Name == TenantProvisioning.TenantOf(options.Topology, system)))
            {
                reached.Enqueue(system);
            }
        }

        var hidden = new HashSet<string>(StringComparer.Ordinal);
        while (reached.TryDequeue(out var system))
        {
            if (hidden.Add(system))
            {
                foreach (var next in options.Topology?.ProvisionedFrom(system) ?? [])
                {
                    reached.Enqueue(next);
                }
            }
        }

        return hidden;
    }
}
