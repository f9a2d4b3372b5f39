using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Selfsame.Contract.Tests.Connectors.AtProto;

/// <summary>A server on 127.0.0.1 that no client gets a whole answer from.</summary>
public sealed class BrokenServer : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource stop = new();
    private readonly string scheme;
    private Task serving = Task.CompletedTask;
    private int received;

    private BrokenServer(string scheme)
    {
        this.scheme = scheme;
        listener.Start();
    }

    public string Url => $"{scheme}://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}";

    /// <summary>How many requests began to arrive.</summary>
    public int Received => received;

    /// <summary>Speaks TLS under a certificate that it signed itself.</summary>
    public static Task<BrokenServer> WithItsOwnCertificateAsync() => StartAsync("https", async (server, stream) =>
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=pds.example.net", key, HashAlgorithmName.SHA256);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        await using var secured = new SslStream(stream);
        await secured.AuthenticateAsServerAsync(certificate);
        if (await secured.ReadAsync(new byte[1]) > 0)
        {
            Interlocked.Increment(ref server.received);
        }
    });

    /// <summary>Promises an answer of a thousand bytes and closes after twenty.</summary>
    public static Task<BrokenServer> ClosingHalfWayAsync() => StartAsync("http", async (_, stream) =>
    {
        await stream.ReadExactlyAsync(new byte[16]);
        await stream.WriteAsync("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"did\": \"did:web:loc"u8.ToArray());
    });

    /// <summary>Answers a page of HTML with 200, as a proxy or a portal before the server does.</summary>
    public static Task<BrokenServer> AnsweringHtmlAsync() => StartAsync("http", async (server, stream) =>
    {
        const string page = "<html><body><h1>Sign in to the network</h1></body></html>";
        var buffer = new byte[64 * 1024];
        await stream.ReadAtLeastAsync(buffer, 1, throwOnEndOfStream: false, server.stop.Token);
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: {page.Length}\r\n\r\n{page}"), server.stop.Token);
        // Closed with something unread, the connection would be reset and the page lost.
        stream.Socket.Shutdown(SocketShutdown.Send);
        await ReadToEndAsync(stream, buffer, server.stop.Token);
    });

    /// <summary>Takes a request and says nothing until its client goes away.</summary>
    public static Task<BrokenServer> HangingAsync() => StartAsync("http", async (server, stream) =>
    {
        Interlocked.Increment(ref server.received);
        await ReadToEndAsync(stream, new byte[64 * 1024], server.stop.Token);
    });

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await serving;
        listener.Dispose();
        stop.Dispose();
    }

    private static async Task ReadToEndAsync(NetworkStream stream, byte[] buffer, CancellationToken cancellation)
    {
        while (await stream.ReadAsync(buffer, cancellation) > 0)
        {
            // What the client says is of no interest.
        }
    }

    private static Task<BrokenServer> StartAsync(string scheme, Func<BrokenServer, NetworkStream, Task> serve)
    {
        var server = new BrokenServer(scheme);
        server.serving = server.ServeAsync(serve);
        return Task.FromResult(server);
    }

    private async Task ServeAsync(Func<BrokenServer, NetworkStream, Task> serve)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                using var client = await listener.AcceptTcpClientAsync(stop.Token);
                await using var stream = client.GetStream();
                await serve(this, stream);
            }
            catch (Exception exception) when (exception is IOException or AuthenticationException or OperationCanceledException)
            {
                // The client went away, as it should.
            }
        }
    }
}
