using System.CommandLine;
using System.Globalization;
using Selfsame.Cli.Views;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Server.Reconciliation;
using Selfsame.Server.Watch;

namespace Selfsame.Cli.Commands;

/// <summary><c>selfsame watch</c>: audits on a schedule and tells what is new, each finding once.</summary>
internal static class WatchCommand
{
    private const string SecretVariable = "SELFSAME_WEBHOOK_SECRET";

    public static Command Create()
    {
        var options = new EngineOptions();
        var every = new Option<string>("--every") { Description = "How often: 90s, 15m, 6h, 1d.", DefaultValueFactory = _ => "15m" };
        var once = new Option<bool>("--once") { Description = "Audit once and end; for a timer of the system." };
        var mail = new Option<string?>("--mail") { Description = "Tell this address what is new." };
        var webhook = new Option<string?>("--webhook") { Description = $"Tell this URL what is new, signed with {SecretVariable} as Standard Webhooks says." };
        var command = new Command("watch", "Audits on a schedule and alerts when something new is found. Changes nothing in the systems.") { every, once, mail, webhook };
        var filters = new FilterOptions();
        filters.AddTo(command);
        options.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            var period = Period(parsed.GetRequiredValue(every));
            await using var engine = await options.OpenAsync(parsed, cancellation);
            var filter = filters.Read(parsed, engine.Topology);
            var server = options.ServerOptions(parsed);
            using var channels = AlertChannels.Open(parsed.GetValue(mail), parsed.GetValue(webhook), Environment.GetEnvironmentVariable(SecretVariable), server);
            async Task<AuditResult> AuditAsync(CancellationToken token)
            {
                // A watch runs for weeks: what was decided meanwhile is heeded in the next round.
                var decisions = ConfigFile.Read(options.ConfigPath(parsed)).Decisions;
                var audit = await new Auditor(await engine.Connected.WithLinksAsync(engine.Store, token, decisions), engine.Connected.Systems, IdentifierKeys.TryKey, engine.Store.Clock, engine.Store.Random)
                    .AuditAsync(_ => null, token);
                return filter is null ? audit : audit with { Findings = filter.Of(audit.Findings, engine.Topology, audit.Pictures, IdentifierKeys.TryKey) };
            }

            var watcher = new Watcher(AuditAsync, channels, new WatchMemory(server.DataFolder, filter), server.Clock, server.Random);
            var json = options.Json(parsed);
            if (!parsed.GetValue(once))
            {
                await watcher.RunAsync(period, round => WatchView.Write(round, server.Clock.GetUtcNow(), json), cancellation);
            }

            var only = await watcher.OnceAsync(cancellation);
            WatchView.Write(only, server.Clock.GetUtcNow(), json);
            return only.Findings is null || only.Problems.Count > 0 ? ExitCode.Error : only.Findings > 0 ? ExitCode.Findings : ExitCode.Clean;
        });
        return command;
    }

    private static TimeSpan Period(string text)
    {
        var seconds = text.Length > 1 && int.TryParse(text[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number * text[^1] switch { 's' => 1L, 'm' => 60L, 'h' => 3600L, 'd' => 86400L, _ => 0L }
            : 0L;
        return seconds is > 0 and <= 30 * 86400L
            ? TimeSpan.FromSeconds(seconds)
            : throw new InvalidOperationException($"'--every {text}' is no time up to 30 days: write it as 90s, 15m, 6h or 1d.");
    }
}
