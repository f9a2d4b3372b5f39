using System.Text.RegularExpressions;
using Selfsame.Server.Hosting;
using Selfsame.Store;
using Selfsame.Store.Audit;
using Selfsame.Store.ServiceTokens;
using Selfsame.Store.Users;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Api;

/// <summary>
/// The user service in this process, on a free port of 127.0.0.1 with a store of its own. Hashing costs nothing and
/// there are no limits, unless a test changes the options.
/// </summary>
public sealed partial class RunningServer : IAsyncDisposable
{
    /// <summary>The password of every user that <see cref="MakeUserAsync"/> makes.</summary>
    public const string Password = "a long enough pass phrase";

    private static readonly TimeSpan MailPatience = TimeSpan.FromSeconds(60);

    private readonly TemporaryFolder folder;
    private readonly SelfsameServer server;
    private int users;

    private RunningServer(TemporaryFolder folder, SelfsameServer server)
    {
        this.folder = folder;
        this.server = server;
    }

    public Uri Address => server.Address;

    /// <summary>The SQLite file of a server that was not given another database.</summary>
    public string DatabaseFile => Path.Combine(folder["data"], "selfsame.db");

    public StoreContext Context => server.Context;

    /// <summary>A tenant without limits.</summary>
    public static TenantSettings Unlimited { get; } = new()
    {
        Name = "main",
        SignUpLimit = new RateLimit("sign-up", 0, TimeSpan.FromHours(1)),
        SignUpAttemptLimit = new RateLimit("sign-up-attempts", 0, TimeSpan.FromHours(1)),
        SignInLimit = new RateLimit("sign-in", 0, TimeSpan.FromHours(1)),
        PasswordResetLimit = new RateLimit("password-reset", 0, TimeSpan.FromHours(1)),
        HandleChangeLimit = new RateLimit("handle-changes", 0, TimeSpan.FromHours(1)),
    };

    /// <summary>Starts a server; <paramref name="change"/> makes it another one than the usual.</summary>
    public static async Task<RunningServer> StartAsync(Func<ServerOptions, ServerOptions>? change = null)
    {
        var folder = new TemporaryFolder();
        var options = new ServerOptions
        {
            Urls = ["http://127.0.0.1:0"],
            DataFolder = folder["data"],
            Tenants = [Unlimited],
            Passwords = new PlainPasswordHashing(),
        };
        var server = await SelfsameServer.CreateAsync(change?.Invoke(options) ?? options, TestContext.Current.CancellationToken);
        await server.StartAsync(TestContext.Current.CancellationToken);
        return new RunningServer(folder, server);
    }

    /// <summary>As <see cref="StartAsync(Func{ServerOptions, ServerOptions}?)"/>, over a fresh PostgreSQL database.</summary>
    public static async Task<RunningServer> StartOnPostgreSqlAsync(Func<ServerOptions, ServerOptions>? change = null)
    {
        var postgres = await PostgresServer.SharedAsync();
        var database = await postgres.CreateDatabaseAsync(TestContext.Current.CancellationToken);
        return await StartAsync(options => (change?.Invoke(options) ?? options) with { Database = database });
    }

    /// <summary>A caller without any credentials.</summary>
    public ApiClient Anonymous() => new(Address);

    /// <summary>A caller with any text as bearer token.</summary>
    public ApiClient Bearing(string token) => new(Address, token);

    /// <summary>A new user and a caller who is signed in as that user.</summary>
    public async Task<SignedInCaller> SignInNewUserAsync(AdministratorFields? fields = null)
    {
        var user = await MakeUserAsync(fields);
        return new SignedInCaller(user, await SignInAsync(user.Email!));
    }

    /// <summary>Signs in by password.</summary>
    public async Task<ApiClient> SignInAsync(string login, string password = Password)
    {
        var answer = await Anonymous().PostAsync("/api/v1/sessions", new { login, password });
        answer.ShouldHaveStatus(201);
        return Bearing(answer.Json.GetProperty("token").GetString()!);
    }

    /// <summary>A caller with a service token of these scopes.</summary>
    public async Task<ApiClient> ServiceAsync(params string[] scopes)
    {
        var (token, _) = await new ServiceTokenStore(Context).CreateAsync(
            "main", $"service {Interlocked.Increment(ref users)}", scopes, null, CancellationToken.None);
        return Bearing(token!);
    }

    /// <summary>A new user as an administrator would make it; a verified address unless said otherwise.</summary>
    public async Task<User> MakeUserAsync(AdministratorFields? fields = null)
    {
        var number = Interlocked.Increment(ref users);
        var result = await new SignUp(Context).ExecuteAsync(
            new SignUpRequest
            {
                Tenant = "main",
                Form = new SignUpForm
                {
                    Username = $"person{number}",
                    Email = $"person{number}@example.org",
                    Password = Password,
                    Administrator = fields ?? new AdministratorFields { EmailVerified = true },
                },
                Actor = Actor.System,
            },
            CancellationToken.None);
        return result.ShouldBeOfType<SignUpResult.Created>().User;
    }

    public Task<long> CountUsersAsync() => Context.Database.ReadAsync(transaction => transaction.ScalarAsync<long>("SELECT count(*) FROM users"));

    /// <summary>The token of the newest mailed link to a page (<c>verify-email</c> …) for a recipient; waits for the mail.</summary>
    public async Task<string> MailedTokenAsync(string recipient, string page)
    {
        var link = new Regex($@"/{Regex.Escape(page)}\?token=(?<token>[\w-]+)");
        var mail = await MailAsync(recipient, text => link.IsMatch(text));
        return link.Match(mail).Groups["token"].Value;
    }

    /// <summary>The newest mail to a recipient that is as wanted; waits for it.</summary>
    public async Task<string> MailAsync(string recipient, Func<string, bool> isWanted)
    {
        using var patience = new CancellationTokenSource(MailPatience);
        while (true)
        {
            var mail = Mails().LastOrDefault(text => Recipient().Match(text).Groups["address"].Value.Trim() == recipient && isWanted(text));
            if (mail is not null)
            {
                return mail;
            }

            await Task.Delay(100, patience.Token);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        folder.Dispose();
    }

    private IEnumerable<string> Mails()
    {
        var mails = folder["data/mail"];
        return Directory.Exists(mails) ? Directory.EnumerateFiles(mails, "*.eml").OrderBy(File.GetLastWriteTimeUtc).Select(File.ReadAllText) : [];
    }

    [GeneratedRegex("^To: (?<address>.*)$", RegexOptions.Multiline)]
    private static partial Regex Recipient();
}

/// <summary>A user and a caller who is signed in as that user.</summary>
public sealed record SignedInCaller(User User, ApiClient Api);

/// <summary>One server for the tests of a class, which use users of their own.</summary>
public sealed class SharedServer : IAsyncLifetime
{
    private RunningServer? server;

    public RunningServer Server => server ?? throw new InvalidOperationException("The server has not started.");

    public async ValueTask InitializeAsync() => server = await RunningServer.StartAsync();

    public async ValueTask DisposeAsync()
    {
        if (server is not null)
        {
            await server.DisposeAsync();
        }
    }
}
