using System.Net;
using System.Text.RegularExpressions;
using Selfsame.Core;
using Selfsame.EndToEnd.Tests.Reconciliation;
using Selfsame.Server.Hosting;
using Selfsame.Store;
using Selfsame.Store.Operations;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Commands;

/// <summary>The installation's secret: demanded where passwords of accounts elsewhere are kept, and changed.</summary>
[Trait("needs", "executable")]
public sealed partial class SecretTests : IDisposable
{
    private readonly Workspace workspace = new(
        """
        systems:
          users: { connector: selfsame }
          pds: { connector: atproto, url: "https://pds.example.com", adminPassword: "${PDS_ADMIN_PASSWORD}", handleDomain: example.com }
        """);

    public void Dispose() => workspace.Dispose();

    [Theory]
    [InlineData("serve", "--urls", "http://127.0.0.1:0")]
    [InlineData("runs")]
    [InlineData("users", "list")]
    public async Task With_a_PDS_in_the_config_nothing_starts_without_a_key_from_the_environment(params string[] command)
    {
        const string secret = "the-pds-password-that-stands-nowhere";

        var result = await SelfsameProcess.RunAsync([.. command], "", Environment(("PDS_ADMIN_PASSWORD", secret)), workspace.Folder);

        result.ExitCode.ShouldBe(1);
        result.StandardError.ShouldContain("'pds'");
        result.StandardError.ShouldContain("set SELFSAME_SECRET_KEY");
        (result.StandardOutput + result.StandardError).ShouldNotContain(secret);
        File.Exists(Path.Combine(workspace.Data, "secret.key")).ShouldBeFalse();
    }

    [Fact]
    public async Task The_secret_moves_from_the_file_to_the_environment_and_everything_opens_under_the_new_one_alone()
    {
        var (next, nextBytes) = (Convert.ToBase64String([.. Enumerable.Repeat((byte)5, 32)]), Enumerable.Repeat((byte)5, 32).ToArray());
        await using (var first = await ServeAsync())
        {
            await SignInPageAsync(first);
        }

        var old = await File.ReadAllTextAsync(Path.Combine(workspace.Data, "secret.key"));
        (await Should.ThrowAsync<InvalidOperationException>(() => ServeAsync(("SELFSAME_SECRET_KEY", next)))).Message.ShouldContain("SELFSAME_SECRET_KEY_PREVIOUS");
        await using (await ServeAsync(("SELFSAME_SECRET_KEY", next), ("SELFSAME_SECRET_KEY_PREVIOUS", old)))
        {
            // Its start alone changes the secret.
        }

        File.Delete(Path.Combine(workspace.Data, "secret.key"));
        await using var last = await ServeAsync(("SELFSAME_SECRET_KEY", next));
        await SignInPageAsync(last);
        var sealedKeys = workspace.Sql(Path.Combine("data", "selfsame.db"), "SELECT xml FROM data_protection_keys");
        sealedKeys.Count.ShouldBe(1);
        new SecretKeys(nextBytes, RandomSource.System).Unprotect("data-protection", Convert.FromBase64String(Sealed().Match(sealedKeys[0]).Groups[1].Value)).ShouldContain("<");
        File.Exists(Path.Combine(workspace.Data, "secret.key")).ShouldBeFalse();
    }

    public static TheoryData<string, bool> Kills
    {
        get
        {
            var data = new TheoryData<string, bool>();
            foreach (var point in SecretChangeCrashPoints.All)
            {
                data.Add(point, false);
                data.Add(point, true);
            }

            return data;
        }
    }

    // With one secret alone a part of what is kept would be lost to whoever writes meanwhile.
    [Theory]
    [MemberData(nameof(Kills))]
    public async Task A_change_that_was_killed_refuses_each_secret_alone_and_loses_nothing_forwards_or_back(string point, bool back)
    {
        var (old, next) = (Convert.ToBase64String([.. Enumerable.Repeat((byte)3, 32)]), Convert.ToBase64String([.. Enumerable.Repeat((byte)5, 32)]));
        await using (var first = await ServeAsync(("SELFSAME_SECRET_KEY", old)))
        {
            await SignInPageAsync(first);
        }

        // A mail whose text is protected waits to be sent.
        AddMail("3b039300-6f9d-49c8-bd77-fd81e1c2a0ea", new SecretKeys(Convert.FromBase64String(old), RandomSource.System).Protect("mail", "the text of a mail"));
        await Should.ThrowAsync<InvalidOperationException>(
            () => ServeAsync(("SELFSAME_SECRET_KEY", next), ("SELFSAME_SECRET_KEY_PREVIOUS", old), ("SELFSAME_CRASH_AT", point)));

        foreach (var alone in new[] { old, next })
        {
            (await Should.ThrowAsync<InvalidOperationException>(() => ServeAsync(("SELFSAME_SECRET_KEY", alone)))).Message.ShouldContain("Start with both");
        }

        var (last, other) = back ? (old, next) : (next, old);
        await using (await ServeAsync(("SELFSAME_SECRET_KEY", last), ("SELFSAME_SECRET_KEY_PREVIOUS", other)))
        {
            // Its start alone ends the change.
        }

        await using var server = await ServeAsync(("SELFSAME_SECRET_KEY", last));
        await SignInPageAsync(server);
        workspace.Sql(Database, "SELECT count(*) FROM data_protection_keys").ShouldBe(["1"]);
        var body = Convert.FromHexString(workspace.Sql(Database, "SELECT hex(body) FROM mails")[0]);
        new SecretKeys(Convert.FromBase64String(last), RandomSource.System).Unprotect("mail", body).ShouldBe("the text of a mail");
        (await Should.ThrowAsync<InvalidOperationException>(() => ServeAsync(("SELFSAME_SECRET_KEY", other)))).Message.ShouldContain("made with another secret");
    }

    [Fact]
    public async Task What_neither_secret_opens_stays_as_it_is_and_holds_up_no_change()
    {
        var (old, next) = (Convert.ToBase64String([.. Enumerable.Repeat((byte)3, 32)]), Convert.ToBase64String([.. Enumerable.Repeat((byte)5, 32)]));
        await using (await ServeAsync(("SELFSAME_SECRET_KEY", old)))
        {
        }

        AddMail("3b039300-6f9d-49c8-bd77-fd81e1c2a0ea", Enumerable.Repeat((byte)7, 60).ToArray());
        AddMail("3b039300-6f9d-49c8-bd77-fd81e1c2a0eb", new SecretKeys(Convert.FromBase64String(old), RandomSource.System).Protect("mail", "the text of a mail"));
        await using (var changing = await ServeAsync(("SELFSAME_SECRET_KEY", next), ("SELFSAME_SECRET_KEY_PREVIOUS", old)))
        {
            changing.StandardOutput.Text.ShouldContain("A value that neither secret opens is left as it is: body of mails, 1.");
        }

        await using var server = await ServeAsync(("SELFSAME_SECRET_KEY", next));
        var bodies = workspace.Sql(Database, "SELECT hex(body) FROM mails ORDER BY id");
        bodies[0].ShouldBe(Convert.ToHexString([.. Enumerable.Repeat((byte)7, 60)]));
        new SecretKeys(Convert.FromBase64String(next), RandomSource.System).Unprotect("mail", Convert.FromHexString(bodies[1])).ShouldBe("the text of a mail");
    }

    [Theory]
    [InlineData(null)]
    [InlineData(SecretChangeCrashPoints.ValuesProtected)]
    public async Task A_command_without_the_config_neither_begins_a_change_nor_ends_it(string? killedAt)
    {
        var (old, next) = (Convert.ToBase64String([.. Enumerable.Repeat((byte)3, 32)]), Convert.ToBase64String([.. Enumerable.Repeat((byte)5, 32)]));
        await using (await ServeAsync(("SELFSAME_SECRET_KEY", old)))
        {
        }

        if (killedAt is not null)
        {
            await Should.ThrowAsync<InvalidOperationException>(() => ServeAsync(("SELFSAME_SECRET_KEY", next), ("SELFSAME_SECRET_KEY_PREVIOUS", old), ("SELFSAME_CRASH_AT", killedAt)));
        }

        using var elsewhere = new TemporaryFolder();
        var before = workspace.Sql(Database, "SELECT name || hex(value) FROM server_keys ORDER BY name");
        var result = await SelfsameProcess.RunAsync(
            ["users", "list", "--data", workspace.Data], "", Environment(("SELFSAME_SECRET_KEY", next), ("SELFSAME_SECRET_KEY_PREVIOUS", old)), elsewhere.Path);

        result.ExitCode.ShouldBe(1);
        result.StandardError.ShouldContain("Start 'selfsame serve' once with both secrets");
        workspace.Sql(Database, "SELECT name || hex(value) FROM server_keys ORDER BY name").ShouldBe(before);
    }

    private void AddMail(string uuid, byte[] body) => workspace.Sql(
        Database,
        $"""
        INSERT INTO mails (uuid, tenant, recipient, subject, body, attempts, not_before, created_at)
        VALUES ('{uuid}', 'main', 'ann@example.org', 'x', X'{Convert.ToHexString(body)}', 0, '2999-01-01', '2026-01-01')
        """);

    // Each would have protected what it wrote with a secret that the other had already replaced.
    [Fact]
    public async Task Nodes_that_start_for_the_first_time_at_once_have_one_secret()
    {
        const int nodes = 8;
        for (var round = 0; round < 30; round++)
        {
            var data = Path.Combine(workspace.Data, $"{round}");
            using var together = new Barrier(nodes);
            var secrets = await Task.WhenAll(Enumerable.Range(0, nodes).Select(_ => Task.Factory.StartNew(
                () =>
                {
                    together.SignalAndWait();
                    return Convert.ToBase64String(InstallationSecret.Load(null, data));
                },
                CancellationToken.None,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default)));

            secrets.Distinct().ShouldHaveSingleItem().ShouldBe(await File.ReadAllTextAsync(Path.Combine(data, "secret.key")));
            Directory.GetFiles(data).ShouldHaveSingleItem();
        }
    }

    private static string Database => Path.Combine("data", "selfsame.db");

    private static Dictionary<string, string?> Environment(params (string Name, string Value)[] further)
        => new(further.Select(pair => KeyValuePair.Create(pair.Name, (string?)pair.Value)));

    private Task<SelfsameProcess> ServeAsync(params (string Name, string Value)[] environment)
        => SelfsameProcess.ServeAsync(workspace.Data, environment: Environment(environment));

    /// <summary>A page with a form needs a Data Protection key, which is made or opened for it.</summary>
    private static async Task SignInPageAsync(SelfsameProcess server)
    {
        using var client = new HttpClient { BaseAddress = server.Address };
        using var response = await client.GetAsync("/sign-in");
        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        (await response.Content.ReadAsStringAsync()).ShouldContain("<form");
    }

    [GeneratedRegex("<sealed[^>]*>([^<]+)</sealed>")]
    private static partial Regex Sealed();
}
