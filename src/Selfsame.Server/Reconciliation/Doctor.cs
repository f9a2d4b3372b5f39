using Selfsame.Core.Accounts;
using Selfsame.Core.Identifiers;
using Selfsame.Core.Reconciliation;
using Selfsame.Databases;
using Selfsame.Server.Hosting;
using Selfsame.Store;
using Selfsame.Store.Operations;
using Selfsame.Store.Requests;
using Selfsame.Store.Users;

namespace Selfsame.Server.Reconciliation;

/// <summary>One thing that a doctor looked at.</summary>
/// <param name="Area"><c>settings</c>, <c>store</c>, or the system's name.</param>
/// <param name="Name">What was asked.</param>
/// <param name="Answer">Whether it is as it should be.</param>
/// <param name="Detail">What was seen.</param>
/// <param name="WhatToDo">For no, what to do; else empty.</param>
/// <param name="Fatal">Whether nothing works without it.</param>
public sealed record Examination(string Area, string Name, ProbeAnswer Answer, string Detail = "", string WhatToDo = "", bool Fatal = false);

/// <summary>Looks at everything that audits, repairs and the service depend on. Changes nothing.</summary>
public sealed class Doctor(ConnectedSystems systems, StoreContext store, ServerOptions options, bool hasSecretVariable)
{
    // Far less than a lease, far more than what NTP leaves.
    private static readonly TimeSpan MostClockSkew = TimeSpan.FromSeconds(30);

    /// <summary>The examinations in a fixed order; a system that is not reached does not keep the others from being looked at.</summary>
    /// <param name="filter">Only these systems, without settings and store; null for everything.</param>
    /// <param name="cancellation">Gives up.</param>
    public async Task<IReadOnlyList<Examination>> ExamineAsync(FindingFilter? filter, CancellationToken cancellation)
    {
        var found = new List<Examination>(filter is null ? [.. Settings(), .. await StoreAsync(cancellation)] : []);
        var ofSystems = new SystemExaminations(store, systems.Topology);
        foreach (var (name, config) in systems.Topology.Systems.Where(pair => filter?.Includes(pair.Value) != false))
        {
            found.AddRange(await ofSystems.ExamineAsync(config, systems.Systems[name], cancellation));
        }

        return found;
    }

    private static string Of(int number, string one) => number == 1 ? $"1 {one}" : $"{number} {one}s";

    private IEnumerable<Examination> Settings()
    {
        var topology = systems.Topology;
        yield return new Examination("settings", "config", ProbeAnswer.Yes, $"{Of(topology.Systems.Count, "system")}, {Of(topology.Rules.Count, "rule")}");
        var secret = Path.Combine(options.DataFolder, "secret.key");
        yield return hasSecretVariable
            ? new Examination("settings", "secret key", ProbeAnswer.Yes, "from SELFSAME_SECRET_KEY")
            : File.Exists(secret) && !OperatingSystem.IsWindows() && (File.GetUnixFileMode(secret) & ~(UnixFileMode.UserRead | UnixFileMode.UserWrite)) != 0
                ? new Examination("settings", "secret key", ProbeAnswer.No, $"others can read {secret}", $"chmod 600 {secret}")
                : new Examination("settings", "secret key", ProbeAnswer.Yes, $"from {secret}; keep a copy apart from the database");
        yield return topology.Mail switch
        {
            null => new Examination("settings", "mail", ProbeAnswer.Yes, $"no server: mails are files under {Path.Combine(options.DataFolder, "mail")}"),
            { RequireTls: false } mail => new Examination("settings", "mail", ProbeAnswer.No, $"{mail.Host}:{mail.Port} without TLS", "Say 'requireTls: true' under 'mail', unless the server is on this machine."),
            { } mail => new Examination("settings", "mail", ProbeAnswer.Yes, $"{mail.Host}:{mail.Port} with TLS"),
        };
        foreach (var tenant in options.Tenants.Select(tenant => tenant.Name).Order(StringComparer.Ordinal))
        {
            yield return Links(tenant);
        }
    }

    /// <summary>Where the links of a tenant's mails lead; where that is the server's own address matters once mails are sent.</summary>
    private Examination Links(string tenant)
    {
        var name = $"links of {tenant}";
        var whatToDo = $"Say under 'tenants: {tenant}:' where people reach it, as 'publicUrl: https://id.example.com'.";
        if (PublicLinks.Configured(options, tenant) is not { } address)
        {
            return options.Smtp is null
                ? new Examination("settings", name, ProbeAnswer.Yes, "to where the server listens")
                : new Examination("settings", name, ProbeAnswer.No, "to where the server listens, and to http://localhost:8080 in mails that commands send", whatToDo);
        }

        return PublicLinks.Problem(options, tenant, address) is { } problem && (options.Smtp is not null || !PublicLinks.IsThisMachine(address))
            ? new Examination("settings", name, ProbeAnswer.No, $"to {address}, {problem}", whatToDo)
            : new Examination("settings", name, ProbeAnswer.Yes, $"to {address}{(address.Scheme == Uri.UriSchemeHttps ? "" : "; without TLS")}");
    }

    private async Task<IReadOnlyList<Examination>> StoreAsync(CancellationToken cancellation)
    {
        var found = new List<Examination>();
        var versions = await KeyRuleVersions.ReadAsync(store.Database, cancellation);
        var older = versions.Where(count => count.Version != KeyRules.Version).ToList();
        found.Add(older.Count == 0
            ? new Examination("store", "key rules", ProbeAnswer.Yes, $"{KeyRules.Version}, {versions.Sum(count => count.Identifiers)} identifiers")
            : new Examination(
                "store", "key rules", ProbeAnswer.No, $"{older.Sum(count => count.Identifiers)} identifiers were keyed under {string.Join(", ", older.Select(count => count.Version))}; these are {KeyRules.Version}",
                "Look with 'selfsame keys' whether their keys differ before you upgrade further; keys made by other rules can let a duplicate in."));
        var (unverifiable, others) = await UnverifiableHashes.CountAsync(store, cancellation);
        found.Add(unverifiable == 0
            ? new Examination("store", "password hashes", ProbeAnswer.Yes, $"{others} that other systems made, all of which can be checked here")
            : new Examination(
                "store", "password hashes", ProbeAnswer.No, $"{unverifiable} of {others} that other systems made can't be checked here, so those users can't sign in with them",
                "Install libargon2 (on Debian: apt-get install libargon2-1), or let them set a new password by mail."));
        foreach (var tenant in store.Tenants.Values.OrderBy(tenant => tenant.Name, StringComparer.Ordinal))
        {
            found.Add(new Examination("store", $"creation limit of {tenant.Name}", ProbeAnswer.Yes, await LimitAsync(store, tenant, cancellation)));
            var trial = await UserCodes.TryAsync(store, tenant, cancellation);
            found.Add(trial.Code is { } code
                ? new Examination("store", $"user codes of {tenant.Name}", ProbeAnswer.Yes, $"made dry: {code} would be free, at try {trial.Attempts}")
                : new Examination(
                    "store", $"user codes of {tenant.Name}", ProbeAnswer.No, $"none of {trial.Attempts} codes was free, so nobody can sign up",
                    $"Give the tenant another 'userCodePrefix' or more 'userCodeSyllables'; it has '{tenant.UserCodePrefix}' and {tenant.UserCodeSyllables}."));
        }

        if (await ClockAsync(cancellation) is { } clock)
        {
            found.Add(clock);
        }

        var runs = await systems.Journal.ListAsync(cancellation);
        var unfinished = runs.Where(run => run.Finished is null).ToList();
        found.Add(unfinished.Count == 0
            ? new Examination("store", "journal", ProbeAnswer.Yes, $"{runs.Count} runs, all finished")
            : new Examination("store", "journal", ProbeAnswer.No, $"run {unfinished[0].Id} is unfinished", ToGoOn(unfinished[0])));
        return found;
    }

    private static string ToGoOn(RunSummary run) => run.Undoes is { } undone
        ? $"It takes run {undone} back. Go on with it: selfsame undo {Short(undone)} --yes"
        : $"Apply its plan again; without its file: selfsame apply --resume {Short(run.Id)}. Or take back what it did: selfsame undo {Short(run.Id)} --yes";

    private static string Short(Guid run) => run.ToString("D")[..8];

    /// <summary>
    /// How far this machine's clock is from the database's, which all nodes see: leases and pauses are kept by each node's own. Null where the database is a file of this machine.
    /// </summary>
    private async Task<Examination?> ClockAsync(CancellationToken cancellation)
    {
        if (store.Database.Dialect != Dialect.PostgreSql)
        {
            return null;
        }

        var before = store.Clock.GetUtcNow();
        var there = DateTimeOffset.UnixEpoch.AddSeconds(await store.Database.ReadAsync(
            transaction => transaction.ScalarAsync<double>("SELECT extract(epoch FROM clock_timestamp())::double precision"), cancellation));
        var ahead = before + ((store.Clock.GetUtcNow() - before) / 2) - there;
        return ahead.Duration() <= MostClockSkew
            ? new Examination("store", "clock", ProbeAnswer.Yes, $"within {Math.Ceiling(ahead.Duration().TotalSeconds):0} s of the database's")
            : new Examination(
                "store", "clock", ProbeAnswer.No, $"this machine's is {ahead.Duration().TotalSeconds:0} s {(ahead > TimeSpan.Zero ? "ahead of" : "behind")} the database's", "Set both by NTP: a node whose clock is ahead takes others' work for abandoned.");
    }

    /// <summary>The limit of new accounts and how it is used, as a sentence.</summary>
    public static async Task<string> LimitAsync(StoreContext store, TenantSettings tenant, CancellationToken cancellation)
    {
        var limit = tenant.SignUpLimit;
        if (limit.Count == 0)
        {
            return "no limit on new accounts";
        }

        var now = store.Now();
        var use = await store.Database.ReadAsync(transaction => RateLimits.SummariseAsync(transaction, tenant.Name, limit, now), cancellation);
        return $"{limit.Count} new accounts per address in {limit.Window.TotalSeconds:0} s; now {use.Subjects} addresses counted, {use.AtLimit} at the limit";
    }
}
