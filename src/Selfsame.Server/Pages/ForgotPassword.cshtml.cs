using Microsoft.AspNetCore.Mvc;
using Selfsame.Server.Requests;
using Selfsame.Store.Users;

namespace Selfsame.Server.Pages;

/// <summary>Sends a link that sets a new password; the answer is the same, and as long in coming, for everybody.</summary>
internal sealed class ForgotPasswordPage(RequestScope scope, PasswordChanges passwords, AnswerTime answerTime) : SelfsamePage(scope)
{
    public bool IsSent => Request.Query.ContainsKey("sent");

    public async Task<IActionResult> OnPostAsync()
    {
        if (TypedOrNull("login") is not { } login)
        {
            return Refuse("login", "Enter your username or your e-mail address.");
        }

        var state = await passwords.RequestResetAsync(Scope.Tenant, login, Scope.Origin.Network, Scope.Actor, Cancellation);
        await answerTime.RoundUpAsync(Cancellation);
        return state is { Allowed: false }
            ? TooMany("Too many links were asked for from your network.", state.ResetsIn, state)
            : Continue("/forgot-password?sent=1");
    }
}
