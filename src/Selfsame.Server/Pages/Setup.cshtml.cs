using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Selfsame.Server.Requests;
using Selfsame.Store;
using Selfsame.Store.Operations;
using Selfsame.Store.Users;

namespace Selfsame.Server.Pages;

/// <summary>Makes the first administrator by the link that the server printed; see <see cref="FirstAdministrator"/>.</summary>
internal sealed class SetupPage(RequestScope scope, StoreContext context, FirstAdministrator first, SignUp signUp) : SelfsamePage(scope)
{
    private static readonly string[] Fields = ["email", "username", "password"];

    public bool IsLinkGood { get; private set; } = true;

    public async Task<IActionResult> OnGetAsync()
    {
        IsLinkGood = await first.IsGoodAsync(Scope.Tenant, Token, Cancellation);
        return Show(IsLinkGood ? StatusCodes.Status200OK : StatusCodes.Status404NotFound);
    }

    public async Task<IActionResult> OnPostAsync()
    {
        if (!await first.IsGoodAsync(Scope.Tenant, Token, Cancellation))
        {
            return RefuseLink();
        }

        if (TypedOrNull("email") is null)
        {
            return Refuse("email", "Enter your e-mail address.");
        }

        var request = new SignUpRequest
        {
            Tenant = Scope.Tenant,
            Form = new SignUpForm
            {
                Email = Typed("email"),
                Username = TypedOrNull("username"),
                Password = Typed("password") ?? "",
                Administrator = new AdministratorFields { EmailVerified = true, IsStaff = true, IsSuperuser = true },
            },
            Actor = Scope.Actor,
            Origin = RememberedOrigin(context),
            Call = FirstAdministrator.Call(CreationForm.Payload(this, Fields)),
        };
        switch (await signUp.ExecuteAsync(request, Cancellation))
        {
            case SignUpResult.Created:
                return Continue("/sign-in?done=administrator-made");
            case SignUpResult.Taken taken:
                return RefuseTaken(taken.Fields);
            case SignUpResult.Invalid invalid:
                return Refuse(invalid.Errors);
            case SignUpResult.KeyReused:
                return RefuseLink();
            default:
                return Busy();
        }
    }

    private Microsoft.AspNetCore.Mvc.RazorPages.PageResult RefuseLink()
    {
        IsLinkGood = false;
        return Show(StatusCodes.Status404NotFound);
    }
}
