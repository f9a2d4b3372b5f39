using System.Net;
using Selfsame.Core.Accounts;
using Selfsame.Core.Webhooks;

namespace Selfsame.Core.Reconciliation;

/// <summary>The config: which systems there are, and which pairs of them must agree on who exists.</summary>
public sealed record Topology
{
    public required IReadOnlyDictionary<string, SystemConfig> Systems { get; init; }

    /// <summary>In the order of the config; an earlier rule's changes come first.</summary>
    public required IReadOnlyList<ReconcileRule> Rules { get; init; }

    public required IReadOnlyDictionary<string, TenantConfig> Tenants { get; init; }

    /// <summary>How the service sends mail; null writes files.</summary>
    public MailConfig? Mail { get; init; }

    /// <summary>Proxies whose forwarding headers the service believes.</summary>
    public IReadOnlyList<IPNetwork> TrustedProxies { get; init; } = [];

    /// <summary>Who is told what happens to users.</summary>
    public IReadOnlyList<WebhookConfig> Webhooks { get; init; } = [];

    /// <summary>How long a sign-up may take to become whole before somebody is told.</summary>
    public TimeSpan ProvisioningAlertAfter { get; init; } = DefaultProvisioningAlertAfter;

    /// <summary>A quarter of an hour: longer than the restart of a connected system takes.</summary>
    public static TimeSpan DefaultProvisioningAlertAfter { get; } = TimeSpan.FromSeconds(900);

    /// <summary>Who is told by mail of a sign-up that has not become whole in time; null: nobody.</summary>
    public string? ProvisioningAlertMail { get; init; }

    /// <summary>Where runs are journaled: a database's connection, or null for the store.</summary>
    public string? Journal { get; init; }

    /// <summary>How long a finished run can be looked at and undone; null: for ever.</summary>
    public TimeSpan? JournalKept { get; init; } = DefaultJournalKept;

    /// <summary>A year: what an undo finds after that is hardly as the run left it, and the images hold people's records.</summary>
    public static TimeSpan DefaultJournalKept { get; } = TimeSpan.FromDays(365);

    public Guards Guards { get; init; } = new();

    /// <summary>What people decided about accounts.</summary>
    public PersonDecisions Decisions { get; init; } = PersonDecisions.None;

    /// <summary>The file in which the decisions stand, as the config names it; null where they stand in the config, or there are none.</summary>
    public string? DecisionsFile { get; init; }

    /// <summary>How long something must have been so before it is believed: an orphan, the last reference to an account that went.</summary>
    public TimeSpan MinimumAge { get; init; } = DefaultMinimumAge;

    /// <summary>Two seconds: longer than most requests that still hold the old state take.</summary>
    public static TimeSpan DefaultMinimumAge { get; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// SHA-256 of all that decides what a plan means: systems, rules and where they point, without secrets. A plan
    /// made under another fingerprint is not applied.
    /// </summary>
    public required string Fingerprint { get; init; }

    /// <summary>The systems into which the accounts of <paramref name="source"/> are to be created.</summary>
    public IReadOnlyList<string> ProvisionedFrom(string source)
        => [.. Rules.Where(rule => rule.Source == source && rule.Missing == MissingAction.CreateInTarget).Select(rule => rule.Target).Distinct()];

    /// <summary>
    /// Whether the account that the service made under the rule is deleted when its user is purged: where the rule has orphans deleted. Where several rules
    /// lead into the target it may be somebody's in another source: that is a plan's to find out.
    /// </summary>
    public bool DeletesPurged(ReconcileRule rule)
        => rule is { Missing: MissingAction.CreateInTarget, Orphan: OrphanAction.DeleteInTarget } && Rules.Count(other => other.Target == rule.Target) == 1;

    /// <summary>The systems in which the accounts of purged users of <paramref name="source"/> are deleted.</summary>
    public IReadOnlyList<string> DeletedWith(string source) => [.. Rules.Where(rule => rule.Source == source && DeletesPurged(rule)).Select(rule => rule.Target)];

    /// <summary>The systems of one tenant and what is between them.</summary>
    public Topology OfTenant(string tenant) => this with
    {
        Systems = Systems.Where(pair => pair.Value.Tenant == tenant).ToDictionary(pair => pair.Key, pair => pair.Value),
        Rules = [.. Rules.Where(rule => Systems[rule.Source].Tenant == tenant && Systems[rule.Target].Tenant == tenant)],
    };
}

/// <summary>One connected system as the config describes it.</summary>
public sealed record SystemConfig
{
    public required string Name { get; init; }

    public required string Connector { get; init; }

    public string Tenant { get; init; } = "main";

    /// <summary>The connector's own settings by key, with environment variables put in.</summary>
    public required IReadOnlyDictionary<string, string> Settings { get; init; }

    public required AccountMapping Mapping { get; init; }

    /// <summary>Identifiers for which the system must have a unique index.</summary>
    public IReadOnlyList<IdentifierKind> Unique { get; init; } = [];

    /// <summary>What to do with several accounts that have one key.</summary>
    public DuplicatesAction Duplicates { get; init; }

    /// <summary>Who stays of several: the first by these in order; then by id.</summary>
    public IReadOnlyList<SurvivorOrder> Survivor { get; init; } = [];

    /// <summary>Whether an equal e-mail makes duplicates one person though not verified in both accounts.</summary>
    public bool TrustEmail { get; init; }

    /// <summary>What refers to the accounts, besides what the system itself declares.</summary>
    public IReadOnlyList<ReferencePlace> References { get; init; } = [];

    /// <summary>How fast the service may provision into it.</summary>
    public ProvisioningPace Pace { get; init; } = new();

    /// <summary>The field that must hold a random uuid in every record, or null.</summary>
    public string? Uuid { get; init; }

    /// <summary>What an account that is created holds in fields that nothing else fills: texts, and <see cref="Now"/> for when the plan was made.</summary>
    public IReadOnlyDictionary<string, string> Defaults { get; init; } = new Dictionary<string, string>();

    /// <summary>The default that stands for the time of the plan.</summary>
    public const string Now = "now";

    /// <summary>Further types of records that belong to each account.</summary>
    public IReadOnlyList<RecordConfig> Records { get; init; } = [];

    /// <summary>The code that each account gets when it is made; null where none is given.</summary>
    public UserCodeConfig? UserCode { get; init; }

    /// <summary>The fields that are null in no account's record: its code, and that the records that each has are there.</summary>
    public IEnumerable<string> NeededFields
        => Records.Where(record => record.IsForEach).Select(record => record.Presence).Concat(UserCode is { } code ? [code.Field] : []);

    /// <summary>What <c>POST /hooks/{system}</c> must carry as <c>Authorization</c>, verbatim; null where the system has no webhook.</summary>
    public string? HookToken { get; init; }

    /// <summary>The system of the config that shows the database in which the accounts stand behind an API; null where it is not said.</summary>
    public string? Database { get; init; }

    /// <summary>Keeps secrets out of logs.</summary>
    public override string ToString() => $"SystemConfig {Name}";
}

/// <summary>How fast one system may be worked on.</summary>
/// <param name="PerSecond">
/// Accounts a second, over all nodes: those that the service begins to make or to bring up to date in it, or reads there because an event was about them, a plan's changes, and changes of
/// handles. Null for no limit but what the system itself asks for.
/// </param>
/// <param name="AtOnce">Accounts that one node works on at the same time.</param>
public sealed record ProvisioningPace(double? PerSecond = null, int AtOnce = 4);

/// <summary>What to do with several accounts of one system that have one key.</summary>
public enum DuplicatesAction
{
    Report,

    /// <summary>All but the first get another username; they are different people who share a name.</summary>
    Rename,

    /// <summary>They are one person: what refers to the others moves to the first, and the others go.</summary>
    Merge,

    /// <summary>All but the first go, where nothing refers to them.</summary>
    Delete,
}

/// <summary>One criterion for who stays: an attribute's value, nulls last.</summary>
public sealed record SurvivorOrder(string Attribute, bool Descending);

/// <summary>One pair of systems and what to do where they disagree.</summary>
public sealed record ReconcileRule
{
    public required string Source { get; init; }

    public required string Target { get; init; }

    /// <summary>The correlation rules in order.</summary>
    public required IReadOnlyList<CorrelationRule> Correlate { get; init; }

    /// <summary>Whether equal e-mails are believed though not verified on both sides.</summary>
    public bool TrustEmail { get; init; }

    /// <summary>A source attribute that must be truthy for the account to belong into the target; null: all belong.</summary>
    public string? When { get; init; }

    public MissingAction Missing { get; init; }

    /// <summary>Which handle an account gets in the target; null where it is the source's, if both map one.</summary>
    public HandleTemplate? Handle { get; init; }

    public OrphanAction Orphan { get; init; }

    public IdMismatchAction IdMismatch { get; init; }

    public DriftedAction Drifted { get; init; }
}

/// <summary>
/// How two accounts are found to be one person: by equal ids, by equal keys of one kind of identifier, or by the target's id that our store,
/// or an attribute of the source, holds.
/// </summary>
/// <param name="Kind">The kind, or null for the id or a link.</param>
/// <param name="Link">What a target gives as its id, as <c>did</c>; null where ids are the same on both sides.</param>
public readonly record struct CorrelationRule(IdentifierKind? Kind, string? Link = null)
{
    public static CorrelationRule ById { get; } = new(null);

    /// <summary><c>id</c>, the kind's name, or the link's.</summary>
    public string Name => Link ?? Kind?.Name() ?? "id";
}

/// <summary>What to do for an account of the source that the target lacks.</summary>
public enum MissingAction
{
    Report,
    CreateInTarget,
}

/// <summary>What to do with an account of the target that is nobody's in the source.</summary>
public enum OrphanAction
{
    Report,
    CreateInSource,
    DisableInTarget,
    DeleteInTarget,
}

/// <summary>What to do for one person under two ids that should be equal.</summary>
public enum IdMismatchAction
{
    Report,

    /// <summary>The target's row, and all that refers to it, takes the source's id.</summary>
    RekeyTarget,
}

/// <summary>What to do where declared attributes differ.</summary>
public enum DriftedAction
{
    Report,
    UpdateTarget,
}

/// <summary>
/// Limits that stop a plan which would harm more than a person expects: a wrong domain or an empty source makes
/// everybody look gone. Small stores are not stopped by the percentage alone.
/// </summary>
public sealed record Guards
{
    public int MaxDeletes { get; init; } = 20;

    public int MaxDeletesPercent { get; init; } = 5;

    public int MaxUpdates { get; init; } = 1000;

    public int MaxUpdatesPercent { get; init; } = 20;

    /// <summary>How many accounts of one system the service itself may disable within an hour; more wait and are reported.</summary>
    public int MaxDisablesPerHour { get; init; } = 20;

    /// <summary>How many accounts of one system the service itself may delete within an hour, of purged users; more wait and are reported.</summary>
    public int MaxDeletesPerHour { get; init; } = 20;

    /// <summary>Up to this many changes the percentage is not asked.</summary>
    public int PercentFrom { get; init; } = 10;
}
