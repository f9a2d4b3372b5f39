using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Selfsame.EndToEnd.Tests.Reconciliation;

/// <summary>A proxy that keeps some requests on their way until a test lets them arrive; whoever sent them may be dead by then, or asleep.</summary>
internal sealed class HoldingProxy : IAsyncDisposable
{
    private static readonly string[] OfConnection = ["Host", "Connection", "Transfer-Encoding", "Content-Length", "Expect"];

    private readonly WebApplication app;
    private readonly HttpClient client = new(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false }) { Timeout = Timeout.InfiniteTimeSpan };
    private readonly Uri target;
    private readonly Func<HttpRequest, bool> holds;
    private readonly TaskCompletionSource gate = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int held;
    private int arrived;
    private int waiting;

    private HoldingProxy(WebApplication app, Uri target, Func<HttpRequest, bool> holds)
    {
        this.app = app;
        this.target = target;
        this.holds = holds;
    }

    public string Url => app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();

    /// <summary>How many requests were kept back so far.</summary>
    public int Held => Volatile.Read(ref held);

    /// <summary>Whether somebody waits for the answer to one that is kept back.</summary>
    public bool IsAwaited => Volatile.Read(ref waiting) > 0;

    /// <summary>How many of them were answered after that.</summary>
    public int Arrived => Volatile.Read(ref arrived);

    /// <summary>Starts between a caller and <paramref name="target"/>.</summary>
    /// <param name="target">To where it leads.</param>
    /// <param name="holds">Which requests it keeps back.</param>
    public static async Task<HoldingProxy> StartAsync(string target, Func<HttpRequest, bool> holds)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var proxy = new HoldingProxy(app, new Uri(target), holds);
        app.Run(proxy.PassAsync);
        await app.StartAsync();
        return proxy;
    }

    /// <summary>Lets everything arrive.</summary>
    public void Release() => gate.TrySetResult();

    public async ValueTask DisposeAsync()
    {
        Release();
        await app.DisposeAsync();
        client.Dispose();
    }

    private async Task PassAsync(HttpContext http)
    {
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body, http.RequestAborted);
        var isHeld = !gate.Task.IsCompleted && holds(http.Request);
        if (isHeld)
        {
            Interlocked.Increment(ref held);
            Interlocked.Increment(ref waiting);
            await using (http.RequestAborted.Register(() => Interlocked.Decrement(ref waiting)))
            {
                await gate.Task;
            }
        }

        using var request = new HttpRequestMessage(new HttpMethod(http.Request.Method), new Uri(target, http.Request.Path + http.Request.QueryString));
        if (body.Length > 0)
        {
            request.Content = new ByteArrayContent(body.ToArray());
        }

        foreach (var (name, values) in http.Request.Headers.Where(header => !OfConnection.Contains(header.Key, StringComparer.OrdinalIgnoreCase)))
        {
            _ = request.Headers.TryAddWithoutValidation(name, values.AsEnumerable()) || request.Content?.Headers.TryAddWithoutValidation(name, values.AsEnumerable()) == true;
        }

        // What was kept back arrives, whether anybody waits for the answer or not; of another, a proxy behind this one is to know whether somebody does.
        using var response = await client.SendAsync(request, isHeld ? CancellationToken.None : http.RequestAborted);
        var answer = await response.Content.ReadAsByteArrayAsync(CancellationToken.None);
        if (isHeld)
        {
            Interlocked.Increment(ref arrived);
        }

        http.Response.StatusCode = (int)response.StatusCode;
        foreach (var (name, values) in response.Headers.Concat(response.Content.Headers).Where(header => !OfConnection.Contains(header.Key, StringComparer.OrdinalIgnoreCase)))
        {
            http.Response.Headers[name] = values.ToArray();
        }

        await http.Response.Body.WriteAsync(answer, http.RequestAborted);
    }
}
