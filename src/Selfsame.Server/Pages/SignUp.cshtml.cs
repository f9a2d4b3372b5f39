using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Selfsame.Server.Api;
using Selfsame.Server.Requests;
using Selfsame.Store;
using Selfsame.Store.Users;

namespace Selfsame.Server.Pages;

/// <summary>Makes an account; the answer to a repeat is the answer to the first.</summary>
internal sealed class SignUpPage(RequestScope scope, StoreContext context, SignUp signUp, AnswerTime answerTime) : SelfsamePage(scope)
{
    private static readonly string[] Fields = ["email", "username", "password", "firstName", "lastName"];

    private string? newToken;

    /// <summary>Whether it is hidden who is registered: there a username is chosen after the address is confirmed.</summary>
    public bool HidesWhoIsRegistered => context.Tenant(Scope.Tenant).Disclosure == Disclosure.Hide;

    public string FormToken => newToken ?? Typed(CreationForm.TokenField) ?? "";

    public IActionResult OnGet()
    {
        if (Scope.SignedIn is not null)
        {
            return Continue("/account");
        }

        BrowserCookie.Ensure(HttpContext, context.Random, context.Now());
        newToken = CreationForm.NewToken(context.Random);
        return Page();
    }

    public async Task<IActionResult> OnPostAsync()
    {
        if (CreationForm.Read(this, "form", "/sign-up", Fields) is not { } call)
        {
            newToken = CreationForm.NewToken(context.Random);
            return Refuse(StatusCodes.Status400BadRequest, "The form was not complete. Check it, type the password again and send it once more.");
        }

        var result = await signUp.ExecuteAsync(
            new SignUpRequest
            {
                Tenant = Scope.Tenant,
                Form = ReadForm(),
                Actor = Scope.Actor,
                Call = call,
                RateLimitSubject = Scope.Origin.Network,
                Browser = Scope.BrowserHash,
                Origin = Scope.Origin,
            },
            Cancellation);
        ServerMeters.SignUp(result);
        if (HidesWhoIsRegistered)
        {
            await answerTime.RoundUpAsync(Cancellation);
        }

        return Answer(result);
    }

    private SignUpForm ReadForm() => new()
    {
        Email = Typed("email"),
        Username = TypedOrNull("username"),
        Password = Typed("password"),
        FirstName = TypedOrNull("firstName"),
        LastName = TypedOrNull("lastName"),
    };

    private IActionResult Answer(SignUpResult result)
    {
        switch (result)
        {
            case SignUpResult.Created or SignUpResult.Accepted:
                return Continue("/sign-up/done");
            case SignUpResult.Taken taken:
                return RefuseTaken(taken.Fields, taken.HeldByDeleted);
            case SignUpResult.Invalid invalid:
                return Refuse(invalid.Errors);
            case SignUpResult.LimitReached limit:
                return TooMany("Too many accounts were made or tried from your network.", limit.State.ResetsIn, limit.State);
            case SignUpResult.KeyReused:
                newToken = CreationForm.NewToken(context.Random);
                return Refuse(
                    StatusCodes.Status409Conflict,
                    "This form has made an account already, and you changed it since. To make another account, type the password and send it again.");
            case SignUpResult.InProgress:
                Response.Headers.RetryAfter = "5";
                return Refuse(
                    StatusCodes.Status409Conflict,
                    "The account is still being made. Wait a few seconds, type the password and send the form again: it will not make a second one.");
            default:
                return Busy();
        }
    }
}
