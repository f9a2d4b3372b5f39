using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Selfsame.Server.Api.Description;
using Selfsame.Server.Api.Fields;
using Selfsame.Server.Api.Problems;
using Selfsame.Server.Requests;
using Selfsame.Store;
using Selfsame.Store.Audit;
using Selfsame.Store.Requests;
using Selfsame.Store.ServiceTokens;
using Selfsame.Store.Users;

namespace Selfsame.Server.Api;

/// <summary><c>/api/v1/users</c>: what administrators and services do with users.</summary>
internal static class UserEndpoints
{
    private const int LargestPage = 200;

    // A caller without If-Match wants the deletion whatever the version is; each round sees the then present one.
    private const int MostDeletionRounds = 5;

    private static readonly QueryShape ListQuery = new(
        new Field("search", FieldKind.Text, "Part of a username, e-mail, name, handle or code; or a whole uuid.") { ReadLimit = 254 },
        new Field("includeDeleted", FieldKind.Flag, "Whether deleted users are listed too."),
        new Field("page", FieldKind.Whole, "Which page, from 1.") { Range = (1, 1_000_000) },
        new Field("pageSize", FieldKind.Whole, "Users per page; 50 when it is missing.") { Range = (1, LargestPage) });

    private static readonly QueryShape EventsQuery = new(
        new Field("limit", FieldKind.Whole, "The most events; 100 when it is missing.") { Range = (1, 1000) });

    public static void MapUsers(this IEndpointRouteBuilder api)
    {
        const string tag = "Users";
        api.MapGet("/users", ListAsync)
            .Described("listUsers", tag, "A page of users, newest first.")
            .RequiresAdministrator(ServiceScope.ReadUsers)
            .TakesQuery(ListQuery)
            .Produces<UserListAnswer>();
        api.MapPost("/users", CreateAsync)
            .Described("createUser", tag, "Makes a user.")
            .RequiresAdministrator(ServiceScope.WriteUsers)
            .TakesIdempotencyKey()
            .TakesBody(UserBodies.NewUser, (http, fields) => SignUpEndpoints.CheckAsync(http, UserBodies.ReadNewUser(fields)))
            .Produces<UserAnswer>(StatusCodes.Status201Created)
            .AnswersHeader("Location", "Where the user is.")
            .AnswersHeader("ETag", "The user's version.")
            .Refuses(Problem.IdentifierTaken, Problem.Busy);
        api.MapGet("/users/{uuid}", GetAsync)
            .Described("getUser", tag, "One user, deleted or not.")
            .RequiresAdministrator(ServiceScope.ReadUsers)
            .Produces<UserAnswer>()
            .AnswersHeader("ETag", "The user's version.")
            .Refuses(Problem.NotFound);
        api.MapPatch("/users/{uuid}", ChangeAsync)
            .Described("changeUser", tag, "Changes some fields of a user.")
            .RequiresAdministrator(ServiceScope.WriteUsers)
            .TakesIfMatch(isRequired: true)
            .TakesBody(UserBodies.UserPatch, CheckChangeAsync)
            .Produces<UserAnswer>()
            .Refuses(Problem.NotFound, Problem.IdentifierTaken, Problem.UserDeleted);
        api.MapDelete("/users/{uuid}", DeleteAsync)
            .Described("deleteUser", tag, "Deletes a user; until the grace period ends it can be restored.")
            .RequiresAdministrator(ServiceScope.WriteUsers)
            .TakesIfMatch(isRequired: false)
            .Produces(StatusCodes.Status204NoContent)
            .Refuses(Problem.NotFound);
        api.MapPost("/users/{uuid}/restore", RestoreAsync)
            .Described("restoreUser", tag, "Takes a deletion back.")
            .RequiresAdministrator(ServiceScope.WriteUsers)
            .TakesIfMatch(isRequired: false)
            .Produces<UserAnswer>()
            .Refuses(Problem.NotFound);
        api.MapGet("/users/{uuid}/events", EventsAsync)
            .Described("listUserEvents", tag, "What happened to a user, newest first.")
            .RequiresAdministrator(ServiceScope.ReadUsers)
            .TakesQuery(EventsQuery)
            .Produces<AuditEventsAnswer>()
            .Refuses(Problem.NotFound);
    }

    /// <summary>The answer to a change of a user, whoever made it.</summary>
    public static async Task<IResult> AnswerAsync(HttpContext http, UserReader users, UserChangeResult result) => result switch
    {
        UserChangeResult.Changed changed => await UserAnswer.AnswerAsync(http, users, changed.User),
        UserChangeResult.NotFound => NoSuchUser(),
        UserChangeResult.VersionMismatch mismatch => IfMatch.Mismatch(http, mismatch.Present),
        UserChangeResult.Taken taken => Problem.OfTaken(taken.Fields),
        UserChangeResult.Pending => AcceptedAnswer.Answer("The handle is reserved for you, and your account elsewhere is given it. Look with GET /api/v1/me/handle."),
        UserChangeResult.TooMany full => TooManyChanges(http, full.State),
        UserChangeResult.Invalid invalid => Problem.Of(invalid.Errors),
        _ => throw new InvalidOperationException($"There is no answer for {result.GetType().Name}."),
    };

    private static ProblemAnswer TooManyChanges(HttpContext http, RateLimitState state)
    {
        RateLimitFields.Write(http, state);
        return RateLimitFields.Refuse(state, "You changed your handle several times already. Wait for the time in Retry-After, then try again.");
    }

    private static async Task<IResult> ListAsync(HttpContext http, RequestScope scope, UserReader users)
    {
        var query = RequestFields.Of(http);
        var page = await users.ListAsync(
            new UserQuery
            {
                Tenant = scope.Tenant,
                Search = query.Text("search"),
                IncludeDeleted = query.Flag("includeDeleted") ?? false,
                Page = query.Whole("page") ?? 1,
                PageSize = query.Whole("pageSize") ?? 50,
            },
            http.RequestAborted);
        var groups = await users.GroupsAsync(page.Users, http.RequestAborted);
        return Results.Ok(new UserListAnswer
        {
            Users = [.. page.Users.Select(user => UserAnswer.Of(user, groups[user.Id]))],
            Total = page.Total,
            Page = page.Page,
            PageSize = page.PageSize,
        });
    }

    private static async Task<IResult> CreateAsync(HttpContext http, RequestScope scope, SignUp signUp)
    {
        var form = UserBodies.ReadNewUser(RequestFields.Of(http));
        if (form.Administrator is { IsStaff: true } or { IsSuperuser: true } && !IsSuperuser(scope))
        {
            return SuperusersOnly(form.Administrator.IsStaff ? "isStaff" : "isSuperuser");
        }

        var request = new SignUpRequest { Tenant = scope.Tenant, Form = form, Actor = scope.Actor, Call = IdempotencyKey.CallOf(http) };
        var result = await signUp.ExecuteAsync(request, http.RequestAborted);
        return SignUpEndpoints.Answer(http, result, UserFields.Groups(form.Administrator!.Groups, "groups", new FieldErrors()) ?? []);
    }

    private static async Task<IResult> GetAsync(string uuid, HttpContext http, RequestScope scope, UserReader users)
        => await FindAsync(uuid, scope, users, http.RequestAborted) is { } user ? await UserAnswer.AnswerAsync(http, users, user) : NoSuchUser();

    private static async ValueTask<FieldErrors> CheckChangeAsync(HttpContext http, RequestFields fields)
    {
        var services = http.RequestServices;
        var scope = services.GetRequiredService<RequestScope>();
        var user = await FindAsync((string)http.Request.RouteValues["uuid"]!, scope, services.GetRequiredService<UserReader>(), http.RequestAborted);
        return user is null ? new FieldErrors() : services.GetRequiredService<UserAdministration>().Check(user, UserBodies.ReadPatch(fields));
    }

    private static async Task<IResult> ChangeAsync(
        string uuid, HttpContext http, RequestScope scope, UserReader users, UserAdministration administration)
    {
        var user = await FindAsync(uuid, scope, users, http.RequestAborted);
        if (user is null)
        {
            return NoSuchUser();
        }

        if (!IfMatch.Holds(http, user))
        {
            return IfMatch.Mismatch(http, user);
        }

        var change = UserBodies.ReadPatch(RequestFields.Of(http));
        if (!IsSuperuser(scope))
        {
            if (change.IsStaff.Or(user.IsStaff) != user.IsStaff || change.IsSuperuser.Or(user.IsSuperuser) != user.IsSuperuser)
            {
                return SuperusersOnly(change.IsStaff.IsSet ? "isStaff" : "isSuperuser");
            }

            if (user.IsSuperuser)
            {
                return SuperusersOnly();
            }
        }

        if (user.DeletedAt is not null)
        {
            return Problem.UserDeleted.Because("Restore the user first, then change it.");
        }

        // With the version that was just judged: nobody became a superuser in between.
        var result = await administration.ChangeAsync(scope.Tenant, user.Uuid, change, user.Version, scope.Actor, http.RequestAborted);
        return await AnswerAsync(http, users, result);
    }

    private static async Task<IResult> DeleteAsync(
        string uuid, HttpContext http, RequestScope scope, UserReader users, UserAdministration administration)
    {
        for (var round = 1; ; round++)
        {
            var user = await FindAsync(uuid, scope, users, http.RequestAborted);
            if (user is null)
            {
                return NoSuchUser();
            }

            if (!IfMatch.Holds(http, user))
            {
                return IfMatch.Mismatch(http, user);
            }

            if (user.IsSuperuser && !IsSuperuser(scope))
            {
                return SuperusersOnly();
            }

            var result = await administration.DeleteAsync(scope.Tenant, user.Uuid, user.Version, scope.Actor, http.RequestAborted);
            if (result is UserChangeResult.VersionMismatch && !IfMatch.NamesVersion(http) && round < MostDeletionRounds)
            {
                continue;
            }

            return result is UserChangeResult.Changed ? Results.NoContent() : await AnswerAsync(http, users, result);
        }
    }

    private static async Task<IResult> RestoreAsync(
        string uuid, HttpContext http, RequestScope scope, UserReader users, UserAdministration administration)
    {
        var user = await FindAsync(uuid, scope, users, http.RequestAborted);
        if (user is null)
        {
            return NoSuchUser();
        }

        if (!IfMatch.Holds(http, user))
        {
            return IfMatch.Mismatch(http, user);
        }

        if (user.IsSuperuser && !IsSuperuser(scope))
        {
            return SuperusersOnly();
        }

        long? version = IfMatch.NamesVersion(http) ? user.Version : null;
        return await AnswerAsync(http, users, await administration.RestoreAsync(scope.Tenant, user.Uuid, version, scope.Actor, http.RequestAborted));
    }

    private static async Task<IResult> EventsAsync(string uuid, HttpContext http, RequestScope scope, UserReader users, StoreContext context)
    {
        var user = await FindAsync(uuid, scope, users, http.RequestAborted);
        if (user is null)
        {
            return NoSuchUser();
        }

        var events = await AuditTrail.ReadAsync(context, user.Uuid, RequestFields.Of(http).Whole("limit") ?? 100, http.RequestAborted);
        return Results.Ok(new AuditEventsAnswer { Events = [.. events.Select(AuditEventAnswer.Of)] });
    }

    private static Task<User?> FindAsync(string uuid, RequestScope scope, UserReader users, CancellationToken cancellation)
        => Guid.TryParseExact(uuid, "D", out var id) ? users.FindAsync(scope.Tenant, id, cancellation) : Task.FromResult<User?>(null);

    private static bool IsSuperuser(RequestScope scope) => scope.SignedIn is { User.IsSuperuser: true };

    private static ProblemAnswer NoSuchUser() => Problem.NotFound.Because("There is no user with this uuid. Look the uuid up with GET /api/v1/users.");

    private static ProblemAnswer SuperusersOnly() => Problem.Forbidden.Because("Only a superuser may change a superuser. Ask one.");

    private static ProblemAnswer SuperusersOnly(string field)
    {
        const string sentence = "Only a superuser may set or clear this. Leave it out, or ask one.";
        return Problem.Forbidden.Because(sentence, field, sentence);
    }
}

/// <summary>A page of users.</summary>
internal sealed record UserListAnswer
{
    public required IReadOnlyList<UserAnswer> Users { get; init; }

    public required long Total { get; init; }

    public required int Page { get; init; }

    public required int PageSize { get; init; }
}

/// <summary>A user's audit trail.</summary>
internal sealed record AuditEventsAnswer
{
    public required IReadOnlyList<AuditEventAnswer> Events { get; init; }
}

/// <summary>One line of a user's audit trail.</summary>
internal sealed record AuditEventAnswer
{
    public required string Actor { get; init; }

    public required string Event { get; init; }

    public required string? Detail { get; init; }

    public required string? CorrelationId { get; init; }

    public required DateTimeOffset At { get; init; }

    public static AuditEventAnswer Of(AuditEvent line) => new()
    {
        Actor = line.Actor,
        Event = line.Event,
        Detail = line.Detail,
        CorrelationId = line.CorrelationId,
        At = line.At,
    };
}
