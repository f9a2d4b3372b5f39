using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Crashes;

/// <summary>One installation that is started, put under load and killed again and again.</summary>
/// <param name="folder">Where its config (<c>selfsame.yaml</c>) and its data are.</param>
/// <param name="database">PostgreSQL; null where it keeps its data in a file.</param>
/// <param name="load">What is done to the server at an address until it dies, or until there is nothing left to do.</param>
/// <param name="environment">What the config names.</param>
internal sealed class ServerUnderKill(
    string folder, string? database, Func<Uri, CancellationToken, Task> load, IReadOnlyDictionary<string, string?>? environment = null)
{
    private static readonly TimeSpan LongestRound = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan LongestRest = TimeSpan.FromMinutes(5);

    public string DataFolder => Path.Combine(folder, "data");

    /// <summary>
    /// A round that kills itself at a named crash point (<c>name:count</c>). False when the point was not reached in time, and
    /// the server was killed from outside.
    /// </summary>
    public async Task<bool> RunUntilAsync(string crashPoint)
    {
        SelfsameProcess started;
        try
        {
            started = await StartAsync(crashPoint);
        }
        catch (InvalidOperationException exception) when (exception.Message.Contains("ended with code 137", StringComparison.Ordinal))
        {
            // The work that earlier rounds left behind reached the point before the server listened.
            return true;
        }

        await using var server = started;
        using var stop = new CancellationTokenSource(LongestRound);
        var work = load(server.Address, stop.Token);
        try
        {
            return await server.WaitForExitAsync(LongestRound) == 137;
        }
        catch (OperationCanceledException)
        {
            server.Kill();
            return false;
        }
        finally
        {
            await stop.CancelAsync();
            await work;
        }
    }

    /// <summary>A round that is killed from outside after <paramref name="delay"/>.</summary>
    public Task RunForAsync(TimeSpan delay) => RunWhileAsync(() => Task.Delay(delay));

    /// <summary>A round that is killed from outside once <paramref name="meanwhile"/> is over.</summary>
    public async Task RunWhileAsync(Func<Task> meanwhile)
    {
        await using var server = await StartAsync(null);
        using var stop = new CancellationTokenSource(LongestRound);
        var work = load(server.Address, stop.Token);
        await meanwhile();
        server.Kill();
        await server.WaitForExitAsync();
        await stop.CancelAsync();
        await work;
    }

    /// <summary>An undisturbed start, which lets everything that was left behind come to its end.</summary>
    /// <param name="isSettled">Whether it has.</param>
    /// <param name="unsettled">What is left, to be told where it does not come to rest.</param>
    /// <param name="goesOn">Whether the load, which comes to an end by itself, goes on too.</param>
    public async Task SettleAsync(Func<Task<bool>> isSettled, Func<Task<IReadOnlyList<string>>>? unsettled = null, bool goesOn = false)
    {
        await using var server = await StartAsync(null);
        using var limit = new CancellationTokenSource(LongestRest);
        if (goesOn)
        {
            await load(server.Address, limit.Token);
        }

        while (!await isSettled())
        {
            if (limit.IsCancellationRequested)
            {
                Assert.Fail($"The server did not come to rest: {string.Join('\n', unsettled is null ? [] : await unsettled())}");
            }

            await Task.Delay(200);
        }
    }

    private Task<SelfsameProcess> StartAsync(string? crashPoint)
        => SelfsameProcess.ServeAsync(
            DataFolder,
            [.. database is null ? [] : new[] { "--database", database }, "--config", Path.Combine(folder, "selfsame.yaml")],
            new Dictionary<string, string?>(environment ?? new Dictionary<string, string?>()) { ["SELFSAME_CRASH_AT"] = crashPoint });
}
