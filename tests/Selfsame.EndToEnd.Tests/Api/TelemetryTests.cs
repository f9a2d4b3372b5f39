using System.Net.Http.Json;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Api;

public sealed class TelemetryTests
{
    [Fact]
    public async Task The_metrics_go_to_the_collector_that_the_environment_names()
    {
        using var folder = new TemporaryFolder();
        var received = new TaskCompletionSource<string>();
        await using var collector = await CollectorAsync(received);
        await using var server = await SelfsameProcess.ServeAsync(folder.Path, environment: new Dictionary<string, string?>
        {
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Urls.Single(),
            ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
            ["OTEL_METRIC_EXPORT_INTERVAL"] = "200",
        });
        using var client = new HttpClient { BaseAddress = server.Address };
        (await client.PostAsJsonAsync("/api/v1/sessions", new { login = "nobody", password = "a long passphrase" })).StatusCode.ShouldBe(System.Net.HttpStatusCode.Unauthorized);

        (await received.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken)).ShouldContain("selfsame.sign_ins");
    }

    /// <summary>Takes metrics as OTLP over HTTP (protobuf, in which names stand as they are) until the wanted one came.</summary>
    private static async Task<WebApplication> CollectorAsync(TaskCompletionSource<string> received)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        var collector = builder.Build();
        collector.MapPost("/v1/metrics", async (HttpRequest request) =>
        {
            using var body = new MemoryStream();
            await request.Body.CopyToAsync(body);
            var text = Encoding.Latin1.GetString(body.ToArray());
            if (text.Contains("selfsame.sign_ins", StringComparison.Ordinal))
            {
                received.TrySetResult(text);
            }

            return Results.Bytes([], "application/x-protobuf");
        });
        await collector.StartAsync(TestContext.Current.CancellationToken);
        return collector;
    }
}
