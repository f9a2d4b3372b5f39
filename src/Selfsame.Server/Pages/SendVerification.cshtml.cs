using Microsoft.AspNetCore.Mvc;
using Selfsame.Server.Requests;
using Selfsame.Store.Users;

namespace Selfsame.Server.Pages;

/// <summary>Sends the link that confirms an address again; nothing tells whether the address is registered.</summary>
internal sealed class SendVerificationPage(RequestScope scope, EmailVerification verification, AnswerTime answerTime) : SelfsamePage(scope)
{
    public bool IsSent => Request.Query.ContainsKey("sent");

    public async Task<IActionResult> OnPostAsync()
    {
        var login = Scope.SignedIn is { } signedIn ? signedIn.User.Email ?? signedIn.User.Username : TypedOrNull("login");
        if (login is null)
        {
            return Refuse("login", "Enter your username or your e-mail address.");
        }

        var state = await verification.RequestAsync(Scope.Tenant, login, Scope.Origin.Network, Scope.Actor, Cancellation);
        await answerTime.RoundUpAsync(Cancellation);
        return state is { Allowed: false }
            ? TooMany("Too many links were asked for from your network.", state.ResetsIn, state)
            : Continue("/verify-email/send?sent=1");
    }
}
