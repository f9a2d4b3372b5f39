using System.Diagnostics;
using Selfsame.Bench.Figures;
using Selfsame.Bench.Load;
using Selfsame.Bench.Servers;
using Selfsame.Bench.Stores;
using Selfsame.Databases;
using Selfsame.Store.Passwords;
using Selfsame.Testing;

namespace Selfsame.Bench.Comparisons;

/// <summary>How soon the built executable answers, and how much memory a server with many users holds.</summary>
internal sealed class StartAndMemory(BenchPlan plan)
{
    private const int Clients = 8;
    private const int SignIns = 50;

    /// <summary>From the start of <c>selfsame serve</c> to the first answer 200, on the embedded store.</summary>
    public async IAsyncEnumerable<Figure> StartsAsync()
    {
        var (first, second) = (new List<double>(), new List<double>());
        for (var start = 0; start < plan.Starts; start++)
        {
            using var folder = new TemporaryFolder();
            first.Add(await StartAsync(folder.Path));
            second.Add(await StartAsync(folder.Path));
        }

        yield return Started("Start to the first answer, new data folder", first);
        yield return Started("Start to the first answer, data there already", second);
    }

    /// <summary>Resident memory of a server on a store of many users, after sign-ins, sign-ups and looks at one's own account.</summary>
    public async IAsyncEnumerable<Figure> MemoryAsync(string folder, BoundedPasswordHashing hashing)
    {
        var hash = await hashing.HashAsync(BenchStore.Password, CancellationToken.None);
        var fast = new DatabaseOptions { SurvivePowerLoss = false };
        await using (var store = await BenchStore.OpenAsync(Path.Combine(folder, "selfsame.db"), hash!, fast))
        {
            await SteadyLoad.EachAsync(Clients, plan.UsersInMemory, number => store.AddVerifiedAsync(Names.Known(number)));
        }

        await using var server = await ServerProcess.StartAsync(MeasuredServer.Name, "--data", folder);
        await SteadyLoad.EachAsync(Clients, SignIns, async number =>
        {
            var token = await Api.SignInAsync(server, Names.Known(number * (plan.UsersInMemory / SignIns)));
            for (var request = 0; request < plan.RequestsBeforeMemory / SignIns; request++)
            {
                await Api.WhoAmIAsync(server, token);
            }

            await Api.SignUpAsync(server, Names.Next());
        });
        var note = $"{plan.UsersInMemory} users on SQLite; after {SignIns} sign-ins, {SignIns} sign-ups, {plan.RequestsBeforeMemory} GET /api/v1/me";
        yield return Memory("Resident memory", "VmRSS", server, note);
        yield return Memory("Resident memory at its most", "VmHWM", server, note);
    }

    private static async Task<double> StartAsync(string folder)
    {
        var started = Stopwatch.GetTimestamp();
        await using var server = await SelfsameProcess.ServeAsync(folder);
        using var client = new HttpClient { BaseAddress = server.Address };
        using var answer = await client.GetAsync(new Uri("/healthz", UriKind.Relative));
        var elapsed = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        answer.EnsureSuccessStatusCode();
        return elapsed;
    }

    private static Figure Started(string name, List<double> milliseconds) => new()
    {
        Name = name,
        HttpInside = true,
        Unit = "ms",
        Ours = new Reading("selfsame serve", Spread.Of(milliseconds)),
        Note = "new process each time, its files in the page cache",
    };

    private static Figure Memory(string name, string line, ServerProcess server, string note) => new()
    {
        Name = name,
        HttpInside = true,
        Unit = "MiB",
        Ours = new Reading("server", Spread.Of([server.Memory(line)])),
        Note = note,
    };
}
