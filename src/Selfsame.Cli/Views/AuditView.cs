using Selfsame.Core.Reconciliation;
using Spectre.Console;

namespace Selfsame.Cli.Views;

/// <summary>Shows an audit: a table of findings for people; for programs JSON with <c>systems</c> and <c>findings</c>.</summary>
internal static class AuditView
{
    public static void Write(AuditResult audit, bool json)
    {
        if (json)
        {
            Terminal.WriteJson(new
            {
                Systems = audit.Pictures.ToDictionary(pair => pair.Key, pair => new { Accounts = pair.Value.Accounts.Count }),
                Findings = audit.Findings.Select(finding => new
                {
                    finding.Kind,
                    finding.System,
                    finding.Accounts,
                    finding.Evidence,
                    finding.Differences,
                    finding.Sentence,
                }),
            });
            return;
        }

        foreach (var (name, picture) in audit.Pictures)
        {
            Terminal.Line($"{Terminal.Text(name)}: {Terminal.Count(picture.Accounts.Count, "account")} read");
        }

        if (audit.Findings.Count == 0)
        {
            Terminal.Line("[green]Clean: every system agrees.[/]");
            return;
        }

        var table = new Table { Border = TableBorder.Simple };
        table.AddColumns("finding", "system", "what was found");
        foreach (var finding in audit.Findings)
        {
            table.AddRow($"[yellow]{finding.Kind}[/]", Terminal.Text(finding.System), Terminal.Text(finding.Sentence));
        }

        Terminal.Output.Write(table);
        Terminal.Line($"{Terminal.Count(audit.Findings.Count, "finding")}. Next: selfsame plan -o plan.json");
    }
}
