using System.Text.Json;

namespace Selfsame.Testing;

/// <summary>A message as a receiver got it.</summary>
/// <param name="Id">The header <c>webhook-id</c>.</param>
/// <param name="Body">JSON.</param>
/// <param name="Verified">Whether the specification's own library accepts its signature.</param>
/// <param name="Error">What the library said where it does not.</param>
/// <param name="Answer">The status that was answered; 0 where the receiver hung.</param>
public sealed record ReceivedWebhook(string Id, string Body, bool Verified, string? Error, int Answer)
{
    /// <summary>The body's <c>type</c>.</summary>
    public string Type => JsonDocument.Parse(Body).RootElement.GetProperty("type").GetString()!;

    /// <summary>The body's <c>data</c>.</summary>
    public JsonElement Data => JsonDocument.Parse(Body).RootElement.GetProperty("data");
}

/// <summary>A receiver of webhooks on 127.0.0.1 that verifies what it gets with the Standard Webhooks specification's own library, and refuses or hangs where it is told to.</summary>
public sealed class WebhookReceiver : IAsyncDisposable
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    private readonly ChildProcess process;

    private WebhookReceiver(ChildProcess process, int port)
    {
        this.process = process;
        Url = new Uri($"http://127.0.0.1:{port}/");
    }

    public Uri Url { get; }

    /// <summary>Every message so far, in the order in which it came.</summary>
    public IReadOnlyList<ReceivedWebhook> Messages => [.. process.StandardOutput.Snapshot.Where(IsMessage).Select(Parse)];

    /// <summary>Starts a receiver that verifies by this secret.</summary>
    public static async Task<WebhookReceiver> StartAsync(string secret)
    {
        using var timeout = new CancellationTokenSource(Timeout);
        var process = ChildProcess.Start(
            "node", [Path.Combine(Checkout.NodeFolder, "webhooks.mjs"), JsonSerializer.Serialize(new { secret })], folder: Checkout.NodeFolder);
        if (await process.StandardOutput.FirstAsync(line => EventOf(line) == "listening", timeout.Token) is not { } line)
        {
            var error = process.StandardError.Text;
            await process.DisposeAsync();
            throw new InvalidOperationException($"The receiver of webhooks did not start (it needs Node.js 20 or newer):\n{error}");
        }

        using var listening = JsonDocument.Parse(line);
        return new WebhookReceiver(process, listening.RootElement.GetProperty("port").GetInt32());
    }

    /// <summary>Answers this status from now on.</summary>
    public Task AnswerAsync(int status) => SetAsync(new { status, hang = false });

    /// <summary>Takes messages and answers nothing from now on.</summary>
    public Task HangAsync() => SetAsync(new { status = 0, hang = true });

    /// <summary>The first message, past or to come, for which <paramref name="matches"/> holds; a <see cref="TimeoutException"/> lists what came instead.</summary>
    public async Task<ReceivedWebhook> WaitForAsync(Func<ReceivedWebhook, bool> matches, TimeSpan patience)
    {
        using var limit = new CancellationTokenSource(patience);
        try
        {
            return await process.StandardOutput.FirstAsync(line => IsMessage(line) && matches(Parse(line)), limit.Token) is { } line
                ? Parse(line)
                : throw new InvalidOperationException($"The receiver of webhooks ended:\n{process.StandardError.Text}");
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"No such message arrived. Received:\n{string.Join('\n', Messages)}");
        }
    }

    public ValueTask DisposeAsync() => process.DisposeAsync();

    private async Task SetAsync(object answer)
    {
        using var timeout = new CancellationTokenSource(Timeout);
        var known = process.StandardOutput.Snapshot.Count(line => EventOf(line) == "answer-set");
        var seen = 0;
        await process.StandardInput.WriteLineAsync(JsonSerializer.Serialize(answer).AsMemory(), timeout.Token);
        await process.StandardInput.FlushAsync(timeout.Token);
        await process.StandardOutput.FirstAsync(line => EventOf(line) == "answer-set" && ++seen > known, timeout.Token);
    }

    private static bool IsMessage(string line) => EventOf(line) == "message";

    private static string? EventOf(string line)
    {
        using var document = JsonDocument.Parse(line);
        return document.RootElement.GetProperty("event").GetString();
    }

    private static ReceivedWebhook Parse(string line) => JsonSerializer.Deserialize<ReceivedWebhook>(line, Json)!;
}
