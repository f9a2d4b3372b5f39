using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Store.Provisioning;
using Spectre.Console;

namespace Selfsame.Cli.Views;

/// <summary>What an audit shows.</summary>
/// <param name="Findings">What disagrees.</param>
/// <param name="Systems">How unique everybody is, by system.</param>
/// <param name="Limits">How many accounts may still be made, by system.</param>
/// <param name="Notes">What the service decided by itself where nothing is left to do.</param>
internal sealed record ShownAudit(
    IReadOnlyList<Finding> Findings, IReadOnlyDictionary<string, UniquenessReport> Systems, IReadOnlyDictionary<string, string> Limits, IReadOnlyList<ProvisioningNote> Notes);

/// <summary>
/// Shows an audit: how unique everybody is, and a table of findings; for programs JSON with <c>systems</c>, <c>findings</c> and <c>notes</c>.
/// </summary>
internal static class AuditView
{
    public static void Write(ShownAudit audit, bool json)
    {
        var (findings, systems, limits, notes) = audit;
        if (json)
        {
            Terminal.WriteJson(new
            {
                Systems = systems.ToDictionary(pair => pair.Key, pair => Shown(pair.Value, limits.GetValueOrDefault(pair.Key))),
                Findings = findings.Select(Shown),
                Notes = notes.Select(note => new { note.Key.System, Account = new { System = note.Key.Source, Id = note.Key.Account }, Sentence = note.What }),
            });
            return;
        }

        foreach (var (name, system) in systems)
        {
            WriteSystem(name, system, limits.GetValueOrDefault(name));
        }

        foreach (var note in notes)
        {
            Terminal.Line($"  [grey]note: {Terminal.Text(note.Key.Account.ToString())} of {Terminal.Text(note.Key.Source)} in {Terminal.Text(note.Key.System)}: {Terminal.Text(note.What)}[/]");
        }

        if (findings.Count == 0)
        {
            Terminal.Line("[green]Clean: every system agrees.[/]");
            return;
        }

        var table = new Table { Border = TableBorder.Simple };
        table.AddColumns("finding", "system", "what was found");
        foreach (var finding in findings)
        {
            table.AddRow($"[yellow]{finding.Kind}[/]", Terminal.Text(finding.System), Terminal.Text(finding.Sentence) + (EvidenceView.Line(finding) is { } evidence ? $"\n{evidence}" : ""));
        }

        Terminal.Output.Write(table);
        Terminal.Line($"{Terminal.CountByKind([.. findings.Select(finding => finding.Kind)], "finding")}. Next: selfsame plan -o plan.json");
    }

    /// <summary>A finding as JSON shows it.</summary>
    public static object Shown(Finding finding) => new
    {
        finding.Kind,
        finding.System,
        finding.Accounts,
        finding.Evidence,
        finding.Differences,
        finding.Sentence,
    };

    private static object Shown(UniquenessReport system, string? limit) => new
    {
        system.Accounts,
        Values = system.Values.ToDictionary(count => count.Name, count => new { count.With, count.Distinct, Unique = count.IsUnique }),
        system.Verified,
        system.Unverified,
        Indexes = system.Indexes?.Select(index => new { index.Name, index.Fields, index.Unique, index.Collation, index.Predicate, index.OfConstraint }),
        CreationLimit = limit,
        Sample = system.Sample.Count == 0 ? null : system.Sample.Select(account => new { account.Account.Id, Identifiers = account.Account.Identifiers.ToDictionary(pair => pair.Key.Name(), pair => pair.Value) }),
    };

    private static void WriteSystem(string name, UniquenessReport system, string? limit)
    {
        Terminal.Line($"{Terminal.Text(name)}: {Terminal.Count(system.Accounts, "account")} read");
        foreach (var count in system.Values)
        {
            var each = count.IsUnique ? "[green]each unique[/]" : $"[yellow]{count.Distinct} different[/]";
            Terminal.Line($"  {count.Name}: {count.With} have one, {each}");
        }

        if (system.Verified is { } verified)
        {
            Terminal.Line($"  e-mails: {verified} verified, {system.Unverified} not");
        }

        foreach (var index in (system.Indexes ?? []).Where(index => index.Unique))
        {
            var collation = index.Collation is null ? "" : $", collation {Terminal.Text(index.Collation)}";
            Terminal.Line($"  unique: {Terminal.Text(string.Join(", ", index.Fields))}  [grey]{(index.OfConstraint ? "constraint" : "index")} {Terminal.Text(index.Name)}{collation}{(index.Predicate is null ? "" : $", only where {Terminal.Text(index.Predicate)}")}[/]");
        }

        if (limit is not null)
        {
            Terminal.Line($"  {Terminal.Text(limit)}");
        }

        foreach (var account in system.Sample)
        {
            var identifiers = string.Join(", ", account.Account.Identifiers.OrderBy(pair => pair.Key).Select(pair => $"{pair.Key.Name()} {ShownText.Short(pair.Value)}"));
            Terminal.Line($"  [grey]{Terminal.Text(account.Account.Id.ToString())}: {Terminal.Text(identifiers)}[/]");
        }
    }
}
