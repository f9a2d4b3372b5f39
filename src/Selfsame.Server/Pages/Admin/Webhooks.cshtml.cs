using Microsoft.AspNetCore.Mvc;
using Selfsame.Server.Hosting;
using Selfsame.Server.Requests;
using Selfsame.Store;
using Selfsame.Store.Users;
using Selfsame.Store.Webhooks;

namespace Selfsame.Server.Pages.Admin;

/// <summary>What waits for each endpoint of the administrator's tenant, and a retry.</summary>
[AdministratorsOnly]
internal sealed class WebhooksPage(RequestScope scope, StoreContext context, ServerOptions options, WebhookOutbox outbox) : SelfsamePage(scope)
{
    public IReadOnlyList<WebhookBacklog> Backlogs { get; private set; } = [];

    /// <summary>Where an endpoint is, without what its query may hold; null for one that the config no longer names.</summary>
    public string? AddressOf(string endpoint)
        => options.Webhooks.FirstOrDefault(webhook => webhook.Name == endpoint && webhook.Tenant == Scope.Tenant)?.Url.GetLeftPart(UriPartial.Path);

    public async Task OnGetAsync()
        => Backlogs = [.. (await WebhookBacklogs.ReadAsync(context, Cancellation)).Where(backlog => backlog.Tenant == Scope.Tenant)];

    public async Task<IActionResult> OnPostAsync()
    {
        // Of an endpoint that is unknown, or another tenant's, there is nothing to retry.
        await outbox.RetryAsync(Scope.Tenant, TypedOrNull("endpoint") ?? "", Cancellation);
        return Continue("/admin/webhooks?done=webhooks-retried");
    }

    protected override Task<IActionResult> RefuseNulAsync(FieldErrors errors) => RefuseUnreadableAsync();
}
