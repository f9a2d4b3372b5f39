using System.Net;
using System.Text;
using Selfsame.Core.Webhooks;

namespace Selfsame.Server.Webhooks;

/// <summary>What a receiver made of a message.</summary>
/// <param name="Problem">Null when it was taken.</param>
/// <param name="RetryAfter">When the receiver asked to be called again.</param>
/// <param name="Gone">410: the receiver never wants it.</param>
internal sealed record WebhookAnswer(string? Problem, TimeSpan? RetryAfter = null, bool Gone = false);

/// <summary>Posts signed messages as the Standard Webhooks specification says (standardwebhooks.com). It follows no redirect.</summary>
internal sealed class WebhookPost(TimeProvider clock) : IDisposable
{
    /// <summary>The longest that a receiver may take to answer.</summary>
    public static TimeSpan Timeout { get; } = TimeSpan.FromSeconds(15);

    private readonly HttpMessageInvoker http = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        ConnectTimeout = Timeout,
        UseCookies = false,
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
    });

    /// <summary>Sends once. What the network does to it is a problem in the answer.</summary>
    /// <param name="url">The receiver.</param>
    /// <param name="signatures">Each signs.</param>
    /// <param name="message">Names the message, the same at every attempt.</param>
    /// <param name="body">JSON.</param>
    /// <param name="cancellation">Ends the wait; then, and only then, it throws.</param>
    public async Task<WebhookAnswer> SendAsync(Uri url, IReadOnlyList<WebhookSignature> signatures, Guid message, string body, CancellationToken cancellation)
    {
        using var timeout = new CancellationTokenSource(Timeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellation);
        try
        {
            using var request = Compose(url, signatures, message, body);
            using var response = await http.SendAsync(request, either.Token);
            return response.StatusCode is >= HttpStatusCode.OK and < HttpStatusCode.MultipleChoices
                ? new WebhookAnswer(null)
                : new WebhookAnswer($"{url.Host} answered {(int)response.StatusCode}.", RetryAfter(response), response.StatusCode == HttpStatusCode.Gone);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return new WebhookAnswer($"{url.Host} did not answer within {Timeout.TotalSeconds} seconds.");
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException)
        {
            return new WebhookAnswer(exception.Message);
        }
    }

    public void Dispose() => http.Dispose();

    private HttpRequestMessage Compose(Uri url, IReadOnlyList<WebhookSignature> signatures, Guid message, string body)
    {
        var (id, now) = ($"msg_{message:N}", clock.GetUtcNow());
        var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Add("webhook-id", id);
        request.Headers.Add("webhook-timestamp", WebhookSignature.Timestamp(now));
        request.Headers.Add("webhook-signature", string.Join(' ', signatures.Select(signature => signature.Sign(id, now, body))));
        request.Headers.UserAgent.ParseAdd("Selfsame");
        return request;
    }

    private TimeSpan? RetryAfter(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } => date - clock.GetUtcNow(),
        _ => null,
    };
}
