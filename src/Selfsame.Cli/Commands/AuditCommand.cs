using System.CommandLine;
using Selfsame.Cli.Views;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Server.Reconciliation;
using Selfsame.Store;

namespace Selfsame.Cli.Commands;

/// <summary><c>selfsame audit</c>: reads every system and says what disagrees; changes nothing.</summary>
internal static class AuditCommand
{
    public static Command Create()
    {
        var options = new EngineOptions();
        var filters = new FilterOptions();
        var sample = new Option<int>("--sample") { Description = "Show this many accounts of each system with their identifiers." };
        var command = new Command("audit", "Reads every connected system and says what disagrees. Changes nothing.") { sample };
        filters.AddTo(command);
        options.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var engine = await options.OpenAsync(parsed, cancellation);
            var filter = filters.Read(parsed, engine.Topology);
            var audit = await AuditAsync(engine, cancellation, parsed.GetValue(sample));
            if (filter is not null)
            {
                audit = audit with { Findings = filter.Of(audit.Findings, engine.Topology, audit.Pictures, IdentifierKeys.TryKey) };
            }

            var uniqueness = audit.Pictures
                .Where(pair => (filter?.System ?? pair.Key) == pair.Key && (filter?.Tenant ?? pair.Value.Config.Tenant) == pair.Value.Config.Tenant)
                .ToDictionary(pair => pair.Key, pair => pair.Value.Everybody!);
            AuditView.Write(audit.Findings, uniqueness, await LimitsAsync(engine, uniqueness.Keys, cancellation), options.Json(parsed));
            return audit.Findings.Count == 0 ? ExitCode.Clean : ExitCode.Findings;
        });
        return command;
    }

    /// <summary>The audit that every command of the engine starts from.</summary>
    public static async Task<AuditResult> AuditAsync(OpenedEngine engine, CancellationToken cancellation, int sample = 0)
        => await new Auditor(
            await engine.Connected.WithLinksAsync(engine.Store, cancellation), engine.Connected.Systems, IdentifierKeys.TryKey, engine.Store.Clock, engine.Store.Random)
            .AuditAsync(ReadProgress.For, cancellation, sample);

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
