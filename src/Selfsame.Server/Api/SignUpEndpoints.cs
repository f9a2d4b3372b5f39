using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Selfsame.Server.Api.Description;
using Selfsame.Server.Api.Fields;
using Selfsame.Server.Api.Problems;
using Selfsame.Server.Requests;
using Selfsame.Store.Users;

namespace Selfsame.Server.Api;

/// <summary><c>POST /api/v1/sign-ups</c>: a person makes their own user.</summary>
internal static class SignUpEndpoints
{
    public static void MapSignUps(this IEndpointRouteBuilder api)
        => api.MapPost("/sign-ups", SignUpAsync)
            .Described("signUp", "Sign-up", "Makes the caller's user.")
            .TakesIdempotencyKey()
            .TakesBody(UserBodies.SignUp, (http, fields) => CheckAsync(http, UserBodies.ReadSignUp(fields)))
            .AnswersOnGrid(inEveryTenant: false)
            .Produces<UserAnswer>(StatusCodes.Status201Created)
            .Produces<AcceptedAnswer>(StatusCodes.Status202Accepted)
            .AnswersHeader("Location", "Where the user is.")
            .AnswersRateLimit()
            .Refuses(Problem.IdentifierTaken, Problem.TooManyRequests, Problem.Busy);

    /// <summary>What the operation would say of the form.</summary>
    public static ValueTask<FieldErrors> CheckAsync(HttpContext http, SignUpForm form)
    {
        var scope = http.RequestServices.GetRequiredService<RequestScope>();
        return ValueTask.FromResult(http.RequestServices.GetRequiredService<SignUp>().Check(scope.Tenant, form));
    }

    /// <summary>The answer to a sign-up, whoever made it.</summary>
    public static IResult Answer(HttpContext http, SignUpResult result, IReadOnlyList<string> groups)
    {
        RateLimitFields.Write(http, result.RateLimit);
        switch (result)
        {
            case SignUpResult.Created created:
                MarkReplay(http, created.IsReplay);
                http.Response.Headers.ETag = UserAnswer.EntityTag(created.User);
                return Results.Created($"/api/v1/users/{created.User.Uuid}", UserAnswer.Of(created.User, groups));
            case SignUpResult.Accepted accepted:
                MarkReplay(http, accepted.IsReplay);
                return AcceptedAnswer.Answer("Look into your mailbox: we sent a mail that says how to go on.");
            case SignUpResult.Taken taken:
                return Problem.OfTaken(taken.Fields, taken.HeldByDeleted);
            case SignUpResult.Invalid invalid:
                return Problem.Of(invalid.Errors);
            case SignUpResult.LimitReached reached:
                return RateLimitFields.Refuse(reached.State, "Too many accounts were made or tried from your network. Wait for the time in Retry-After, then try again.");
            case SignUpResult.KeyReused:
                return IdempotencyKey.Reused();
            case SignUpResult.InProgress:
                return IdempotencyKey.InProgress();
            case SignUpResult.Busy:
                return Busy();
            default:
                throw new InvalidOperationException($"There is no answer for {result.GetType().Name}.");
        }
    }

    /// <summary>Too many passwords wait to be hashed.</summary>
    public static ProblemAnswer Busy()
        => Problem.Busy.Because("Too many requests wait at the moment, and nothing was changed. Try again in a few seconds.") with
        {
            RetryAfter = TimeSpan.FromSeconds(5),
        };

    private static async Task<IResult> SignUpAsync(HttpContext http, RequestScope scope, SignUp signUp)
    {
        var request = new SignUpRequest
        {
            Tenant = scope.Tenant,
            Form = UserBodies.ReadSignUp(RequestFields.Of(http)),
            Actor = scope.Actor,
            Call = IdempotencyKey.CallOf(http),
            RateLimitSubject = scope.Origin.Network,
            Browser = scope.BrowserHash,
            Origin = scope.Origin,
        };
        var result = await signUp.ExecuteAsync(request, http.RequestAborted);
        ServerMeters.SignUp(result);
        return Answer(http, result, []);
    }

    private static void MarkReplay(HttpContext http, bool isReplay)
    {
        if (isReplay)
        {
            http.Response.Headers[IdempotencyKey.ReplayedHeader] = "true";
        }
    }
}

/// <summary>What was asked for goes on by mail; the same words whoever asks.</summary>
internal sealed record AcceptedAnswer
{
    public required string Message { get; init; }

    public static IResult Answer(string message) => Results.Json(new AcceptedAnswer { Message = message }, statusCode: StatusCodes.Status202Accepted);
}
