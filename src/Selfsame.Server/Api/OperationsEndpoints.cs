using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;
using Selfsame.Server.Api.Description;
using Selfsame.Server.Api.Problems;
using Selfsame.Store;
using Selfsame.Store.Schema;

namespace Selfsame.Server.Api;

/// <summary><c>/healthz</c>, <c>/readyz</c>, <c>/metrics</c>: for whoever runs the service; open to everybody, without secrets.</summary>
internal static class OperationsEndpoints
{
    private const string Tag = "Operations";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    public static void MapOperations(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/healthz", () => Results.Text("ok\n"))
            .Described("isAlive", Tag, "Whether the process answers.")
            .Produces<string>(StatusCodes.Status200OK, "text/plain");
        routes.MapGet("/readyz", IsReadyAsync)
            .Described("isReady", Tag, "Whether the database can be reached, has the present schema and takes a change.")
            .Produces<string>(StatusCodes.Status200OK, "text/plain")
            .Refuses(Problem.NotReady);
        routes.MapGet("/metrics", async (PrometheusMetrics metrics, StoreGauges gauges) => Results.Text(metrics.Write() + await gauges.WriteAsync(), PrometheusMetrics.ContentType))
            .Described("readMetrics", Tag, "Counters, and how provisioning and webhooks stand, in the Prometheus text format.")
            .Produces<string>(StatusCodes.Status200OK, "text/plain");
    }

    private static async Task<IResult> IsReadyAsync(HttpContext http, StoreContext context, ILogger<PrometheusMetrics> logger)
    {
        using var patience = new CancellationTokenSource(Patience, context.Clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, http.RequestAborted);
        try
        {
            if (!await StoreSchema.IsPresentAsync(context.Database, both.Token))
            {
                return Problem.NotReady.Because("The database lacks a part of the schema. Start this version once with rights to change the schema.");
            }

            await TryToWriteAsync(context, both.Token);
            return Results.Text("ok\n");
        }
        catch (Exception exception) when (!http.RequestAborted.IsCancellationRequested)
        {
            ServerLogMessages.NotReady(logger, exception);
            return Problem.NotReady.Because("The database cannot be used. Look into the log.");
        }
    }

    /// <summary>A standby and a full disk can be read, and so can a SQLite file that another process holds.</summary>
    private static Task TryToWriteAsync(StoreContext context, CancellationToken cancellation)
        => context.Database.TransactAsync(
            async transaction =>
            {
                await transaction.ExecuteAsync("INSERT INTO rate_limits (tenant, name, subject, window_started_at, used) VALUES ('', 'ready', '', @now, 0) ON CONFLICT DO NOTHING", new { now = context.Now() });
                transaction.RollBack = true;
            },
            cancellation);
}
