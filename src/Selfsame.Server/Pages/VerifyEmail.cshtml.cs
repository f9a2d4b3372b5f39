using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Selfsame.Server.Requests;
using Selfsame.Store;
using Selfsame.Store.Users;

namespace Selfsame.Server.Pages;

/// <summary>What the page of a verification link asks for.</summary>
internal enum VerificationStep
{
    OneClick,
    Password,
    NewPassword,
    AlreadyVerified,
    LinkInvalid,
}

/// <summary>Opened from a mail. Only the button acts: programs that look into mails open links too.</summary>
internal sealed class VerifyEmailPage(RequestScope scope, StoreContext context, EmailVerification verification) : SelfsamePage(scope)
{
    public VerificationStep Step { get; private set; }

    /// <summary>This page, asking for the present password or for a new one.</summary>
    public string Address(bool isNew) => $"/verify-email?token={Uri.EscapeDataString(Token)}{(isNew ? "&new=1" : "")}";

    /// <summary>Where to go once the address is confirmed.</summary>
    public string Onward => Scope.SignedIn is null ? "/sign-in" : "/account";

    public async Task<IActionResult> OnGetAsync()
    {
        var result = await verification.PeekAsync(Scope.Tenant, Token, Proof(), Cancellation);
        Step = result switch
        {
            VerificationResult.LinkInvalid => VerificationStep.LinkInvalid,
            VerificationResult.AlreadyVerified => VerificationStep.AlreadyVerified,
            VerificationResult.Verified => VerificationStep.OneClick,
            _ => Request.Query.ContainsKey("new") ? VerificationStep.NewPassword : VerificationStep.Password,
        };
        return Show(Step == VerificationStep.LinkInvalid ? StatusCodes.Status404NotFound : StatusCodes.Status200OK);
    }

    public async Task<IActionResult> OnPostAsync()
    {
        Step = PostedStep;
        var proof = Proof() with
        {
            Password = Step == VerificationStep.Password ? Typed("password") : null,
            NewPassword = Step == VerificationStep.NewPassword ? Typed("newPassword") ?? "" : null,
            Origin = RememberedOrigin(context),
        };
        var result = await verification.VerifyAsync(Scope.Tenant, Token, proof, Scope.Actor, Cancellation);
        switch (result)
        {
            case VerificationResult.Verified verified:
                return ContinueVerified(verified.User);
            case VerificationResult.AlreadyVerified verified:
                return ContinueVerified(verified.User);
            case VerificationResult.PasswordNeeded needed:
                Step = VerificationStep.Password;
                return Refuse("password", needed.WrongPassword ? "This is not the password of the account. Try again." : "Enter the password of the account.");
            case VerificationResult.Invalid invalid:
                return Refuse(invalid.Errors);
            case VerificationResult.TryLater later:
                return TooMany("Too many passwords were tried.", later.After, later.State);
            case VerificationResult.LinkInvalid:
                Step = VerificationStep.LinkInvalid;
                return Show(StatusCodes.Status404NotFound);
            default:
                return Busy();
        }
    }

    private IActionResult ContinueVerified(User user)
        => Continue(Scope.SignedIn?.User.Uuid == user.Uuid ? "/account?done=email-verified" : "/sign-in?done=email-verified");

    protected override Task<IActionResult> RefuseNulAsync(FieldErrors errors)
    {
        Step = PostedStep;
        return Step == VerificationStep.OneClick ? RefuseUnreadableAsync() : base.RefuseNulAsync(errors);
    }

    /// <summary>What the posted form asked for.</summary>
    private VerificationStep PostedStep => Typed("how") switch
    {
        "new" => VerificationStep.NewPassword,
        "password" => VerificationStep.Password,
        _ => VerificationStep.OneClick,
    };

    private VerificationProof Proof() => new() { SignedInUser = Scope.SignedIn?.User.Uuid, Browser = Scope.BrowserHash, Origin = Scope.Origin };
}
