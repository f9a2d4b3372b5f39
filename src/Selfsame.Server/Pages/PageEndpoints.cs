using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Selfsame.Server;

/// <summary>The pages that people see.</summary>
internal static class PageEndpoints
{
    public static void AddSelfsamePages(this IServiceCollection services)
    {
        services.AddAntiforgery();
        services.AddRazorPages();
    }

    public static void MapSelfsamePages(this IEndpointRouteBuilder routes) => routes.MapRazorPages();
}
