using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Selfsame.Server.Api.Description;
using Selfsame.Server.Api.Fields;
using Selfsame.Server.Api.Problems;
using Selfsame.Server.Handles;
using Selfsame.Server.Requests;
using Selfsame.Store.Requests;
using Selfsame.Store.Users;

namespace Selfsame.Server.Api;

/// <summary><c>/api/v1/me</c>: what users see and change of themselves. Applications check a token with <c>GET /api/v1/me</c>.</summary>
internal static class MeEndpoints
{
    private static readonly BodyShape HandleBody = new("HandleChange", "The handle to have.", UserBodies.Handle with { IsRequired = true });

    private static readonly BodyShape EmailBody = new(
        "EmailChange", "The address to move to.", UserBodies.Email with { IsRequired = true, IsNullable = false }, UserBodies.PresentPassword);

    private static readonly BodyShape PasswordBody = new("PasswordChange", "The old and the new password.", UserBodies.PresentPassword, UserBodies.NewPassword);

    public static void MapMe(this IEndpointRouteBuilder api)
    {
        const string tag = "Me";
        api.MapGet("/me", (HttpContext http, RequestScope scope, UserReader users) => UserAnswer.AnswerAsync(http, users, scope.User))
            .Described("getMe", tag, "The signed-in user: the check that an application makes.")
            .RequiresUser()
            .Produces<UserAnswer>()
            .AnswersHeader("ETag", "The user's version.");
        api.MapPatch("/me", ChangeAsync)
            .Described("changeMe", tag, "Changes some of the caller's own fields.")
            .RequiresUser()
            .TakesIfMatch(isRequired: false)
            .TakesBody(UserBodies.OwnPatch, CheckAsync)
            .Produces<UserAnswer>()
            .Refuses(Problem.NotFound, Problem.IdentifierTaken);
        api.MapGet("/me/handle", GetHandleAsync)
            .Described("getHandle", tag, "The caller's handle, and how the last change of it stands.")
            .RequiresUser()
            .Produces<HandleAnswer>();
        api.MapPut("/me/handle", SetHandleAsync)
            .Described("setHandle", tag, "Sets or gives up the caller's handle. The e-mail address must be verified. 202 where an account elsewhere has not confirmed it yet.")
            .RequiresUser()
            .RequireVerifiedEmail()
            .TakesIfMatch(isRequired: false)
            .TakesBody(HandleBody)
            .Produces<UserAnswer>()
            .Produces<AcceptedAnswer>(StatusCodes.Status202Accepted)
            .Refuses(Problem.NotFound, Problem.IdentifierTaken, Problem.TooManyRequests);
        api.MapPut("/me/email", RequestEmailAsync)
            .Described("requestEmailChange", tag, "Sends a link to the new address; nothing changes until it is opened.")
            .RequiresUser()
            .TakesBody(EmailBody)
            .AnswersOnGrid(inEveryTenant: true)
            .Produces<AcceptedAnswer>(StatusCodes.Status202Accepted)
            .Refuses(Problem.TooManyRequests, Problem.Busy);
        api.MapPut("/me/password", SetPasswordAsync)
            .Described("setPassword", tag, "Sets a new password and ends all other sessions.")
            .RequiresUser()
            .TakesBody(PasswordBody)
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(Problem.TooManyRequests, Problem.Busy);
    }

    private static ValueTask<FieldErrors> CheckAsync(HttpContext http, RequestFields fields)
    {
        var services = http.RequestServices;
        var user = services.GetRequiredService<RequestScope>().User;
        return ValueTask.FromResult(services.GetRequiredService<UserAdministration>().Check(user, ReadOwnPatch(fields)));
    }

    private static async Task<IResult> ChangeAsync(HttpContext http, RequestScope scope, UserReader users, UserAdministration administration)
    {
        if (!IfMatch.Holds(http, scope.User))
        {
            return IfMatch.Mismatch(http, scope.User);
        }

        var change = ReadOwnPatch(RequestFields.Of(http));
        var result = await administration.ChangeAsync(
            scope.Tenant, scope.User.Uuid, change, Version(http, scope), scope.Actor, http.RequestAborted);
        return await UserEndpoints.AnswerAsync(http, users, result);
    }

    private static async Task<IResult> GetHandleAsync(HttpContext http, RequestScope scope, HandleProvisioning handles)
        => Results.Ok(HandleAnswer.Of(scope.User, await handles.StateAsync(scope.User, http.RequestAborted)));

    private static async Task<IResult> SetHandleAsync(HttpContext http, RequestScope scope, UserReader users, HandleProvisioning handles)
    {
        if (!IfMatch.Holds(http, scope.User))
        {
            return IfMatch.Mismatch(http, scope.User);
        }

        var handle = RequestFields.Of(http).Text("handle");
        var result = await handles.SetAsync(scope.User, handle, Version(http, scope), scope.Actor, http.RequestAborted);
        return await UserEndpoints.AnswerAsync(http, users, result);
    }

    private static async Task<IResult> RequestEmailAsync(HttpContext http, RequestScope scope, EmailChange changes)
    {
        var body = RequestFields.Of(http);
        return await changes.RequestAsync(
            scope.User, body.Text("email"), body.Text("password"), scope.Origin, scope.Actor, http.RequestAborted) switch
        {
            EmailChangeResult.LinkSent => AcceptedAnswer.Answer("We sent a link to the new address. Open it where you are signed in."),
            EmailChangeResult.WrongPassword => WrongPassword(),
            EmailChangeResult.Invalid invalid => Problem.Of(invalid.Errors),
            EmailChangeResult.TooMany full => TooManyMails(http, full.State),
            EmailChangeResult.TryLater later => SessionEndpoints.TooManyAttempts(http, later.After, later.State),
            EmailChangeResult.Busy => SignUpEndpoints.Busy(),
            var result => throw new InvalidOperationException($"There is no answer for {result.GetType().Name}."),
        };
    }

    private static async Task<IResult> SetPasswordAsync(HttpContext http, RequestScope scope, PasswordChanges changes)
    {
        var body = RequestFields.Of(http);
        var result = await changes.ChangeAsync(
            scope.User, body.Text("password"), body.Text("newPassword"), scope.SignedIn!.Session.Uuid, scope.Origin, scope.Actor, http.RequestAborted);
        return result switch
        {
            PasswordChangeResult.Changed => Results.NoContent(),
            PasswordChangeResult.WrongPassword => WrongPassword(),
            PasswordChangeResult.Invalid invalid => Problem.Of(invalid.Errors),
            PasswordChangeResult.TryLater later => SessionEndpoints.TooManyAttempts(http, later.After, later.State),
            PasswordChangeResult.Busy => SignUpEndpoints.Busy(),
            _ => throw new InvalidOperationException($"There is no answer for {result.GetType().Name}."),
        };
    }

    private static ProblemAnswer TooManyMails(HttpContext http, RateLimitState state)
    {
        RateLimitFields.Write(http, state);
        return RateLimitFields.Refuse(state, "This address got several mails already. Wait for the time in Retry-After, then try again.");
    }

    private static UserChange ReadOwnPatch(RequestFields fields) => UserBodies.ReadPatch(fields) with { ByTheUser = true };

    private static long? Version(HttpContext http, RequestScope scope) => IfMatch.NamesVersion(http) ? scope.User.Version : null;

    private static ProblemAnswer WrongPassword()
    {
        var errors = new FieldErrors();
        errors.Add("password", "password.wrong", "This is not your present password. Try again.");
        return Problem.Of(errors);
    }
}

/// <summary>A user's handle and how the last change of it stands.</summary>
internal sealed record HandleAnswer
{
    /// <summary>The handle that the user has; null without one.</summary>
    public required string? Handle { get; init; }

    /// <summary><c>settled</c>, <c>pending</c> or <c>refused</c>.</summary>
    public required string State { get; init; }

    /// <summary>What is pending or was refused; null gives the handle up.</summary>
    public required string? Wanted { get; init; }

    /// <summary>Why it was refused.</summary>
    public required string? Problem { get; init; }

    public static HandleAnswer Of(User user, HandleChangeState? change) => new()
    {
        Handle = user.Handle,
        State = change switch { null => "settled", { IsRefused: true } => "refused", _ => "pending" },
        Wanted = change?.Handle,
        Problem = change?.Problem,
    };
}
