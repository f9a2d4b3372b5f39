using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging.Abstractions;
using Selfsame.Core;
using Selfsame.Databases;
using Selfsame.Store;
using Selfsame.Store.Audit;
using Selfsame.Store.Mail;
using Selfsame.Store.Passwords;
using Selfsame.Store.Requests;
using Selfsame.Store.Schema;
using Selfsame.Store.Sessions;
using Selfsame.Store.Users;
using Selfsame.Store.Webhooks;
using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Store;

/// <summary>How a <see cref="TestStore"/> differs from the usual one.</summary>
public sealed record TestStoreOptions
{
    /// <summary>The tenant <c>main</c>; without limits unless a test is about them.</summary>
    public TenantSettings Tenant { get; init; } = TestStore.Unlimited;

    public TransactionFaults Faults { get; init; } = TransactionFaults.None;

    /// <summary>PostgreSQL only: further options of CREATE DATABASE.</summary>
    public string PostgresOptions { get; init; } = "";

    /// <summary>PostgreSQL only: a server of its own; null means the one that all tests share.</summary>
    public PostgresServer? Server { get; init; }

    /// <summary>Who is told what happens to users.</summary>
    public IReadOnlyList<WebhookSubscription> Webhooks { get; init; } = [];
}

/// <summary>A migrated, empty store on one backend, with a clock that stands still, and the short forms that the suites share.</summary>
public sealed partial class TestStore : IAsyncDisposable
{
    public const string Tenant = "main";
    public const string Password = "a fine passphrase";

    private const string FileName = "store.sqlite";

    private readonly TemporaryFolder? folder;

    private TestStore(Database database, TestStoreOptions options, TemporaryFolder? folder, ManualClock clock, SeededRandom random)
    {
        this.folder = folder;
        Clock = clock;
        Context = new StoreContext
        {
            Database = database,
            Clock = clock,
            Random = random,
            Secrets = new SecretKeys(new byte[SecretKeys.MinimumBytes], random),
            Passwords = Passwords,
            PasswordPolicy = new PasswordPolicy(new PasswordSettings { ToNfc = text => text.Normalize() }),
            Logger = NullLogger.Instance,
            Tenants = new Dictionary<string, TenantSettings>(StringComparer.Ordinal)
            {
                [Tenant] = options.Tenant,
                ["second"] = options.Tenant with { Name = "second" },
            },
            Webhooks = options.Webhooks,
            PublicAddress = tenant => new Uri($"https://{tenant}.example/"),
        };
    }

    /// <summary>Settings under which nothing is counted.</summary>
    public static TenantSettings Unlimited { get; } = new()
    {
        Name = Tenant,
        SignUpLimit = new RateLimit("sign-up", 0, TimeSpan.FromHours(1)),
        SignUpAttemptLimit = new RateLimit("sign-up-attempts", 0, TimeSpan.FromHours(1)),
        SignInLimit = new RateLimit("sign-in", 0, TimeSpan.FromHours(1)),
        PasswordResetLimit = new RateLimit("password-reset", 0, TimeSpan.FromHours(1)),
        HandleChangeLimit = new RateLimit("handle-changes", 0, TimeSpan.FromHours(1)),
    };

    public StoreContext Context { get; }

    public ManualClock Clock { get; }

    public PlainPasswordHashing Passwords { get; } = new();

    public Database Database => Context.Database;

    public static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static async Task<TestStore> CreateAsync(Backend backend, TestStoreOptions? options = null)
    {
        var store = await CreateEmptyAsync(backend, options);
        await StoreSchema.MigrateAsync(store.Database, Cancellation);
        return store;
    }

    /// <summary>A database without a schema.</summary>
    public static async Task<TestStore> CreateEmptyAsync(Backend backend, TestStoreOptions? options = null)
    {
        options ??= new TestStoreOptions();
        var clock = new ManualClock();
        var random = new SeededRandom(1);
        var folder = backend == Backend.SqliteFile ? new TemporaryFolder() : null;
        return new TestStore(await OpenAsync(backend, options, folder, clock, random), options, folder, clock, random);
    }

    /// <summary>The same file as another process would open it.</summary>
    public TestStore OpenAgain()
    {
        var random = new SeededRandom(2);
        var database = SqliteDatabase.File(folder![FileName], new DatabaseOptions { SurvivePowerLoss = false }, Clock, random);
        return new TestStore(database, new TestStoreOptions(), folder: null, Clock, random);
    }

    /// <summary>The same store under other settings, as after a restart with another config.</summary>
    public StoreContext With(Func<TenantSettings, TenantSettings> change) => Context with
    {
        Tenants = Context.Tenants.Values.Select(change).ToDictionary(tenant => tenant.Name, StringComparer.Ordinal),
    };

    public async ValueTask DisposeAsync()
    {
        await Database.DisposeAsync();
        folder?.Dispose();
    }

    public static SignUpForm Form(string? username, string? email, string? password = Password)
        => new() { Username = username, Email = email, Password = password };

    public static SignUpRequest Request(SignUpForm form) => new() { Tenant = Tenant, Form = form, Actor = Actor.Self };

    public static SignUpRequest Request(string? username, string? email) => Request(Form(username, email));

    public static IdempotentCall Call(string key, string payload = "payload") => new("public", "POST /api/v1/sign-ups", key, payload);

    public Task<SignUpResult> SignUpAsync(SignUpRequest request) => new SignUp(Context).ExecuteAsync(request, Cancellation);

    public Task<SignUpResult> SignUpAsync(string? username, string? email) => SignUpAsync(Request(username, email));

    /// <summary>A user who signed up, as the database has it.</summary>
    public async Task<User> CreateAsync(string? username, string? email) => await CreateAsync(Request(username, email));

    public async Task<User> CreateAsync(SignUpRequest request)
        => await ReadAsync((await SignUpAsync(request)).ShouldBeOfType<SignUpResult.Created>().User.Uuid);

    /// <summary>A user whose address is proved.</summary>
    public Task<User> CreateVerifiedAsync(string? username, string? email)
        => CreateAsync(Request(Form(username, email) with { Administrator = new AdministratorFields { EmailVerified = true } }));

    public async Task<User> ReadAsync(Guid uuid) => (await new UserReader(Context).FindAsync(Tenant, uuid, Cancellation)).ShouldNotBeNull();

    public Task<SignInResult> SignInAsync(string? login, string? password = Password, SignInOrigin? origin = null)
        => new SignIn(Context).ExecuteAsync(Tenant, login, password, origin ?? From("192.0.2.1"), SessionKind.Browser, Actor.Self, Cancellation);

    public async Task<SignInResult.SignedIn> SignedInAsync(string login, string password = Password, SignInOrigin? origin = null)
        => (await SignInAsync(login, password, origin)).ShouldBeOfType<SignInResult.SignedIn>();

    public static SignInOrigin From(string? network, string? browser = null) => new(network, network, browser, "a browser");

    public Task<long> CountAsync(string table, string where = "1 = 1")
        => Database.ReadAsync(transaction => transaction.ScalarAsync<long>($"SELECT count(*) FROM {table} WHERE {where}"), Cancellation);

    public Task<int> ExecuteAsync(string sql, object? parameters = null)
        => Database.TransactAsync(transaction => transaction.ExecuteAsync(sql, parameters), Cancellation);

    public Task<List<T>> QueryAsync<T>(string sql, object? parameters = null)
        => Database.ReadAsync(transaction => transaction.QueryAsync<T>(sql, parameters), Cancellation);

    /// <summary>Every mail that is due, marked as sent.</summary>
    public async Task<List<MailText>> TakeMailsAsync()
    {
        var outbox = new MailOutbox(Context);
        var mails = await outbox.LeaseAsync(1000, Cancellation);
        foreach (var mail in mails)
        {
            await outbox.MarkSentAsync([mail.Uuid], Cancellation);
        }

        return [.. mails.OrderBy(mail => mail.CreatedAt).Select(mail => mail.Text)];
    }

    /// <summary>The token in the link of the one mail to this address with this subject; all due mails are taken.</summary>
    public async Task<string> TakeTokenAsync(string recipient, string subject)
    {
        var mails = await TakeMailsAsync();
        var mail = mails.Where(mail => mail.Recipient == recipient && mail.Subject.Contains(subject, StringComparison.Ordinal)).ShouldHaveSingleItem();
        return Token().Match(mail.Body).Groups["token"].Value.ShouldNotBeEmpty();
    }

    /// <summary>Runs all of these at the same time, as far as the machine's threads allow.</summary>
    public static Task<T[]> InParallelAsync<T>(int count, Func<int, Task<T>> run)
        => Task.WhenAll(Enumerable.Range(0, count).Select(index => Task.Run(() => run(index))));

    /// <summary>Makes a call so often at once, and ends no hash before each call hashes or has its answer; the hashes, and the answers.</summary>
    public async Task<(long Hashed, T[] Results)> HashAtOnceAsync<T>(int count, Func<Task<T>> call)
    {
        var before = Passwords.Hashed;
        var release = new TaskCompletionSource();
        Passwords.WhileHashing = () => release.Task;
        var calls = Enumerable.Range(0, count).Select(_ => Task.Run(call)).ToList();
        while (calls.Count(made => made.IsCompleted) + Passwords.Hashed - before < count)
        {
            await Task.Delay(10, Cancellation);
        }

        release.SetResult();
        var results = await Task.WhenAll(calls);
        return (Passwords.Hashed - before, results);
    }

    public Task CheckInvariantsAsync() => StoreInvariants.CheckAsync(Database, Cancellation);

    private static async Task<Database> OpenAsync(
        Backend backend, TestStoreOptions options, TemporaryFolder? folder, ManualClock clock, RandomSource random)
    {
        var settings = new DatabaseOptions { Faults = options.Faults, SurvivePowerLoss = false };
        return backend switch
        {
            Backend.SqliteFile => SqliteDatabase.File(folder![FileName], settings, clock, random),
            Backend.SqliteMemory => SqliteDatabase.InMemory(settings, clock, random),
            _ => Database.Open(await (options.Server ?? await PostgresServer.SharedAsync()).CreateDatabaseAsync(options.PostgresOptions, Cancellation), settings, clock, random),
        };
    }

    [GeneratedRegex("token=(?<token>[A-Za-z0-9_-]+)")]
    private static partial Regex Token();
}

internal static class ShouldlyText
{
    /// <summary>The text, which must not be empty.</summary>
    public static string ShouldNotBeEmpty(this string text)
    {
        text.Length.ShouldBeGreaterThan(0);
        return text;
    }
}
