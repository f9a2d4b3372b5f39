using Selfsame.Core;
using Selfsame.Core.Provisioning;
using Selfsame.Databases;
using Selfsame.Server.Mail;
using Selfsame.Store.Users;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Crashes;

/// <summary>kill -9 of the server under load, at every named crash point and at random.</summary>
[Trait("needs", "executable")]
public sealed class ServerKillTests(ITestOutputHelper output)
{
    private static readonly string[] CrashPoints = [.. SignUp.CrashPointNames, .. MailSender.CrashPointNames, .. ProvisioningCrashPoints.OfCreation];

    [Fact]
    [Trait("needs", "slow")]
    public Task Killed_on_SQLite_it_keeps_every_acknowledged_user_whole() => RunAsync(null, TestRun.Rounds(12, 20, 200));

    [Fact]
    [Trait("needs", "postgresql")]
    public async Task Killed_on_PostgreSQL_it_keeps_every_acknowledged_user_whole()
    {
        var server = await PostgresServer.SharedAsync();
        await RunAsync(await server.CreateDatabaseAsync(), TestRun.Rounds(12, 20, 200));
    }

    private async Task RunAsync(string? database, int rounds)
    {
        using var folder = new TemporaryFolder();
        await PrepareAsync(folder);
        var load = new SignUpLoad();
        var server = new ServerUnderKill(folder.Path, database, load.RunAsync);
        var random = new Random(20_26);
        var missed = new List<string>(CrashPoints);
        for (var round = 0; round < rounds; round++)
        {
            if (round >= CrashPoints.Length && missed.Count == 0 && round % 2 == 0)
            {
                await server.RunForAsync(TimeSpan.FromMilliseconds(random.Next(50, 1500)));
                continue;
            }

            var point = missed.Count > 0 ? missed[round % missed.Count] : CrashPoints[round % CrashPoints.Length];
            if (await server.RunUntilAsync($"{point}:{random.Next(1, 5)}"))
            {
                missed.Remove(point);
            }
        }

        missed.ShouldBeEmpty("these crash points were never hit");
        await CheckAsync(server, load, folder, database);
    }

    private async Task CheckAsync(ServerUnderKill server, SignUpLoad load, TemporaryFolder folder, string? database)
    {
        await using var store = Database.Open(
            database ?? Path.Combine(server.DataFolder, "selfsame.db"), new DatabaseOptions(), TimeProvider.System, RandomSource.System);

        // The dead processes' leases run out after two minutes; the test does not wait for that.
        await store.TransactAsync(transaction => transaction.ExecuteAsync("UPDATE mails SET leased_until = NULL; UPDATE provisioning SET leased_until = NULL"));
        await server.SettleAsync(() => IsSettledAsync(store));

        var users = (await store.ReadAsync(transaction => transaction.QueryAsync<string>("SELECT email FROM users"))).ToHashSet();
        output.WriteLine($"{load.Sent.Count} sign-ups sent, {load.Acknowledged.Count} acknowledged, {users.Count} users");
        load.ServerErrors.ShouldBeEmpty();
        load.Acknowledged.ShouldNotBeEmpty();
        load.Acknowledged.Where(email => !users.Contains(email)).ShouldBeEmpty("acknowledged, and not there");
        await StoreInvariants.CheckAsync(store);
        await CheckProvisionedAsync(folder, users);
        CheckMails(server, users);
    }

    private static async Task<bool> IsSettledAsync(Database store)
        => await store.ReadAsync(transaction => transaction.ScalarAsync<long>(
            """
            SELECT (SELECT count(*) FROM mails WHERE sent_at IS NULL) + (SELECT count(*) FROM provisioning WHERE state <> 'Linked')
            """)) == 0;

    /// <summary>Each user has exactly one account in the connected system, and nobody else has one.</summary>
    private static async Task CheckProvisionedAsync(TemporaryFolder folder, HashSet<string> users)
    {
        await using var application = SqliteDatabase.File(folder["application.db"], new DatabaseOptions(), TimeProvider.System, RandomSource.System);
        var accounts = await application.ReadAsync(transaction => transaction.QueryAsync<string>("SELECT email FROM members"));
        accounts.Count.ShouldBe(users.Count);
        accounts.ToHashSet().SetEquals(users).ShouldBeTrue("the connected system and the store name different people");
    }

    /// <summary>Each user got the verification mail at least once, and nobody else got any.</summary>
    private static void CheckMails(ServerUnderKill server, HashSet<string> users)
    {
        var recipients = Directory.EnumerateFiles(Path.Combine(server.DataFolder, "mail"), "*.eml")
            .Select(file => File.ReadLines(file).First()["To: ".Length..])
            .ToHashSet();
        users.Where(user => !recipients.Contains(user)).ShouldBeEmpty("users without their mail");
        recipients.Where(recipient => !users.Contains(recipient)).ShouldBeEmpty("mails to people who are no users");
    }

    private static async Task PrepareAsync(TemporaryFolder folder)
    {
        await File.WriteAllTextAsync(
            folder["selfsame.yaml"],
            $$"""
            tenants: { main: { signUpLimit: { count: 0, seconds: 3600 }, signUpAttemptLimit: { count: 0, seconds: 600 } } }
            systems:
              users: { connector: selfsame }
              application:
                connector: sqlite
                connection: {{folder["application.db"]}}
                table: members
                id: id
                identifiers: { username: username, email: email }
                unique: [email]
            reconcile:
              - { source: users, target: application, correlate: [id], missing: createInTarget }
            """);
        await using var application = SqliteDatabase.File(folder["application.db"], new DatabaseOptions(), TimeProvider.System, RandomSource.System);
        await application.TransactAsync(transaction => transaction.ExecuteAsync(
            "CREATE TABLE members (id text NOT NULL PRIMARY KEY, username text, email text NOT NULL UNIQUE)"));
    }
}
