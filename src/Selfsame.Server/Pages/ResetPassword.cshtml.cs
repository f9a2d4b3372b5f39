using Microsoft.AspNetCore.Mvc;
using Selfsame.Server.Requests;
using Selfsame.Store;
using Selfsame.Store.Users;

namespace Selfsame.Server.Pages;

/// <summary>Sets a new password by a mailed link.</summary>
internal sealed class ResetPasswordPage(RequestScope scope, StoreContext context, PasswordChanges passwords) : MailedLinkPage(scope)
{
    public async Task<IActionResult> OnPostAsync()
        => await passwords.ResetAsync(Scope.Tenant, Token, Typed("newPassword"), RememberedOrigin(context), Scope.Actor, Cancellation) switch
        {
            PasswordChangeResult.Changed => Done("password-set"),
            PasswordChangeResult.Invalid invalid => Refuse(invalid.Errors),
            PasswordChangeResult.TryLater later => TooMany("Too many passwords were set from your network.", later.After),
            PasswordChangeResult.Busy => Busy(),
            _ => LinkIsGone(),
        };

    protected override Task<bool> FindLinkAsync() => passwords.IsLinkGoodAsync(Scope.Tenant, Token, Cancellation);
}
