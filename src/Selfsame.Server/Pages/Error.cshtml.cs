using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.Filters;
using Selfsame.Server.Requests;

namespace Selfsame.Server.Pages;

/// <summary>Explains an answer that has a status and no content; asked for by other paths, which then are run anew as this page.</summary>
[IgnoreAntiforgeryToken]
internal sealed class ErrorPage(RequestScope scope) : SelfsamePage(scope)
{
    private int status;

    public RefusalReason? Reason => HttpContext.Items.TryGetValue(typeof(RefusalReason), out var reason) ? (RefusalReason)reason! : null;

    /// <summary>The page whose form was refused.</summary>
    public string? Back { get; private set; }

    public string Title => (status, Reason) switch
    {
        (_, RefusalReason.FormCheckFailed) => "This form is out of date",
        (_, RefusalReason.FormUnreadable) => "This form could not be read",
        (_, RefusalReason.EmailNotVerified) => "Confirm your e-mail address first",
        (400, _) => "This request could not be read",
        (401, _) => "Sign in first",
        (403, _) => "This is not for you",
        (405, _) => "This can't be done here",
        (409, _) => "Something else happened meanwhile",
        (413, _) => "This is too large",
        (415, _) => "This kind of content is not taken",
        (429, _) => "Too many requests",
        (503, _) => "Very busy just now",
        (500, _) => "Something went wrong",
        _ => "There is no such page",
    };

    public string Advice => (status, Reason) switch
    {
        (_, RefusalReason.FormCheckFailed) => "It was open for too long, or cookies are blocked. Nothing was changed. Open the form again and fill it in once more.",
        (_, RefusalReason.FormUnreadable) => "It is none that our pages send, and nothing was changed. Open the form again and fill it in once more.",
        (_, RefusalReason.EmailNotVerified) => "Only accounts with a confirmed e-mail address can do this. Open the link that we sent you, or have it sent again.",
        (_, RefusalReason.NotAdministrator) => "Only administrators may see this page. Sign in with an administrator's account.",
        (400, _) => "Go back and try again.",
        (401, _) => "You must be signed in to see this page.",
        (403, _) => "Your account may not do this. Ask an administrator.",
        (409, _) => "Go back, look at what is there now, and try again.",
        (413, _) => "More was sent than any of our forms needs.",
        (415, _) => "Our pages take what their own forms send, application/x-www-form-urlencoded in UTF-8. Open the form again and send it from there.",
        (429, _) => "Wait a while, then try again.",
        (503, _) => "Nothing was changed. Try again in a few seconds.",
        (500, _) => "It is our mistake, and it was logged. Try again in a while.",
        _ => "Check the address, or begin at the start page.",
    };

    /// <summary>Whatever the form held that was posted: this is the answer to it.</summary>
    public override Task OnPageHandlerExecutionAsync(PageHandlerExecutingContext context, PageHandlerExecutionDelegate next)
    {
        var asked = int.TryParse(RouteData.Values["status"]?.ToString(), out var number) && number is >= 400 and < 600 ? number : 404;
        status = asked;
        Response.StatusCode = asked;
        if (Reason is RefusalReason.FormCheckFailed or RefusalReason.FormUnreadable or RefusalReason.NotAForm or RefusalReason.FormTooLarge
            && HttpContext.Features.Get<IStatusCodeReExecuteFeature>() is { } original)
        {
            Back = LocalAddress.Accept(original.OriginalPath + original.OriginalQueryString);
        }

        return next();
    }
}
