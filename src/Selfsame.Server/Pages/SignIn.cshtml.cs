using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Selfsame.Server.Api;
using Selfsame.Server.Requests;
using Selfsame.Store;
using Selfsame.Store.Sessions;
using SignInResult = Selfsame.Store.Sessions.SignInResult;

namespace Selfsame.Server.Pages;

/// <summary>Signs in by username or e-mail address, and leads on to where somebody wanted to go on this site.</summary>
internal sealed class SignInPage(RequestScope scope, StoreContext context, SignIn signIn) : SelfsamePage(scope)
{
    private string Next => LocalAddress.Accept(Request.Query["next"]) ?? "/account";

    public IActionResult OnGet() => Scope.SignedIn is null ? Page() : Continue(Next);

    public async Task<IActionResult> OnPostAsync()
    {
        if (Scope.SignedIn is not null)
        {
            return Continue(Next);
        }

        if (TypedOrNull("login") is not { } login)
        {
            AddError("login", "Enter your username or your e-mail address.");
        }
        else if (!string.IsNullOrEmpty(Typed("password")))
        {
            return await SignInAsync(login);
        }

        if (string.IsNullOrEmpty(Typed("password")))
        {
            AddError("password", "Enter your password.");
        }

        return Show(StatusCodes.Status422UnprocessableEntity);
    }

    private async Task<IActionResult> SignInAsync(string login)
    {
        // Before the attempt, so that its success makes this browser a known one.
        var origin = RememberedOrigin(context);
        var result = await signIn.ExecuteAsync(
            Scope.Tenant, login, Typed("password"), origin, SessionKind.Browser, Scope.Actor, Cancellation);
        ServerMeters.SignIn(result);
        switch (result)
        {
            case SignInResult.SignedIn signedIn:
                SessionCookie.Write(HttpContext, signedIn.Token, signedIn.Session.ExpiresAt);
                return Continue(Next);
            case SignInResult.TryLater later:
                return TooMany("There were too many attempts.", later.After, later.State);
            case SignInResult.Refused:
                return Refuse(
                    StatusCodes.Status401Unauthorized,
                    context.Tenant(Scope.Tenant).Disclosure == Disclosure.Hide
                        ? "The username, e-mail address or password is not right, or the address is not confirmed yet. Check them, or open the link in our mail."
                        : "The username, e-mail address or password is not right. Check them and try again.");
            default:
                return Busy();
        }
    }
}
