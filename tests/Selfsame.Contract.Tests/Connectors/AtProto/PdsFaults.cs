using System.Net;
using System.Text;

namespace Selfsame.Contract.Tests.Connectors.AtProto;

/// <summary>
/// Stands between the connector and the PDS and does to single calls what networks, proxies and other people do. A call is named by the end of its
/// path: <c>createAccount</c>, or a DID for the directory.
/// </summary>
public sealed class PdsFaults() : DelegatingHandler(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false })
{
    private readonly List<(string Call, Func<Func<Task<HttpResponseMessage>>, CancellationToken, Task<HttpResponseMessage>> Fault)> faults = [];
    private readonly Lock gate = new();

    /// <summary>Every call so far, as its verb and path.</summary>
    public List<string> Calls { get; } = [];

    /// <summary>The next such call is answered so and does not arrive.</summary>
    public void AnswerNext(string call, HttpStatusCode status, string body, string type = "application/json")
        => Next(call, (_, _) => Task.FromResult(Response(status, body, type)));

    /// <summary>The next such call arrives, and its answer is replaced by this one.</summary>
    public void ReplaceNext(string call, HttpStatusCode status, string body, string type = "application/json")
        => Next(call, async (send, _) =>
        {
            (await send()).Dispose();
            return Response(status, body, type);
        });

    /// <summary>The next such call arrives, and the connection breaks before its answer does.</summary>
    public void LoseNext(string call) => Next(call, async (send, _) =>
    {
        (await send()).Dispose();
        throw new HttpRequestException(HttpRequestError.ResponseEnded);
    });

    /// <summary>The next such call breaks off before it arrives; the caller can't tell.</summary>
    public void BreakNext(string call) => Next(call, (_, _) => throw new HttpRequestException(HttpRequestError.ResponseEnded));

    /// <summary>The next such call is held, and goes on when the task ends.</summary>
    public void Before(string call, Func<Task> first) => Next(call, async (send, _) =>
    {
        await first();
        return await send();
    });

    public void Next(string call, Func<Func<Task<HttpResponseMessage>>, CancellationToken, Task<HttpResponseMessage>> fault)
    {
        lock (gate)
        {
            faults.Add((call, fault));
        }
    }

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var path = request.RequestUri!.AbsolutePath;
        Func<Func<Task<HttpResponseMessage>>, CancellationToken, Task<HttpResponseMessage>>? fault = null;
        lock (gate)
        {
            Calls.Add($"{request.Method} {path}");
            var index = faults.FindIndex(pair => path.EndsWith(pair.Call, StringComparison.Ordinal));
            if (index >= 0)
            {
                fault = faults[index].Fault;
                faults.RemoveAt(index);
            }
        }

        Task<HttpResponseMessage> Send() => base.SendAsync(request, cancellationToken);
        return fault is null ? Send() : fault(Send, cancellationToken);
    }

    private static HttpResponseMessage Response(HttpStatusCode status, string body, string type)
        => new(status) { Content = new StringContent(body, Encoding.UTF8, type) };
}
