using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;

namespace Selfsame.EndToEnd.Tests.Crashes;

/// <summary>
/// Six clients that sign people up until the server dies. It keeps what was acknowledged, to be compared with what is there in the end.
/// </summary>
internal sealed class SignUpLoad
{
    private const int Clients = 6;

    private int next;

    /// <summary>The addresses whose sign-up was answered with 201.</summary>
    public ConcurrentBag<string> Acknowledged { get; } = [];

    /// <summary>Every address that was ever sent: only these may get mail.</summary>
    public ConcurrentBag<string> Sent { get; } = [];

    /// <summary>Answers that no client may ever get.</summary>
    public ConcurrentBag<HttpStatusCode> ServerErrors { get; } = [];

    public Task RunAsync(Uri address, CancellationToken cancellation)
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
