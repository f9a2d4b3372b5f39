using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.Filters;
using Selfsame.Server.Handles;
using Selfsame.Server.Requests;
using Selfsame.Store.Users;

namespace Selfsame.Server.Pages.Account;

/// <summary>Sets, changes or gives up the handle.</summary>
[RequireVerifiedEmail]
internal sealed class HandlePage(RequestScope scope, HandleProvisioning handles) : SelfsamePage(scope)
{
    /// <summary>How the last change stands; null where none is under way and none was refused.</summary>
    public HandleChangeState? Change { get; private set; }

    public override async Task OnPageHandlerExecutionAsync(PageHandlerExecutingContext context, PageHandlerExecutionDelegate next)
    {
        Change = await handles.StateAsync(Scope.User, Cancellation);
        await base.OnPageHandlerExecutionAsync(context, next);
    }

    public async Task<IActionResult> OnPostAsync()
    {
        switch (await handles.SetAsync(Scope.User, TypedOrNull("handle"), null, Scope.Actor, Cancellation))
        {
            case UserChangeResult.Changed:
                return Continue("/account?done=handle-saved");
            case UserChangeResult.Pending:
                return Continue("/account/handle?done=handle-pending");
            case UserChangeResult.Taken taken:
                return RefuseTaken(taken.Fields);
            case UserChangeResult.TooMany full:
                return TooMany("You changed your handle several times already.", full.State.ResetsIn, full.State);
            case UserChangeResult.Invalid invalid:
                return Refuse(invalid.Errors);
            default:
                return Refuse(StatusCodes.Status409Conflict, "Your account was changed meanwhile. Try again.");
        }
    }
}
