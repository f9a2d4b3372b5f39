using System.CommandLine;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Cli.Commands;

/// <summary>
/// The options by which a command is about some people or systems only. Everything that tells about them is read all the same: a part of a system proves nothing.
/// </summary>
/// <param name="asksWho">Whether it can be about one person.</param>
internal sealed class FilterOptions(bool asksWho = true)
{
    private const string EveryTenant = "all";

    private readonly Option<string?> who = new("--who") { Description = "Only what is about this person: an id, username, e-mail, uuid … in any spelling." };
    private readonly Option<string?> system = new("--system") { Description = "Only what is about this system." };
    private readonly Option<string?> tenant = new("--tenant") { Description = "Only systems of this tenant; all for those of every one." };

    public void AddTo(Command command)
    {
        if (asksWho)
        {
            command.Options.Add(who);
        }

        command.Options.Add(system);
        command.Options.Add(tenant);
    }

    /// <summary>What was asked, or null for everything; a name that the config does not have throws.</summary>
    public FindingFilter? Read(ParseResult parsed, Topology topology)
    {
        var named = parsed.GetValue(tenant);
        var filter = new FindingFilter(asksWho ? parsed.GetValue(who) : null, parsed.GetValue(system), named == EveryTenant ? null : named);
        if (filter == new FindingFilter())
        {
            return null;
        }

        return filter.Problem(topology) is { } problem ? throw new InvalidOperationException(problem) : filter;
    }
}
