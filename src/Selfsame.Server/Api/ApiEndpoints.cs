using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Selfsame.Server;

/// <summary>The HTTP API: everything under <c>/api/v1</c>, OpenAPI, health and metrics.</summary>
internal static class ApiEndpoints
{
    public static void AddSelfsameApi(this IServiceCollection services) => services.AddOpenApi();

    public static void UseSelfsameErrors(this IApplicationBuilder app) => app.UseStatusCodePages();

    public static void MapSelfsameApi(this IEndpointRouteBuilder routes) => routes.MapGet("/healthz", () => "ok");
}
