using System.Globalization;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc.Core.Infrastructure;
using Microsoft.AspNetCore.Mvc.Filters;
using Microsoft.Extensions.Logging;
using Selfsame.Databases;
using Selfsame.Server.Requests;

namespace Selfsame.Server.Pages;

/// <summary>Why an answer without content has its status, for the page that explains it.</summary>
internal enum RefusalReason
{
    /// <summary>The form's own token was missing, foreign or from another time.</summary>
    FormCheckFailed,

    /// <summary>What was sent is no form, or one in another charset than UTF-8.</summary>
    NotAForm,

    /// <summary>The form is larger than any of ours.</summary>
    FormTooLarge,

    /// <summary>The form has more fields or longer names than any of ours, or holds what its page has no field for.</summary>
    FormUnreadable,

    /// <summary>The user must first prove the e-mail address.</summary>
    EmailNotVerified,

    /// <summary>The user is no administrator.</summary>
    NotAdministrator,
}

/// <summary>Notes that it was the form's token, so that the page can say how to go on.</summary>
internal sealed class AntiforgeryFailureFilter : IAlwaysRunResultFilter
{
    public void OnResultExecuting(ResultExecutingContext context)
    {
        if (context.Result is IAntiforgeryValidationFailedResult)
        {
            context.HttpContext.Items[typeof(RefusalReason)] = RefusalReason.FormCheckFailed;
        }
    }

    public void OnResultExecuted(ResultExecutedContext context)
    {
    }
}

/// <summary>Turns what a page threw into a short page that needs neither Razor nor the store.</summary>
internal sealed class PageErrorMiddleware(RequestDelegate next, ILogger<PageErrorMiddleware> logger)
{
    public async Task InvokeAsync(HttpContext http, RequestScope scope)
    {
        if (http.Request.ContentLength > RequestLimits.LargestBody)
        {
            http.Response.StatusCode = StatusCodes.Status413PayloadTooLarge;
            await WriteAsync(http, "This is too large", "More was sent than any of our forms needs.", scope.CorrelationId);
            return;
        }

        try
        {
            await next(http);
        }
        catch (BadHttpRequestException exception) when (!http.Response.HasStarted)
        {
            http.Response.StatusCode = exception.StatusCode;
            await WriteAsync(http, "This request could not be read", "Go back and try again.", scope.CorrelationId);
        }
        catch (Exception exception) when (!http.Response.HasStarted && !http.RequestAborted.IsCancellationRequested)
        {
            ServerLogMessages.PageFailed(logger, http.Request.Path, scope.CorrelationId, exception);
            http.Response.Headers.Remove("Set-Cookie");
            var (passes, title, text) = Understand(exception);
            http.Response.StatusCode = passes ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status500InternalServerError;
            if (passes)
            {
                http.Response.Headers.RetryAfter = 5.ToString(CultureInfo.InvariantCulture);
            }

            await WriteAsync(http, title, text, scope.CorrelationId);
        }
    }

    private static (bool Passes, string Title, string Text) Understand(Exception exception) => exception switch
    {
        LockTimeoutException or TransientDatabaseException => (true, "Very busy just now", "Nothing was changed. Try again in a few seconds."),
        CommitUnknownException => (
            true,
            "We lost our database for a moment",
            "It is not known whether your change was saved. Wait a few seconds, look whether it was, and do it again only if it was not."),
        _ => (false, "Something went wrong", "It is our mistake, and it was logged. Try again in a while."),
    };

    private static Task WriteAsync(HttpContext http, string title, string text, string reference)
    {
        http.Response.ContentType = "text/html; charset=utf-8";
        return http.Response.WriteAsync(
            $"""
            <!doctype html>
            <html lang="en">
            <head>
              <meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
              <title>{title} – Selfsame</title>
              <link rel="stylesheet" href="{SiteFiles.Link("/lib/pico.min.css")}">
              <link rel="stylesheet" href="{SiteFiles.Link("/site/site.css")}">
              <link rel="icon" href="{SiteFiles.Link("/site/icon.svg")}" type="image/svg+xml">
            </head>
            <body>
              <main class="container narrow">
                <h1>{title}</h1>
                <p>{text}</p>
                <p><a href="/">Start page</a></p>
                <p class="quiet">Reference: <code>{HtmlEncoder.Default.Encode(reference)}</code></p>
              </main>
            </body>
            </html>
            """,
            http.RequestAborted);
    }
}
