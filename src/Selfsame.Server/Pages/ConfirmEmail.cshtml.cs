using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Selfsame.Server.Requests;
using Selfsame.Store.Users;

namespace Selfsame.Server.Pages;

/// <summary>Finishes a change of the e-mail address, where the user is signed in.</summary>
[SignedInOnly]
internal sealed class ConfirmEmailPage(RequestScope scope, EmailChange change) : SelfsamePage(scope)
{
    public bool IsLinkGood { get; private set; } = true;

    public async Task<IActionResult> OnPostAsync()
    {
        switch (await change.ConfirmAsync(Scope.User, Token, Scope.Actor, Cancellation))
        {
            case EmailChangeResult.Changed:
                return Continue("/account?done=email-changed");
            case EmailChangeResult.Taken:
                return Refuse(StatusCodes.Status409Conflict, "Another account has proved this address meanwhile. Nothing was changed.");
            default:
                IsLinkGood = false;
                return Show(StatusCodes.Status404NotFound);
        }
    }

    protected override Task<IActionResult> RefuseNulAsync(FieldErrors errors) => RefuseUnreadableAsync();
}
