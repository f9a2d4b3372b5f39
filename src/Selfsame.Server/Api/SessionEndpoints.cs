using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Selfsame.Server.Api.Description;
using Selfsame.Server.Api.Fields;
using Selfsame.Server.Api.Problems;
using Selfsame.Server.Requests;
using Selfsame.Store;
using Selfsame.Store.Requests;
using Selfsame.Store.ServiceTokens;
using Selfsame.Store.Sessions;
using Selfsame.Store.Users;

namespace Selfsame.Server.Api;

/// <summary><c>/api/v1/sessions</c>: signing in and out; <c>/api/v1/session-checks</c>: services ask about a user's token.</summary>
internal static class SessionEndpoints
{
    private const int LongestLogin = 1024;

    private static readonly BodyShape SignInBody = new(
        "SignIn",
        "Who signs in.",
        new Field("login", FieldKind.Text, "Username or e-mail address, in any case.") { IsRequired = true, ReadLimit = LongestLogin },
        UserBodies.PresentPassword with { Description = "The password." },
        new Field("cookie", FieldKind.Flag, "true sets the session's cookie instead of answering with a token; for browsers."));

    private static readonly BodyShape CheckBody = new("SessionCheck", "Whose token it is.", UserBodies.Token with { Description = "A session's token." });

    public static void MapSessions(this IEndpointRouteBuilder api)
    {
        const string tag = "Sessions";
        api.MapPost("/sessions", SignInAsync)
            .Described("signIn", tag, "Signs a user in.")
            .TakesBody(SignInBody)
            .Produces<SessionStartedAnswer>(StatusCodes.Status201Created)
            .AnswersHeader("Location", "Where the session is.")
            .AnswersRateLimit()
            .Refuses(Problem.SignInRefused, Problem.TooManyRequests, Problem.Busy);
        api.MapGet("/sessions", ListAsync)
            .Described("listSessions", tag, "Where the caller is signed in.")
            .RequiresUser()
            .Produces<SessionListAnswer>();
        api.MapDelete("/sessions/current", EndCurrentAsync)
            .Described("signOut", tag, "Ends the session that is used for the call.")
            .RequiresUser()
            .Produces(StatusCodes.Status204NoContent);
        api.MapDelete("/sessions/{uuid}", EndAsync)
            .Described("endSession", tag, "Ends one of the caller's sessions.")
            .RequiresUser()
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(Problem.NotFound);
        api.MapPost("/session-checks", CheckAsync)
            .Described("checkSession", tag, "Whether a token is good, and whose it is.")
            .RequiresService(ServiceScope.VerifySessions)
            .TakesBody(CheckBody)
            .Produces<SessionCheckAnswer>();
    }

    private static async Task<IResult> SignInAsync(HttpContext http, RequestScope scope, SignIn signIn, StoreContext context)
    {
        var body = RequestFields.Of(http);
        var kind = body.Flag("cookie") == true ? SessionKind.Browser : SessionKind.Bearer;
        var origin = kind == SessionKind.Browser
            ? scope.Origin with { Browser = BrowserCookie.Ensure(http, context.Random, context.Now()) }
            : scope.Origin;
        var result = await signIn.ExecuteAsync(
            scope.Tenant, body.Text("login"), body.Text("password"), origin, kind, scope.Actor, http.RequestAborted);
        ServerMeters.SignIn(result);
        RateLimitFields.Write(http, result.RateLimit);
        switch (result)
        {
            case SignInResult.SignedIn signedIn:
                return Start(http, signedIn, kind);
            case SignInResult.Refused:
                return Problem.SignInRefused.Because(context.Tenant(scope.Tenant).Disclosure == Disclosure.Hide
                    ? "The name or the password is wrong, the e-mail address is not confirmed yet, or the account is disabled. Open the link that we sent, or reset the password."
                    : "The name or the password is wrong, or the account is disabled. Try again, or reset the password.");
            case SignInResult.TryLater later:
                return TooManyAttempts(http, later.After, later.State);
            case SignInResult.Busy:
                return SignUpEndpoints.Busy();
            default:
                throw new InvalidOperationException($"There is no answer for {result.GetType().Name}.");
        }
    }

    /// <summary>The back-off for wrong passwords, wherever one was asked for, or the limit that decided.</summary>
    public static ProblemAnswer TooManyAttempts(HttpContext http, TimeSpan after, RateLimitState? state)
    {
        RateLimitFields.Write(http, state);
        return Problem.TooManyRequests.Because("There were too many attempts. Wait for the time in Retry-After, then try again.") with { RetryAfter = after };
    }

    private static IResult Start(HttpContext http, SignInResult.SignedIn signedIn, SessionKind kind)
    {
        if (kind == SessionKind.Browser)
        {
            SessionCookie.Write(http, signedIn.Token, signedIn.Session.ExpiresAt);
        }

        var answer = new SessionStartedAnswer
        {
            Token = kind == SessionKind.Bearer ? signedIn.Token : null,
            Session = SessionAnswer.Of(signedIn.Session, signedIn.Session.Uuid),
            User = UserAnswer.Of(signedIn.User, signedIn.Groups),
        };
        return Results.Created($"/api/v1/sessions/{signedIn.Session.Uuid}", answer);
    }

    private static async Task<IResult> ListAsync(HttpContext http, RequestScope scope, SessionStore sessions)
    {
        var list = await sessions.ListAsync(scope.User, http.RequestAborted);
        return Results.Ok(new SessionListAnswer { Sessions = [.. list.Select(session => SessionAnswer.Of(session, scope.SignedIn!.Session.Uuid))] });
    }

    private static async Task<IResult> EndCurrentAsync(HttpContext http, RequestScope scope, SessionStore sessions)
    {
        await sessions.EndAsync(scope.User, scope.SignedIn!.Session.Uuid, scope.Actor, http.RequestAborted);
        SessionCookie.Remove(http);
        return Results.NoContent();
    }

    private static async Task<IResult> EndAsync(string uuid, HttpContext http, RequestScope scope, SessionStore sessions)
        => Guid.TryParseExact(uuid, "D", out var id) && await sessions.EndAsync(scope.User, id, scope.Actor, http.RequestAborted)
            ? Results.NoContent()
            : Problem.NotFound.Because("You have no session with this uuid. Look it up with GET /api/v1/sessions.");

    private static async Task<IResult> CheckAsync(HttpContext http, RequestScope scope, SessionStore sessions, UserReader users)
    {
        var found = await sessions.FindAsync(scope.Tenant, RequestFields.Of(http).Text("token")!, http.RequestAborted);
        return Results.Ok(found is null
            ? new SessionCheckAnswer { Active = false, Session = null, User = null }
            : new SessionCheckAnswer
            {
                Active = true,
                Session = SessionAnswer.Of(found.Session, found.Session.Uuid),
                User = UserAnswer.Of(found.User, await users.GroupsAsync(found.User, http.RequestAborted)),
            });
    }
}

/// <summary>A session that has just begun.</summary>
internal sealed record SessionStartedAnswer
{
    /// <summary>Told once; null when it went into a cookie.</summary>
    public required string? Token { get; init; }

    public required SessionAnswer Session { get; init; }

    public required UserAnswer User { get; init; }
}

/// <summary>One place where a user is signed in.</summary>
internal sealed record SessionAnswer
{
    public required Guid Uuid { get; init; }

    public required string Kind { get; init; }

    public required bool Current { get; init; }

    public required string? Address { get; init; }

    public required string? UserAgent { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset LastSeenAt { get; init; }

    public required DateTimeOffset ExpiresAt { get; init; }

    public static SessionAnswer Of(Session session, Guid current) => new()
    {
        Uuid = session.Uuid,
        Kind = session.Kind,
        Current = session.Uuid == current,
        Address = session.Address,
        UserAgent = session.UserAgent,
        CreatedAt = session.CreatedAt,
        LastSeenAt = session.LastSeenAt,
        ExpiresAt = session.ExpiresAt,
    };
}

/// <summary>All sessions of the caller.</summary>
internal sealed record SessionListAnswer
{
    public required IReadOnlyList<SessionAnswer> Sessions { get; init; }
}

/// <summary>What a token is worth.</summary>
internal sealed record SessionCheckAnswer
{
    public required bool Active { get; init; }

    public required SessionAnswer? Session { get; init; }

    public required UserAnswer? User { get; init; }
}
