using Microsoft.Extensions.Logging;
using Selfsame.Core.Provisioning;

namespace Selfsame.Server;

/// <summary>Every log message of the server. None carries an identifier's value or a secret.</summary>
internal static partial class ServerLogMessages
{
    [LoggerMessage(2001, LogLevel.Error, "The mail round failed; it is tried again")]
    public static partial void MailRoundFailed(ILogger logger, Exception exception);

    [LoggerMessage(2002, LogLevel.Warning, "Mail {Uuid} could not be handed over at attempt {Attempt}: {Error}")]
    public static partial void MailFailed(ILogger logger, Guid uuid, int attempt, string error);

    [LoggerMessage(2003, LogLevel.Error, "Housekeeping failed; it is tried again")]
    public static partial void HousekeepingFailed(ILogger logger, Exception exception);

    [LoggerMessage(2004, LogLevel.Warning, "No SMTP server is configured: mails are written as files to {Folder}")]
    public static partial void MailsAreFiles(ILogger logger, string folder);

    [LoggerMessage(2005, LogLevel.Information, "Passwords: {Description}")]
    public static partial void PasswordHashing(ILogger logger, string description);

    [LoggerMessage(2006, LogLevel.Warning, "The system's SQLite was not found: the bundled SQLite {Version} is used. Install libsqlite3-0 for a patched and faster one")]
    public static partial void BundledSqlite(ILogger logger, Version version);

    [LoggerMessage(2014, LogLevel.Warning, "Links in the mails of tenant {Tenant} lead to {Address}, {Problem}. Say 'publicUrl' under 'tenants: {Tenant}:' in the config")]
    public static partial void LinksLeadNowhere(ILogger logger, string tenant, Uri address, string problem);

    [LoggerMessage(2007, LogLevel.Warning, "Tenant {Tenant}: under the policy 'refuse' for {Space} user {User} keeps a key that user {Holder} holds")]
    public static partial void Grandfathered(ILogger logger, string tenant, string space, Guid user, Guid holder);

    [LoggerMessage(2101, LogLevel.Error, "The provisioning round failed; it is tried again")]
    public static partial void ProvisioningRoundFailed(ILogger logger, Exception exception);

    [LoggerMessage(2010, LogLevel.Error, "The webhook round of {Endpoint} failed; it is tried again")]
    public static partial void WebhookRoundFailed(ILogger logger, string endpoint, Exception exception);

    [LoggerMessage(2011, LogLevel.Warning, "Webhook {Uuid} could not be handed over to {Endpoint} at attempt {Attempt}: {Error}")]
    public static partial void WebhookFailed(ILogger logger, Guid uuid, string endpoint, int attempt, string error);

    [LoggerMessage(2105, LogLevel.Error, "Bringing {Account} of {Source} into {System} failed in a way that was not foreseen; it is tried again later, and holds nobody else up (correlation {CorrelationId})")]
    public static partial void ProvisioningUnforeseen(ILogger logger, string system, string source, string account, string? correlationId, Exception exception);

    [LoggerMessage(2107, LogLevel.Information, "{Account} of {Source} is {State} in {System} (correlation {CorrelationId})")]
    public static partial void ProvisioningDone(ILogger logger, string system, string source, string account, ProvisioningState state, string? correlationId);

    [LoggerMessage(2108, LogLevel.Warning, "{Account} of {Source} is {State} in {System}, where attempt {Attempt} came to nothing; its row says why, and it is tried again (correlation {CorrelationId})")]
    public static partial void ProvisioningPutOff(ILogger logger, string system, string source, string account, ProvisioningState state, int attempt, string? correlationId);

    [LoggerMessage(2109, LogLevel.Warning, "{Account} of {Source} is in conflict in {System}; its row has the evidence, on the page Provisioning (correlation {CorrelationId})")]
    public static partial void ProvisioningConflict(ILogger logger, string system, string source, string account, string? correlationId);

    // Each such account is looked at every hour: at the usual level those lines would bury the others.
    [LoggerMessage(2114, LogLevel.Debug, "{Account} of {Source} is not wanted in {System} yet (correlation {CorrelationId})")]
    public static partial void ProvisioningNotWanted(ILogger logger, string system, string source, string account, string? correlationId);

    [LoggerMessage(2106, LogLevel.Error, "A handle change in {System} was answered in a way that was not foreseen; it is tried again later, and holds nobody else up (correlation {CorrelationId})")]
    public static partial void HandleChangeUnforeseen(ILogger logger, string system, string? correlationId, Exception exception);

    [LoggerMessage(2102, LogLevel.Warning, "{Count} accounts have not become whole within {After}; the page Provisioning says why")]
    public static partial void ProvisioningOverdue(ILogger logger, int count, TimeSpan after);

    [LoggerMessage(2103, LogLevel.Error, "The look for accounts that are behind failed; it is tried again")]
    public static partial void ProvisioningAlertFailed(ILogger logger, Exception exception);

    [LoggerMessage(2104, LogLevel.Warning, "The store's numbers for /metrics could not be read; the others are answered")]
    public static partial void GaugesFailed(ILogger logger, Exception exception);

    [LoggerMessage(2012, LogLevel.Information, "The secret was changed: {Count} values are protected with the present one again. Nothing needs SELFSAME_SECRET_KEY_PREVIOUS any more, when all nodes run with the present one")]
    public static partial void SecretChanged(ILogger logger, int count);

    [LoggerMessage(2019, LogLevel.Warning, "The Data Protection key {Id} opens under neither secret and is left as it is. It could not be read before the change either")]
    public static partial void DataProtectionKeyLeft(ILogger logger, long id);

    [LoggerMessage(2013, LogLevel.Error, "The round of handle changes failed; it is tried again")]
    public static partial void HandleRoundFailed(ILogger logger, Exception exception);

    [LoggerMessage(2008, LogLevel.Error, "{Method} {Endpoint} failed (correlation {CorrelationId})")]
    public static partial void RequestFailed(ILogger logger, string method, string? endpoint, string correlationId, Exception exception);

    [LoggerMessage(2009, LogLevel.Warning, "The database can't be used; /readyz says so")]
    public static partial void NotReady(ILogger logger, Exception exception);

    [LoggerMessage(2015, LogLevel.Warning, "A request from {Address} named another as its origin (X-Forwarded-For), and {Address} is none of 'trustedProxies'. If your reverse proxy is there, everybody behind it is one network to the limits of sign-ups and sign-ins: name it under 'trustedProxies' in the config")]
    public static partial void ProxyNotTrusted(ILogger logger, System.Net.IPAddress? address);

    [LoggerMessage(2016, LogLevel.Information, "Config: {Config}; data: {Folder}; database: {Database}")]
    public static partial void Opened(ILogger logger, string config, string folder, string database);

    [LoggerMessage(2050, LogLevel.Error, "The page {Path} failed; correlation {CorrelationId}")]
    public static partial void PageFailed(ILogger logger, string path, string correlationId, Exception exception);

    [LoggerMessage(2110, LogLevel.Information, "{System} reported {Fresh} new events and {Repeats} repeats (correlation {CorrelationId})")]
    public static partial void EventsReceived(ILogger logger, string system, int fresh, int repeats, string correlationId);

    [LoggerMessage(2111, LogLevel.Warning, "A webhook for {System} was refused: {Reason} (correlation {CorrelationId})")]
    public static partial void WebhookRefused(ILogger logger, string system, string reason, string correlationId);

    [LoggerMessage(2112, LogLevel.Error, "The round over the inbox failed; it is tried again")]
    public static partial void InboxRoundFailed(ILogger logger, Exception exception);

    [LoggerMessage(2113, LogLevel.Warning, "The log of {System} could not be read, so that lost events are not found now: {Problem}")]
    public static partial void SweepFailed(ILogger logger, string system, string problem, Exception? unforeseen);
}
