using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using Selfsame.Core;
using Selfsame.Core.Webhooks;
using Selfsame.Databases;
using Selfsame.EndToEnd.Tests.Api;
using Selfsame.Server.Webhooks;
using Selfsame.Store.Audit;
using Selfsame.Store.Users;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Webhooks;

/// <summary>What the server sends, verified in Node by the Standard Webhooks specification's own library.</summary>
[Trait("needs", "npm")]
public sealed class WebhookTests
{
    private const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    private const string EarlierSecret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

    /// <summary>Each is told in two messages; sixteen that hang at once take 15 seconds.</summary>
    private const int OthersWaiting = 80;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    [Fact]
    public async Task The_specifications_own_library_verifies_every_event_of_a_user()
    {
        await using var receiver = await WebhookReceiver.StartAsync(Secret);
        await using var server = await StartAsync(Endpoint("crm", receiver.Url));
        var user = await server.MakeUserAsync(new AdministratorFields());
        var administration = new UserAdministration(server.Context);
        Task ChangeAsync(UserChange change) => administration.ChangeAsync("main", user.Uuid, change, null, Actor.System, CancellationToken.None);
        await ChangeAsync(new UserChange { EmailVerified = new(true, true) });
        await ChangeAsync(new UserChange { FirstName = new(true, "Zoë") });
        await ChangeAsync(new UserChange { IsActive = new(true, false) });
        await ChangeAsync(new UserChange { IsActive = new(true, true) });
        await administration.DeleteAsync("main", user.Uuid, null, Actor.System, CancellationToken.None);
        await administration.RestoreAsync("main", user.Uuid, null, Actor.System, CancellationToken.None);

        foreach (var type in WebhookEvents.All.Where(type => type != WebhookEvents.ProvisioningOverdue))
        {
            var message = await receiver.WaitForAsync(message => message.Type == type, Patience);
            message.Verified.ShouldBeTrue(message.Error);
            message.Data.GetProperty("uuid").GetGuid().ShouldBe(user.Uuid);
        }

        receiver.Messages.Select(message => message.Id).Distinct().Count().ShouldBe(7);
        receiver.Messages.ShouldAllBe(message => !message.Body.Contains(user.Email!) && !message.Body.Contains(user.UserCode));
    }

    [Fact]
    public async Task While_a_secret_is_replaced_both_verify_and_another_does_not()
    {
        await using var receivers = new Receivers(
            await WebhookReceiver.StartAsync(Secret), await WebhookReceiver.StartAsync(EarlierSecret), await WebhookReceiver.StartAsync("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
        await using var server = await StartAsync([.. receivers.All.Select((receiver, index) => Endpoint($"crm-{index}", receiver.Url) with
        {
            Signatures = [WebhookSignature.Parse(Secret)!, WebhookSignature.Parse(EarlierSecret)!],
        })]);

        await server.MakeUserAsync();

        var verified = new List<bool>();
        foreach (var receiver in receivers.All)
        {
            verified.Add((await receiver.WaitForAsync(_ => true, Patience)).Verified);
        }

        verified.ShouldBe([true, true, false]);
    }

    [Fact]
    public async Task An_endpoint_that_hangs_refuses_or_is_not_there_holds_up_no_other_and_gets_the_same_message_again()
    {
        await using var receivers = new Receivers(await WebhookReceiver.StartAsync(Secret), await WebhookReceiver.StartAsync(Secret), await WebhookReceiver.StartAsync(Secret));
        var (good, hanging, refusing) = (receivers.All[0], receivers.All[1], receivers.All[2]);
        await hanging.HangAsync();
        await refusing.AnswerAsync(500);
        await using var server = await StartAsync(
            Endpoint("absent", new Uri($"http://127.0.0.1:{UnusedPort()}/")), Endpoint("hanging", hanging.Url), Endpoint("refusing", refusing.Url), Endpoint("good", good.Url));

        // So many wait at each that one queue for all would not come through in time.
        var first = await server.MakeUserAsync();
        for (var number = 0; number < OthersWaiting; number++)
        {
            await server.MakeUserAsync();
        }

        await good.WaitForAsync(message => IsOf(message, first), Patience);
        var refused = await refusing.WaitForAsync(message => IsOf(message, first), Patience);
        var second = await server.MakeUserAsync();
        await good.WaitForAsync(message => IsOf(message, second), Patience);
        hanging.Messages.ShouldAllBe(message => message.Answer == 0);
        (await UnsentAsync(server, "absent")).ShouldBe(2 * (OthersWaiting + 2));
        await NothingWaitsAsync(server, "good");

        await refusing.AnswerAsync(204);
        await hanging.AnswerAsync(204);
        var again = await refusing.WaitForAsync(message => message.Id == refused.Id && message.Answer == 204, Patience);
        (again.Body, again.Verified).ShouldBe((refused.Body, true));
        await hanging.WaitForAsync(message => IsOf(message, first) && message.Answer == 204, Patience);
    }

    [Fact]
    [Trait("needs", "executable")]
    public async Task Kill_9_between_commit_and_send_loses_none_and_a_repeat_has_the_same_id()
    {
        await using var receiver = await WebhookReceiver.StartAsync(Secret);
        using var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(
            folder["selfsame.yaml"],
            $"webhooks:\n  crm: {{ url: \"{receiver.Url}\", secret: \"${{CRM_SECRET}}\", events: [user.created] }}\n");

        // The answer never came; the commit did.
        await KilledAtSignUpAsync(folder, "sign-up.committed");
        receiver.Messages.ShouldBeEmpty();
        // First taken on loan and not sent, then taken by the receiver and not noted by us.
        foreach (var (crashPoint, received) in WebhookSender.CrashPointNames.Zip([0, 1]))
        {
            await KilledAtStartAsync(folder, crashPoint);
            receiver.Messages.Count.ShouldBe(received, crashPoint);
            await EndLoansAsync(folder);
        }

        await using var server = await ServeAsync(folder, null);

        await receiver.WaitForAsync(message => receiver.Messages.Count(other => other.Id == message.Id) == 2, Patience);
        var messages = receiver.Messages;
        messages.ShouldAllBe(message => message.Verified && message.Type == WebhookEvents.UserCreated);
        messages.Select(message => (message.Id, message.Body)).Distinct().ShouldHaveSingleItem();
    }

    [Fact]
    [Trait("needs", "executable")]
    public async Task A_webhook_with_a_mistake_names_its_line_and_nothing_starts()
    {
        using var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(folder["selfsame.yaml"], $"webhooks:\n  crm:\n    url: https://crm.example.com\n    secret: {Secret}\n    retries: 3\n");

        var error = await Should.ThrowAsync<InvalidOperationException>(() => ServeAsync(folder, null));

        error.Message.ShouldContain("line 5: 'webhooks.crm.retries' is not known");
        error.Message.ShouldNotContain(Secret);
    }

    /// <summary>Signs a person up; the server kills itself at the crash point.</summary>
    private static async Task KilledAtSignUpAsync(TemporaryFolder folder, string crashPoint)
    {
        await using var server = await ServeAsync(folder, crashPoint);
        using var client = new HttpClient { BaseAddress = server.Address };
        await Should.ThrowAsync<HttpRequestException>(
            () => client.PostAsJsonAsync("/api/v1/sign-ups", new { email = "ada@example.com", password = "correct horse battery" }));
        (await server.WaitForExitAsync(Patience)).ShouldBe(137);
    }

    /// <summary>Starts a server that kills itself over what an earlier one left, perhaps before it listens.</summary>
    private static async Task KilledAtStartAsync(TemporaryFolder folder, string crashPoint)
    {
        try
        {
            await using var server = await ServeAsync(folder, crashPoint);
            (await server.WaitForExitAsync(Patience)).ShouldBe(137);
        }
        catch (InvalidOperationException exception) when (exception.Message.Contains("ended with code 137", StringComparison.Ordinal))
        {
            // That soon.
        }
    }

    /// <summary>What the dead process had on loan would be due again in half a minute.</summary>
    private static async Task EndLoansAsync(TemporaryFolder folder)
    {
        await using var store = Database.Open(Path.Combine(folder["data"], "selfsame.db"), new DatabaseOptions(), TimeProvider.System, RandomSource.System);
        (await store.TransactAsync(transaction => transaction.ExecuteAsync("UPDATE webhook_messages SET leased_until = NULL WHERE leased_until IS NOT NULL"))).ShouldBe(1);
    }

    private static Task<SelfsameProcess> ServeAsync(TemporaryFolder folder, string? crashPoint)
        => SelfsameProcess.ServeAsync(
            folder["data"],
            ["--config", folder["selfsame.yaml"]],
            new Dictionary<string, string?> { ["SELFSAME_CRASH_AT"] = crashPoint, ["CRM_SECRET"] = Secret });

    private static WebhookConfig Endpoint(string name, Uri url)
        => new() { Name = name, Url = url, Signatures = [WebhookSignature.Parse(Secret)!], Events = WebhookEvents.All };

    private static Task<RunningServer> StartAsync(params IReadOnlyList<WebhookConfig> webhooks) => RunningServer.StartAsync(options => options with { Webhooks = webhooks });

    private static bool IsOf(ReceivedWebhook message, User user) => message.Data.GetProperty("uuid").GetGuid() == user.Uuid;

    private static async Task NothingWaitsAsync(RunningServer server, string endpoint)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (await UnsentAsync(server, endpoint) > 0)
        {
            await Task.Delay(100, patience.Token);
        }
    }

    private static Task<long> UnsentAsync(RunningServer server, string endpoint)
        => server.Context.Database.ReadAsync(
            transaction => transaction.ScalarAsync<long>("SELECT count(*) FROM webhook_messages WHERE sent_at IS NULL AND endpoint = @endpoint", new { endpoint }));

    private static int UnusedPort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    private sealed class Receivers(params IReadOnlyList<WebhookReceiver> all) : IAsyncDisposable
    {
        public IReadOnlyList<WebhookReceiver> All => all;

        public async ValueTask DisposeAsync()
        {
            foreach (var receiver in all)
            {
                await receiver.DisposeAsync();
            }
        }
    }
}
