using Selfsame.Bench.Figures;
using Selfsame.Bench.Load;
using Selfsame.Bench.Servers;
using Selfsame.Bench.Stores;
using Selfsame.Core;
using Selfsame.Store.Passwords;

namespace Selfsame.Bench.Comparisons;

/// <summary>
/// Sign-ups and sign-ins over HTTP against nothing but the password hash: the same hashing in the same process, asked by as
/// many callers, on the same cores. What is missing to 1 is the price of everything else.
/// </summary>
internal sealed class AgainstBareHash(BenchPlan plan, BoundedPasswordHashing hashing)
{
    private const double Bar = 0.85;
    private const int Clients = 12;

    // More than there are clients, or two would try one user's password at once, which counts as guessing.
    private const int KnownUsers = 500;

    /// <param name="folder">An empty folder for the server's data.</param>
    /// <param name="database">A PostgreSQL connection string; null means SQLite.</param>
    public async IAsyncEnumerable<Figure> MeasureAsync(string folder, string? database)
    {
        var kind = database is null ? "SQLite" : "PostgreSQL";
        await AddKnownUsersAsync(database ?? Path.Combine(folder, "selfsame.db"));
        await using var server = await ServerProcess.StartAsync(
            MeasuredServer.Name, ["--data", folder, .. database is null ? (string[])[] : ["--database", database]]);
        server.Pause();
        var bare = new Side("the bare hash", (settle, window) => server.AwakeAsync(() => server.MeasureAsync(BareWork.Hash, Clients, settle, window)));
        var note = $"{Clients} clients; {hashing.Description}";
        var longer = plan with { Pairs = plan.HashPairs, WarmUp = plan.HashWarmUp };

        var signUps = new Side("sign-ups", (settle, window) => server.AwakeAsync(() => SteadyLoad.PerSecondAsync(
            Clients, settle, window, _ => Api.SignUpAsync(server, Names.Next()))));
        yield return await Pairs.CompareAsync(longer, $"Sign-ups against the bare hash, {kind}", true, signUps, bare, Bar, note);

        var next = -1;
        var signIns = new Side("sign-ins", (settle, window) => server.AwakeAsync(() => SteadyLoad.PerSecondAsync(
            Clients, settle, window, _ => Api.SignInAsync(server, Names.Known((int)((uint)Interlocked.Increment(ref next) % KnownUsers))))));
        var bareCheck = new Side("the bare check", (settle, window) => server.AwakeAsync(() => server.MeasureAsync(BareWork.Check, Clients, settle, window)));
        yield return await Pairs.CompareAsync(longer, $"Sign-ins against the bare hash, {kind}", true, signIns, bareCheck, Bar, note);
    }

    /// <summary>A hashing like the server's own.</summary>
    public static BoundedPasswordHashing NewHashing() => new(BenchStore.PasswordSettings, RandomSource.System);

    private async Task AddKnownUsersAsync(string connection)
    {
        var hash = await hashing.HashAsync(BenchStore.Password, CancellationToken.None);
        await using var store = await BenchStore.OpenAsync(connection, hash!);
        await SteadyLoad.EachAsync(Clients, KnownUsers, number => store.AddVerifiedAsync(Names.Known(number)));
    }
}
