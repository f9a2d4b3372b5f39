using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.Extensions.Logging;
using Selfsame.Server.Hosting;

namespace Selfsame.Server.Requests;

/// <summary>
/// Says once that somebody forwards requests who is not configured as a proxy: then everybody behind it counts as one network, and a few sign-ups are the limit of all
/// people. After <see cref="ForwardedHeadersMiddleware"/>, which keeps the address that it replaced.
/// </summary>
internal sealed class UntrustedProxyWarning(RequestDelegate next, ServerOptions options, ILogger<UntrustedProxyWarning> logger)
{
    private int warned;

    public Task InvokeAsync(HttpContext http)
    {
        var headers = http.Request.Headers;
        if (headers.ContainsKey(ForwardedHeadersDefaults.XForwardedForHeaderName)
            && !headers.ContainsKey(ForwardedHeadersDefaults.XOriginalForHeaderName)
            && !IsTrusted(http.Connection.RemoteIpAddress)
            && Interlocked.Exchange(ref warned, 1) == 0)
        {
            ServerLogMessages.ProxyNotTrusted(logger, http.Connection.RemoteIpAddress);
        }

        return next(http);
    }

    // Who is trusted may have sent what is no address.
    private bool IsTrusted(IPAddress? address)
        => address is not null && options.TrustedProxies.Any(network => network.Contains(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address));
}
