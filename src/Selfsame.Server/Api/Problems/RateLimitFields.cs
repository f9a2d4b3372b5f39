using System.Globalization;
using Microsoft.AspNetCore.Http;
using Selfsame.Store.Requests;

namespace Selfsame.Server.Api.Problems;

/// <summary>The header fields that tell a caller where a limit stands (draft-ietf-httpapi-ratelimit-headers).</summary>
internal static class RateLimitFields
{
    /// <summary>Writes <c>RateLimit-Policy</c> and <c>RateLimit</c>; nothing when no limit was asked.</summary>
    public static void Write(HttpContext http, RateLimitState? state)
    {
        if (state is null)
        {
            return;
        }

        var (limit, remaining) = (state.Limit, Math.Max(0, state.Remaining));
        http.Response.Headers["RateLimit-Policy"] = $"\"{limit.Name}\";q={Whole(limit.Count)};w={Seconds(limit.Window)}";
        http.Response.Headers["RateLimit"] = $"\"{limit.Name}\";r={Whole(remaining)};t={Seconds(state.ResetsIn)}";
    }

    /// <summary>The refusal of a call over the limit.</summary>
    public static ProblemAnswer Refuse(RateLimitState state, string detail)
        => Problem.TooManyRequests.Because(detail) with { RetryAfter = state.ResetsIn };

    /// <summary>Whole seconds, rounded up, at least one.</summary>
    public static string Seconds(TimeSpan time) => Whole(Math.Max(1, (long)Math.Ceiling(time.TotalSeconds)));

    private static string Whole(long value) => value.ToString(CultureInfo.InvariantCulture);
}
