using Microsoft.AspNetCore.Http;
using Selfsame.Server.Api;
using Selfsame.Server.Hosting;
using Selfsame.Store;
using Selfsame.Store.ServiceTokens;
using Selfsame.Store.Sessions;

namespace Selfsame.Server.Requests;

/// <summary>Fills the <see cref="RequestScope"/>: tenant, origin, correlation id, and the session or service token if there is a valid one.</summary>
internal sealed class RequestScopeMiddleware(
    RequestDelegate next, StoreContext context, ServerOptions options, MetricsDisclosure disclosure, SessionStore sessions, ServiceTokenStore serviceTokens)
{
    private const int LongestUserAgent = 300;

    public async Task InvokeAsync(HttpContext http, RequestScope scope)
    {
        var named = options.TenantsByHost.GetValueOrDefault(http.Request.Host.Host);
        scope.Tenant = named ?? "main";
        if (options.PublicAddresses.GetValueOrDefault(scope.Tenant)?.Scheme == Uri.UriSchemeHttps)
        {
            // People come by TLS, whatever the last hop is: the cookies' Secure, HSTS and the check of the origin go by that.
            http.Request.Scheme = Uri.UriSchemeHttps;
        }

        scope.CorrelationId = context.Random.NextToken(12);
        http.Response.Headers["X-Correlation-Id"] = scope.CorrelationId;
        var browser = BrowserCookie.Read(http);
        scope.Origin = new SignInOrigin(
            http.Connection.RemoteIpAddress?.ToString(),
            ClientNetwork.Of(http.Connection.RemoteIpAddress),
            browser,
            http.Request.Headers.UserAgent.ToString() is { Length: > 0 } agent ? ShortText.Cut(agent, LongestUserAgent) : null);
        scope.BrowserHash = browser is null ? null : context.Secrets.Hash("browser", browser);
        await IdentifyAsync(http, scope, named);
        if (scope.Service is not null && !disclosure.MayCount(scope.Tenant))
        {
            // A service that was told of a new user asks who that is.
            MetricsDisclosure.DoNotCount(http);
        }

        await next(http);
    }

    /// <summary>Where the host names no tenant, the token does: a service inside calls by an address of its own.</summary>
    private async Task IdentifyAsync(HttpContext http, RequestScope scope, string? named)
    {
        var authorization = http.Request.Headers.Authorization.ToString();
        if (authorization.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase))
        {
            var token = authorization["Bearer ".Length..].Trim();
            if (token.StartsWith(ServiceToken.Prefix, StringComparison.Ordinal))
            {
                scope.Service = await serviceTokens.FindAsync(named, token, http.RequestAborted);
            }
            else
            {
                scope.SignedIn = await sessions.FindAsync(named, token, http.RequestAborted);
            }

            scope.Tenant = scope.Service?.Tenant ?? scope.SignedIn?.User.Tenant ?? scope.Tenant;
            return;
        }

        if (SessionCookie.Read(http) is { } cookie && !IsCrossSite(http.Request))
        {
            scope.SignedIn = await sessions.FindAsync(scope.Tenant, cookie, http.RequestAborted);
        }
    }

    /// <summary>A cookie that another site's page made the browser send along counts for nothing where something would change.</summary>
    private static bool IsCrossSite(HttpRequest request)
    {
        if (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method))
        {
            return false;
        }

        var site = request.Headers["Sec-Fetch-Site"].ToString();
        if (site.Length > 0)
        {
            return site is not ("same-origin" or "none");
        }

        var origin = request.Headers.Origin.ToString();
        return origin.Length > 0 && !string.Equals(origin, $"{request.Scheme}://{request.Host}", StringComparison.OrdinalIgnoreCase);
    }
}
