using System.Net.Http.Headers;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Selfsame.Testing;

namespace Selfsame.Bench.Servers;

/// <summary>
/// A server in a child process of this executable, and the connections to it. It stands still (SIGSTOP) while something
/// else is measured: what it still does in the background would weigh on the other side.
/// </summary>
internal sealed partial class ServerProcess : IAsyncDisposable
{
    /// <summary>What a child prints before the address on which it listens.</summary>
    public const string ListeningOn = "Listening on ";

    private const int Stop = 19;
    private const int Continue = 18;
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(60);

    private readonly ChildProcess process;
    private readonly HttpClient client;
    private int questions;

    private ServerProcess(ChildProcess process, Uri address)
    {
        this.process = process;
        client = new HttpClient(new SocketsHttpHandler { UseCookies = false, UseProxy = false }) { BaseAddress = address };
    }

    /// <summary>Starts <paramref name="command"/> of this executable and waits until it listens.</summary>
    public static async Task<ServerProcess> StartAsync(string command, params string[] arguments)
    {
        var environment = new Dictionary<string, string?> { [MeasuredServer.SecretVariable] = Stores.BenchStore.SecretKey };
        var process = ChildProcess.Start(Environment.ProcessPath!, [command, .. arguments], environment);
        using var timeout = new CancellationTokenSource(StartTimeout);
        var line = await process.StandardOutput.FirstAsync(line => line.StartsWith(ListeningOn, StringComparison.Ordinal), timeout.Token);
        if (line is not null)
        {
            return new ServerProcess(process, new Uri(line[ListeningOn.Length..]));
        }

        var output = process.StandardOutput.Text + process.StandardError.Text;
        await process.DisposeAsync();
        throw new InvalidOperationException($"{command} ended before it listened:\n{output}");
    }

    public void Pause() => Signal(Stop);

    public void Resume() => Signal(Continue);

    /// <summary>Runs <paramref name="work"/> while the server runs; it stands still afterwards.</summary>
    public async Task<T> AwakeAsync<T>(Func<Task<T>> work)
    {
        Resume();
        try
        {
            return await work();
        }
        finally
        {
            Pause();
        }
    }

    /// <summary>As above, for work without a result.</summary>
    public Task AwakeAsync(Func<Task> work) => AwakeAsync(async () =>
    {
        await work();
        return true;
    });

    /// <summary>The bare work's rate in the process of <see cref="MeasuredServer"/>, which must be awake.</summary>
    public async Task<double> MeasureAsync(BareWork work, int callers, TimeSpan settle, TimeSpan window)
    {
        var number = ++questions;
        await process.StandardInput.WriteLineAsync(BareHashing.Question(number, work, callers, settle, window));
        await process.StandardInput.FlushAsync();
        using var timeout = new CancellationTokenSource(settle + window + StartTimeout);
        return await process.StandardOutput.FirstAsync(line => BareHashing.IsAnswer(number, line), timeout.Token) is { } answer
            ? BareHashing.ReadAnswer(answer)
            : throw new InvalidOperationException($"The server ended before it had measured:\n{process.StandardOutput.Text}{process.StandardError.Text}");
    }

    /// <summary>Posts JSON; the status must be the expected one.</summary>
    public async Task<JsonElement> PostAsync(string path, object body, int expected)
    {
        var (status, text) = await TryPostAsync(path, body);
        return status == expected
            ? JsonSerializer.Deserialize<JsonElement>(text)
            : throw new InvalidOperationException($"POST {path} was answered {status}, not {expected}: {text}");
    }

    /// <summary>Posts JSON; the status and text of the answer, whatever they are.</summary>
    public async Task<(int Status, string Text)> TryPostAsync(string path, object body)
    {
        using var content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        using var answer = await client.PostAsync(new Uri(path, UriKind.Relative), content);
        return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }

    /// <summary>Posts what a webhook sends, with its token as it is; anything but a success throws.</summary>
    public async Task PostHookAsync(string path, string token, byte[] body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(body) };
        request.Headers.TryAddWithoutValidation("Authorization", token);
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        using var answer = await client.SendAsync(request);
        answer.EnsureSuccessStatusCode();
        await answer.Content.ReadAsByteArrayAsync();
    }

    /// <summary>Gets with a bearer token; anything but a success throws.</summary>
    public async Task GetAsync(string path, string token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        using var answer = await client.SendAsync(request);
        answer.EnsureSuccessStatusCode();
        await answer.Content.ReadAsByteArrayAsync();
    }

    /// <summary>A line of <c>/proc/PID/status</c> that counts kB (proc(5)), in MiB.</summary>
    public double Memory(string name)
    {
        var line = File.ReadLines($"/proc/{process.Id}/status", Encoding.ASCII).First(line => line.StartsWith($"{name}:", StringComparison.Ordinal));
        return double.Parse(line.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1], System.Globalization.CultureInfo.InvariantCulture) / 1024;
    }

    public async ValueTask DisposeAsync()
    {
        client.Dispose();
        await process.DisposeAsync();
    }

    private void Signal(int signal)
    {
        if (Kill(process.Id, signal) != 0)
        {
            throw new InvalidOperationException($"Signal {signal} could not be sent to the server: errno {Marshal.GetLastPInvokeError()}.");
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int process, int signal);
}
