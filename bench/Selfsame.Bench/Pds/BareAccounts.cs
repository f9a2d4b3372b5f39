using System.Diagnostics;
using System.Security.Cryptography;
using Selfsame.Bench.Comparisons;
using Selfsame.Bench.Load;
using Selfsame.Testing;

namespace Selfsame.Bench.Pds;

/// <summary><c>com.atproto.server.createAccount</c> called by hand.</summary>
internal sealed class BareAccounts(PersonalDataServer pds) : IDisposable
{
    private readonly HttpClient client = new(new SocketsHttpHandler { UseCookies = false, UseProxy = false }) { BaseAddress = new Uri(pds.Url) };

    /// <summary>How long it takes to make so many accounts.</summary>
    public async Task<double> SecondsAsync(int atOnce, int count)
    {
        var started = Stopwatch.GetTimestamp();
        await SteadyLoad.EachAsync(atOnce, count, async _ =>
        {
            var name = Names.Next();
            var account = new { handle = $"{name}.{PersonalDataServer.HandleDomain}", email = $"{name}@example.com", password = Convert.ToHexString(RandomNumberGenerator.GetBytes(16)) };
            using var answer = await client.PostAsJsonAsync("/xrpc/com.atproto.server.createAccount", account);
            if (!answer.IsSuccessStatusCode)
            {
                throw new InvalidOperationException($"The PDS answered {(int)answer.StatusCode}: {await answer.Content.ReadAsStringAsync()}");
            }
        });
        return Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    public void Dispose() => client.Dispose();
}
