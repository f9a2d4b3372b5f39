using Microsoft.AspNetCore.Http;
using Selfsame.Core;

namespace Selfsame.Server.Requests;

/// <summary>The cookie that holds a browser session's token.</summary>
internal static class SessionCookie
{
    private const string Name = "selfsame_session";

    public static string? Read(HttpContext http) => http.Request.Cookies[Name] is { Length: > 0 and < 200 } token ? token : null;

    public static void Write(HttpContext http, string token, DateTimeOffset expires)
        => http.Response.Cookies.Append(Name, token, Flags(http, expires));

    public static void Remove(HttpContext http) => http.Response.Cookies.Delete(Name, Flags(http, null));

    internal static CookieOptions Flags(HttpContext http, DateTimeOffset? expires) => new()
    {
        HttpOnly = true,
        Secure = http.Request.IsHttps,
        SameSite = SameSiteMode.Lax,
        Path = "/",
        Expires = expires,
        IsEssential = true,
    };
}

/// <summary>
/// A long-lived random value that recognises a browser: the one in which somebody signed up, or has signed in before.
/// It grants nothing.
/// </summary>
internal static class BrowserCookie
{
    private const string Name = "selfsame_browser";
    private static readonly TimeSpan Lifetime = TimeSpan.FromDays(400);

    public static string? Read(HttpContext http) => http.Request.Cookies[Name] is { Length: >= 32 and < 100 } value ? value : null;

    /// <summary>The present value, or a new one that the answer sets.</summary>
    public static string Ensure(HttpContext http, RandomSource random, DateTimeOffset now)
    {
        if (Read(http) is { } present)
        {
            return present;
        }

        var value = random.NextToken();
        http.Response.Cookies.Append(Name, value, SessionCookie.Flags(http, now + Lifetime));
        return value;
    }
}
