namespace Selfsame.Simulation.Tests.Remotes.Services;

/// <summary>What a server's connectors send their requests through, to one service.</summary>
internal sealed class HttpWay(HttpService service, Network network) : HttpMessageHandler
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var answer = await network.ExchangeAsync(service, ServiceRequest.Of(request), cancellationToken);
        return answer.ToMessage();
    }
}
