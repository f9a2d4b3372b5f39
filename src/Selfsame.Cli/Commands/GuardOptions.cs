using System.CommandLine;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Cli.Commands;

/// <summary>The flags by which a person accepts, for one run and by its number, what a guard would stop.</summary>
internal sealed class GuardOptions
{
    private readonly Option<int?> maxDeletes = new("--max-deletes") { Description = "Accept up to this many deletions for this run." };
    private readonly Option<int?> maxUpdates = new("--max-updates") { Description = "Accept up to this many updates for this run." };

    public void AddTo(Command command)
    {
        command.Options.Add(maxDeletes);
        command.Options.Add(maxUpdates);
    }

    public GuardOverrides Read(ParseResult parsed) => new(parsed.GetValue(maxDeletes), parsed.GetValue(maxUpdates));
}
