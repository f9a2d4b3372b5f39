using System.Text.Encodings.Web;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Selfsame.Server.Api;
using Selfsame.Server.Api.Description;
using Selfsame.Server.Api.Fields;
using Selfsame.Server.Api.Problems;
using Selfsame.Server.Hooks;

namespace Selfsame.Server;

/// <summary>The HTTP API: everything under <c>/api/v1</c>, OpenAPI, health and metrics.</summary>
internal static class ApiEndpoints
{
    public static void AddSelfsameApi(this IServiceCollection services)
    {
        services.ConfigureHttpJsonOptions(options =>
        {
            options.SerializerOptions.NumberHandling = JsonNumberHandling.Strict;
            // Sent as JSON with nosniff, never into HTML: a person reads ø and +, not escapes.
            options.SerializerOptions.Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping;
        });
        services.AddSingleton<PrometheusMetrics>();
        services.AddSelfsameOpenApi();
    }

    public static void UseSelfsameErrors(this IApplicationBuilder app) => app.UseMiddleware<ErrorMiddleware>();

    public static void MapSelfsameApi(this IEndpointRouteBuilder routes)
    {
        // From now on, not from the first look at /metrics.
        _ = routes.ServiceProvider.GetRequiredService<PrometheusMetrics>();
        var api = routes.MapGroup("/api/v1").ThrowsLargeBodiesAway();
        api.MapSignUps();
        api.MapUsers();
        api.MapSessions();
        api.MapMe();
        api.MapMailLinks();
        routes.MapHooks();
        api.MapProvisioning();
        routes.MapOperations();
        routes.MapOpenApi();
    }
}
