using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Selfsame.Server.Requests;
using Selfsame.Store.Users;

namespace Selfsame.Server.Pages.Account;

/// <summary>Sets, changes or gives up the handle.</summary>
[RequireVerifiedEmail]
internal sealed class HandlePage(RequestScope scope, UserAdministration users) : SelfsamePage(scope)
{
    public async Task<IActionResult> OnPostAsync()
    {
        switch (await users.SetHandleAsync(Scope.Tenant, Scope.User.Uuid, TypedOrNull("handle"), null, Scope.Actor, Cancellation))
        {
            case UserChangeResult.Changed:
                return Continue("/account?done=handle-saved");
            case UserChangeResult.Taken taken:
                return RefuseTaken(taken.Fields);
            case UserChangeResult.Invalid invalid:
                return Refuse(invalid.Errors);
            default:
                return Refuse(StatusCodes.Status409Conflict, "Your account was changed meanwhile. Try again.");
        }
    }
}
