using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Selfsame.Server.Api.Description;
using Selfsame.Server.Api.Problems;
using Selfsame.Server.Requests;

namespace Selfsame.Server.Api;

/// <summary>Who may call an endpoint, for OpenAPI; none of it means everybody.</summary>
/// <param name="User">A signed-in user may.</param>
/// <param name="Scope">A service token with this scope may.</param>
internal sealed record Right(bool User, string? Scope);

/// <summary>Says on an endpoint who may call it; asked before a body is read.</summary>
internal static class Access
{
    /// <summary>Any signed-in user, by bearer token or cookie.</summary>
    public static RouteHandlerBuilder RequiresUser(this RouteHandlerBuilder builder)
        => builder.WithMetadata(new Right(User: true, Scope: null))
            .Refuses(Problem.SignInRequired)
            .AddEndpointFilter((invocation, next) => Scope(invocation).SignedIn is null ? Refuse(SignInFirst()) : next(invocation));

    /// <summary>Staff, a superuser, or a service token with the scope.</summary>
    public static RouteHandlerBuilder RequiresAdministrator(this RouteHandlerBuilder builder, string serviceScope)
        => builder.WithMetadata(new Right(User: true, serviceScope))
            .Refuses(Problem.SignInRequired, Problem.Forbidden)
            .AddEndpointFilter((invocation, next) => Scope(invocation) switch
            {
                { IsAdministrator: true } => next(invocation),
                { Service: { } service } when service.Has(serviceScope) => next(invocation),
                { SignedIn: null, Service: null } => Refuse(SignInFirst()),
                _ => Refuse(Problem.Forbidden.Because($"This takes an administrator, or a service token with the scope {serviceScope}.")),
            });

    /// <summary>A service token with the scope.</summary>
    public static RouteHandlerBuilder RequiresService(this RouteHandlerBuilder builder, string serviceScope)
        => builder.WithMetadata(new Right(User: false, serviceScope))
            .Refuses(Problem.SignInRequired, Problem.Forbidden)
            .AddEndpointFilter((invocation, next) => Scope(invocation) switch
            {
                { Service: { } service } when service.Has(serviceScope) => next(invocation),
                { SignedIn: null, Service: null } => Refuse(SignInFirst()),
                _ => Refuse(Problem.Forbidden.Because($"This takes a service token with the scope {serviceScope}.")),
            });

    /// <summary>Only users whose e-mail address is verified: 403 for the others, and the answer says what to do. Pages have the attribute of this name.</summary>
    public static RouteHandlerBuilder RequireVerifiedEmail(this RouteHandlerBuilder builder)
        => builder.Refuses(Problem.EmailNotVerified)
            .AddEndpointFilter((invocation, next) => Scope(invocation).HasVerifiedEmail ? next(invocation) : Refuse(VerifyEmailFirst()));

    public static ProblemAnswer SignInFirst()
        => Problem.SignInRequired.Because("Sign in with POST /api/v1/sessions and send its token as Authorization: Bearer TOKEN, or send the session's cookie from this site.");

    public static ProblemAnswer VerifyEmailFirst()
        => Problem.EmailNotVerified.Because("Verify your e-mail address first: open the link in the mail, or ask for a new one with POST /api/v1/email-verifications.");

    private static RequestScope Scope(EndpointFilterInvocationContext invocation)
        => invocation.HttpContext.RequestServices.GetRequiredService<RequestScope>();

    private static ValueTask<object?> Refuse(ProblemAnswer answer) => ValueTask.FromResult<object?>(answer);
}
