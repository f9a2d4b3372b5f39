using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc.ApplicationParts;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Selfsame.Server.Pages;

namespace Selfsame.Server;

/// <summary>The pages that people see.</summary>
internal static class PageEndpoints
{
    public static void AddSelfsamePages(this IServiceCollection services)
    {
        services.AddAntiforgery(ConfigureAntiforgery);
        services.AddScoped<AnswerTime>();
        services
            .AddRazorPages(options =>
            {
                options.Conventions.ConfigureFilter(new ReadableFormFilter());
                options.Conventions.ConfigureFilter(new AntiforgeryFailureFilter());
                options.Conventions.AddPageRoute("/Admin/Users", "/admin");
            })
            .ConfigureApplicationPartManager(OnlyOurOwnPages);
    }

    /// <summary>Answers errors as pages where somebody looks at them; stands before routing, which is run anew for them.</summary>
    public static void UsePageErrors(this IApplicationBuilder app) => app.UseWhen(
        http => IsForPeople(http.Request),
        pages =>
        {
            pages.UseMiddleware<PageErrorMiddleware>();
            pages.UseStatusCodePagesWithReExecute("/error/{0}");
        });

    public static void MapSelfsamePages(this IEndpointRouteBuilder routes)
    {
        SiteFiles.Map(routes);
        routes.MapRazorPages();
    }

    /// <summary>Programs get the API's problems instead.</summary>
    private static bool IsForPeople(HttpRequest request)
        => !request.Path.StartsWithSegments("/api", StringComparison.OrdinalIgnoreCase)
            && request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase);

    /// <summary>Lax, not strict: a link in a mail must not replace the cookie that other open forms rely on.</summary>
    private static void ConfigureAntiforgery(AntiforgeryOptions options)
    {
        options.Cookie.Name = "selfsame_form";
        options.Cookie.SameSite = SameSiteMode.Lax;
        options.Cookie.SecurePolicy = CookieSecurePolicy.SameAsRequest;
        options.FormFieldName = "form-check";
        options.SuppressXFrameOptionsHeader = true;
    }

    /// <summary>The pages are found in this assembly, whichever program it is part of, and nowhere else.</summary>
    private static void OnlyOurOwnPages(ApplicationPartManager manager)
    {
        var assembly = typeof(PageEndpoints).Assembly;
        manager.ApplicationParts.Clear();
        foreach (var part in ApplicationPartFactory.GetApplicationPartFactory(assembly).GetApplicationParts(assembly))
        {
            manager.ApplicationParts.Add(part);
        }
    }
}
