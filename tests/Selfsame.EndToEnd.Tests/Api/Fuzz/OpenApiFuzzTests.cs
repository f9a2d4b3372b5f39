using System.Collections.Concurrent;
using System.Text.Json;
using Selfsame.Server.Hosting;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Api.Fuzz;

/// <summary>
/// Sends generated requests for every operation and property of /openapi/v1.json. Whatever is sent: no 5xx, no answer that the
/// document does not describe, no refusal without a sentence and the field's name, and a sound store at the end.
/// SELFSAME_FUZZ_SEED repeats a run, up to the order in which the callers' requests arrive.
/// </summary>
public sealed class OpenApiFuzzTests
{
    private const int Callers = 12;
    private const int MostKnownUuids = 200;
    private const int MostReported = 20;

    /// <summary>These need a link out of a mail, a state that chance does not bring about, or the body of another service's webhook (HookTests send those).</summary>
    private static readonly string[] SeldomSuccessful = ["confirmEmailChange", "revertEmailChange", "receiveEvents"];

    [Fact]
    [Trait("needs", "slow")]
    public async Task No_generated_request_breaks_the_service_on_SQLite()
    {
        await using var server = await RunningServer.StartAsync(Provisioned);
        await RunAsync(server, TestRun.Rounds(fast: 1_000, full: 10_000, soak: 200_000));
    }

    [Fact]
    [Trait("needs", "postgresql")]
    public async Task No_generated_request_breaks_the_service_on_PostgreSQL()
    {
        await using var server = await RunningServer.StartOnPostgreSqlAsync(Provisioned);
        await RunAsync(server, TestRun.Rounds(fast: 1_000, full: 3_000, soak: 50_000));
    }

    /// <summary>Every user is to have an account in a system; nobody makes it.</summary>
    private static ServerOptions Provisioned(ServerOptions options) => options with { Tenants = [RunningServer.Unlimited with { ProvisionTo = ["app"] }] };

    private static async Task RunAsync(RunningServer server, int requests)
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("SELFSAME_FUZZ_SEED"), out var chosen) ? chosen : Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"SELFSAME_FUZZ_SEED={seed}");
        var api = new ApiDescription((await server.Anonymous().GetAsync("/openapi/v1.json")).Json);
        var run = new FuzzRun(server, api, new ConcurrentQueue<string>());

        await Task.WhenAll(Enumerable.Range(0, Callers).Select(worker => run.SendAsync(new SeededRandom(seed + worker), worker, (requests + Callers - 1) / Callers)));

        TestContext.Current.TestOutputHelper?.WriteLine(run.Summary());
        run.Sent.ShouldBeGreaterThanOrEqualTo(requests);
        run.Failures.Take(MostReported).ShouldBeEmpty($"seed {seed}");
        run.Unsent(api).ShouldBeEmpty($"seed {seed}: these were never sent");
        api.Operations.Select(operation => operation.Id).Except(SeldomSuccessful).Where(id => !run.Succeeded.ContainsKey(id))
            .ShouldBeEmpty($"seed {seed}: these never succeeded, so the generator no longer makes valid requests for them");
        await StoreInvariants.CheckAsync(server.Context.Database);
    }

    private sealed class FuzzRun(RunningServer server, ApiDescription api, ConcurrentQueue<string> uuids)
    {
        private readonly ConcurrentDictionary<int, int> statuses = new();

        public int Sent => statuses.Values.Sum();
        private readonly ConcurrentDictionary<string, bool> sent = new();

        public ConcurrentQueue<string> Failures { get; } = new();

        public ConcurrentDictionary<string, bool> Succeeded { get; } = new();

        public async Task SendAsync(SeededRandom random, int worker, int requests)
        {
            var generator = new RequestGenerator(random, uuids);
            var callers = Caller.Kinds.Select(kind => new Caller(server, kind)).ToList();
            foreach (var caller in callers)
            {
                await caller.RenewAsync();
            }

            for (var number = 0; number < requests; number++)
            {
                var caller = random.Pick(callers);
                var request = generator.Next(api.Operations[(number + worker) % api.Operations.Count], caller);
                using var message = request.Build(server.Address);
                var answer = await ApiClient.SendAsync(message);
                Note(request, answer);
                foreach (var fault in AnswerCheck.Find(api, request, answer))
                {
                    Failures.Enqueue($"{fault}\n  {caller.Kind}: {request}\n  {answer.Status} {answer.Text}");
                }

                await caller.HearAsync(request, answer);
            }
        }

        public string Summary() => string.Join(", ", statuses.OrderBy(status => status.Key).Select(status => $"{status.Key}: {status.Value}"));

        public IEnumerable<string> Unsent(ApiDescription all)
            => from operation in all.Operations
               from name in (operation.Properties?.Keys ?? []).Concat(operation.Query.Keys).Append("")
               where !sent.ContainsKey($"{operation.Id} {name}")
               select $"{operation.Id} {name}";

        private void Note(FuzzedRequest request, ApiAnswer answer)
        {
            statuses.AddOrUpdate(answer.Status, 1, (_, count) => count + 1);
            foreach (var field in request.Fields.Append(""))
            {
                sent[$"{request.Operation.Id} {field}"] = true;
            }

            if (answer.Status is < 200 or > 299)
            {
                return;
            }

            Succeeded[request.Operation.Id] = true;
            if (answer.MediaType == "application/json" && JsonDocument.Parse(answer.Text).RootElement.TryGetProperty("uuid", out var uuid) && uuids.Count < MostKnownUuids)
            {
                uuids.Enqueue(uuid.GetString()!);
            }
        }
    }
}
