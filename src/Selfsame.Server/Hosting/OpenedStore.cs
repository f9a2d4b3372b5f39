using Microsoft.Extensions.Logging.Abstractions;
using Selfsame.Core.Identifiers.Unicode;
using Selfsame.Databases;
using Selfsame.Store;
using Selfsame.Store.Operations;
using Selfsame.Store.Passwords;
using Selfsame.Store.Schema;
using Selfsame.Store.Webhooks;

namespace Selfsame.Server.Hosting;

/// <summary>The store, brought to the present schema and checked to be ours; for the server and for commands without one.</summary>
public sealed class OpenedStore : IAsyncDisposable
{
    private readonly IDisposable? ownPasswords;

    private OpenedStore(StoreContext context, IDisposable? ownPasswords)
    {
        Context = context;
        this.ownPasswords = ownPasswords;
    }

    public StoreContext Context { get; }

    /// <summary>Opens what <paramref name="options"/> name; links in mails lead to the configured addresses.</summary>
    public static Task<OpenedStore> OpenAsync(ServerOptions options, CancellationToken cancellation)
        => OpenAsync(options, NullLogger.Instance, tenant => options.PublicAddresses.GetValueOrDefault(tenant) ?? new Uri("http://localhost:8080"), cancellation);

    internal static async Task<OpenedStore> OpenAsync(
        ServerOptions options, Microsoft.Extensions.Logging.ILogger logger, Func<string, Uri> publicAddress, CancellationToken cancellation)
    {
        PrivateFiles.CreateFolder(options.DataFolder);
        var settings = new PasswordSettings { ToNfc = Normalization.ToNfc };
        var context = new StoreContext
        {
            Database = Database.Open(
                options.Database ?? Path.Combine(options.DataFolder, "selfsame.db"), new DatabaseOptions(), options.Clock, options.Random),
            Clock = options.Clock,
            Random = options.Random,
            Secrets = new SecretKeys(InstallationSecret.Load(options.SecretKey, options.DataFolder), options.Random),
            Passwords = options.Passwords ?? new BoundedPasswordHashing(settings, options.Random),
            PasswordPolicy = new PasswordPolicy(settings),
            Logger = logger,
            CrashPoints = options.CrashPoints,
            Tenants = options.Tenants.ToDictionary(tenant => tenant.Name, StringComparer.Ordinal),
            Webhooks = [.. options.Webhooks.Select(webhook => new WebhookSubscription(webhook.Name, webhook.Tenant, webhook.Events))],
            PublicAddress = publicAddress,
        };
        await StoreSchema.MigrateAsync(context.Database, cancellation);
        await ServerIdentity.CheckAsync(context, cancellation);
        return new OpenedStore(context, options.Passwords is null ? context.Passwords as IDisposable : null);
    }

    public async ValueTask DisposeAsync()
    {
        ownPasswords?.Dispose();
        await Context.Database.DisposeAsync();
    }
}
