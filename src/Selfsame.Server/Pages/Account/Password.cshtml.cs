using Microsoft.AspNetCore.Mvc;
using Selfsame.Server.Requests;
using Selfsame.Store.Users;

namespace Selfsame.Server.Pages.Account;

/// <summary>Sets a new password by the present one.</summary>
[SignedInOnly]
internal sealed class PasswordPage(RequestScope scope, PasswordChanges passwords) : SelfsamePage(scope)
{
    public async Task<IActionResult> OnPostAsync()
    {
        var keep = Scope.SignedIn!.Session.Uuid;
        switch (await passwords.ChangeAsync(Scope.User, Typed("password"), Typed("newPassword"), keep, Scope.Origin, Scope.Actor, Cancellation))
        {
            case PasswordChangeResult.Changed:
                return Continue("/account?done=password-changed");
            case PasswordChangeResult.Invalid invalid:
                return Refuse(invalid.Errors);
            case PasswordChangeResult.WrongPassword:
                return Refuse("password", "This is not your present password. Try again.");
            case PasswordChangeResult.TryLater later:
                return TooMany("There were too many wrong passwords.", later.After, later.State);
            default:
                return Busy();
        }
    }
}
