using System.Reflection;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using Selfsame.Server.Api;

namespace Selfsame.Server.Hosting;

/// <summary>
/// Sends the metrics to an OpenTelemetry collector (OTLP), where the variables of the OpenTelemetry specification name one; they also say how, how often and
/// under which service name. Traces and logs are not sent: the address of a mail's link is in the one, and the other goes to standard output.
/// </summary>
internal static class TelemetryExport
{
    private static readonly string[] Endpoints = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"];

    /// <summary>Starts to send; null where no collector is named. Disposing sends what is left.</summary>
    public static MeterProvider? Start()
        => Array.Exists(Endpoints, name => Environment.GetEnvironmentVariable(name) is { Length: > 0 })
            ? Sdk.CreateMeterProviderBuilder()
                .ConfigureResource(resource => resource
                    .AddService("selfsame", serviceVersion: typeof(TelemetryExport).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion)
                    .AddEnvironmentVariableDetector())
                .AddMeter([.. PrometheusMetrics.Meters])
                .AddOtlpExporter()
                .Build()
            : null;
}
