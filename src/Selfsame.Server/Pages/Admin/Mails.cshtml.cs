using Microsoft.AspNetCore.Mvc;
using Selfsame.Server.Requests;
using Selfsame.Store;
using Selfsame.Store.Mail;
using Selfsame.Store.Users;

namespace Selfsame.Server.Pages.Admin;

/// <summary>How the mails of the administrator's tenant stand, and a retry.</summary>
[AdministratorsOnly]
internal sealed class MailsPage(RequestScope scope, StoreContext context, MailOutbox outbox) : SelfsamePage(scope)
{
    public MailBacklog Backlog { get; private set; } = new() { Tenant = "" };

    public async Task OnGetAsync()
        => Backlog = (await MailBacklogs.ReadAsync(context, Cancellation)).Single(backlog => backlog.Tenant == Scope.Tenant);

    public async Task<IActionResult> OnPostAsync()
    {
        await outbox.RetryAsync(Scope.Tenant, Cancellation);
        return Continue("/admin/mails?done=mails-retried");
    }

    protected override Task<IActionResult> RefuseNulAsync(FieldErrors errors) => RefuseUnreadableAsync();
}
