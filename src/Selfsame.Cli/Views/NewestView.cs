using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Spectre.Console;

namespace Selfsame.Cli.Views;

/// <summary>Shows how far the newest people of a system have come: a row each, a column for every other system; for programs JSON with <c>newest</c>.</summary>
internal static class NewestView
{
    public static void Write(IReadOnlyDictionary<string, IReadOnlyList<Newcomer>> newest, bool json)
    {
        if (json)
        {
            Terminal.WriteJson(new
            {
                Newest = newest.ToDictionary(pair => pair.Key, pair => new
                {
                    Of = pair.Value.Count,
                    In = Others(pair.Key, pair.Value).ToDictionary(system => system, system => Count(pair.Value, system)),
                    People = pair.Value.Select(newcomer => new
                    {
                        newcomer.Account.Id,
                        newcomer.Account.Label,
                        newcomer.Person.In,
                        newcomer.Person.MissingIn,
                        Complete = newcomer.Person.IsComplete,
                        Accounts = Others(pair.Key, pair.Value).ToDictionary(system => system, system => newcomer.Person.Accounts[system].Select(account => new
                        {
                            account.Account.Id,
                            Identifiers = account.Account.Identifiers.ToDictionary(identifier => identifier.Key.Name(), identifier => identifier.Value),
                            Active = IsActive(account.Account),
                        })),
                    }),
                }),
                Findings = newest.Values.SelectMany(people => people).SelectMany(newcomer => newcomer.Person.Findings).Select(AuditView.Shown),
            });
            return;
        }

        foreach (var (origin, people) in newest)
        {
            WriteOrigin(origin, people);
        }
    }

    private static void WriteOrigin(string origin, IReadOnlyList<Newcomer> people)
    {
        var others = Others(origin, people);
        Terminal.Line($"The newest {people.Count} of {Terminal.Text(origin)}: {Terminal.Text(string.Join(", ", others.Select(system => $"{system} {Count(people, system)} of {people.Count}")))}");
        var table = new Table { Border = TableBorder.Simple };
        table.AddColumns([origin, .. others]);
        foreach (var newcomer in people)
        {
            table.AddRow([Terminal.Text(newcomer.Account.Label), .. others.Select(system => Cell(newcomer.Person, system))]);
        }

        Terminal.Output.Write(table);
        foreach (var finding in people.SelectMany(newcomer => newcomer.Person.Findings))
        {
            Terminal.Line($"  [yellow]{finding.Kind}[/] {Terminal.Text(finding.Sentence)}{(EvidenceView.Line(finding) is { } evidence ? $"  {evidence}" : "")}");
        }
    }

    private static string Cell(Person person, string system)
    {
        if (person.Accounts[system].Count == 0)
        {
            return person.MissingIn.Contains(system) ? "[yellow]missing[/]" : "[grey]none[/]";
        }

        return string.Join(", ", person.Accounts[system].Select(account =>
            Terminal.Text(Name(account.Account)) + (IsActive(account.Account) == false ? " [yellow](not active)[/]" : "")));
    }

    private static IReadOnlyList<string> Others(string origin, IReadOnlyList<Newcomer> people)
        => people.Count == 0 ? [] : [.. people[0].Person.Accounts.Keys.Where(system => system != origin)];

    private static int Count(IReadOnlyList<Newcomer> people, string system) => people.Count(newcomer => newcomer.Person.Accounts[system].Count > 0
        && !newcomer.Person.Findings.Any(finding => finding.Fault == SystemFault.InactiveAccount && finding.System == system));

    private static string Name(Account account)
        => account.Identifiers.GetValueOrDefault(IdentifierKind.UserCode) ?? account.Identifiers.GetValueOrDefault(IdentifierKind.Handle) ?? account.Label;

    // Null where the system does not say.
    private static bool? IsActive(Account account)
        => account.Attributes.TryGetValue(AccountMapping.Active, out var active) && !active.IsNull ? active.IsTruthy : null;
}
