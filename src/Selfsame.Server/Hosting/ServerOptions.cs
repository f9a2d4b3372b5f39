using System.Net;
using Microsoft.Extensions.Logging;
using Selfsame.Core;
using Selfsame.Core.Reconciliation;
using Selfsame.Core.Webhooks;
using Selfsame.Databases;
using Selfsame.Server.Mail;
using Selfsame.Store;
using Selfsame.Store.Passwords;

namespace Selfsame.Server.Hosting;

/// <summary>What a server is started with. The defaults serve on localhost with the embedded store.</summary>
public sealed record ServerOptions
{
    public IReadOnlyList<string> Urls { get; init; } = ["http://localhost:8080"];

    /// <summary>Holds the embedded store, the secret, and mails while no SMTP server is configured.</summary>
    public required string DataFolder { get; init; }

    /// <summary>The file that the config was read from; null where there is none.</summary>
    public string? ConfigPath { get; init; }

    /// <summary>A PostgreSQL connection string; null means SQLite under the data folder.</summary>
    public string? Database { get; init; }

    /// <summary>The database as people are told it: without a password.</summary>
    public string DatabaseName => Database is { } connection && PostgresAddress.IsMeant(connection)
        ? PostgresAddress.Describe(connection)
        : $"SQLite, {Path.GetFullPath(Database ?? DefaultDatabase)}";

    /// <summary>The embedded store's file.</summary>
    public string DefaultDatabase => Path.Combine(DataFolder, "selfsame.db");

    /// <summary>The installation's secret in base64; null means the file <c>secret.key</c> in the data folder, made when it is missing.</summary>
    public string? SecretKey { get; init; }

    /// <summary>While the secret is being changed, the one before it in base64: what it protects is protected again at the start.</summary>
    public string? PreviousSecretKey { get; init; }

    /// <summary>The connected systems that users are provisioned into; null without a config.</summary>
    public Topology? Topology { get; init; }

    public IReadOnlyList<TenantSettings> Tenants { get; init; } = [new() { Name = "main" }];

    /// <summary>Which tenant a host name means; any other host means <c>main</c>.</summary>
    public IReadOnlyDictionary<string, string> TenantsByHost { get; init; } = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);

    /// <summary>By tenant, the first of the hosts that the config gives it.</summary>
    public IReadOnlyDictionary<string, string> FirstHosts { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Where people reach a tenant's pages, for links in mails; a tenant without one is reached by https under its first host, or where the server listens.</summary>
    public IReadOnlyDictionary<string, Uri> PublicAddresses { get; init; } = new Dictionary<string, Uri>(StringComparer.Ordinal);

    /// <summary>Null writes mails as files.</summary>
    public SmtpSettings? Smtp { get; init; }

    /// <summary>Who is told what happens to users.</summary>
    public IReadOnlyList<WebhookConfig> Webhooks { get; init; } = [];

    /// <summary>Proxies whose X-Forwarded-For, X-Forwarded-Proto and X-Forwarded-Host (which chooses the tenant) are believed.</summary>
    public IReadOnlyList<IPNetwork> TrustedProxies { get; init; } = [];

    public TimeProvider Clock { get; init; } = TimeProvider.System;

    public RandomSource Random { get; init; } = RandomSource.System;

    /// <summary>Gets the log besides the console; null for nobody.</summary>
    public ILoggerProvider? Log { get; init; }

    public CrashPoints CrashPoints { get; init; } = CrashPoints.None;

    /// <summary>In place of the real hashing, for a benchmark that leaves it out.</summary>
    public PasswordHashing? Passwords { get; init; }
}
