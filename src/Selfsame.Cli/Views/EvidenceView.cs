using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Cli.Views;

/// <summary>A finding's evidence in one line, for people; programs get all of it.</summary>
internal static class EvidenceView
{
    /// <summary>The rules and keys behind a finding, as markup; null where its sentence says them already.</summary>
    public static string? Line(Finding finding) => finding switch
    {
        { Situation: Situation.Missing or Situation.Orphan } => Grey($"looked for by {string.Join(", ", finding.Evidence.Select(LookedFor))}"),
        { Situation: Situation.IdMismatch or Situation.Drifted } => Grey($"one person by {string.Join(", ", finding.Evidence.Select(Told))}{Differing(finding)}"),
        { Situation: Situation.Duplicate } => DifferingMembers(finding),
        { Fault: SystemFault.NoUniqueIndex or SystemFault.WeakIndex or SystemFault.NoUuid or SystemFault.IndexesInConflict } => Definitions(finding),
        _ => null,
    };

    private static string LookedFor(Evidence evidence) => evidence switch
    {
        { Rule: "decision" } => $"told apart from {string.Join(", ", evidence.Values)} by decision ({ShownText.Short(evidence.Key)})",
        { Key: "" } => $"no {evidence.Rule}",
        _ => Told(evidence),
    };

    // As it is written where that is another spelling than its key.
    private static string Told(Evidence evidence)
        => evidence.Rule == "decision" || evidence.Values.All(value => value == evidence.Key)
            ? $"{evidence.Rule} {ShownText.Short(evidence.Key)}"
            : $"{evidence.Rule} {ShownText.Short(evidence.Key)} (written {string.Join(", ", evidence.Values.Select(value => ShownText.Short(value)))})";

    private static string Differing(Finding finding)
        => finding.Differences.Count == 0 ? "" : $"; {string.Join(", ", finding.Differences.Select(difference => $"{difference.Name} {Shown(difference.Source)} there, {Shown(difference.Target)} here"))}";

    // What tells duplicates apart is what a person decides by whether they are one.
    private static string? DifferingMembers(Finding finding)
    {
        var members = finding.Members.Take(Finding.MostTold).Select(member => member.Account.Attributes).ToList();
        var differing = members.SelectMany(attributes => attributes.Keys).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)
            .Select(name => (Name: name, Values: members.Select(attributes => Shown(attributes.GetValueOrDefault(name))).ToList()))
            .Where(attribute => attribute.Values.Distinct(StringComparer.Ordinal).Skip(1).Any()).ToList();
        return differing.Count == 0 ? null : Grey(string.Join("; ", differing.Select(attribute => $"{attribute.Name} {string.Join(", ", attribute.Values)}")));
    }

    private static string Shown(FieldValue value) => value.IsNull ? "none" : $"'{ShownText.Short(value.ToString())}'";

    private static string? Definitions(Finding finding)
        => finding.Evidence.Where(evidence => evidence.Key.Length > 0).ToList() is { Count: > 0 } defined
            ? Grey(string.Join("; ", defined.Select(evidence => $"{evidence.Rule}: {ShownText.Short(evidence.Key)}")))
            : null;

    private static string Grey(string text) => $"[grey]{Terminal.Text(text)}[/]";
}
