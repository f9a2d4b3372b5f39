using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Cli.Views;

/// <summary>Shows one person in every system; for programs JSON with <c>status</c>, <c>systems</c> and <c>findings</c>.</summary>
internal static class PersonView
{
    public static void Write(string who, Person person, bool json)
    {
        var status = Status(person);
        if (json)
        {
            Terminal.WriteJson(new
            {
                Who = who,
                Status = status.Word,
                person.In,
                person.MissingIn,
                Systems = person.Shown.ToDictionary(pair => pair.Key, pair => pair.Value.Select(account => new
                {
                    account.Account.Id,
                    account.Account.Label,
                    Identifiers = account.Account.Identifiers.ToDictionary(identifier => identifier.Key.Name(), identifier => identifier.Value),
                    Keys = account.Keys.ToDictionary(key => key.Key.Name(), key => key.Value),
                    account.Account.Attributes,
                })),
                Findings = person.Findings.Select(AuditView.Shown),
            });
            return;
        }

        Terminal.Line($"{Terminal.Text(who)}: {status.Markup}");
        foreach (var (system, accounts) in person.Shown)
        {
            if (accounts.Count == 0)
            {
                Terminal.Line($"  {Terminal.Text(system)}: [grey]no account[/]");
            }

            foreach (var account in accounts.Select(account => account.Account))
            {
                var identifiers = string.Join(", ", account.Identifiers.OrderBy(pair => pair.Key).Select(pair => $"{pair.Key.Name()} {ShownText.Short(pair.Value)}"));
                var attributes = string.Join(", ", account.Attributes.Where(pair => !pair.Value.IsNull).OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Key} {ShownText.Short(pair.Value.ToString())}"));
                Terminal.Line($"  {Terminal.Text(system)}: [bold]{Terminal.Text(account.Id.ToString())}[/]  {Terminal.Text(identifiers)}{(attributes.Length > 0 ? "  " : "")}[grey]{Terminal.Text(attributes)}[/]");
            }
        }

        foreach (var finding in person.Findings)
        {
            Terminal.Line($"  [yellow]{finding.Kind}[/] {Terminal.Text(finding.Sentence)}");
            if (EvidenceView.Line(finding) is { } evidence)
            {
                Terminal.Line($"    {evidence}");
            }
        }
    }

    private static (string Word, string Markup) Status(Person person)
    {
        if (person.IsComplete)
        {
            return ("complete", "[green]complete[/]");
        }

        return (person.In.Count, person.MissingIn.Count) switch
        {
            (1, > 0) => ("onlyIn", $"[yellow]only in {Terminal.Text(person.In[0])}[/]"),
            (_, > 0) => ("missingIn", $"[yellow]missing in {Terminal.Text(string.Join(", ", person.MissingIn))}[/]"),
            _ => ("findings", $"[yellow]in every system, with {Terminal.Count(person.Findings.Count, "finding")}[/]"),
        };
    }
}
