using System.CommandLine;
using System.Globalization;
using Selfsame.Cli.Views;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Server.Reconciliation;
using Selfsame.Store;
using Selfsame.Store.Provisioning;

namespace Selfsame.Cli.Commands;

/// <summary><c>selfsame audit</c>: reads every system and says what disagrees; changes nothing.</summary>
internal static class AuditCommand
{
    // Each is looked up in every system by itself.
    private const int MaximumLast = 1000;
    private const int MaximumNotes = 100;

    public static Command Create()
    {
        var options = new EngineOptions();
        var filters = new FilterOptions();
        var sample = new Option<int>("--sample") { Description = "Show this many accounts of each system with their identifiers." };
        var last = new Option<int?>("--last") { Description = "Only whoever came last, this many, each in every system: a quick look." };
        last.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var text }] && (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) || count is < 1 or > MaximumLast))
            {
                result.AddError($"--last takes a number from 1 to {MaximumLast}.");
            }
        });
        var command = new Command("audit", "Reads every connected system and says what disagrees. Changes nothing.") { sample, last };
        filters.AddTo(command);
        options.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var engine = await options.OpenAsync(parsed, cancellation);
            var filter = filters.Read(parsed, engine.Topology);
            if (parsed.GetValue(last) is { } count)
            {
                return await ShowNewestAsync(engine, filter, count, options.Json(parsed), cancellation);
            }

            var audit = await AuditAsync(engine, cancellation, parsed.GetValue(sample));
            if (filter is not null)
            {
                audit = audit with { Findings = filter.Of(audit.Findings, engine.Topology, audit.Pictures, IdentifierKeys.TryKey) };
            }

            var uniqueness = audit.Pictures
                .Where(pair => filter?.Includes(pair.Value.Config) != false)
                .ToDictionary(pair => pair.Key, pair => pair.Value.Everybody!);
            // Who asks about one person is not told of others.
            var notes = filter is { Who: not null } ? [] : await new ProvisioningReports(engine.Store.Database, engine.Store.Clock).NotesAsync([.. uniqueness.Keys], MaximumNotes, cancellation);
            AuditView.Write(new ShownAudit(audit.Findings, uniqueness, await LimitsAsync(engine, uniqueness.Keys, cancellation), notes), options.Json(parsed));
            return audit.Findings.Count == 0 ? ExitCode.Clean : ExitCode.Findings;
        });
        return command;
    }

    /// <summary>The audit that every command of the engine starts from.</summary>
    public static async Task<AuditResult> AuditAsync(OpenedEngine engine, CancellationToken cancellation, int sample = 0)
        => await new Auditor(
            await engine.Connected.WithLinksAsync(engine.Store, cancellation), engine.Connected.Systems, IdentifierKeys.TryKey, engine.Store.Clock, engine.Store.Random)
            .AuditAsync(system => PacedProgress.OfReading(system, engine.Store.Clock), cancellation, sample);

    private static async Task<int> ShowNewestAsync(OpenedEngine engine, FindingFilter? filter, int count, bool json, CancellationToken cancellation)
    {
        if (filter is { Who: not null } or { System: not null })
        {
            throw new InvalidOperationException("--last is about whoever came last: leave out --who and --system.");
        }

        var origins = NewestPeople.Origins(engine.Topology, filter?.Tenant);
        if (origins.Count == 0)
        {
            throw new InvalidOperationException("no system is the source of a rule and no other's target, so nobody is known to come first anywhere. Leave out --last.");
        }

        var newest = new NewestPeople(await engine.Connected.WithLinksAsync(engine.Store, cancellation), engine.Connected.Systems, IdentifierKeys.TryKey);
        var found = new Dictionary<string, IReadOnlyList<Newcomer>>(StringComparer.Ordinal);
        foreach (var origin in origins)
        {
            found.Add(origin.Name, await newest.FindAsync(origin, count, cancellation));
        }

        NewestView.Write(found, json);
        return found.Values.SelectMany(people => people).All(newcomer => newcomer.Person.IsComplete) ? ExitCode.Clean : ExitCode.Findings;
    }

    /// <summary>For our own users, how many accounts may still be made.</summary>
    private static async Task<IReadOnlyDictionary<string, string>> LimitsAsync(OpenedEngine engine, IEnumerable<string> names, CancellationToken cancellation)
    {
        var limits = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var system in names.Select(name => engine.Topology.Systems[name]).Where(system => system.Connector == SelfsameConnector.Kind.Name))
        {
            limits.Add(system.Name, await Doctor.LimitAsync(engine.Store, engine.Store.Tenant(system.Tenant), cancellation));
        }

        return limits;
    }
}
