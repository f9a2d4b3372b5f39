using System.Diagnostics;
using System.Text.RegularExpressions;
using Selfsame.Bench.Comparisons;
using Selfsame.Bench.Load;
using Selfsame.Bench.Servers;
using Selfsame.Bench.Stores;
using Selfsame.Core;
using Selfsame.Databases;
using Selfsame.Testing;

namespace Selfsame.Bench.Pds;

/// <summary>Our server with a PDS, and people who sign up there, are sent a link and open it.</summary>
internal sealed partial class VerifiedUsers : IAsyncDisposable
{
    private const int Clients = 8;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private readonly ServerProcess server;
    private readonly Database store;
    private readonly string mails;
    private readonly Dictionary<string, string> tokens = new(StringComparer.Ordinal);
    private long linked;

    private VerifiedUsers(ServerProcess server, Database store, string mails)
    {
        this.server = server;
        this.store = store;
        this.mails = mails;
    }

    /// <param name="folder">An empty folder for the server's config and data.</param>
    /// <param name="database">A PostgreSQL connection string; null means SQLite.</param>
    /// <param name="pds">Where the accounts are made.</param>
    /// <param name="atOnce">How many at once.</param>
    public static async Task<VerifiedUsers> StartAsync(TemporaryFolder folder, string? database, PersonalDataServer pds, int atOnce)
    {
        await File.WriteAllTextAsync(
            folder["selfsame.yaml"],
            $$"""
            tenants: { main: { signUpLimit: { count: 0, seconds: 3600 }, signUpAttemptLimit: { count: 0, seconds: 600 } } }
            systems:
              users: { connector: selfsame }
              pds: { connector: atproto, url: "{{pds.Url}}", adminPassword: "{{PersonalDataServer.AdminPassword}}", handleDomain: {{PersonalDataServer.HandleDomain}}, plcUrl: "{{pds.DirectoryUrl}}", provisioning: { atOnce: {{atOnce}} } }
            reconcile:
              - { source: users, target: pds, when: emailVerified, correlate: [did], missing: createInTarget, drifted: updateTarget, handle: "{handle|code}" }
            """);
        var server = await ServerProcess.StartAsync(
            MeasuredServer.Name,
            ["--data", folder["data"], .. database is null ? (string[])[] : ["--database", database], "--config", folder["selfsame.yaml"], MeasuredServer.NoHashingOption]);
        server.Pause();
        var store = Database.Open(database ?? folder["data/selfsame.db"], new DatabaseOptions(), TimeProvider.System, RandomSource.System);
        return new VerifiedUsers(server, store, folder["data/mail"]);
    }

    /// <summary>How long it takes from the first opened link until each of so many new people has an account on the PDS.</summary>
    public Task<double> SecondsAsync(int count) => server.AwakeAsync(async () =>
    {
        var names = Enumerable.Range(0, count).Select(_ => Names.Next()).ToList();
        await SteadyLoad.EachAsync(Clients, count, number => Api.SignUpAsync(server, names[number]));
        await UntilAsync(() => Task.FromResult(ReadMails() == names.Count));
        // Those who are not verified yet were looked at, and wait.
        await UntilAsync(async () => await CountAsync("state = 'Pending' AND (not_before <= @now OR leased_until IS NOT NULL)") == 0);

        var started = Stopwatch.GetTimestamp();
        await SteadyLoad.EachAsync(Clients, count, number => VerifyAsync(tokens[$"{names[number]}@example.com"]));
        linked += count;
        await UntilAsync(async () => await CountAsync("state = 'Linked'") == linked);
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        ForgetMails();
        return seconds;
    });

    public async ValueTask DisposeAsync()
    {
        await store.DisposeAsync();
        await server.DisposeAsync();
    }

    private async Task VerifyAsync(string token)
    {
        var (status, text) = await server.TryPostAsync("/api/v1/email-verifications", new { token, password = BenchStore.Password });
        if (status != 204)
        {
            throw new InvalidOperationException($"A verification was answered {status}: {text}");
        }
    }

    /// <summary>Keeps the links of the mails; how many there are.</summary>
    private int ReadMails()
    {
        foreach (var file in Directory.Exists(mails) ? Directory.GetFiles(mails, "*.eml") : [])
        {
            var mail = File.ReadAllText(file);
            tokens[Recipient().Match(mail).Groups["address"].Value.Trim()] = Link().Match(mail).Groups["token"].Value;
        }

        return tokens.Count;
    }

    private void ForgetMails()
    {
        tokens.Clear();
        foreach (var file in Directory.GetFiles(mails, "*.eml"))
        {
            File.Delete(file);
        }
    }

    private Task<long> CountAsync(string where)
        => store.ReadAsync(transaction => transaction.ScalarAsync<long>($"SELECT count(*) FROM provisioning WHERE {where}", new { now = DateTimeOffset.UtcNow }));

    private static async Task UntilAsync(Func<Task<bool>> isSo)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (!await isSo())
        {
            await Task.Delay(50, patience.Token);
        }
    }

    [GeneratedRegex("^To: (?<address>.*)$", RegexOptions.Multiline)]
    private static partial Regex Recipient();

    [GeneratedRegex(@"/verify-email\?token=(?<token>[\w-]+)")]
    private static partial Regex Link();
}
