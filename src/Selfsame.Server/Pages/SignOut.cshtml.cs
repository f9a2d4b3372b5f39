using Microsoft.AspNetCore.Mvc;
using Selfsame.Server.Requests;
using Selfsame.Store.Sessions;
using Selfsame.Store.Users;

namespace Selfsame.Server.Pages;

/// <summary>Ends the session on the server and in the browser.</summary>
internal sealed class SignOutPage(RequestScope scope, SessionStore sessions) : SelfsamePage(scope)
{
    public IActionResult OnGet() => Scope.SignedIn is null ? Continue("/") : Page();

    public async Task<IActionResult> OnPostAsync()
    {
        if (Scope.SignedIn is { } signedIn)
        {
            await sessions.EndAsync(signedIn.User, signedIn.Session.Uuid, Scope.Actor, Cancellation);
        }

        SessionCookie.Remove(HttpContext);
        return Continue("/?done=signed-out");
    }

    protected override Task<IActionResult> RefuseNulAsync(FieldErrors errors) => RefuseUnreadableAsync();
}
