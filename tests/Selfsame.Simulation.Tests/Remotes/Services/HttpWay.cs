using Selfsame.Core.Provisioning;

namespace Selfsame.Simulation.Tests.Remotes.Services;

/// <summary>What a server's connectors send their requests through, to one service; <paramref name="asked"/> holds the states of the rows about which requests are under way.</summary>
internal sealed class HttpWay(HttpService service, Network network, List<ProvisioningState> asked) : HttpMessageHandler
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var sent = ServiceRequest.Of(request);
        var about = network.StatesOf(service.RowsOf, service.About(sent));
        asked.AddRange(about);
        try
        {
            var answer = await network.ExchangeAsync(service, sent, about, cancellationToken);
            return answer.ToMessage();
        }
        finally
        {
            foreach (var state in about)
            {
                asked.Remove(state);
            }
        }
    }
}
