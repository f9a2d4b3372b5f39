using System.CommandLine;
using Selfsame.Cli.Views;
using Selfsame.Core.Accounts;
using Selfsame.Server.Reconciliation;

namespace Selfsame.Cli.Commands;

/// <summary><c>selfsame doctor</c>: looks at settings, store and systems, and says what to do about what is wrong.</summary>
internal static class DoctorCommand
{
    public static Command Create()
    {
        var options = new EngineOptions();
        var command = new Command("doctor", "Looks at the settings, the store and every system, and says what to do about what is wrong; with --system or --tenant only at those systems. Changes nothing.");
        var filters = new FilterOptions(asksWho: false);
        filters.AddTo(command);
        options.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var engine = await options.OpenAsync(parsed, cancellation);
            var server = options.ServerOptions(parsed);
            var found = await new Doctor(engine.Connected, engine.Store, server, server.SecretKey is not null).ExamineAsync(filters.Read(parsed, engine.Topology), cancellation);
            DoctorView.Write(found, options.Json(parsed));
            return found.Any(examination => examination is { Answer: ProbeAnswer.No, Fatal: true }) ? ExitCode.Error
                : found.Any(examination => examination.Answer == ProbeAnswer.No) ? ExitCode.Findings
                : ExitCode.Clean;
        });
        return command;
    }
}
