using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Selfsame.Server.Requests;
using Selfsame.Store.Links;
using Selfsame.Store.Users;

namespace Selfsame.Server.Pages;

/// <summary>Finishes a change of the e-mail address, where the user is signed in.</summary>
[SignedInOnly]
internal sealed class ConfirmEmailPage(RequestScope scope, EmailChange change) : SelfsamePage(scope)
{
    public LinkState Link { get; private set; }

    public async Task<IActionResult> OnGetAsync()
    {
        Link = await change.PeekAsync(Scope.User, Token, Cancellation);
        return Show(Link == LinkState.Gone ? StatusCodes.Status404NotFound : StatusCodes.Status200OK);
    }

    public async Task<IActionResult> OnPostAsync()
    {
        switch (await change.ConfirmAsync(Scope.User, Token, Scope.Actor, Cancellation))
        {
            case EmailChangeResult.Changed:
                return Continue("/account?done=email-changed");
            case EmailChangeResult.Taken:
                return Refuse(StatusCodes.Status409Conflict, "Another account has proved this address meanwhile. Nothing was changed.");
            default:
                Link = LinkState.Gone;
                return Show(StatusCodes.Status404NotFound);
        }
    }

    protected override Task<IActionResult> RefuseNulAsync(FieldErrors errors) => RefuseUnreadableAsync();
}
