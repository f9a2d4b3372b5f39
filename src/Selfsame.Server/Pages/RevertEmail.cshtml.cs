using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Selfsame.Server.Requests;
using Selfsame.Store;
using Selfsame.Store.Users;

namespace Selfsame.Server.Pages;

/// <summary>The old address takes a change of the e-mail address back.</summary>
internal sealed class RevertEmailPage(RequestScope scope, StoreContext context, EmailChange change) : MailedLinkPage(scope)
{
    public async Task<IActionResult> OnPostAsync()
        => await change.RevertAsync(Scope.Tenant, Token, Typed("newPassword"), RememberedOrigin(context), Scope.Actor, Cancellation) switch
        {
            EmailChangeResult.Changed => Done("email-reverted"),
            EmailChangeResult.Invalid invalid => Refuse(invalid.Errors),
            EmailChangeResult.Taken => Refuse(
                StatusCodes.Status409Conflict, "Another account has proved the earlier address meanwhile. Ask an administrator for help."),
            EmailChangeResult.TryLater later => TooMany("Too many passwords were set from your network.", later.After),
            EmailChangeResult.Busy => Busy(),
            _ => LinkIsGone(),
        };

    protected override Task<bool> FindLinkAsync() => change.IsRevertLinkGoodAsync(Scope.Tenant, Token, Cancellation);
}
