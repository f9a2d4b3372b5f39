using Selfsame.Store.Audit;
using Selfsame.Store.ServiceTokens;
using Selfsame.Store.Sessions;
using Selfsame.Store.Users;

namespace Selfsame.Server.Requests;

/// <summary>Who asks, for which tenant, and from where: filled by <see cref="RequestScopeMiddleware"/> before any endpoint runs.</summary>
public sealed class RequestScope
{
    /// <summary>From the host, never from a body.</summary>
    public string Tenant { get; internal set; } = "main";

    /// <summary>Binds the audit trail and the log to this request; also in the header <c>X-Correlation-Id</c>.</summary>
    public string CorrelationId { get; internal set; } = "";

    public SignInOrigin Origin { get; internal set; } = new(null, null, null, null);

    /// <summary>A keyed hash of the browser's cookie; null where there is no cookie.</summary>
    public byte[]? BrowserHash { get; internal set; }

    /// <summary>The user whose session came with the request.</summary>
    public SignedInUser? SignedIn { get; internal set; }

    /// <summary>The service whose token came with the request.</summary>
    public ServiceToken? Service { get; internal set; }

    /// <summary>The signed-in user, for endpoints that require one.</summary>
    public User User => SignedIn?.User ?? throw new InvalidOperationException("This endpoint must require a signed-in user.");

    /// <summary>Who acts, for the audit trail.</summary>
    public Actor Actor => SignedIn is not null
        ? new Actor($"user:{SignedIn.User.Uuid}", CorrelationId)
        : Service is not null
            ? new Actor($"service:{Service.Name}", CorrelationId)
            : new Actor("self", CorrelationId);

    /// <summary>Whose idempotency keys these are: two callers' equal keys are different.</summary>
    public string IdempotencyCaller => SignedIn is not null
        ? $"user:{SignedIn.User.Uuid}"
        : Service is not null ? $"service:{Service.Uuid}" : "public";

    /// <summary>Whether a user is signed in who has proved the e-mail address.</summary>
    public bool HasVerifiedEmail => SignedIn is { User.EmailVerifiedAt: not null };

    /// <summary>Whether the caller may administer users.</summary>
    public bool IsAdministrator => SignedIn is { User: { IsStaff: true } or { IsSuperuser: true } };
}
