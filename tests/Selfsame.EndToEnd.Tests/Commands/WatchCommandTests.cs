using System.Net;
using System.Text;
using System.Text.Json;
using Selfsame.Core;
using Selfsame.Core.Accounts;
using Selfsame.Core.Webhooks;
using Selfsame.Databases;
using Selfsame.Server.Hosting;
using Selfsame.Server.Watch;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Commands;

[Trait("needs", "executable")]
public sealed class WatchCommandTests
{
    // The example of standardwebhooks.com's reference libraries.
    private const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    [Fact]
    public void A_webhook_is_signed_as_the_specification_s_example()
        => WebhookSignature.Parse(Secret)!.Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", DateTimeOffset.FromUnixTimeSeconds(1614265330), "{\"test\": 2432232314}")
            .ShouldBe("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");

    [Theory]
    [InlineData("")]
    [InlineData("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    [InlineData("whsec_short")]
    [InlineData("whsec_!!!!")]
    public void What_is_no_secret_is_refused(string secret) => WebhookSignature.Parse(secret).ShouldBeNull();

    [Fact]
    public async Task A_finding_is_told_once_by_mail_and_again_only_when_something_new_is_found()
    {
        using var sandbox = await Sandbox.MakeAsync();

        (await sandbox.ExpectAsync(2, "watch", "--once", "--mail", "ops@example.org")).StandardOutput.ShouldContain("11 findings, 11 new");
        (await sandbox.ExpectAsync(2, "watch", "--once", "--mail", "ops@example.org")).StandardOutput.ShouldContain("11 findings, 0 new");
        Mails(sandbox).ShouldHaveSingleItem().ShouldContain("Subject: Selfsame: 11 new findings");

        sandbox.Sql("auth.db", "INSERT INTO accounts VALUES ('u40', 'new@example.org', 1, NULL, NULL, NULL)");
        var round = await sandbox.JsonAsync(2, "watch", "--once", "--mail", "ops@example.org");
        round.GetProperty("new").GetArrayLength().ShouldBe(1);
        Mails(sandbox).Count.ShouldBe(2);
        Mails(sandbox).ShouldContain(mail => mail.Contains("new@example.org is in auth and not in app", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_webhook_that_refuses_gets_the_same_alert_again_and_then_no_more()
    {
        using var sandbox = await Sandbox.MakeAsync();
        await using var receiver = new Receiver([500, 500, 500, 500, 200]);
        var environment = new Dictionary<string, string?> { ["SELFSAME_WEBHOOK_SECRET"] = Secret };
        string[] watch = ["watch", "--once", "--webhook", receiver.Url];

        (await sandbox.ExpectAsync(1, environment, watch)).StandardError.ShouldContain("answered 500");
        await sandbox.ExpectAsync(2, environment, watch);
        await sandbox.ExpectAsync(2, environment, watch);

        receiver.Received.Count.ShouldBe(5);
        receiver.Received.Select(call => call.Id).Distinct().ShouldHaveSingleItem().ShouldStartWith("msg_");
        var (id, timestamp, signature, body) = receiver.Received[^1];
        signature.ShouldBe(WebhookSignature.Parse(Secret)!.Sign(id, DateTimeOffset.FromUnixTimeSeconds(long.Parse(timestamp, System.Globalization.CultureInfo.InvariantCulture)), body));
        var data = JsonDocument.Parse(body).RootElement;
        (data.GetProperty("type").GetString(), data.GetProperty("data").GetProperty("count").GetInt32()).ShouldBe(("findings.new", 11));
    }

    [Fact]
    public async Task On_a_schedule_it_audits_again_and_again_and_tells_a_finding_once()
    {
        using var sandbox = await Sandbox.MakeAsync();
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await using var watch = ChildProcess.Start(Checkout.Executable, ["watch", "--every", "1s", "--mail", "ops@example.org"], folder: sandbox.Folder);
        await watch.StandardOutput.FirstAsync(line => line.Contains("11 findings, 11 new", StringComparison.Ordinal), timeout.Token);
        await UntilAsync(() => watch.StandardOutput.Snapshot.Count(line => line.Contains("11 findings, 0 new", StringComparison.Ordinal)) >= 2, timeout.Token);
        Mails(sandbox).ShouldHaveSingleItem();

        sandbox.Sql("auth.db", "INSERT INTO accounts VALUES ('u40', 'new@example.org', 1, NULL, NULL, NULL)");

        (await watch.StandardOutput.FirstAsync(line => line.Contains("12 findings, 1 new", StringComparison.Ordinal), timeout.Token)).ShouldNotBeNull(watch.StandardError.Text);
        (await watch.StandardOutput.FirstAsync(line => line.Contains("12 findings, 0 new", StringComparison.Ordinal), timeout.Token)).ShouldNotBeNull();
        Mails(sandbox).Count.ShouldBe(2);
    }

    // A watch that had run for weeks still told of what had been decided since it began.
    [Fact]
    public async Task What_is_decided_while_it_runs_is_heeded_from_the_next_round_on()
    {
        using var sandbox = await Sandbox.MakeAsync();
        File.AppendAllText(sandbox["selfsame.yaml"], "\ndecisions: decisions.yaml\n");
        File.WriteAllText(sandbox["decisions.yaml"], "");
        sandbox.Sql("auth.db", "INSERT INTO accounts VALUES ('u40', 'new@example.org', 1, NULL, NULL, NULL)");
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await using var watch = ChildProcess.Start(Checkout.Executable, ["watch", "--every", "1s"], folder: sandbox.Folder);
        (await watch.StandardOutput.FirstAsync(line => line.Contains("12 findings, 12 new", StringComparison.Ordinal), timeout.Token)).ShouldNotBeNull(watch.StandardError.Text);

        await sandbox.ExpectAsync(0, "decide", "ignore", "auth/u40", "--reason", "a service account");

        (await watch.StandardOutput.FirstAsync(line => line.Contains("11 findings, 0 new", StringComparison.Ordinal), timeout.Token)).ShouldNotBeNull(watch.StandardError.Text);
    }

    [Fact]
    public async Task Without_a_secret_no_webhook_is_called_and_a_wrong_time_or_address_is_said()
    {
        using var sandbox = await Sandbox.MakeAsync();

        (await sandbox.ExpectAsync(1, new() { ["SELFSAME_WEBHOOK_SECRET"] = null }, ["watch", "--once", "--webhook", "http://127.0.0.1:9/"])).StandardError.ShouldContain("SELFSAME_WEBHOOK_SECRET");
        (await sandbox.ExpectAsync(1, "watch", "--every", "soon")).StandardError.ShouldContain("90s, 15m");
        (await sandbox.ExpectAsync(1, "watch", "--once", "--mail", "nobody")).StandardError.ShouldContain("no e-mail address");
    }

    // An operator who looks at the fault by hand, or has a mail sent, answers for no webhook.
    [Fact]
    public async Task An_alert_waits_for_its_own_channel_whoever_watches_meanwhile()
    {
        using var sandbox = await Sandbox.MakeAsync();
        await using var receiver = new Receiver([500, 500, 500, 500, 200]);
        var environment = new Dictionary<string, string?> { ["SELFSAME_WEBHOOK_SECRET"] = Secret };
        string[] watch = ["watch", "--once", "--webhook", receiver.Url];
        await sandbox.ExpectAsync(1, environment, watch);

        await sandbox.ExpectAsync(2, "watch", "--once");
        await sandbox.ExpectAsync(2, "watch", "--once", "--mail", "ops@example.org");
        await sandbox.ExpectAsync(2, environment, watch);

        receiver.Received.Count.ShouldBe(5);
        receiver.Received.Select(call => call.Id).Distinct().ShouldHaveSingleItem();
        Directory.GetFiles(sandbox["data"], "watch*").ShouldAllBe(file => !file.Contains("ops", StringComparison.Ordinal) && !File.ReadAllText(file).Contains(receiver.Url));
    }

    [Fact]
    public async Task A_round_without_a_channel_hides_nothing_from_those_who_are_told_the_next_time()
    {
        using var sandbox = await Sandbox.MakeAsync();

        (await sandbox.ExpectAsync(2, "watch", "--once")).StandardOutput.ShouldContain("11 findings, 11 new");
        (await sandbox.ExpectAsync(2, "watch", "--once")).StandardOutput.ShouldContain("11 findings, 0 new");
        (await sandbox.ExpectAsync(2, "watch", "--once", "--mail", "ops@example.org")).StandardOutput.ShouldContain("11 findings, 11 new");

        Mails(sandbox).ShouldHaveSingleItem().ShouldContain("Subject: Selfsame: 11 new findings");
    }

    [Fact]
    public async Task Watches_that_tell_different_people_tell_each_of_them_everything_once()
    {
        using var sandbox = await Sandbox.MakeAsync();
        string[] people = ["ops@example.org", "ada@example.org", "Ops@example.org", "ada@example.org"];
        foreach (var to in people)
        {
            await sandbox.ExpectAsync(2, "watch", "--once", "--mail", to);
        }

        Mails(sandbox).Count(mail => mail.Contains("To: ops@example.org", StringComparison.Ordinal)).ShouldBe(1);
        Mails(sandbox).Count(mail => mail.Contains("To: ada@example.org", StringComparison.Ordinal)).ShouldBe(1);
    }

    // Of an older version, which had one memory for all channels.
    [Fact]
    public async Task What_an_older_version_remembered_is_taken_over_and_what_it_owed_is_told()
    {
        using var sandbox = await Sandbox.MakeAsync();
        await using var receiver = new Receiver([200]);
        await sandbox.ExpectAsync(2, "watch", "--once", "--mail", "ops@example.org");
        var own = Directory.GetFiles(sandbox["data"], "watch-mail-*.json").ShouldHaveSingleItem();
        var older = System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(own))!;
        older["pending"] = System.Text.Json.Nodes.JsonNode.Parse(
            """[{ "id": "0b7b7f6e-0000-4000-8000-000000000001", "created": "2026-03-01T12:00:00+00:00", "lines": [{ "kind": "Orphan", "system": "app", "sentence": "It was owed." }], "left": ["webhook"] }]""");
        File.WriteAllText(sandbox[Path.Combine("data", "watch.json")], older.ToJsonString());
        File.Delete(own);

        (await sandbox.ExpectAsync(2, "watch", "--once", "--mail", "ops@example.org")).StandardOutput.ShouldContain("11 findings, 0 new");
        await sandbox.ExpectAsync(2, new() { ["SELFSAME_WEBHOOK_SECRET"] = Secret }, ["watch", "--once", "--webhook", receiver.Url]);

        Mails(sandbox).ShouldHaveSingleItem();
        receiver.Received.Count(call => call.Body.Contains("It was owed.", StringComparison.Ordinal)).ShouldBe(1);
        File.Exists(sandbox[Path.Combine("data", "watch.json")]).ShouldBeFalse();
    }

    // From a timer of the system each audit is a process of its own.
    [Fact]
    public async Task Audits_that_go_on_failing_are_told_once_also_where_each_is_a_process()
    {
        using var folder = new TemporaryFolder();
        var clock = new VirtualClock(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
        using var channels = AlertChannels.Open("ops@example.org", null, null, new ServerOptions { DataFolder = folder.Path, Clock = clock });
        List<int> mails = [];
        for (var process = 0; process < 5; process++)
        {
            var watcher = new Watcher(
                _ => throw (process % 2 == 0 ? new SystemUnavailableException("'app' is down.") : new TransientDatabaseException("The store is down.")),
                channels, new WatchMemory(folder.Path, null), clock, RandomSource.System);
            var round = watcher.OnceAsync(TestContext.Current.CancellationToken);
            while (!round.IsCompleted)
            {
                clock.FireNext();
                await Task.Yield();
            }

            (await round).Problems.ShouldHaveSingleItem().ShouldContain("is down");
            mails.Add(Directory.Exists(folder["mail"]) ? Directory.GetFiles(folder["mail"], "*.eml").Length : 0);
        }

        mails.ShouldBe([0, 0, 1, 1, 1]);
    }

    private static async Task UntilAsync(Func<bool> condition, CancellationToken cancellation)
    {
        while (!condition())
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), cancellation);
        }
    }

    private static List<string> Mails(Sandbox sandbox) => [.. Directory.EnumerateFiles(sandbox[Path.Combine("data", "mail")], "*.eml").Order().Select(File.ReadAllText)];

    /// <summary>A web server that answers as it is told and keeps what it got.</summary>
    private sealed class Receiver : IAsyncDisposable
    {
        private readonly HttpListener listener = new();
        private readonly Task serving;

        public Receiver(IReadOnlyList<int> answers)
        {
            // A free port: the listener takes none by itself.
            using (var probe = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0))
            {
                probe.Start();
                Url = $"http://127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}/";
            }

            listener.Prefixes.Add(Url);
            listener.Start();
            serving = ServeAsync(answers);
        }

        public string Url { get; }

        public List<(string Id, string Timestamp, string Signature, string Body)> Received { get; } = [];

        public async ValueTask DisposeAsync()
        {
            listener.Stop();
            await serving;
        }

        private async Task ServeAsync(IReadOnlyList<int> answers)
        {
            try
            {
                for (var number = 0; ; number++)
                {
                    var context = await listener.GetContextAsync();
                    using var reader = new StreamReader(context.Request.InputStream, Encoding.UTF8);
                    var headers = context.Request.Headers;
                    Received.Add((headers["webhook-id"]!, headers["webhook-timestamp"]!, headers["webhook-signature"]!, await reader.ReadToEndAsync()));
                    context.Response.StatusCode = answers[Math.Min(number, answers.Count - 1)];
                    context.Response.Close();
                }
            }
            catch (Exception exception) when (exception is HttpListenerException or ObjectDisposedException)
            {
                // It was stopped.
            }
        }
    }
}
