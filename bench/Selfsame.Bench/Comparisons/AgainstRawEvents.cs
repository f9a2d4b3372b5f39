using System.Net;
using System.Net.Sockets;
using Selfsame.Bench.Figures;
using Selfsame.Bench.Load;
using Selfsame.Bench.Servers;
using Selfsame.Bench.Stores;
using Selfsame.Testing;

namespace Selfsame.Bench.Comparisons;

/// <summary>
/// Events of webhooks that our server has acknowledged and made durable, a second, against the same rows inserted and committed by hand, as many in one
/// transaction. The system that sends them answers nothing meanwhile, so that the work on the events waits: what is measured is the intake.
/// </summary>
internal sealed class AgainstRawEvents(BenchPlan plan)
{
    private const double Bar = 0.5;
    private const int Clients = 8;
    private const int EventsPerBody = EventBody.Events;
    private const string Token = "the token of the log stream";

    private static long last;

    public async Task<Figure> MeasureAsync(TemporaryFolder folder, string ours, string theirs)
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        await File.WriteAllTextAsync(folder["selfsame.yaml"], Config(((IPEndPoint)silent.LocalEndpoint).Port, folder["app.db"]));
        await using var server = await ServerProcess.StartAsync(
            MeasuredServer.Name, "--data", folder["data"], "--database", ours, "--config", folder["selfsame.yaml"], MeasuredServer.NoHashingOption);
        server.Pause();
        await using var store = await BenchStore.OpenAsync(ours, NoHashing.Placeholder);
        await using var rawStore = await BenchStore.OpenAsync(theirs, NoHashing.Placeholder);
        await using var raw = await RawEvents.OpenAsync(theirs, Clients);
        var rows = await RowCounts.AddedByAsync(store.Context.Database, () => server.AwakeAsync(() => PostAsync(server)));
        var rawRows = await RowCounts.AddedByAsync(rawStore.Context.Database, () => raw.InsertAsync(0, NextIds()));
        if (rawRows.ToString() != rows.ToString())
        {
            throw new InvalidOperationException($"The raw side writes other rows than a webhook: {rawRows}; a webhook: {rows}.");
        }

        var webhooks = new Side("acknowledged", (settle, window) => server.AwakeAsync(async () =>
            EventsPerBody * await SteadyLoad.PerSecondAsync(Clients, settle, window, _ => PostAsync(server))));
        var inserts = new Side("raw rows", async (settle, window) =>
            EventsPerBody * await SteadyLoad.PerSecondAsync(Clients, settle, window, client => raw.InsertAsync(client, NextIds())));
        return await Pairs.CompareAsync(
            plan, "Events of webhooks acknowledged against raw rows, PostgreSQL", true, webhooks, inserts, Bar,
            $"{Clients} clients, {EventsPerBody} events in a body and in a transaction of the raw side; {rows}");
    }

    private static Task PostAsync(ServerProcess server) => server.PostHookAsync("/hooks/idp", Token, EventBody.Of(Interlocked.Add(ref last, EventsPerBody) - EventsPerBody));

    private static string[] NextIds()
    {
        var first = Interlocked.Add(ref last, EventsPerBody) - EventsPerBody;
        return [.. Enumerable.Range(0, EventsPerBody).Select(number => EventBody.Id(first + number))];
    }

    private static string Config(int port, string application) =>
        $$"""
        systems:
          idp: { connector: auth0, domain: "http://127.0.0.1:{{port}}", clientId: bench, clientSecret: bench, hook: { token: "{{Token}}" } }
          app: { connector: sqlite, connection: "{{application}}", table: users, identifiers: { email: email } }
        reconcile:
          - { source: idp, target: app, correlate: [id], missing: createInTarget }
        """;
}
