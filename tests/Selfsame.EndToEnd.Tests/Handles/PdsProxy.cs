using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Handles;

/// <summary>What becomes of a call on its way.</summary>
public enum PdsFault
{
    None,

    /// <summary>The PDS does it, and the answer is lost.</summary>
    AnswerLost,

    /// <summary>It never arrives, and nobody answers.</summary>
    Swallowed,

    /// <summary>It does not arrive, and the PDS says that it is busy.</summary>
    Busy,

    /// <summary>The connection breaks at once, and the PDS gets it <see cref="PdsProxy.Lateness"/> later.</summary>
    Late,
}

/// <summary>A proxy between the service and the PDS that does to single calls what networks do.</summary>
public sealed class PdsProxy : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly HttpClient client = new(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false });
    private readonly Uri target;

    private PdsProxy(WebApplication app, Uri target)
    {
        this.app = app;
        this.target = target;
    }

    public string Url => app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();

    /// <summary>The fault of each call, by the method's name; asked once for each.</summary>
    public Func<string, PdsFault> Fault { get; set; } = _ => PdsFault.None;

    public TimeSpan Lateness { get; set; }

    /// <summary>The PDS's answers to what came late, which nobody waits for.</summary>
    public ConcurrentBag<HttpStatusCode> LateAnswers { get; } = [];

    /// <summary>What it asks for when it is busy.</summary>
    public TimeSpan RetryAfter { get; set; } = TimeSpan.FromSeconds(1);

    public static async Task<PdsProxy> StartAsync(PersonalDataServer server)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var proxy = new PdsProxy(app, new Uri(server.Url));
        app.Run(proxy.PassAsync);
        await app.StartAsync();
        return proxy;
    }

    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        client.Dispose();
    }

    private async Task PassAsync(HttpContext http)
    {
        var fault = Fault(http.Request.Path.Value!.Split('.')[^1]);
        switch (fault)
        {
            case PdsFault.Swallowed:
                await Task.Delay(Timeout.Infinite, http.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
                return;
            case PdsFault.Busy:
                http.Response.StatusCode = (int)HttpStatusCode.TooManyRequests;
                http.Response.Headers.RetryAfter = $"{RetryAfter.TotalSeconds:0}";
                return;
        }

        using var request = await CopyAsync(http.Request);
        if (fault == PdsFault.Late)
        {
            http.Abort();
            await Task.Delay(Lateness);
            using var answer = await client.SendAsync(request);
            LateAnswers.Add(answer.StatusCode);
            return;
        }

        using var response = await client.SendAsync(request, http.RequestAborted);
        if (fault == PdsFault.AnswerLost)
        {
            http.Abort();
            return;
        }

        http.Response.StatusCode = (int)response.StatusCode;
        http.Response.ContentType = response.Content.Headers.ContentType?.ToString();
        await response.Content.CopyToAsync(http.Response.Body, http.RequestAborted);
    }

    private async Task<HttpRequestMessage> CopyAsync(HttpRequest asked)
    {
        var request = new HttpRequestMessage(new HttpMethod(asked.Method), new Uri(target, asked.Path + asked.QueryString));
        if (asked.ContentLength > 0)
        {
            using var body = new MemoryStream();
            await asked.Body.CopyToAsync(body);
            request.Content = new ByteArrayContent(body.ToArray());
            request.Content.Headers.TryAddWithoutValidation("Content-Type", asked.ContentType);
        }

        request.Headers.TryAddWithoutValidation("Authorization", asked.Headers.Authorization.ToString() is { Length: > 0 } credentials ? credentials : null);
        return request;
    }
}
