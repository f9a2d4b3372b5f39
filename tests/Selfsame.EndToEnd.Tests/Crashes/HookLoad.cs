using System.Collections.Concurrent;
using System.Net;
using System.Text;
using System.Text.Json;
using Selfsame.Testing.Auth0;

namespace Selfsame.EndToEnd.Tests.Crashes;

/// <summary>An event as a log stream sends it.</summary>
internal sealed record HookEvent(string Id, string Type, string Account);

/// <summary>
/// Four senders of webhooks, who post events of a growing number of accounts until the server dies, and some of them again. It keeps which were acknowledged.
/// </summary>
/// <param name="auth0">Where the accounts are.</param>
/// <param name="token">The hook's.</param>
internal sealed class HookLoad(Auth0StandIn auth0, string token)
{
    private const int Senders = 4;
    private const int EventsPerAccount = 8;

    // So that what came can be worked off in the end.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(25);

    private int next;

    /// <summary>The events of the bodies that were answered with 202.</summary>
    public ConcurrentDictionary<string, HookEvent> Acknowledged { get; } = new(StringComparer.Ordinal);

    /// <summary>Every event that was ever sent.</summary>
    public ConcurrentDictionary<string, HookEvent> Sent { get; } = new(StringComparer.Ordinal);

    /// <summary>Answers that no sender may get.</summary>
    public ConcurrentBag<HttpStatusCode> Unexpected { get; } = [];

    public Task RunAsync(Uri address, CancellationToken cancellation)
        => Task.WhenAll(Enumerable.Range(0, Senders).Select(sender => SendUntilItDiesAsync(new Random(sender), address, cancellation)));

    private async Task SendUntilItDiesAsync(Random random, Uri address, CancellationToken cancellation)
    {
        using var client = new HttpClient { BaseAddress = address };
        while (!cancellation.IsCancellationRequested)
        {
            List<HookEvent> events = [.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => NextEvent()), .. Repeats(random)];
            events.ForEach(one => Sent[one.Id] = one);
            using var request = new HttpRequestMessage(HttpMethod.Post, "/hooks/idp") { Content = new StringContent(Body(events), Encoding.UTF8, "application/json") };
            request.Headers.TryAddWithoutValidation("Authorization", token);
            try
            {
                using var response = await client.SendAsync(request, cancellation);
                if (response.StatusCode == HttpStatusCode.Accepted)
                {
                    events.ForEach(one => Acknowledged[one.Id] = one);
                }
                else
                {
                    Unexpected.Add(response.StatusCode);
                }

                await Task.Delay(Pause, cancellation);
            }
            catch (Exception exception) when (exception is HttpRequestException or OperationCanceledException)
            {
                // The server died, or the round ended: nothing was acknowledged.
                return;
            }
        }
    }

    /// <summary>Of every account a sign-up and several verifications; whoever is verified more often had another address in between.</summary>
    private HookEvent NextEvent()
    {
        var number = Interlocked.Increment(ref next) - 1;
        var account = $"auth0|{number / EventsPerAccount:D4}";
        auth0.Users.Put(account, $"person{number / EventsPerAccount}@example.com", verified: true);
        return new HookEvent($"log-{number:D6}", number % EventsPerAccount == 0 ? "ss" : "sv", account);
    }

    private IEnumerable<HookEvent> Repeats(Random random)
        => random.Next(3) == 0 ? Sent.Values.OrderByDescending(one => one.Id, StringComparer.Ordinal).Skip(random.Next(20)).Take(1) : [];

    private static string Body(IEnumerable<HookEvent> events)
        => string.Join('\n', events.Select(one => JsonSerializer.Serialize(new { log_id = one.Id, data = new { type = one.Type, user_id = one.Account } })));
}
