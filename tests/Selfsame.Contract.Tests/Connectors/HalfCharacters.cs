using System.Net.Http.Headers;

namespace Selfsame.Contract.Tests.Connectors;

/// <summary>
/// Puts half of a surrogate pair (<c>\ud83d</c>) where an answer in JSON has <see cref="Place"/>. RFC 8259, section 8.2, allows it, and systems whose own strings
/// are UTF-16 keep and tell it.
/// </summary>
public sealed class HalfCharacters() : DelegatingHandler(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false })
{
    public const string Place = "HALF-A-CHARACTER";

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var response = await base.SendAsync(request, cancellationToken);
        if (response.Content.Headers.ContentType?.MediaType == "application/json")
        {
            var json = await response.Content.ReadAsStringAsync(cancellationToken);
            response.Content = new StringContent(json.Replace(Place, "\\ud83d", StringComparison.Ordinal), new MediaTypeHeaderValue("application/json"));
        }

        return response;
    }
}
