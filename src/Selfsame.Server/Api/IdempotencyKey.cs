using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Selfsame.Server.Api.Description;
using Selfsame.Server.Api.Fields;
using Selfsame.Server.Api.Problems;
using Selfsame.Server.Requests;
using Selfsame.Store.Requests;

namespace Selfsame.Server.Api;

/// <summary>The header <c>Idempotency-Key</c> (draft-ietf-httpapi-idempotency-key-header): 1 to 255 visible ASCII characters.</summary>
internal static class IdempotencyKey
{
    public const string Header = "Idempotency-Key";
    public const string ReplayedHeader = "Idempotency-Replayed";
    private const int LongestKey = 255;

    public static RouteHandlerBuilder TakesIdempotencyKey(this RouteHandlerBuilder builder)
        => builder.TakesHeader(new TakenHeader(Header, "Makes a repeat of this call harmless for 24 hours: it gets the first call's answer.", false, LongestKey))
            .AnswersHeader(ReplayedHeader, "`true` when this is the stored answer of an earlier call with the same key.")
            .Refuses(Problem.InvalidHeader, Problem.RequestInProgress, Problem.IdempotencyKeyReused)
            .AddEndpointFilter((invocation, next) => IsValid(invocation.HttpContext) ? next(invocation) : ValueTask.FromResult<object?>(Refuse()));

    /// <summary>The call, if the caller sent a key; its payload is what the fields say, not how they were written.</summary>
    public static IdempotentCall? CallOf(HttpContext http)
    {
        var key = http.Request.Headers[Header];
        var scope = http.RequestServices.GetRequiredService<RequestScope>();
        return key.Count == 0
            ? null
            : new IdempotentCall(scope.IdempotencyCaller, $"{http.Request.Method} {http.Request.Path}", key.ToString(), RequestFields.Of(http).Canonical);
    }

    public static ProblemAnswer InProgress()
        => Problem.RequestInProgress.Because("The first call with this Idempotency-Key is still under way. Send the same call again in a few seconds.") with
        {
            RetryAfter = TimeSpan.FromSeconds(2),
        };

    public static ProblemAnswer Reused()
    {
        const string sentence = "This key was sent before with other fields. Send a new key, or the same fields.";
        return Problem.IdempotencyKeyReused.Because(sentence, Header, sentence);
    }

    private static bool IsValid(HttpContext http)
    {
        var key = http.Request.Headers[Header];
        return key.Count == 0
            || (key.Count == 1 && key[0] is { Length: >= 1 and <= LongestKey } text && text.All(character => character is >= '!' and <= '~'));
    }

    private static ProblemAnswer Refuse()
    {
        const string sentence = "Send one Idempotency-Key of 1 to 255 visible ASCII characters, for example a uuid.";
        return Problem.InvalidHeader.Because(sentence, Header, sentence);
    }
}
