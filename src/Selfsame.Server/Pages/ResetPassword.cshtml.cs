using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Selfsame.Server.Requests;
using Selfsame.Store.Users;

namespace Selfsame.Server.Pages;

/// <summary>Sets a new password by a mailed link.</summary>
internal sealed class ResetPasswordPage(RequestScope scope, PasswordChanges passwords) : SelfsamePage(scope)
{
    public bool IsLinkGood { get; private set; } = true;

    public async Task<IActionResult> OnGetAsync()
    {
        IsLinkGood = await passwords.IsLinkGoodAsync(Scope.Tenant, Token, Cancellation);
        return Show(IsLinkGood ? StatusCodes.Status200OK : StatusCodes.Status404NotFound);
    }

    public async Task<IActionResult> OnPostAsync()
    {
        switch (await passwords.ResetAsync(Scope.Tenant, Token, Typed("newPassword"), Scope.Actor, Cancellation))
        {
            case PasswordChangeResult.Changed:
                SessionCookie.Remove(HttpContext);
                return Continue("/sign-in?done=password-set");
            case PasswordChangeResult.Invalid invalid:
                return Refuse(invalid.Errors);
            case PasswordChangeResult.Busy:
                return Busy();
            default:
                IsLinkGood = false;
                return Show(StatusCodes.Status404NotFound);
        }
    }
}
