using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Options;
using OpenTelemetry.Metrics;
using Selfsame.Core.Accounts;
using Selfsame.Databases;
using Selfsame.Server.Api;
using Selfsame.Server.Handles;
using Selfsame.Server.Hooks;
using Selfsame.Server.Mail;
using Selfsame.Server.Reconciliation;
using Selfsame.Server.Requests;
using Selfsame.Server.Webhooks;
using Selfsame.Store;
using Selfsame.Store.Mail;
using Selfsame.Store.Operations;
using Selfsame.Store.ServiceTokens;
using Selfsame.Store.Sessions;
using Selfsame.Store.Users;
using Selfsame.Store.Webhooks;

namespace Selfsame.Server.Hosting;

/// <summary>The user service: opens the store, listens, sends mail. Start it once.</summary>
public sealed class SelfsameServer : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly OpenedStore store;
    private readonly ILoggerFactory storeLoggers;
    private readonly MeterProvider? telemetry = TelemetryExport.Start();
    private Uri? listening;

    private SelfsameServer(WebApplication app, OpenedStore store, ILoggerFactory storeLoggers)
    {
        this.app = app;
        this.store = store;
        this.storeLoggers = storeLoggers;
    }

    public StoreContext Context => store.Context;

    /// <summary>Where the server listens; known once it has started.</summary>
    public Uri Address => listening ?? throw new InvalidOperationException("The server has not started.");

    /// <summary>Builds the server and brings the store to the present schema; nothing listens yet.</summary>
    public static async Task<SelfsameServer> CreateAsync(ServerOptions options, CancellationToken cancellation)
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.WebHost.UseUrls([.. options.Urls]);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = RequestLimits.LargestBody;
        });
        builder.Logging.SetMinimumLevel(LogLevel.Information);
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning);
        TellTime(builder.Services);
        AlsoTo(options.Log, builder.Logging);

        SelfsameServer? server = null;

        // What keeps it from starting is thrown, and told by the caller in a sentence.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", level => level >= LogLevel.Warning && server?.listening is not null);
        builder.Logging.AddFilter("Microsoft.AspNetCore.Server.Kestrel", level => level >= LogLevel.Warning && server?.listening is not null);

        // The store is opened before the container is built, and logs until it is closed.
        var loggers = LoggerFactory.Create(logging =>
        {
            logging.AddConfiguration(builder.Configuration.GetSection("Logging")).AddConsole();
            TellTime(logging.Services);
            AlsoTo(options.Log, logging);
        });
        var store = await OpenedStore.OpenAsync(
            options, DatabaseOptions(options), loggers.CreateLogger("Selfsame.Store"), tenant => server!.PublicAddress(options, tenant), changesSecret: true, cancellation);
        AddServices(builder.Services, options, store.Context);
        if (options.Topology is { } topology)
        {
            // A factory, so that the container disposes what it hands out.
            var connected = await ConnectedSystems.OpenAsync(topology, store.Context, Patience.OfService, cancellation);
            builder.Services.AddSingleton(_ => connected);
            builder.Services.AddHostedService<ProvisioningService>();
            builder.Services.AddHostedService<InboxService>();
            builder.Services.AddHostedService<ProvisioningAlertService>();
        }

        var app = builder.Build();
        server = new SelfsameServer(app, store, loggers);
        ConfigurePipeline(app, options);
        var logger = app.Services.GetRequiredService<ILogger<SelfsameServer>>();
        LogParts(logger, options, store.Context);
        await ApplyPoliciesAsync(logger, store.Context, cancellation);
        return server;
    }

    /// <summary>Starts to listen.</summary>
    public async Task StartAsync(CancellationToken cancellation)
    {
        await app.StartAsync(cancellation);
        var addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses;
        listening = new Uri(addresses.First());
        WarnOfLinks(app.Services.GetRequiredService<ILogger<SelfsameServer>>(), app.Services.GetRequiredService<ServerOptions>(), addresses);
    }

    /// <summary>A link that makes the first administrator; null once there is one.</summary>
    public async Task<Uri?> FirstAdministratorLinkAsync(CancellationToken cancellation)
    {
        var token = await new FirstAdministrator(Context).IssueAsync("main", cancellation);
        return token is null ? null : new Uri(Context.PublicAddress("main"), $"setup?token={token}");
    }

    /// <summary>Ends when the process is told to stop.</summary>
    public Task WaitForShutdownAsync(CancellationToken cancellation) => app.WaitForShutdownAsync(cancellation);

    public async ValueTask DisposeAsync()
    {
        await app.StopAsync();
        await app.DisposeAsync();
        telemetry?.Dispose();
        await store.DisposeAsync();
        storeLoggers.Dispose();
    }

    private void WarnOfLinks(ILogger logger, ServerOptions options, IEnumerable<string> addresses)
    {
        var matter = PublicLinks.Matter(options, addresses);
        foreach (var tenant in Context.Tenants.Keys.Where(_ => matter).Order(StringComparer.Ordinal))
        {
            var address = Context.PublicAddress(tenant);
            if (PublicLinks.Problem(options, tenant, address) is { } problem)
            {
                ServerLogMessages.LinksLeadNowhere(logger, tenant, address, problem);
            }
        }
    }

    private Uri PublicAddress(ServerOptions options, string tenant) => PublicLinks.Configured(options, tenant) ?? Address;

    // As long as a repeat of a call waits for the first one.
    private static readonly TimeSpan LongestWaitForFile = TimeSpan.FromSeconds(5);

    private static void AlsoTo(ILoggerProvider? log, ILoggingBuilder logging)
    {
        if (log is not null)
        {
            logging.AddProvider(log);
        }
    }

    /// <summary>Each line of the log says when, unless the configuration of logging says how.</summary>
    private static void TellTime(IServiceCollection services)
    {
        // Without a name the formatter takes its settings from elsewhere.
        services.Configure<ConsoleLoggerOptions>(console => console.FormatterName ??= ConsoleFormatterNames.Simple);
        services.Configure<SimpleConsoleFormatterOptions>(console =>
        {
            if (console.TimestampFormat is null)
            {
                console.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss'Z' ";
                console.UseUtcTimestamp = true;
            }
        });
    }

    /// <summary>A request is answered in time (promise 2), also while a backup or a shell holds SQLite's file; a command has more patience.</summary>
    private static DatabaseOptions DatabaseOptions(ServerOptions options)
        => options.Database is { } connection && PostgresAddress.IsMeant(connection) ? new() : new() { LockTimeout = LongestWaitForFile };

    private static void AddServices(IServiceCollection services, ServerOptions options, StoreContext context)
    {
        services.AddSingleton(options);
        services.AddSingleton(context);
        services.AddSingleton<SignUp>();
        services.AddSingleton<SignIn>();
        services.AddSingleton<SessionStore>();
        services.AddSingleton<EmailVerification>();
        services.AddSingleton<EmailChange>();
        services.AddSingleton<EmailRelease>();
        services.AddSingleton<PasswordChanges>();
        services.AddSingleton<UserReader>();
        services.AddSingleton<UserAdministration>();
        services.AddSingleton(provider =>
        {
            var connected = provider.GetService<ConnectedSystems>();
            return new HandleProvisioning(
                context, provider.GetRequiredService<UserAdministration>(), connected?.Topology, connected?.Systems ?? new Dictionary<string, IConnectedSystem>());
        });
        services.AddSingleton<ServiceTokenStore>();
        services.AddSingleton<FirstAdministrator>();
        services.AddSingleton<MailOutbox>();
        services.AddSingleton<IMailTransport>(options.Smtp is null
            ? new FileMailTransport(Path.Combine(options.DataFolder, "mail"))
            : new SmtpMailTransport(options.Smtp));
        services.AddHostedService<MailSender>();
        services.AddSingleton<WebhookOutbox>();
        services.AddHostedService<WebhookSender>();
        services.AddHostedService<HousekeepingService>();
        services.AddHostedService<HandleChangeService>();
        services.AddScoped<RequestScope>();
        services.AddScoped<TenantProvisioning>();
        services.AddSingleton<MetricsDisclosure>();
        services.AddSingleton<StoreGauges>();
        services.AddDataProtection().SetApplicationName("selfsame");
        services.AddSingleton<IConfigureOptions<KeyManagementOptions>>(new ConfigureOptions<KeyManagementOptions>(keys =>
        {
            keys.XmlRepository = new StoredDataProtectionKeys(context);
            keys.XmlEncryptor = new SecretXmlEncryptor(context.Secrets);
        }));
        services.Configure<ForwardedHeadersOptions>(forwarded => Configure(forwarded, options));
        services.AddSelfsameApi();
        services.AddSelfsamePages();
    }

    /// <summary>Where a request comes from, its scheme and its host are believed only from configured proxies (CASES 30); none are by default, not even this machine.</summary>
    private static void Configure(ForwardedHeadersOptions forwarded, ServerOptions options)
    {
        forwarded.ForwardedHeaders = options.TrustedProxies.Count == 0
            ? ForwardedHeaders.None
            : ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto | ForwardedHeaders.XForwardedHost;

        // As many hops as there are: each is believed only if the one before it is a configured proxy.
        forwarded.ForwardLimit = null;
        forwarded.KnownProxies.Clear();
        forwarded.KnownIPNetworks.Clear();
        foreach (var network in options.TrustedProxies)
        {
            forwarded.KnownIPNetworks.Add(network);
        }
    }

    private static void ConfigurePipeline(WebApplication app, ServerOptions options)
    {
        if (options.TrustedProxies.Count > 0)
        {
            app.UseForwardedHeaders();
        }

        app.UseMiddleware<UntrustedProxyWarning>();
        app.UseSecurityHeaders();
        app.Use(AnswerHeadAsGet);
        app.UseSelfsameErrors();
        app.UseMiddleware<RequestScopeMiddleware>();
        app.UsePageErrors();
        app.UseRouting();
        app.UseAntiforgery();
        app.MapSelfsameApi();
        app.MapSelfsamePages();
    }

    /// <summary>HEAD is answered as GET (RFC 9110, 9.3.2): monitors and load balancers ask so. The content is left out by the server, which knows the method as it came.</summary>
    private static Task AnswerHeadAsGet(HttpContext http, RequestDelegate next)
    {
        if (HttpMethods.IsHead(http.Request.Method))
        {
            http.Request.Method = HttpMethods.Get;
        }

        return next(http);
    }

    private static void LogParts(ILogger logger, ServerOptions options, StoreContext context)
    {
        ServerLogMessages.Opened(
            logger,
            options.ConfigPath ?? $"none, for there is no {ConfigFile.DefaultName} in {Directory.GetCurrentDirectory()}: the defaults hold",
            options.DataFolder,
            options.DatabaseName);
        ServerLogMessages.PasswordHashing(logger, context.Passwords.Description);
        if (context.Database.Dialect == Dialect.Sqlite && !SqliteLibrary.IsSystemLibrary)
        {
            ServerLogMessages.BundledSqlite(logger, SqliteLibrary.EnsureLoaded());
        }

        if (options.Smtp is null)
        {
            ServerLogMessages.MailsAreFiles(logger, Path.Combine(options.DataFolder, "mail"));
        }
    }

    private static async Task ApplyPoliciesAsync(ILogger logger, StoreContext context, CancellationToken cancellation)
    {
        foreach (var tenant in context.Tenants.Keys)
        {
            foreach (var kept in await new LookalikePolicySwitch(context).ApplyAsync(tenant, cancellation))
            {
                ServerLogMessages.Grandfathered(logger, tenant, kept.Space, kept.User, kept.Holder);
            }
        }
    }
}
