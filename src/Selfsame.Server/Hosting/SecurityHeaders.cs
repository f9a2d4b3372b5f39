using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Selfsame.Server.Hosting;

/// <summary>The headers that every answer carries.</summary>
internal static class SecurityHeaders
{
    /// <summary>No inline script or style, nothing from other sites, no framing.</summary>
    private const string ContentSecurityPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; "
        + "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

    /// <summary>A year (RFC 6797), for this host alone: what else lives under the domain is not ours to decide.</summary>
    private const string TransportSecurity = "max-age=31536000";

    public static void UseSecurityHeaders(this IApplicationBuilder app) => app.Use((http, next) =>
    {
        var headers = http.Response.Headers;
        headers.ContentSecurityPolicy = ContentSecurityPolicy;
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        headers["Referrer-Policy"] = "same-origin";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()";
        if (!http.Request.Path.StartsWithSegments("/lib") && !http.Request.Path.StartsWithSegments("/site"))
        {
            headers.CacheControl = "no-cache, no-store";
        }

        http.Response.OnStarting(RequireTls, http);
        return next(http);
    });

    /// <summary>When the answer starts, for the tenant, and by that the scheme under which people come, is known only by then. A developer's localhost stays free.</summary>
    private static Task RequireTls(object state)
    {
        var http = (HttpContext)state;
        if (http.Request.IsHttps && http.Request.Host.Host is not ("localhost" or "127.0.0.1" or "[::1]"))
        {
            http.Response.Headers.StrictTransportSecurity = TransportSecurity;
        }

        return Task.CompletedTask;
    }
}
