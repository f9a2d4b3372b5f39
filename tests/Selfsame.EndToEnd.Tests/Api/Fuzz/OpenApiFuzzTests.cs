using System.Collections.Concurrent;
using System.Text.Json;
using Selfsame.EndToEnd.Tests.Reconciliation;
using Selfsame.Server.Hosting;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Api.Fuzz;

/// <summary>
/// Sends generated requests for every operation of /openapi/v1.json, and every property with a valid and with a broken value. Whatever is sent: no 5xx, no answer that the
/// document does not describe, no refusal without a sentence and the field's name, and a sound store at the end.
/// SELFSAME_FUZZ_SEED repeats a run, up to the order in which the callers' requests arrive.
/// </summary>
public sealed class OpenApiFuzzTests
{
    private const int Callers = 12;
    private const int MostKnownUuids = 200;
    private const int MostReported = 20;

    /// <summary>These need a link out of a mail, a state that chance does not bring about, or the body of another service's webhook (HookTests send those).</summary>
    private static readonly string[] SeldomSuccessful = ["confirmEmailChange", "revertEmailChange", "releaseEmail", "receiveEvents"];

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

        // So that there is a source to be tried again, under the name that every request for a system has.
        await FailingEvents.AddAsync(server.Context, "app", 1, "down");
        await run.SendEachPropertyAsync(new SeededRandom(seed + Callers));
        await Task.WhenAll(Enumerable.Range(0, Callers).Select(worker => run.SendAsync(new SeededRandom(seed + worker), worker, (requests + Callers - 1) / Callers)));

        TestContext.Current.TestOutputHelper?.WriteLine(run.Summary());
        run.Sent.ShouldBeGreaterThanOrEqualTo(requests);
        run.Failures.Take(MostReported).ShouldBeEmpty($"seed {seed}");
        run.Unsent().ShouldBeEmpty($"seed {seed}: these never went out");
        api.Operations.Select(operation => operation.Id).Except(SeldomSuccessful).Where(id => !run.Succeeded.ContainsKey(id))
            .ShouldBeEmpty($"seed {seed}: these never succeeded, so the generator no longer makes valid requests for them");
        await StoreInvariants.CheckAsync(server.Context.Database);
    }

    private sealed class FuzzRun(RunningServer server, ApiDescription api, ConcurrentQueue<string> uuids)
    {
        private readonly ConcurrentDictionary<int, int> statuses = new();

        private readonly ConcurrentDictionary<string, bool> sent = new();

        public int Sent => statuses.Values.Sum();

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
                await SendAsync(generator.Next(api.Operations[(number + worker) % api.Operations.Count], caller), caller);
            }
        }

        /// <summary>Chance would leave some out. By those who may do most, for others are turned away before a field is looked at.</summary>
        public async Task SendEachPropertyAsync(SeededRandom random)
        {
            var generator = new RequestGenerator(random, uuids);
            foreach (var caller in new[] { new Caller(server, "superuser"), new Caller(server, "service") })
            {
                await caller.RenewAsync();
                foreach (var (operation, name) in Properties)
                {
                    await SendAsync(generator.Next(operation, caller, new WantedField(name, Broken: false)), caller);
                    await SendAsync(generator.Next(operation, caller, new WantedField(name, Broken: true)), caller);
                }
            }
        }

        public string Summary() => string.Join(", ", statuses.OrderBy(status => status.Key).Select(status => $"{status.Key}: {status.Value}"));

        /// <summary>Operations, and properties by whether their value was valid, that no request held as it went out.</summary>
        public IEnumerable<string> Unsent()
            => api.Operations.Select(operation => operation.Id)
                .Concat(Properties.SelectMany(property => new[] { Sending(property.Operation, property.Name, broken: false), Sending(property.Operation, property.Name, broken: true) }))
                .Where(sending => !sent.ContainsKey(sending));

        private IEnumerable<(Operation Operation, string Name)> Properties
            => from operation in api.Operations
               from name in (operation.Properties?.Keys ?? []).Concat(operation.Query.Keys)
               select (operation, name);

        private static string Sending(Operation operation, string name, bool broken) => $"{operation.Id} {name} {(broken ? "broken" : "valid")}";

        private async Task SendAsync(FuzzedRequest request, Caller caller)
        {
            using var message = request.Build(server.Address);
            var answer = await ApiClient.SendAsync(message);
            Note(request, answer);
            foreach (var fault in AnswerCheck.Find(api, request, answer))
            {
                Failures.Enqueue($"{fault}\n  {caller.Kind}: {request}\n  {answer.Status} {answer.Text}");
            }

            await caller.HearAsync(request, answer);
        }

        private void Note(FuzzedRequest request, ApiAnswer answer)
        {
            statuses.AddOrUpdate(answer.Status, 1, (_, count) => count + 1);
            sent[request.Operation.Id] = true;
            foreach (var name in request.NamesSent().Where(name => request.Broken == name || request.Mutation == "valid"))
            {
                sent[Sending(request.Operation, name, request.Broken == name)] = true;
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
