using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;
using Selfsame.Server.Api.Description;
using Selfsame.Server.Api.Problems;
using Selfsame.Store.Users;

namespace Selfsame.Server.Api;

/// <summary>The header <c>If-Match</c> (RFC 9110 section 13.1.1) against a user's version.</summary>
internal static class IfMatch
{
    private const int LongestHeader = 1000;

    public static RouteHandlerBuilder TakesIfMatch(this RouteHandlerBuilder builder, bool isRequired)
        => builder.TakesHeader(new TakenHeader("If-Match", "The ETag of the user as you read it, or * for whatever it is now.", isRequired, LongestHeader))
            .AnswersHeader("ETag", "The user's version.")
            .Refuses(isRequired ? [Problem.InvalidHeader, Problem.VersionMismatch, Problem.IfMatchRequired] : [Problem.InvalidHeader, Problem.VersionMismatch])
            .AddEndpointFilter((invocation, next) => Refuse(invocation.HttpContext.Request, isRequired) is { } refusal
                ? ValueTask.FromResult<object?>(refusal)
                : next(invocation));

    /// <summary>Whether the caller named a version; <c>*</c> names none.</summary>
    public static bool NamesVersion(HttpContext http)
        => http.Request.Headers.IfMatch.Count > 0 && !Read(http.Request).Contains(EntityTagHeaderValue.Any);

    /// <summary>Whether the user still has a version that the caller named; weak tags never match.</summary>
    public static bool Holds(HttpContext http, User user)
    {
        var present = new EntityTagHeaderValue(UserAnswer.EntityTag(user));
        return !NamesVersion(http) || Read(http.Request).Any(tag => tag.Compare(present, useStrongComparison: true));
    }

    /// <summary>The refusal, with the present version as <c>ETag</c>.</summary>
    public static ProblemAnswer Mismatch(HttpContext http, User present)
    {
        http.Response.Headers.ETag = UserAnswer.EntityTag(present);
        return Problem.VersionMismatch.Because("Read the user again, look at what changed, and send your change with the new ETag.");
    }

    private static IList<EntityTagHeaderValue> Read(HttpRequest request)
        => EntityTagHeaderValue.TryParseStrictList([.. request.Headers.IfMatch.OfType<string>()], out var tags) ? tags : [];

    private static ProblemAnswer? Refuse(HttpRequest request, bool isRequired)
    {
        if (request.Headers.IfMatch.Count == 0)
        {
            const string missing = "Send the header If-Match with the ETag of the user as you read it, or * to change it whatever it is now.";
            return isRequired ? Problem.IfMatchRequired.Because(missing, "If-Match", missing) : null;
        }

        const string wrong = "Write If-Match as it came in ETag, quotation marks included, for example \"3\".";
        return Read(request).Count == 0 ? Problem.InvalidHeader.Because(wrong, "If-Match", wrong) : null;
    }
}
