using Npgsql;
using Selfsame.Bench.Figures;
using Selfsame.Bench.Load;
using Selfsame.Bench.Servers;

namespace Selfsame.Bench.Comparisons;

/// <summary>
/// Sign-ups over HTTP against ASP.NET Core Identity with EF Core and Npgsql, both on PostgreSQL, both without the password
/// hash; and how many doubles each makes when one e-mail address is signed up several times at once.
/// </summary>
internal sealed class AgainstIdentity(BenchPlan plan)
{
    private const int Clients = 32;
    private const int AtOnce = 8;
    private const string TheirSignUps = "/sign-ups";

    public async IAsyncEnumerable<Figure> MeasureAsync(string folder, string ourDatabase, string theirDatabase)
    {
        await using var ours = await ServerProcess.StartAsync(
            MeasuredServer.Name, "--data", folder, "--database", ourDatabase, MeasuredServer.NoHashingOption);
        ours.Pause();
        await using var theirs = await ServerProcess.StartAsync(IdentityServer.Name, "--database", theirDatabase);
        theirs.Pause();
        yield return await Pairs.CompareAsync(
            plan,
            "Sign-ups without the hash against ASP.NET Core Identity, PostgreSQL",
            true,
            SignUps("Selfsame", ours, Api.SignUps),
            SignUps("Identity", theirs, TheirSignUps),
            bar: 1,
            $"{Clients} clients; ours also writes and sends a mail to each");

        // Once Identity has a double, its look-up finds two users for one address and its answer is 500.
        await ours.AwakeAsync(() => RaceAsync(ours, Api.SignUps, [201, 409]));
        await theirs.AwakeAsync(() => RaceAsync(theirs, TheirSignUps, [201, 409, 500]));
        var mine = await DoublesAsync(ourDatabase, "SELECT count(*) - count(DISTINCT lower(email)) FROM users");
        var others = await DoublesAsync(theirDatabase, """SELECT count(*) - count(DISTINCT "NormalizedEmail") FROM "AspNetUsers" """);
        yield return new Figure
        {
            Name = "Doubles made in a race for one e-mail address",
            HttpInside = true,
            Unit = "doubles",
            Ours = new Reading("Selfsame", Spread.Of([mine])),
            Theirs = new Reading("Identity", Spread.Of([others])),
            Bar = "0",
            Met = mine == 0,
            Note = $"{plan.Races} addresses, each signed up {AtOnce} times at once under different usernames",
        };
    }

    private static Side SignUps(string name, ServerProcess server, string path)
        => new(name, (settle, window) => server.AwakeAsync(() => SteadyLoad.PerSecondAsync(
            Clients, settle, window, _ => server.PostAsync(path, Api.SignUpBody(Names.Next()), expected: 201))));

    /// <summary>Each address must end with one user at least, and every answer be an expected one.</summary>
    private async Task RaceAsync(ServerProcess server, string path, IReadOnlyList<int> expected)
    {
        for (var race = 0; race < plan.Races; race++)
        {
            var email = $"{Names.Next()}@example.com";
            var answers = await Task.WhenAll(Enumerable.Range(0, AtOnce)
                .Select(_ => server.TryPostAsync(path, Api.SignUpBody(Names.Next(), email))));
            if (answers.All(answer => answer.Status != 201) || answers.Any(answer => !expected.Contains(answer.Status)))
            {
                throw new InvalidOperationException($"The race at {path} was answered {string.Join(", ", answers.Select(answer => answer.Status))}.");
            }
        }
    }

    private static async Task<long> DoublesAsync(string database, string count)
    {
        await using var connection = new NpgsqlConnection($"{database};Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(count, connection);
        return (long)(await command.ExecuteScalarAsync())!;
    }
}
