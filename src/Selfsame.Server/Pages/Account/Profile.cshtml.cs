using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Selfsame.Server.Requests;
using Selfsame.Store.Users;

namespace Selfsame.Server.Pages.Account;

/// <summary>What a user may change without further proof.</summary>
[SignedInOnly]
internal sealed class ProfilePage(RequestScope scope, UserAdministration users) : SelfsamePage(scope)
{
    public async Task<IActionResult> OnPostAsync()
    {
        var change = new UserChange
        {
            Username = new(true, TypedOrNull("username")),
            FirstName = new(true, TypedOrNull("firstName")),
            LastName = new(true, TypedOrNull("lastName")),
            Phone = new(true, TypedOrNull("phone")),
            Locale = new(true, TypedOrNull("locale")),
            ByTheUser = true,
        };
        long? version = long.TryParse(Typed("version"), CultureInfo.InvariantCulture, out var number) ? number : null;
        switch (await users.ChangeAsync(Scope.Tenant, Scope.User.Uuid, change, version, Scope.Actor, Cancellation))
        {
            case UserChangeResult.Changed:
                return Continue("/account?done=profile-saved");
            case UserChangeResult.Taken taken:
                return RefuseTaken(taken.Fields);
            case UserChangeResult.Invalid invalid:
                return Refuse(invalid.Errors);
            default:
                return Refuse(StatusCodes.Status409Conflict, "Your profile was changed in another window meanwhile. Check the fields and save again.");
        }
    }
}
