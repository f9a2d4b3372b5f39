using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Store;

namespace Selfsame.Server.Reconciliation;

/// <summary>Looks at one connected system, each thing by itself: what can't be told keeps nothing else from being looked at.</summary>
internal sealed class SystemExaminations(StoreContext store, Topology topology)
{
    public async Task<IReadOnlyList<Examination>> ExamineAsync(SystemConfig config, IConnectedSystem system, CancellationToken cancellation)
    {
        var reachable = await ReachableAsync(config, system, cancellation);
        if (reachable.Fatal)
        {
            return [reachable];
        }

        (string Name, Func<Task<IReadOnlyList<Examination>>> Look)[] looks =
        [
            ("permissions", () => PermissionsAsync(config, system, cancellation)),
            ("indexes", () => IndexesAsync(config, system, cancellation)),
            ("leftovers", () => LeftoversAsync(config, system, cancellation)),
            ("user codes", () => CodesAsync(config, system, cancellation)),
            ("webhook", () => new WebhookExaminations(store, topology).ExamineAsync(config, system, cancellation)),
        ];
        var found = new List<Examination> { reachable };
        foreach (var (name, look) in looks)
        {
            found.AddRange(await ToldAsync(config, name, look));
        }

        return found;
    }

    private async Task<Examination> ReachableAsync(SystemConfig config, IConnectedSystem system, CancellationToken cancellation)
    {
        var started = store.Clock.GetTimestamp();
        try
        {
            await system.DescribeAsync(cancellation);
            return new Examination(config.Name, "reachable", ProbeAnswer.Yes, $"{store.Clock.GetElapsedTime(started).TotalMilliseconds:0} ms");
        }
        catch (SystemUnavailableException exception)
        {
            return new Examination(config.Name, "reachable", ProbeAnswer.No, exception.Message, "Correct the config, or look why it does not answer.", Fatal: true);
        }
    }

    /// <summary>What was looked at; or that it could not be told, which is not as it should be either.</summary>
    private static async Task<IReadOnlyList<Examination>> ToldAsync(SystemConfig config, string name, Func<Task<IReadOnlyList<Examination>>> look)
    {
        try
        {
            return await look();
        }
        catch (Exception exception) when (exception is SystemUnavailableException or ConnectorContractException)
        {
            return [new Examination(config.Name, name, ProbeAnswer.No, $"could not be told: {exception.Message}", "Look why it does not answer, and ask again.")];
        }
    }

    private static async Task<IReadOnlyList<Examination>> PermissionsAsync(SystemConfig config, IConnectedSystem system, CancellationToken cancellation)
        => system is IProbesPermissions probing
            ? [.. (await probing.ProbeAsync(cancellation)).Select(probe => new Examination(config.Name, probe.Name, probe.Answer, "", probe.WhatToDo))]
            : [new Examination(config.Name, "permissions", ProbeAnswer.Unknown, $"the connector '{config.Connector}' can't tell beforehand")];

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
