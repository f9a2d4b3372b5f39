using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;

namespace Selfsame.Testing;

/// <summary>A real SMTP server on 127.0.0.1 that keeps what it receives, and refuses or breaks off where it is told to.</summary>
public sealed class SmtpReceiver : IAsyncDisposable
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    private readonly TemporaryFolder folder;
    private readonly ChildProcess process;

    private SmtpReceiver(TemporaryFolder folder, ChildProcess process, int port)
    {
        this.folder = folder;
        this.process = process;
        Port = port;
    }

    /// <summary>The port on 127.0.0.1.</summary>
    public int Port { get; }

    /// <summary>The self-signed certificate (PEM, for localhost and 127.0.0.1) of a receiver with STARTTLS: name it in SSL_CERT_FILE to trust it.</summary>
    public string CertificateFile => folder["certificate.pem"];

    /// <summary>Every mail so far, in the order in which it came.</summary>
    public IReadOnlyList<ReceivedMail> Mails => [.. process.StandardOutput.Snapshot.Where(IsMail).Select(Parse)];

    /// <summary>Starts the receiver.</summary>
    /// <param name="startTls">Offer STARTTLS, and AUTH only after it, under a self-signed certificate.</param>
    /// <param name="user">If set, mail is taken only from who signs in with this user and <paramref name="password"/>.</param>
    /// <param name="password">The password of <paramref name="user"/>.</param>
    /// <param name="ascii">Do not announce SMTPUTF8.</param>
    public static async Task<SmtpReceiver> StartAsync(bool startTls = false, string? user = null, string? password = null, bool ascii = false)
    {
        using var timeout = new CancellationTokenSource(Timeout);
        var nodeFolder = Checkout.NodeFolder;
        var folder = new TemporaryFolder();
        var (keyFile, certificateFile) = (folder["key.pem"], folder["certificate.pem"]);
        if (startTls)
        {
            await WriteCertificateAsync(keyFile, certificateFile, timeout.Token);
        }

        var options = startTls
            ? JsonSerializer.Serialize(new { starttls = true, keyFile, certificateFile, user, password, ascii })
            : JsonSerializer.Serialize(new { starttls = false, user, password, ascii });
        var process = ChildProcess.Start("node", [Path.Combine(nodeFolder, "smtp.mjs"), options], folder: nodeFolder);
        if (await process.StandardOutput.FirstAsync(line => EventOf(line) == "listening", timeout.Token) is not { } line)
        {
            var error = process.StandardError.Text;
            await process.DisposeAsync();
            folder.Dispose();
            throw new InvalidOperationException($"The SMTP receiver did not start (it needs Node.js 20 or newer):\n{error}");
        }

        using var listening = JsonDocument.Parse(line);
        return new SmtpReceiver(folder, process, listening.RootElement.GetProperty("port").GetInt32());
    }

    /// <summary>The first mail, past or to come, for which <paramref name="matches"/> holds; a <see cref="TimeoutException"/> lists what came instead.</summary>
    public async Task<ReceivedMail> WaitForMailAsync(Func<ReceivedMail, bool> matches, TimeSpan? timeout = null)
    {
        using var limit = new CancellationTokenSource(timeout ?? Timeout);
        try
        {
            var line = await process.StandardOutput.FirstAsync(line => IsMail(line) && matches(Parse(line)), limit.Token);
            return line is not null
                ? Parse(line)
                : throw new InvalidOperationException($"The SMTP receiver ended:\n{process.StandardError.Text}");
        }
        catch (OperationCanceledException)
        {
            var received = string.Concat(Mails.Select(mail => $"\n{string.Join(", ", mail.To)}: {mail.Content.Subject}"));
            throw new TimeoutException($"No such mail arrived. Received:{(received.Length == 0 ? " nothing" : received)}");
        }
    }

    /// <summary>Answers <paramref name="code"/> (4xx: try again, 5xx: never) the next <paramref name="count"/> times, with <paramref name="text"/> if it is given.</summary>
    public Task RefuseAsync(SmtpStage stage, int code, int count = 1, string? text = null) => SetFaultAsync(stage, code, drop: false, count, text);

    /// <summary>
    /// Drops the connection the next <paramref name="count"/> times. At <see cref="SmtpStage.Message"/> the mail was taken and only the answer is lost.
    /// </summary>
    public Task DropAsync(SmtpStage stage, int count = 1) => SetFaultAsync(stage, code: 0, drop: true, count);

    public async ValueTask DisposeAsync()
    {
        await process.DisposeAsync();
        folder.Dispose();
    }

    private async Task SetFaultAsync(SmtpStage stage, int code, bool drop, int count, string? text = null)
    {
        using var timeout = new CancellationTokenSource(Timeout);
        var known = process.StandardOutput.Snapshot.Count(line => EventOf(line) == "fault-set");
        var seen = 0;
        var fault = JsonSerializer.Serialize(new { at = stage.ToString().ToLowerInvariant(), code, drop, count, text });
        await process.StandardInput.WriteLineAsync(fault.AsMemory(), timeout.Token);
        await process.StandardInput.FlushAsync(timeout.Token);
        await process.StandardOutput.FirstAsync(line => EventOf(line) == "fault-set" && ++seen > known, timeout.Token);
    }

    private static bool IsMail(string line) => EventOf(line) == "mail";

    private static string? EventOf(string line)
    {
        using var document = JsonDocument.Parse(line);
        return document.RootElement.GetProperty("event").GetString();
    }

    private static ReceivedMail Parse(string line) => JsonSerializer.Deserialize<ReceivedMail>(line, Json)!;

    private static async Task WriteCertificateAsync(string keyFile, string certificateFile, CancellationToken cancellationToken)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        await File.WriteAllTextAsync(keyFile, key.ExportPkcs8PrivateKeyPem(), cancellationToken);
        await File.WriteAllTextAsync(certificateFile, certificate.ExportCertificatePem(), cancellationToken);
    }
}
