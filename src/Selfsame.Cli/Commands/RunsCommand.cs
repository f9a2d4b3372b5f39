using System.CommandLine;
using Selfsame.Cli.Views;

namespace Selfsame.Cli.Commands;

/// <summary><c>selfsame runs</c>: what was applied, and when.</summary>
internal static class RunsCommand
{
    public static Command Create()
    {
        var options = new EngineOptions();
        var command = new Command("runs", "Lists the plans that were applied, the newest first.");
        options.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var engine = await options.OpenAsync(parsed, cancellation);
            RunsView.Write(await engine.Connected.Journal.ListAsync(cancellation), options.Json(parsed));
            return ExitCode.Clean;
        });
        return command;
    }
}
