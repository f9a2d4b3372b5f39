using System.Text.Json;
using Selfsame.Core.Webhooks;
using Selfsame.EndToEnd.Tests.Api;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Reconciliation;

/// <summary>A sign-up that can't become whole: somebody is told, mends it, and retries.</summary>
[Trait("needs", "executable")]
public sealed class OverdueSignUpTests
{
    private const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    private const string Config =
        """
        systems:
          users: { connector: selfsame }
          app: { connector: sqlite, connection: "${APP_DB}", table: members, identifiers: { email: mail } }
        reconcile:
          - { source: users, target: app, correlate: [id], missing: createInTarget }
        provisioningAlertAfter: 1
        provisioningAlertMail: ops@example.com
        webhooks:
          operators: { url: "${OPERATORS_URL}", secret: "${OPERATORS_SECRET}", events: [provisioning.overdue] }
        """;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    [Fact]
    [Trait("needs", "npm")]
    public async Task A_sign_up_that_does_not_become_whole_is_told_once_and_a_retry_makes_it_whole()
    {
        await using var receiver = await WebhookReceiver.StartAsync(Secret);
        using var workspace = new Workspace(Config);
        workspace.Sql("app.db", "CREATE TABLE members (id text PRIMARY KEY, mail text UNIQUE); INSERT INTO members VALUES ('stranger', 'ann@example.org');");
        var environment = workspace.Environment(("OPERATORS_URL", receiver.Url.AbsoluteUri), ("OPERATORS_SECRET", Secret));
        async Task<string> RunAsync(string input, params string[] arguments)
        {
            var result = await SelfsameProcess.RunAsync(arguments, input, environment, workspace.Folder);
            result.ExitCode.ShouldBe(0, result.StandardError);
            return result.StandardOutput;
        }

        await RunAsync("correct horse battery staple\n", "users", "create", "--email", "ann@example.org");
        var token = (await RunAsync("", "service-tokens", "create", "operators", "--scope", "provisioning:read", "provisioning:write")).Split('\n')
            .SelectMany(line => line.Split(' ')).Single(word => word.StartsWith("sst_", StringComparison.Ordinal)).Trim();
        await using var server = await SelfsameProcess.ServeAsync(workspace.Data, ["--config", workspace["selfsame.yaml"]], environment);
        var api = new ApiClient(server.Address, token);

        var message = await receiver.WaitForAsync(message => message.Type == WebhookEvents.ProvisioningOverdue, Patience);
        message.Verified.ShouldBeTrue(message.Error);
        var account = message.Data.GetProperty("account").GetString()!;
        (message.Data.GetProperty("system").GetString(), message.Data.GetProperty("state").GetString()).ShouldBe(("app", "conflict"));
        await UntilAsync(() => Task.FromResult(Mails(workspace).Count == 1));
        Mails(workspace)[0].ShouldContain(account);
        (await api.GetAsync($"/api/v1/provisioning?user={account}")).Json.GetProperty("rows")[0].GetProperty("problem").GetString().ShouldNotBeNullOrEmpty();

        workspace.Sql("app.db", "DELETE FROM members");
        (await api.PostAsync("/api/v1/provisioning/app/retry", new { source = "users", account })).Json.GetProperty("retried").GetInt32().ShouldBe(1);
        await UntilAsync(async () => State(await api.GetAsync($"/api/v1/provisioning?user={account}")) == "linked");

        workspace.Sql("app.db", "SELECT id, mail FROM members").ShouldBe([$"{account}|ann@example.org"]);
        Mails(workspace).Count.ShouldBe(1);
        receiver.Messages.Select(received => received.Id).Distinct().ShouldHaveSingleItem();
    }

    private static string? State(ApiAnswer answer) => answer.Json.GetProperty("rows") is { ValueKind: JsonValueKind.Array } rows ? rows[0].GetProperty("state").GetString() : null;

    private static List<string> Mails(Workspace workspace)
        => Directory.Exists(Path.Combine(workspace.Data, "mail"))
            ? [.. Directory.EnumerateFiles(Path.Combine(workspace.Data, "mail"), "*.eml").Select(File.ReadAllText).Where(mail => mail.Contains("To: ops@example.com", StringComparison.Ordinal))]
            : [];

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (!await condition())
        {
            await Task.Delay(100, patience.Token);
        }
    }
}
