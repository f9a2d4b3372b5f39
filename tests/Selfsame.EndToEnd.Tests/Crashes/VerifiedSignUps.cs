using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Text.RegularExpressions;

namespace Selfsame.EndToEnd.Tests.Crashes;

/// <summary>
/// People who sign up and open the link in their mail, six at once. Whoever the server dies under goes on with the next one, as people do: the same
/// sign-up under its key again, then the mail.
/// </summary>
/// <param name="mailFolder">Where the server writes its mails.</param>
internal sealed partial class VerifiedSignUps(string mailFolder)
{
    private const int AtOnce = 6;
    private const string Password = "correct horse battery";

    private readonly ConcurrentQueue<Person> waiting = new();
    private readonly ConcurrentDictionary<string, string> tokens = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, bool> readMails = new(StringComparer.Ordinal);
    private int people;

    /// <summary>The addresses of those who were told that they are verified.</summary>
    public ConcurrentBag<string> Verified { get; } = [];

    /// <summary>Answers that nobody may get.</summary>
    public ConcurrentBag<string> Unexpected { get; } = [];

    public static string EmailOf(string username) => $"{username}@example.com";

    /// <summary>More people, who come with the next run.</summary>
    public void Add(int count)
    {
        for (var n = 0; n < count; n++)
        {
            waiting.Enqueue(new Person(++people));
        }
    }

    /// <summary>Until everybody is verified, or the server dies.</summary>
    public Task RunAsync(Uri address, CancellationToken cancellation)
        => Task.WhenAll(Enumerable.Range(0, AtOnce).Select(_ => ServeInTurnAsync(address, cancellation)));

    private async Task ServeInTurnAsync(Uri address, CancellationToken cancellation)
    {
        using var client = new HttpClient { BaseAddress = address };
        while (waiting.TryDequeue(out var person))
        {
            try
            {
                await SignUpAsync(client, person, cancellation);
                await VerifyAsync(client, person, await TokenAsync(person, cancellation), cancellation);
            }
            catch (Exception exception) when (exception is HttpRequestException or OperationCanceledException)
            {
                waiting.Enqueue(person);
                return;
            }
        }
    }

    private async Task SignUpAsync(HttpClient client, Person person, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/sign-ups")
        {
            Content = JsonContent.Create(new { email = person.Email, username = person.Name, password = Password }),
            Headers = { { "Idempotency-Key", $"key-{person.Name}" } },
        };
        using var response = await client.SendAsync(request, cancellation);
        Note(response, HttpStatusCode.Created, person);
    }

    private async Task VerifyAsync(HttpClient client, Person person, string token, CancellationToken cancellation)
    {
        var again = person.HasOpenedTheLink;
        person.HasOpenedTheLink = true;
        using var response = await client.PostAsJsonAsync("/api/v1/email-verifications", new { token, password = Password }, cancellation);
        var wasUsed = again && response.StatusCode == HttpStatusCode.UnprocessableEntity;
        if (!wasUsed)
        {
            Note(response, HttpStatusCode.NoContent, person);
        }

        Verified.Add(person.Email);
    }

    private void Note(HttpResponseMessage response, HttpStatusCode expected, Person person)
    {
        if (response.StatusCode != expected)
        {
            Unexpected.Add($"{person.Name}: {(int)response.StatusCode} from {response.RequestMessage!.RequestUri!.AbsolutePath}");
        }
    }

    /// <summary>The token of the link in the person's mail; waits for the mail.</summary>
    private async Task<string> TokenAsync(Person person, CancellationToken cancellation)
    {
        while (true)
        {
            foreach (var file in Directory.Exists(mailFolder) ? Directory.EnumerateFiles(mailFolder, "*.eml") : [])
            {
                if (readMails.TryAdd(file, true))
                {
                    var mail = await File.ReadAllTextAsync(file, CancellationToken.None);
                    tokens[Recipient().Match(mail).Groups["address"].Value.Trim()] = Link().Match(mail).Groups["token"].Value;
                }
            }

            if (tokens.TryGetValue(person.Email, out var token))
            {
                return token;
            }

            await Task.Delay(50, cancellation);
        }
    }

    [GeneratedRegex("^To: (?<address>.*)$", RegexOptions.Multiline)]
    private static partial Regex Recipient();

    [GeneratedRegex(@"/verify-email\?token=(?<token>[\w-]+)")]
    private static partial Regex Link();

    private sealed class Person(int number)
    {
        public string Name { get; } = $"person{number}";

        public string Email { get; } = EmailOf($"person{number}");

        /// <summary>The answer may have been lost: the link is used then.</summary>
        public bool HasOpenedTheLink { get; set; }
    }
}
