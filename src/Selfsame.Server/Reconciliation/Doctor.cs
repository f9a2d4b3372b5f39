using Selfsame.Core.Accounts;
using Selfsame.Core.Identifiers;
using Selfsame.Core.Reconciliation;
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
    /// <summary>The examinations in a fixed order; a system that is not reached does not keep the others from being looked at.</summary>
    public async Task<IReadOnlyList<Examination>> ExamineAsync(CancellationToken cancellation)
    {
        var found = new List<Examination>(Settings());
        found.AddRange(await StoreAsync(cancellation));
        foreach (var (name, config) in systems.Topology.Systems)
        {
            found.AddRange(await SystemAsync(config, systems.Systems[name], cancellation));
        }

        return found;
    }

    private IEnumerable<Examination> Settings()
    {
        var topology = systems.Topology;
        yield return new Examination("settings", "config", ProbeAnswer.Yes, $"{topology.Systems.Count} systems, {topology.Rules.Count} rules");
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

        var runs = await systems.Journal.ListAsync(cancellation);
        var unfinished = runs.Where(run => run.Finished is null).ToList();
        found.Add(unfinished.Count == 0
            ? new Examination("store", "journal", ProbeAnswer.Yes, $"{runs.Count} runs, all finished")
            : new Examination("store", "journal", ProbeAnswer.No, $"run {unfinished[0].Id} is unfinished", "Apply its plan again, or look at it: selfsame runs " + unfinished[0].Id.ToString("D")[..8]));
        return found;
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

    private async Task<IReadOnlyList<Examination>> SystemAsync(SystemConfig config, IConnectedSystem system, CancellationToken cancellation)
    {
        var found = new List<Examination>();
        var started = store.Clock.GetTimestamp();
        try
        {
            await system.DescribeAsync(cancellation);
            found.Add(new Examination(config.Name, "reachable", ProbeAnswer.Yes, $"{store.Clock.GetElapsedTime(started).TotalMilliseconds:0} ms"));
            if (system is IProbesPermissions probing)
            {
                found.AddRange((await probing.ProbeAsync(cancellation)).Select(probe => new Examination(config.Name, probe.Name, probe.Answer, "", probe.WhatToDo)));
            }
            else
            {
                found.Add(new Examination(config.Name, "permissions", ProbeAnswer.Unknown, $"the connector '{config.Connector}' can't tell beforehand"));
            }

            found.AddRange(await IndexesAsync(config, system, cancellation));
            found.AddRange(await LeftoversAsync(config, system, cancellation));
            found.AddRange(await CodesAsync(config, system, cancellation));
            found.AddRange(await new WebhookExaminations(store, systems.Topology).ExamineAsync(config, system, cancellation));
        }
        catch (SystemUnavailableException exception)
        {
            found.Add(new Examination(config.Name, "reachable", ProbeAnswer.No, exception.Message, "Correct the config, or look why it does not answer.", Fatal: true));
        }

        return found;
    }

    private static async Task<IReadOnlyList<Examination>> LeftoversAsync(SystemConfig config, IConnectedSystem system, CancellationToken cancellation)
    {
        const int mostNamed = 5;
        if (system is not IFindsLeftovers finding)
        {
            return [];
        }

        var found = await finding.FindLeftoversAsync(cancellation);
        return
        [
            found switch
            {
                null => new Examination(config.Name, "leftovers", ProbeAnswer.Unknown, "what broken creations left behind can't be seen there"),
                [] => new Examination(config.Name, "leftovers", ProbeAnswer.Yes, "none"),
                _ => new Examination(
                    config.Name, "leftovers", ProbeAnswer.No,
                    $"{found.Count}: {string.Join(' ', found.Take(mostNamed).Select(leftover => $"{leftover.Id}: {leftover.What}"))}{(found.Count > mostNamed ? " …" : "")}",
                    "They name nobody and do no harm; docs/connectors tells how they come about and how to end them."),
            },
        ];
    }

    private static async Task<IReadOnlyList<Examination>> IndexesAsync(SystemConfig config, IConnectedSystem system, CancellationToken cancellation)
    {
        if (system is not IInspectsIndexes inspected)
        {
            return [];
        }

        var indexes = await inspected.ReadIndexesAsync(cancellation);
        var found = new List<Examination>();
        foreach (var kind in config.Unique)
        {
            var field = config.Mapping.Identifiers[kind];
            var canonical = system as IHasCanonicalIndexes;
            var keeping = indexes.FirstOrDefault(index => canonical?.IsCanonical(index, kind) ?? (index.Unique && index.Predicate is null && index.Fields.SequenceEqual([field])));
            found.Add(keeping is not null
                ? new Examination(config.Name, $"unique {kind.Name()}", ProbeAnswer.Yes, $"index '{keeping.Name}'")
                : new Examination(
                    config.Name, $"unique {kind.Name()}", ProbeAnswer.No, Present(indexes, field),
                    canonical is null ? $"Make a unique index on '{field}'." : "selfsame plan -o plan.json makes it, after the duplicates."));
            found.AddRange(
                from index in indexes
                let why = canonical?.JoinsMore(index, kind)
                where why is not null
                select new Examination(
                    config.Name, $"unique {kind.Name()}", ProbeAnswer.No, $"index '{index.Name}' can't hold beside it: {why}", $"Drop '{index.Name}', or take {kind.Name()} out of 'unique'."));
        }

        return found;
    }

    private static async Task<IReadOnlyList<Examination>> CodesAsync(SystemConfig config, IConnectedSystem system, CancellationToken cancellation)
        => system is not IMakesUserCodes making || await making.TryUserCodeAsync(cancellation) is not { } trial
            ? []
            : [trial switch
            {
                { Index.Length: 0 } => new Examination(
                    config.Name, "user codes", ProbeAnswer.No, $"nothing keeps '{config.UserCode!.Field}' unique, so that no account is made", "selfsame plan -o plan.json makes the index."),
                { Code.Length: 0 } => new Examination(config.Name, "user codes", ProbeAnswer.No, "every code that was tried is taken", "Choose another prefix."),
                _ => new Examination(config.Name, "user codes", ProbeAnswer.Yes, $"{trial.Code} would be free; index '{trial.Index}' keeps codes unique"),
            }];

    private static string Present(IReadOnlyList<SystemIndex> indexes, string field)
    {
        var onField = indexes.Where(index => index.Fields.Any(part => part == field || part.Contains(field, StringComparison.OrdinalIgnoreCase))).ToList();
        return onField.Count == 0
            ? $"no index on '{field}'"
            : string.Join(", ", onField.Select(index => $"index '{index.Name}' {(index.Unique ? "is unique, but not over values that differ by case" : "is not unique")}"));
    }
}
