using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Crashes;

/// <summary>
/// One installation that is started, put under load and killed again and again. It keeps what was acknowledged, to be
/// compared with what is there in the end.
/// </summary>
internal sealed class ServerUnderKill(string folder, string? database)
{
    private const int Clients = 6;
    private static readonly TimeSpan LongestRound = TimeSpan.FromSeconds(20);

    private int next;

    /// <summary>The addresses whose sign-up was answered with 201.</summary>
    public ConcurrentBag<string> Acknowledged { get; } = [];

    /// <summary>Every address that was ever sent: only these may get mail.</summary>
    public ConcurrentBag<string> Sent { get; } = [];

    /// <summary>Answers that no client may ever get.</summary>
    public ConcurrentBag<HttpStatusCode> ServerErrors { get; } = [];

    public string DataFolder => Path.Combine(folder, "data");

    /// <summary>
    /// A round that kills itself at a named crash point (<c>name:count</c>). False when the point was not reached in time, and
    /// the server was killed from outside.
    /// </summary>
    public async Task<bool> RunUntilAsync(string crashPoint)
    {
        await using var server = await StartAsync(crashPoint);
        using var stop = new CancellationTokenSource(LongestRound);
        var load = LoadAsync(server.Address, stop.Token);
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
            await load;
        }
    }

    /// <summary>A round that is killed from outside after <paramref name="delay"/>.</summary>
    public async Task RunForAsync(TimeSpan delay)
    {
        await using var server = await StartAsync(null);
        using var stop = new CancellationTokenSource(LongestRound);
        var load = LoadAsync(server.Address, stop.Token);
        await Task.Delay(delay);
        server.Kill();
        await server.WaitForExitAsync();
        await stop.CancelAsync();
        await load;
    }

    /// <summary>An undisturbed start, which lets everything that was left behind come to its end.</summary>
    public async Task SettleAsync(Func<Task<bool>> isSettled)
    {
        await using var server = await StartAsync(null);
        var deadline = DateTime.UtcNow + TimeSpan.FromMinutes(5);
        while (!await isSettled())
        {
            (DateTime.UtcNow < deadline).ShouldBeTrue("the server did not come to rest");
            await Task.Delay(200);
        }
    }

    private Task<SelfsameProcess> StartAsync(string? crashPoint)
        => SelfsameProcess.ServeAsync(
            DataFolder,
            [.. database is null ? [] : new[] { "--database", database }, "--config", Path.Combine(folder, "selfsame.yaml")],
            new Dictionary<string, string?> { ["SELFSAME_CRASH_AT"] = crashPoint });

    private Task LoadAsync(Uri address, CancellationToken cancellation)
        => Task.WhenAll(Enumerable.Range(0, Clients).Select(_ => SignUpUntilItDiesAsync(address, cancellation)));

    private async Task SignUpUntilItDiesAsync(Uri address, CancellationToken cancellation)
    {
        using var client = new HttpClient { BaseAddress = address };
        while (!cancellation.IsCancellationRequested)
        {
            var number = Interlocked.Increment(ref next);
            var email = $"person{number}@example.com";
            Sent.Add(email);
            using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/sign-ups")
            {
                Content = JsonContent.Create(new { email, username = $"person{number}", password = "correct horse battery" }),
                Headers = { { "Idempotency-Key", $"key-{number}" } },
            };
            try
            {
                using var response = await client.SendAsync(request, cancellation);
                if (response.StatusCode == HttpStatusCode.Created)
                {
                    Acknowledged.Add(email);
                }
                else if ((int)response.StatusCode >= 500)
                {
                    ServerErrors.Add(response.StatusCode);
                }
            }
            catch (Exception exception) when (exception is HttpRequestException or OperationCanceledException)
            {
                // The server died, or the round ended: nothing was acknowledged.
                return;
            }
        }
    }
}
