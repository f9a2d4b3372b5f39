using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using Selfsame.Core;
using Selfsame.Core.Identifiers.Unicode;
using Selfsame.Databases;
using Selfsame.Store;
using Selfsame.Store.Audit;
using Selfsame.Store.Operations;
using Selfsame.Store.Passwords;
using Selfsame.Store.Schema;
using Selfsame.Store.Users;

namespace Selfsame.Bench.Stores;

/// <summary>Our own store in this process, without a server.</summary>
internal sealed class BenchStore : IAsyncDisposable
{
    /// <summary>Within the rules of both sides: letters in two cases, a digit, a sign.</summary>
    public const string Password = "Corr3ct-horse-battery";

    private readonly SignUp signUp;

    private BenchStore(StoreContext context)
    {
        Context = context;
        signUp = new SignUp(context);
    }

    public StoreContext Context { get; }

    /// <summary>The secret of the installation, in base64, for a server on the same store.</summary>
    public static string SecretKey { get; } = Convert.ToBase64String(RandomNumberGenerator.GetBytes(SecretKeys.MinimumBytes));

    public static PasswordSettings PasswordSettings { get; } = new() { ToNfc = Normalization.ToNfc };

    /// <summary>The tenant that every server and store here has: as by default, with no limit on calls.</summary>
    public static TenantSettings Tenant { get; } = Unlimited(new TenantSettings { Name = "main" });

    /// <param name="connection">A PostgreSQL connection string, or the path of a SQLite file.</param>
    /// <param name="hash">What every password is stored as.</param>
    /// <param name="options">As the server's, unless something is only to be prepared.</param>
    public static async Task<BenchStore> OpenAsync(string connection, string hash, DatabaseOptions? options = null)
    {
        var context = new StoreContext
        {
            Database = Database.Open(connection, options ?? new DatabaseOptions(), TimeProvider.System, RandomSource.System),
            Clock = TimeProvider.System,
            Random = RandomSource.System,
            Secrets = new SecretKeys(Convert.FromBase64String(SecretKey), RandomSource.System),
            Passwords = new NoHashing(hash),
            PasswordPolicy = new PasswordPolicy(PasswordSettings),
            Logger = NullLogger.Instance,
            Tenants = new Dictionary<string, TenantSettings>(StringComparer.Ordinal) { [Tenant.Name] = Tenant },
            PublicAddress = _ => new Uri("http://localhost:8080/"),
        };
        await StoreSchema.MigrateAsync(context.Database);
        await ServerIdentity.CheckAsync(context, CancellationToken.None);
        return new BenchStore(context);
    }

    /// <summary>One sign-up as a person makes it. Anything but a new user is an error of the benchmark.</summary>
    public Task SignUpAsync(string username) => SignUpAsync(username, administrator: null);

    /// <summary>One user whose address is verified already: no mail waits for it.</summary>
    public Task AddVerifiedAsync(string username) => SignUpAsync(username, new AdministratorFields { EmailVerified = true });

    public ValueTask DisposeAsync() => Context.Database.DisposeAsync();

    private async Task SignUpAsync(string username, AdministratorFields? administrator)
    {
        var form = new SignUpForm
        {
            Username = username,
            Email = $"{username}@example.com",
            Password = Password,
            Administrator = administrator,
        };
        var request = new SignUpRequest { Tenant = Tenant.Name, Form = form, Actor = Actor.Self };
        var result = await signUp.ExecuteAsync(request, CancellationToken.None);
        if (result is not SignUpResult.Created)
        {
            throw new InvalidOperationException($"The sign-up of {username} ended as {result}.");
        }
    }

    private static TenantSettings Unlimited(TenantSettings tenant) => tenant with
    {
        SignUpLimit = tenant.SignUpLimit with { Count = 0 },
        SignUpAttemptLimit = tenant.SignUpAttemptLimit with { Count = 0 },
        SignInLimit = tenant.SignInLimit with { Count = 0 },
        PasswordResetLimit = tenant.PasswordResetLimit with { Count = 0 },
        HandleChangeLimit = tenant.HandleChangeLimit with { Count = 0 },
    };
}
