using Selfsame.Core.Accounts;
using Selfsame.Core.Discovery;

namespace Selfsame.Cli.Views;

/// <summary>Says what <c>init</c> found and what comes next.</summary>
internal static class InitView
{
    /// <param name="proposal">What was found.</param>
    /// <param name="file">What was written.</param>
    /// <param name="variable">The environment variable that must hold the connection, or null.</param>
    public static void Write(Proposal proposal, string file, string? variable)
    {
        foreach (var system in proposal.Systems)
        {
            var identifiers = string.Join(", ", system.Identifiers.Select(pair => $"{pair.Key.Name()} in '{pair.Value}'"));
            Terminal.Line($"{system.Name}: {Terminal.Text(system.Table.FullName)} holds the users ({Terminal.Text(string.Join(", ", system.Reasons))}); {Terminal.Text(identifiers)}.");
            var others = system.References.Count switch { 0 => "", 1 => "; 1 other column may", var count => $"; {count} other columns may" };
            Terminal.Line($"  {(system.ForeignKeys.Count == 1 ? "1 foreign key refers" : $"{system.ForeignKeys.Count} foreign keys refer")} to it{others}.");
        }

        Terminal.Line($"Written to {Terminal.Text(file)}: read it and correct it.");
        var config = file == Server.Reconciliation.ConfigFile.DefaultName ? "" : $" --config {Terminal.Text(file)}";
        Terminal.Line(variable is null ? $"Next: selfsame audit{config}" : $"Next: put the connection into the environment variable {variable}, then: selfsame audit{config}");
    }
}
