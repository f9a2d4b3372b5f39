using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Selfsame.Server.Requests;
using Selfsame.Store.Users;

namespace Selfsame.Server.Pages;

/// <summary>The old address takes a change of the e-mail address back.</summary>
internal sealed class RevertEmailPage(RequestScope scope, EmailChange change) : SelfsamePage(scope)
{
    public bool IsLinkGood { get; private set; } = true;

    public async Task<IActionResult> OnGetAsync()
    {
        IsLinkGood = await change.IsRevertLinkGoodAsync(Scope.Tenant, Token, Cancellation);
        return Show(IsLinkGood ? StatusCodes.Status200OK : StatusCodes.Status404NotFound);
    }

    public async Task<IActionResult> OnPostAsync()
    {
        switch (await change.RevertAsync(Scope.Tenant, Token, Typed("newPassword"), Scope.Actor, Cancellation))
        {
            case EmailChangeResult.Changed:
                SessionCookie.Remove(HttpContext);
                return Continue("/sign-in?done=email-reverted");
            case EmailChangeResult.Invalid invalid:
                return Refuse(invalid.Errors);
            case EmailChangeResult.Taken:
                return Refuse(StatusCodes.Status409Conflict, "Another account has proved the earlier address meanwhile. Ask an administrator for help.");
            case EmailChangeResult.Busy:
                return Busy();
            default:
                IsLinkGood = false;
                return Show(StatusCodes.Status404NotFound);
        }
    }
}
