using Selfsame.Connectors.AtProto;
using Selfsame.Connectors.Auth0;
using Selfsame.Connectors.Files;
using Selfsame.Connectors.MongoDb;
using Selfsame.Connectors.Postgres;
using Selfsame.Connectors.Sqlite;
using Selfsame.Connectors.Supabase;
using Selfsame.Core.Reconciliation;
using Selfsame.Server.Hosting;
using Selfsame.Server.Mail;
using Selfsame.Store;

namespace Selfsame.Server.Reconciliation;

/// <summary>The config could not be used; the message lists every error with its line.</summary>
public sealed class ConfigException(string message) : InvalidOperationException(message);

/// <summary>Reads <c>selfsame.yaml</c> with all connectors of this version.</summary>
public static class ConfigFile
{
    /// <summary>The file that is read when none is named.</summary>
    public const string DefaultName = "selfsame.yaml";

    /// <summary>The kinds of systems that this version connects.</summary>
    public static IReadOnlyList<ConnectorKind> Connectors { get; } =
    [
        SelfsameConnector.Kind, SqliteSystem.Kind, PostgresSystem.Kind, MongoDbSystem.Kind, SupabaseSystem.Kind, Auth0System.Kind, AtProtoSystem.Kind,
        FilesSystem.Kind,
    ];

    /// <summary>The config at <paramref name="path"/>, or at the default place; throws <see cref="ConfigException"/>.</summary>
    /// <param name="path">The file.</param>
    /// <param name="further">The text of a further file by its path, or null where it is not there; null reads the file.</param>
    public static Topology Read(string? path, Func<string, string?>? further = null)
        => ReadIfThere(path, further) ?? throw new ConfigException(
            $"there is no {DefaultName} here. Write one, or name it with --config FILE.");

    /// <summary>As <see cref="Read"/>, but null when no file is named and none is at the default place.</summary>
    public static Topology? ReadIfThere(string? path, Func<string, string?>? further = null)
    {
        if (path is null && !File.Exists(DefaultName))
        {
            return null;
        }

        var file = path ?? DefaultName;
        if (!File.Exists(file))
        {
            throw new ConfigException($"there is no config {file}. Check the path after --config.");
        }

        var reading = new TopologyReader(Connectors, Environment.GetEnvironmentVariable, named => (further ?? TextIfThere)(DecisionsFile.PathOf(path, named))).Read(File.ReadAllText(file));
        return reading.Topology ?? throw new ConfigException(
            $"the config {file} has {(reading.Errors.Count == 1 ? "an error" : $"{reading.Errors.Count} errors")}:\n"
            + string.Join('\n', reading.Errors.Select(error => $"  {error}")));
    }

    private static string? TextIfThere(string path) => File.Exists(path) ? File.ReadAllText(path) : null;

    /// <summary>The tenants that the config names, <c>main</c> always among them, each with the systems its users are provisioned into.</summary>
    private static List<TenantSettings> Tenants(Topology topology)
        => [.. topology.Tenants.Keys.Append("main").Distinct().Select(name => Tenant(name, topology.Tenants.GetValueOrDefault(name) ?? new TenantConfig(), topology))];

    /// <summary>Which tenant each host that the config names belongs to.</summary>
    private static Dictionary<string, string> TenantsByHost(Topology topology)
    {
        var hosts = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var (tenant, config) in topology.Tenants)
        {
            foreach (var host in config.Hosts)
            {
                if (!hosts.TryAdd(host, tenant))
                {
                    throw new ConfigException($"the host {host} belongs to two tenants, {hosts[host]} and {tenant}. Leave it with one.");
                }
            }
        }

        return hosts;
    }

    /// <summary>The server's options with everything that the config says.</summary>
    public static ServerOptions Apply(Topology topology, ServerOptions options) => options with
    {
        Topology = topology,
        Tenants = Tenants(topology),
        TenantsByHost = TenantsByHost(topology),
        FirstHosts = topology.Tenants.Where(tenant => tenant.Value.Hosts.Count > 0).ToDictionary(tenant => tenant.Key, tenant => tenant.Value.Hosts[0], StringComparer.Ordinal),
        PublicAddresses = topology.Tenants
            .Where(tenant => tenant.Value.PublicUrl is not null)
            .ToDictionary(tenant => tenant.Key, tenant => tenant.Value.PublicUrl!, StringComparer.Ordinal),
        TrustedProxies = topology.TrustedProxies,
        Webhooks = topology.Webhooks,
        Smtp = topology.Mail is not { } mail
            ? null
            : new SmtpSettings
            {
                Host = mail.Host,
                Port = mail.Port,
                From = mail.From,
                UserName = mail.UserName,
                Password = mail.Password,
                RequireTls = mail.RequireTls,
            },
    };

    private static RateLimit Limit(RateLimit standard, LimitConfig? config)
        => config is null ? standard : standard with { Count = config.Count, Window = TimeSpan.FromSeconds(config.Seconds) };

    private static TenantSettings Tenant(string name, TenantConfig config, Topology topology)
    {
        var defaults = new TenantSettings { Name = name };
        var users = topology.Systems.Values.Where(system => system.Connector == SelfsameConnector.Kind.Name && system.Tenant == name).ToList();
        if (users.Count > 1)
        {
            throw new ConfigException($"the systems {string.Join(" and ", users.Select(system => system.Name))} are the users of one tenant, {name}. Leave one of them.");
        }

        return defaults with
        {
            DefaultLocale = config.Locale ?? defaults.DefaultLocale,
            DefaultRole = config.Role ?? defaults.DefaultRole,
            Disclosure = config.EmailDisclosure is { } disclosure ? Enum.Parse<Disclosure>(disclosure, ignoreCase: true) : defaults.Disclosure,
            Lookalikes = config.Lookalikes is { } lookalikes ? Enum.Parse<LookalikePolicy>(lookalikes, ignoreCase: true) : defaults.Lookalikes,
            Mailboxes = config.Mailboxes is { } mailboxes ? Enum.Parse<LookalikePolicy>(mailboxes, ignoreCase: true) : defaults.Mailboxes,
            UserCodePrefix = config.UserCodePrefix ?? defaults.UserCodePrefix,
            UserCodeSyllables = config.UserCodeSyllables ?? defaults.UserCodeSyllables,
            SignUpLimit = Limit(defaults.SignUpLimit, config.SignUpLimit),
            SignUpAttemptLimit = Limit(defaults.SignUpAttemptLimit, config.SignUpAttemptLimit),
            SignInLimit = Limit(defaults.SignInLimit, config.SignInLimit),
            PasswordResetLimit = Limit(defaults.PasswordResetLimit, config.PasswordResetLimit),
            HandleChangeLimit = Limit(defaults.HandleChangeLimit, config.HandleChangeLimit),
            DeletionGracePeriod = config.DeletionGraceDays is { } days ? TimeSpan.FromDays(days) : defaults.DeletionGracePeriod,
            UserSystem = users.Count == 1 ? users[0].Name : defaults.UserSystem,
            ProvisionTo = users.Count == 1 ? topology.ProvisionedFrom(users[0].Name) : [],
            DeletePurgedIn = users.Count == 1 ? topology.DeletedWith(users[0].Name) : [],
        };
    }
}
