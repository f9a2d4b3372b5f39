using System.Globalization;
using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.AspNetCore.Mvc;
using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Server.Reconciliation;
using Selfsame.Server.Requests;
using Selfsame.Store;
using Selfsame.Store.Inbox;
using Selfsame.Store.Provisioning;
using Selfsame.Store.Users;

namespace Selfsame.Server.Pages.Admin;

/// <summary>How the connected systems of the administrator's tenant stand, a list of accounts, and a retry of conflicts.</summary>
[AdministratorsOnly]
internal sealed class ProvisioningPage(RequestScope scope, TenantProvisioning provisioning, StoreContext context) : SelfsamePage(scope)
{
    private const int PageSize = 25;
    private const int LastReachable = 1_000_000;

    /// <summary>The systems that report what happens in them.</summary>
    public IReadOnlyList<InboxBacklog> Sources { get; private set; } = [];

    public IReadOnlyList<SystemProvisioning> Systems { get; private set; } = [];

    public ProvisioningRowPage Rows { get; private set; } = null!;

    /// <summary>The chosen system; null: all.</summary>
    public string? System { get; private set; }

    /// <summary>The chosen state; null: all. At first those that need a person.</summary>
    public ProvisioningState? State { get; private set; } = ProvisioningState.Conflict;

    public int Number => Rows.Page;

    public long Last => Math.Max(1, (Rows.Total + PageSize - 1) / PageSize);

    public Guid? UserOf(ProvisioningKey key) => provisioning.UserOf(key);

    /// <summary>How long something waits, in words.</summary>
    public string Age(DateTimeOffset? since) => since is { } instant ? Words.Wait(context.Now() - instant) : "none";

    public async Task OnGetAsync()
    {
        Sources = await provisioning.SourcesAsync(Cancellation);
        Systems = await provisioning.SystemsAsync(Cancellation);
        System = Systems.Select(system => system.System).FirstOrDefault(name => name == Request.Query["system"]);
        if (Request.Query.TryGetValue("state", out var chosen))
        {
            State = Enum.GetValues<ProvisioningState>().Cast<ProvisioningState?>().FirstOrDefault(state => state.ToString() == chosen);
        }

        var number = int.TryParse(Request.Query["page"], CultureInfo.InvariantCulture, out var typed) ? Math.Clamp(typed, 1, LastReachable) : 1;
        Rows = await ListAsync(number);
        if (Number > Last)
        {
            Rows = await ListAsync((int)Last);
        }
    }

    public async Task<IActionResult> OnPostRetryAsync()
    {
        if (PostedKey(this) is { } key)
        {
            await provisioning.RetryAsync(key, Cancellation);
        }

        return Continue("/admin/provisioning?done=provisioning-retried");
    }

    public async Task<IActionResult> OnPostRetryAllAsync()
    {
        await provisioning.RetryAllAsync(TypedOrNull("system") ?? "", Cancellation);
        return Continue("/admin/provisioning?done=provisioning-retried");
    }

    public async Task<IActionResult> OnPostRetryEventsAsync()
    {
        await provisioning.RetryEventsAsync(TypedOrNull("system") ?? "", Cancellation);
        return Continue("/admin/provisioning?done=events-retried");
    }

    public string PageAddress(int number) => ListAddress(System ?? "", State, number);

    public static string ListAddress(string system, ProvisioningState? state, int number)
    {
        var query = new QueryBuilder { { "system", system }, { "state", state?.ToString() ?? "" }, { "page", number.ToString(CultureInfo.InvariantCulture) } };
        return $"/admin/provisioning{query.ToQueryString()}";
    }

    /// <summary>The row that a posted form names; null where it names none.</summary>
    internal static ProvisioningKey? PostedKey(SelfsamePage page)
        => page.Typed("source") is { } source && page.Typed("system") is { } system && AccountId.TryFromText(page.Typed("account"), out var account)
            ? new ProvisioningKey(source, account, system)
            : null;

    private Task<ProvisioningRowPage> ListAsync(int number)
        => provisioning.RowsAsync(Systems.Where(system => System is null || system.System == System), State, number, PageSize, Cancellation);

    protected override Task<IActionResult> RefuseNulAsync(FieldErrors errors) => RefuseUnreadableAsync();
}
