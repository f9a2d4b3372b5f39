using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Selfsame.Databases;
using Selfsame.Server.Pages;

namespace Selfsame.Server.Api.Problems;

/// <summary>
/// Gives every refusal without a body one (404, 405 …) and turns what was thrown into an answer without details; the
/// correlation id leads to the log.
/// </summary>
internal sealed class ErrorMiddleware(RequestDelegate next, ILogger<ErrorMiddleware> logger)
{
    private const int ClientClosedRequest = 499;

    public async Task InvokeAsync(HttpContext http)
    {
        try
        {
            await next(http);
        }
        catch (Exception exception) when (http.RequestAborted.IsCancellationRequested && exception is OperationCanceledException or IOException)
        {
            // Nobody is there to read an answer.
            http.Response.StatusCode = ClientClosedRequest;
            return;
        }
        catch (Exception exception) when (!http.Response.HasStarted)
        {
            await AnswerAsync(http, Understand(http, exception));
            return;
        }

        if (http.Response is { HasStarted: false, StatusCode: >= 400, ContentType: null, ContentLength: null } && IsForPrograms(http.Request))
        {
            await AnswerAsync(http, http.Items[typeof(RefusalReason)] switch
            {
                RefusalReason.EmailNotVerified => Access.VerifyEmailFirst(),
                RefusalReason.NotAForm => NotAForm(),
                RefusalReason.FormUnreadable => Problem.MalformedBody.Because("This is none of the forms that the pages send. Send the fields of the page, each once."),
                _ => Describe(http.Response.StatusCode),
            });
        }
    }

    private ProblemAnswer Understand(HttpContext http, Exception exception)
    {
        if (exception is BadHttpRequestException bad)
        {
            return Describe(bad.StatusCode);
        }

        ServerLogMessages.RequestFailed(
            logger, http.Request.Method, http.GetEndpoint()?.DisplayName, http.Response.Headers["X-Correlation-Id"].ToString(), exception);
        return exception switch
        {
            TransientDatabaseException or LockTimeoutException
                => Problem.Busy.Because("The database is busy and nothing was changed. Try again in a few seconds.") with { RetryAfter = TimeSpan.FromSeconds(2) },
            CommitUnknownException => Problem.OutcomeUnknown.Because(
                "The database was lost while the change was saved. Wait for the time in Retry-After, look whether it happened, and only then send it again; "
                + "a call with an Idempotency-Key can be sent again at once.") with
            {
                RetryAfter = TimeSpan.FromSeconds(5),
            },
            _ => Problem.InternalError.Because("This is a fault of the service. Tell its operator the correlationId."),
        };
    }

    private static Task AnswerAsync(HttpContext http, ProblemAnswer answer)
    {
        // What the failed endpoint said about its own answer does not hold for this one.
        http.Response.Headers.Remove("ETag");
        http.Response.Headers.Remove("Location");
        http.Response.Headers.Remove("Set-Cookie");
        http.Response.ContentLength = null;
        return answer.ExecuteAsync(http);
    }

    private static ProblemAnswer NotAForm()
    {
        const string sentence = "Pages take forms, not compressed, with the header Content-Type: application/x-www-form-urlencoded, in UTF-8. Programs use /api/v1.";
        return Problem.UnsupportedMediaType.Because(sentence, "Content-Type", sentence);
    }

    private static ProblemAnswer Describe(int status) => status switch
    {
        StatusCodes.Status401Unauthorized => Access.SignInFirst(),
        StatusCodes.Status403Forbidden => Problem.Forbidden.Because("Sign in as somebody who may do this."),
        StatusCodes.Status404NotFound => Problem.NotFound.Because("Nothing has this address. Compare it with /openapi/v1.json."),
        StatusCodes.Status405MethodNotAllowed => Problem.MethodNotAllowed.Because("Use one of the methods in the header Allow."),
        StatusCodes.Status413PayloadTooLarge => Fields.BodyReader.TooLarge(),
        StatusCodes.Status415UnsupportedMediaType => Fields.BodyReader.NotJson(),
        StatusCodes.Status429TooManyRequests => Problem.TooManyRequests.Because("Wait a little, then try again."),
        StatusCodes.Status503ServiceUnavailable => Problem.Busy.Because("Try again in a few seconds."),
        >= 500 => Problem.InternalError.Because("This is a fault of the service. Tell its operator the correlationId."),
        _ => Problem.BadRequest.Because("Correct the request and send it again.") with { Problem = Problem.BadRequest with { Status = status } },
    };

    /// <summary>A person's browser gets the bare status, or the pages' own error page.</summary>
    private static bool IsForPrograms(HttpRequest request)
        => request.Path.StartsWithSegments("/api", StringComparison.OrdinalIgnoreCase)
            || !request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase);
}
