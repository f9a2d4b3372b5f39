using Microsoft.AspNetCore.Mvc;
using Selfsame.Server.Requests;
using Selfsame.Store.Users;

namespace Selfsame.Server.Pages.Account;

/// <summary>Begins a change of the e-mail address; the answer for a free and a taken one is as long in coming, as the API's is.</summary>
[SignedInOnly]
internal sealed class EmailPage(RequestScope scope, EmailChange change, AnswerTime answerTime) : SelfsamePage(scope)
{
    public async Task<IActionResult> OnPostAsync()
    {
        var result = await change.RequestAsync(Scope.User, Typed("email"), Typed("password"), Scope.Origin, Scope.Actor, Cancellation);
        await answerTime.RoundUpAsync(Cancellation);
        switch (result)
        {
            case EmailChangeResult.LinkSent:
                return Continue("/account/email?done=email-link-sent");
            case EmailChangeResult.Invalid invalid:
                return Refuse(invalid.Errors);
            case EmailChangeResult.WrongPassword:
                return Refuse("password", "This is not your password. Try again.");
            case EmailChangeResult.TooMany full:
                return TooMany("Too many mails went to this address.", full.State.ResetsIn, full.State);
            case EmailChangeResult.TryLater later:
                return TooMany("There were too many wrong passwords.", later.After, later.State);
            default:
                return Busy();
        }
    }
}
