using System.CommandLine;
using Selfsame.Cli.Views;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Cli.Commands;

/// <summary><c>selfsame show WHO</c>: one person in every system.</summary>
internal static class ShowCommand
{
    public static Command Create()
    {
        var options = new EngineOptions();
        var who = new Argument<string>("who") { Description = "An id, username, e-mail, uuid … in any spelling." };
        var command = new Command("show", "Shows one person in every system: complete, or what is missing where.") { who };
        options.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var engine = await options.OpenAsync(parsed, cancellation);
            var wanted = parsed.GetRequiredValue(who);
            var person = await new PersonLookup(await engine.Connected.WithLinksAsync(engine.Store, cancellation), engine.Connected.Systems, IdentifierKeys.TryKey).FindAsync(wanted, cancellation);
            if (person.In.Count == 0)
            {
                throw new InvalidOperationException($"nobody is called '{wanted}' in {string.Join(", ", engine.Topology.Systems.Keys)}.");
            }

            PersonView.Write(wanted, person, options.Json(parsed));
            return person.IsComplete ? ExitCode.Clean : ExitCode.Findings;
        });
        return command;
    }
}
