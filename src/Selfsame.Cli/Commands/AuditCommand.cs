using System.CommandLine;
using Selfsame.Cli.Views;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Cli.Commands;

/// <summary><c>selfsame audit</c>: reads every system and says what disagrees; changes nothing.</summary>
internal static class AuditCommand
{
    public static Command Create()
    {
        var options = new EngineOptions();
        var command = new Command("audit", "Reads every connected system and says what disagrees. Changes nothing.");
        options.AddTo(command);
        command.SetAction((parsed, cancellation) => RunAsync(options, parsed, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(EngineOptions options, ParseResult parsed, CancellationToken cancellation)
    {
        await using var engine = await options.OpenAsync(parsed, cancellation);
        var audit = await AuditAsync(engine, cancellation);
        AuditView.Write(audit, options.Json(parsed));
        return audit.Findings.Count == 0 ? ExitCode.Clean : ExitCode.Findings;
    }

    /// <summary>The audit that every command of the engine starts from.</summary>
    public static Task<AuditResult> AuditAsync(OpenedEngine engine, CancellationToken cancellation)
        => new Auditor(engine.Topology, engine.Connected.Systems, IdentifierKeys.TryKey, engine.Store.Clock).AuditAsync(ReadProgress.For, cancellation);
}
