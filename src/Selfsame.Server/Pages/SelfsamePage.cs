using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.Filters;
using Microsoft.AspNetCore.Mvc.RazorPages;
using Selfsame.Server.Api.Problems;
using Selfsame.Server.Requests;
using Selfsame.Store;
using Selfsame.Store.Requests;
using Selfsame.Store.Sessions;
using Selfsame.Store.Users;

namespace Selfsame.Server.Pages;

/// <summary>What all pages share: who asks, what was typed, and what is wrong with it.</summary>
internal abstract class SelfsamePage(RequestScope scope) : PageModel
{
    public RequestScope Scope { get; } = scope;

    /// <summary>What is wrong, by field.</summary>
    public FieldErrors Errors { get; private set; } = new();

    /// <summary>What is wrong with the form as a whole.</summary>
    public string? Problem { get; private set; }

    public bool HasProblem => Errors.Any || Problem is not null;

    /// <summary>What a field of the posted form holds; null when there is none.</summary>
    public string? Typed(string name)
        => HttpMethods.IsPost(Request.Method) && Request.HasFormContentType && Request.Form.TryGetValue(name, out var values) ? values[0] : null;

    /// <summary>As <see cref="Typed"/>; a blank field counts as none.</summary>
    protected string? TypedOrNull(string name) => Typed(name) is { } text && !string.IsNullOrWhiteSpace(text) ? text : null;

    /// <summary>Whether a box of the posted form was ticked.</summary>
    public bool Ticked(string name) => Typed(name) == "true";

    /// <summary>A link's secret, from the address of the page.</summary>
    protected string Token => Request.Query["token"].ToString() is { Length: <= 200 } token ? token : "";

    /// <summary>From where this is, with a cookie by which the browser is known again; for what only the account's owner can do.</summary>
    protected SignInOrigin RememberedOrigin(StoreContext context)
        => Scope.Origin with { Browser = BrowserCookie.Ensure(HttpContext, context.Random, context.Now()) };

    public override async Task OnPageHandlerExecutionAsync(PageHandlerExecutingContext context, PageHandlerExecutionDelegate next)
    {
        if (HttpMethods.IsPost(Request.Method) && ReadableFormFilter.NulErrors(HttpContext) is { Any: true } errors)
        {
            context.Result = await RefuseNulAsync(errors);
            return;
        }

        await base.OnPageHandlerExecutionAsync(context, next);
    }

    /// <summary>Shows the page again where it is a form that needs nothing else; a page that shows more than a form says how.</summary>
    protected virtual Task<IActionResult> RefuseNulAsync(FieldErrors errors) => Task.FromResult<IActionResult>(Refuse(errors));

    /// <summary>The form is none that this page sends: it has no field at which the error could be shown.</summary>
    protected Task<IActionResult> RefuseUnreadableAsync()
    {
        HttpContext.Items[typeof(RefusalReason)] = RefusalReason.FormUnreadable;
        return Task.FromResult<IActionResult>(StatusCode(StatusCodes.Status400BadRequest));
    }

    protected CancellationToken Cancellation => HttpContext.RequestAborted;

    protected void AddError(string field, string message) => Errors.Add(field, $"{field}.refused", message);

    /// <summary>Shows the page again with what is wrong in the fields.</summary>
    protected PageResult Refuse(FieldErrors errors)
    {
        Errors = errors;
        return Show(StatusCodes.Status422UnprocessableEntity);
    }

    /// <summary>Shows the page again with what is wrong in one field.</summary>
    protected PageResult Refuse(string field, string message, int status = StatusCodes.Status422UnprocessableEntity)
    {
        AddError(field, message);
        return Show(status);
    }

    /// <summary>Shows the page again, naming every field whose value another user has.</summary>
    /// <param name="fields">All of them.</param>
    /// <param name="heldByDeleted">Those whose holder is deleted and can still be restored; none where that is not asked.</param>
    protected PageResult RefuseTaken(IReadOnlySet<string> fields, IReadOnlySet<string>? heldByDeleted = null)
    {
        foreach (var field in fields)
        {
            Errors.Add(field, $"{field}.taken", heldByDeleted?.Contains(field) == true ? Words.TakenByDeleted(field, Scope.IsAdministrator) : Words.Taken(field));
        }

        return Show(StatusCodes.Status409Conflict);
    }

    /// <summary>Shows the page again with what is wrong altogether.</summary>
    protected PageResult Refuse(int status, string problem)
    {
        Problem = problem;
        return Show(status);
    }

    /// <param name="what">There was too much of.</param>
    /// <param name="wait">Until there may be more.</param>
    /// <param name="state">The limit that refuses; null where it is the back-off for wrong passwords.</param>
    protected PageResult TooMany(string what, TimeSpan wait, RateLimitState? state)
    {
        RateLimitFields.Write(HttpContext, state);
        Response.Headers.RetryAfter = Words.WholeSeconds(wait).ToString(CultureInfo.InvariantCulture);
        return Refuse(StatusCodes.Status429TooManyRequests, $"{what} Try again in {Words.Wait(wait)}.");
    }

    protected PageResult Busy()
    {
        Response.Headers.RetryAfter = "5";
        return Refuse(StatusCodes.Status503ServiceUnavailable, "We are very busy just now, and nothing was changed. Try again in a few seconds.");
    }

    protected PageResult Show(int status)
    {
        var page = Page();
        page.StatusCode = status;
        return page;
    }

    /// <summary>After a success: elsewhere by GET, so that a refresh repeats nothing.</summary>
    protected static IActionResult Continue(string address) => new SeeOther(address);
}
