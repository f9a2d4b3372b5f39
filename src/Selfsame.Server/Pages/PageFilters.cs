using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.Filters;
using Microsoft.Extensions.DependencyInjection;
using Selfsame.Server.Requests;

namespace Selfsame.Server.Pages;

/// <summary>Sends everybody else to sign in first, and back afterwards.</summary>
[AttributeUsage(AttributeTargets.Class)]
internal class SignedInOnlyAttribute : Attribute, IAuthorizationFilter
{
    public virtual void OnAuthorization(AuthorizationFilterContext context)
    {
        if (Scope(context).SignedIn is null)
        {
            var request = context.HttpContext.Request;
            var back = HttpMethods.IsGet(request.Method) ? request.Path + request.QueryString : request.Path.Value;
            var address = $"/sign-in?next={Uri.EscapeDataString(back ?? "/")}";
            context.Result = request.Headers.ContainsKey("HX-Request") ? new HtmxRedirect(address) : new SeeOther(address);
        }
    }

    protected static RequestScope Scope(AuthorizationFilterContext context)
        => context.HttpContext.RequestServices.GetRequiredService<RequestScope>();

    protected static void Refuse(AuthorizationFilterContext context, RefusalReason reason)
    {
        context.HttpContext.Items[typeof(RefusalReason)] = reason;
        context.Result = new StatusCodeResult(StatusCodes.Status403Forbidden);
    }
}

/// <summary>For staff and superusers.</summary>
internal sealed class AdministratorsOnlyAttribute : SignedInOnlyAttribute
{
    public override void OnAuthorization(AuthorizationFilterContext context)
    {
        base.OnAuthorization(context);
        if (context.Result is null && !Scope(context).IsAdministrator)
        {
            Refuse(context, RefusalReason.NotAdministrator);
        }
    }
}

/// <summary>For users who have proved their e-mail address; the others are told how to. Endpoints have the method of this name.</summary>
internal sealed class RequireVerifiedEmailAttribute : SignedInOnlyAttribute
{
    public override void OnAuthorization(AuthorizationFilterContext context)
    {
        base.OnAuthorization(context);
        if (context.Result is null && !Scope(context).HasVerifiedEmail)
        {
            Refuse(context, RefusalReason.EmailNotVerified);
        }
    }
}

/// <summary>Goes on with a GET elsewhere on this site.</summary>
internal sealed class SeeOther(string address) : IActionResult
{
    public Task ExecuteResultAsync(ActionContext context)
    {
        var response = context.HttpContext.Response;
        response.StatusCode = StatusCodes.Status303SeeOther;
        response.Headers.Location = address;
        return Task.CompletedTask;
    }
}

/// <summary>Makes htmx leave the page, where a redirection would only be put into a part of it.</summary>
internal sealed class HtmxRedirect(string address) : IActionResult
{
    public Task ExecuteResultAsync(ActionContext context)
    {
        context.HttpContext.Response.Headers["HX-Redirect"] = address;
        return Task.CompletedTask;
    }
}
