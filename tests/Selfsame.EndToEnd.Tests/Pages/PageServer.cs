using System.Text.RegularExpressions;
using Selfsame.EndToEnd.Tests.Browser;
using Selfsame.Server.Hosting;
using Selfsame.Store;
using Selfsame.Store.Audit;
using Selfsame.Store.Users;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Pages;

/// <summary>A server of its own for one test, in this process, with its mails as files.</summary>
internal sealed partial class PageServer : IAsyncDisposable
{
    public const string Password = "tall purple giraffe";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly TemporaryFolder folder = new();

    private PageServer()
    {
    }

    public SelfsameServer Server { get; private set; } = null!;

    public Uri Address => Server.Address;

    /// <summary>Starts on a free port; without limits, unless <paramref name="settings"/> or <paramref name="options"/> say otherwise.</summary>
    public static async Task<PageServer> StartAsync(Func<TenantSettings, TenantSettings>? settings = null, Func<ServerOptions, ServerOptions>? options = null)
    {
        var unlimited = new TenantSettings
        {
            Name = "main",
            SignUpLimit = new("sign-up", 0, TimeSpan.FromHours(1)),
            SignUpAttemptLimit = new("sign-up-attempts", 0, TimeSpan.FromHours(1)),
            SignInLimit = new("sign-in", 0, TimeSpan.FromHours(1)),
            PasswordResetLimit = new("password-reset", 0, TimeSpan.FromHours(1)),
            HandleChangeLimit = new("handle-changes", 0, TimeSpan.FromHours(1)),
        };
        var server = new PageServer();
        var usual = new ServerOptions
        {
            Urls = ["http://127.0.0.1:0"],
            DataFolder = server.folder["data"],
            Tenants = [settings is null ? unlimited : settings(unlimited)],
        };
        server.Server = await SelfsameServer.CreateAsync(options?.Invoke(usual) ?? usual, CancellationToken.None);
        await server.Server.StartAsync(CancellationToken.None);
        return server;
    }

    public PageClient Client() => new(Address);

    public Task<BrowserPage> BrowseAsync(bool script = true) => Chromium.OpenAsync(Address, script);

    /// <summary>A user whose password is <see cref="Password"/>.</summary>
    public async Task<User> AddUserAsync(string username, string? email = null, AdministratorFields? fields = null)
    {
        var result = await new SignUp(Server.Context).ExecuteAsync(
            new SignUpRequest
            {
                Tenant = "main",
                Form = new SignUpForm
                {
                    Username = username,
                    Email = email ?? $"{username.ToLowerInvariant()}@example.com",
                    Password = Password,
                    Administrator = fields ?? new AdministratorFields { EmailVerified = true },
                },
                Actor = Actor.CommandLine,
            },
            CancellationToken.None);
        return result.ShouldBeOfType<SignUpResult.Created>().User;
    }

    public Task<User> AddSuperuserAsync(string username = "Ada")
        => AddUserAsync(username, fields: new AdministratorFields { EmailVerified = true, IsStaff = true, IsSuperuser = true });

    public async Task<IReadOnlyList<User>> UsersAsync()
        => (await new UserReader(Server.Context).ListAsync(new UserQuery { Tenant = "main", IncludeDeleted = true, PageSize = 1000 }, CancellationToken.None)).Users;

    public async Task<User> UserAsync(string login)
        => (await new UserReader(Server.Context).FindByAnyAsync("main", login, CancellationToken.None)).ShouldHaveSingleItem();

    /// <summary>Every mail so far; the mail sender runs once a second, so an absent mail is only known after <see cref="SettledMailsAsync"/>.</summary>
    public IReadOnlyList<string> Mails()
        => Directory.Exists(folder["data/mail"])
            ? [.. Directory.EnumerateFiles(folder["data/mail"], "*.eml").Order(StringComparer.Ordinal).Select(File.ReadAllText)]
            : [];

    /// <summary>Every mail, once none waits in the outbox.</summary>
    public async Task<IReadOnlyList<string>> SettledMailsAsync()
    {
        await WaitAsync(
            async () => await Server.Context.Database.ReadAsync(
                transaction => transaction.ScalarAsync<long>("SELECT count(*) FROM mails WHERE sent_at IS NULL")) == 0,
            "the outbox is not empty");
        return Mails();
    }

    /// <summary>The link of the newest mail to <paramref name="recipient"/> that holds <paramref name="path"/>, as path and query.</summary>
    public async Task<string> LinkAsync(string recipient, string path)
    {
        string? link = null;
        await WaitAsync(
            () =>
            {
                link = Mails()
                    .Where(mail => mail.Contains($"To: {recipient}\n", StringComparison.OrdinalIgnoreCase))
                    .SelectMany(mail => Link().Matches(mail))
                    .Select(match => new Uri(match.Value).PathAndQuery)
                    .LastOrDefault(address => address.StartsWith($"/{path}?", StringComparison.Ordinal));
                return Task.FromResult(link is not null);
            },
            $"no mail to {recipient} holds a link to {path}");
        return link!;
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        folder.Dispose();
    }

    private static async Task WaitAsync(Func<Task<bool>> condition, string failure)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            TimeProvider.System.GetElapsedTime(started).ShouldBeLessThan(Patience, failure);
            await Task.Delay(50);
        }
    }

    [GeneratedRegex(@"http://\S+")]
    private static partial Regex Link();
}
