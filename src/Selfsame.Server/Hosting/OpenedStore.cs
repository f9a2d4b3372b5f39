using Microsoft.Extensions.Logging.Abstractions;
using Selfsame.Connectors.AtProto;
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
        => OpenAsync(
            // A command that has no config does not know whether a journal stands elsewhere.
            options, new DatabaseOptions(), NullLogger.Instance, tenant => PublicLinks.Configured(options, tenant) ?? new Uri("http://localhost:8080"), changesSecret: options.Topology is not null, cancellation);

    internal static async Task<OpenedStore> OpenAsync(
        ServerOptions options, DatabaseOptions database, Microsoft.Extensions.Logging.ILogger logger, Func<string, Uri> publicAddress, bool changesSecret, CancellationToken cancellation)
    {
        PrivateFiles.CreateFolder(options.DataFolder);
        RequireSecretForCredentials(options);
        var settings = new PasswordSettings { ToNfc = Normalization.ToNfc };
        var context = new StoreContext
        {
            Database = Database.Open(
                options.Database ?? options.DefaultDatabase, database, options.Clock, options.Random),
            Clock = options.Clock,
            Random = options.Random,
            Secrets = new SecretKeys(
                InstallationSecret.Load(options.SecretKey, options.DataFolder), options.Random, InstallationSecret.LoadPrevious(options.PreviousSecretKey)),
            Passwords = options.Passwords ?? new BoundedPasswordHashing(settings, options.Random),
            PasswordPolicy = new PasswordPolicy(settings),
            Logger = logger,
            CrashPoints = options.CrashPoints,
            Tenants = options.Tenants.ToDictionary(tenant => tenant.Name, StringComparer.Ordinal),
            Webhooks = [.. options.Webhooks.Select(webhook => new WebhookSubscription(webhook.Name, webhook.Tenant, webhook.Events))],
            PublicAddress = publicAddress,
        };
        await StoreSchema.MigrateAsync(context.Database, cancellation);
        var isPresent = await ServerIdentity.CheckAsync(context, cancellation);
        if (!isPresent && !changesSecret)
        {
            throw new InvalidOperationException(
                "This store's secret is to be changed, or was left in the middle of that, and without the config nobody knows whether a journal stands elsewhere. "
                + "Start 'selfsame serve' once with both secrets, or run this where selfsame.yaml is (or with --config).");
        }

        if (context.Secrets.IsChanging && changesSecret)
        {
            await ChangeSecretAsync(context, options, cancellation);
        }

        return new OpenedStore(context, options.Passwords is null ? context.Passwords as IDisposable : null);
    }

    public async ValueTask DisposeAsync()
    {
        ownPasswords?.Dispose();
        await Context.Database.DisposeAsync();
    }

    /// <summary>
    /// Passwords of accounts elsewhere are kept encrypted; a key that lies in a file beside them protects them from nobody who gets a copy of the folder.
    /// </summary>
    private static void RequireSecretForCredentials(ServerOptions options)
    {
        var keeping = options.Topology?.Systems.Values.FirstOrDefault(system => system.Connector == AtProtoSystem.Kind.Name);
        if (keeping is not null && options.SecretKey is null)
        {
            throw new InvalidOperationException(
                $"'{keeping.Name}' is a PDS, whose accounts' passwords are kept encrypted: set {InstallationSecret.Variable} and keep the key apart from the data. "
                + $"Make one with: openssl rand -base64 32. Where {Path.Combine(options.DataFolder, "secret.key")} is in use, "
                + $"set {InstallationSecret.PreviousVariable} to what stands in it until the next start went well.");
        }
    }

    private static async Task ChangeSecretAsync(StoreContext context, ServerOptions options, CancellationToken cancellation)
    {
        await ServerIdentity.BeginChangeAsync(context, cancellation);
        context.CrashPoints.Reach(SecretChangeCrashPoints.Begun);
        var again = await SecretChange.ProtectAgainAsync(context.Database, context.Secrets, context.Logger, cancellation);
        context.CrashPoints.Reach(SecretChangeCrashPoints.ValuesProtected);
        again += await StoredDataProtectionKeys.ProtectAgainAsync(context, cancellation);
        if (options.Topology?.Journal is { } connection)
        {
            await using var journal = Database.Open(connection, new DatabaseOptions(), context.Clock, context.Random);
            await StoreSchema.MigrateAsync(journal, cancellation);
            again += await SecretChange.ProtectAgainAsync(journal, context.Secrets, context.Logger, cancellation);
        }

        context.CrashPoints.Reach(SecretChangeCrashPoints.AllProtected);
        await ServerIdentity.AdoptAsync(context, cancellation);
        ServerLogMessages.SecretChanged(context.Logger, again);
    }
}
