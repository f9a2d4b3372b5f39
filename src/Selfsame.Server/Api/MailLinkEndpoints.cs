using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Selfsame.Server.Api.Description;
using Selfsame.Server.Api.Fields;
using Selfsame.Server.Api.Problems;
using Selfsame.Server.Requests;
using Selfsame.Store;
using Selfsame.Store.Links;
using Selfsame.Store.Requests;
using Selfsame.Store.Users;

namespace Selfsame.Server.Api;

/// <summary>What goes by a mail's link: verification, change and return of an address, reset of a password.</summary>
internal static class MailLinkEndpoints
{
    private const int LongestLogin = 1024;

    private static readonly Field OptionalToken = UserBodies.Token with
    {
        IsRequired = false,
        Description = "The token of the link in the mail; with it the link is used, without it a mail is asked for.",
    };

    private static readonly Field OptionalNewPassword = UserBodies.NewPassword with { IsRequired = false };

    private static readonly BodyShape VerificationBody = new(
        "EmailVerification",
        "Either email, to be sent a link; or token, to use one, with the password where the link alone is not enough.",
        new Field("email", FieldKind.Text, "The address that is to be verified.") { ReadLimit = LongestLogin },
        OptionalToken,
        UserBodies.PresentPassword with { IsRequired = false, Description = "The password chosen at sign-up." },
        OptionalNewPassword);

    private static readonly BodyShape ResetBody = new(
        "PasswordReset",
        "Either login, to be sent a link; or token and newPassword, to use one.",
        new Field("login", FieldKind.Text, "Username or e-mail address.") { ReadLimit = LongestLogin },
        OptionalToken,
        OptionalNewPassword);

    private static readonly BodyShape ConfirmBody = new("EmailConfirmation", "The link that went to the new address.", UserBodies.Token);

    private static readonly BodyShape ReleaseBody = new("EmailRelease", "The link that went to the address.", UserBodies.Token);

    private static readonly BodyShape RevertBody = new(
        "EmailRevert", "The link that went to the old address, and a new password.", UserBodies.Token, UserBodies.NewPassword);

    public static void MapMailLinks(this IEndpointRouteBuilder api)
    {
        const string tag = "Mail links";
        api.MapPost("/email-verifications", VerifyAsync)
            .Described("verifyEmail", tag, "Sends a verification link, or uses one.")
            .TakesBody(VerificationBody)
            .Produces<AcceptedAnswer>(StatusCodes.Status202Accepted)
            .Produces(StatusCodes.Status204NoContent)
            .AnswersRateLimit()
            .Refuses(Problem.InvalidLink, Problem.PasswordNeeded, Problem.TooManyRequests, Problem.Busy);
        api.MapPost("/password-resets", ResetAsync)
            .Described("resetPassword", tag, "Sends a link that resets the password, or uses one.")
            .TakesBody(ResetBody)
            .Produces<AcceptedAnswer>(StatusCodes.Status202Accepted)
            .Produces(StatusCodes.Status204NoContent)
            .AnswersRateLimit()
            .Refuses(Problem.InvalidLink, Problem.TooManyRequests, Problem.Busy);
        api.MapPost("/email-changes", ConfirmAsync)
            .Described("confirmEmailChange", tag, "Uses the link that went to the new address, where the user is signed in.")
            .RequiresUser()
            .TakesBody(ConfirmBody)
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(Problem.InvalidLink, Problem.IdentifierTaken);
        api.MapPost("/email-reverts", RevertAsync)
            .Described("revertEmailChange", tag, "Uses the link that went to the old address: takes the change back and ends all sessions.")
            .TakesBody(RevertBody)
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(Problem.InvalidLink, Problem.IdentifierTaken, Problem.TooManyRequests, Problem.Busy);
        api.MapPost("/email-releases", ReleaseAsync)
            .Described("releaseEmail", tag, "Uses the link that makes an address free which a closed account holds and nobody ever verified.")
            .TakesBody(ReleaseBody)
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(Problem.InvalidLink);
    }

    private static async Task<IResult> VerifyAsync(HttpContext http, RequestScope scope, EmailVerification verification, StoreContext context)
    {
        var body = RequestFields.Of(http);
        if (RefuseUnlessOne(body, "email") is { } refusal)
        {
            return refusal;
        }

        if (body.Text("email") is { } email)
        {
            return await RequestAsync(
                http, context, () => verification.RequestAsync(scope.Tenant, email, scope.Origin.Network, scope.Actor, http.RequestAborted));
        }

        var proof = new VerificationProof
        {
            SignedInUser = scope.SignedIn?.User.Uuid,
            Browser = scope.BrowserHash,
            Password = body.Text("password"),
            NewPassword = body.Text("newPassword"),
            Origin = scope.Origin,
        };
        return await verification.VerifyAsync(scope.Tenant, body.Text("token")!, proof, scope.Actor, http.RequestAborted) switch
        {
            VerificationResult.Verified or VerificationResult.AlreadyVerified => Results.NoContent(),
            VerificationResult.LinkInvalid => InvalidLink(),
            VerificationResult.PasswordNeeded needed => PasswordNeeded(needed.WrongPassword),
            VerificationResult.Invalid invalid => Problem.Of(invalid.Errors),
            VerificationResult.TryLater later => SessionEndpoints.TooManyAttempts(http, later.After, later.State),
            VerificationResult.Busy => SignUpEndpoints.Busy(),
            var result => throw new InvalidOperationException($"There is no answer for {result.GetType().Name}."),
        };
    }

    private static async Task<IResult> ResetAsync(HttpContext http, RequestScope scope, PasswordChanges changes, StoreContext context)
    {
        var body = RequestFields.Of(http);
        if (RefuseUnlessOne(body, "login") is { } refusal)
        {
            return refusal;
        }

        if (body.Text("login") is { } login)
        {
            return await RequestAsync(
                http, context, () => changes.RequestResetAsync(scope.Tenant, login, scope.Origin.Network, scope.Actor, http.RequestAborted));
        }

        var result = await changes.ResetAsync(scope.Tenant, body.Text("token")!, body.Text("newPassword"), scope.Origin, scope.Actor, http.RequestAborted);
        return result switch
        {
            PasswordChangeResult.Changed => Results.NoContent(),
            PasswordChangeResult.LinkInvalid => InvalidLink(),
            PasswordChangeResult.Invalid invalid => Problem.Of(invalid.Errors),
            PasswordChangeResult.TryLater later => SessionEndpoints.TooManyAttempts(http, later.After, later.State),
            PasswordChangeResult.Busy => SignUpEndpoints.Busy(),
            _ => throw new InvalidOperationException($"There is no answer for {result.GetType().Name}."),
        };
    }

    private static async Task<IResult> ConfirmAsync(HttpContext http, RequestScope scope, EmailChange changes)
        => Answer(http, await changes.ConfirmAsync(scope.User, RequestFields.Of(http).Text("token")!, scope.Actor, http.RequestAborted));

    private static async Task<IResult> RevertAsync(HttpContext http, RequestScope scope, EmailChange changes)
    {
        var body = RequestFields.Of(http);
        return Answer(http, await changes.RevertAsync(scope.Tenant, body.Text("token")!, body.Text("newPassword"), scope.Origin, scope.Actor, http.RequestAborted));
    }

    private static async Task<IResult> ReleaseAsync(HttpContext http, RequestScope scope, EmailRelease release)
        => await release.ExecuteAsync(scope.Tenant, RequestFields.Of(http).Text("token")!, scope.Actor, http.RequestAborted) == LinkState.Done
            ? Results.NoContent()
            : InvalidLink();

    private static IResult Answer(HttpContext http, EmailChangeResult result) => result switch
    {
        EmailChangeResult.Changed => Results.NoContent(),
        EmailChangeResult.LinkInvalid => InvalidLink(),
        EmailChangeResult.Taken => Problem.OfTaken(["email"]),
        EmailChangeResult.Invalid invalid => Problem.Of(invalid.Errors),
        EmailChangeResult.TryLater later => SessionEndpoints.TooManyAttempts(http, later.After, later.State),
        EmailChangeResult.Busy => SignUpEndpoints.Busy(),
        _ => throw new InvalidOperationException($"There is no answer for {result.GetType().Name}."),
    };

    /// <summary>The one answer for registered and other addresses, at a time that tells nothing (CASES 31).</summary>
    private static async Task<IResult> RequestAsync(HttpContext http, StoreContext context, Func<Task<RateLimitState?>> request)
    {
        var started = context.Clock.GetTimestamp();
        var state = await request();
        await AnswerGrid.HoldAsync(context.Clock, started, http.RequestAborted);
        RateLimitFields.Write(http, state);
        return state is { Allowed: false }
            ? RateLimitFields.Refuse(state, "Too many mails were asked for from your network. Wait for the time in Retry-After, then try again.")
            : AcceptedAnswer.Answer("If there is such an account, we sent it a mail with a link.");
    }

    private static ProblemAnswer? RefuseUnlessOne(RequestFields body, string request)
    {
        if (body.Text(request) is null != body.Text("token") is null)
        {
            return null;
        }

        var errors = new FieldErrors();
        errors.Add(request, $"{request}.either", $"Send either {request}, to be sent a link, or token, to use one.");
        return Problem.Of(errors);
    }

    private static ProblemAnswer InvalidLink()
    {
        const string sentence = "This link is unknown, used already, or too old. Ask for a new one.";
        return Problem.InvalidLink.Because(sentence, "token", sentence);
    }

    private static ProblemAnswer PasswordNeeded(bool wrongPassword)
    {
        var sentence = wrongPassword
            ? "This is not the password that was chosen at sign-up. Try again, or send a newPassword."
            : "Send the password that was chosen at sign-up, or a newPassword, or open the link where you signed up.";
        return Problem.PasswordNeeded.Because(sentence, "password", sentence);
    }
}
