using System.Security.Cryptography;
using System.Text;

namespace Selfsame.Core.Reconciliation;

/// <summary>Tells whether a finding was seen before, by what it is about and not by how it is worded.</summary>
public static class FindingFingerprint
{
    // Somebody who is missing is so still under another address, and an index is missing still beside another weak one.
    private static IReadOnlyList<Evidence> Telling(Finding finding)
        => finding is { Situation: Situation.Missing or Situation.Orphan } or { Fault: not (null or SystemFault.IncompleteAccount) } ? [] : finding.Evidence;

    /// <summary>SHA-256 in hexadecimal of the kind, the system, the accounts, and what of them differs or is equal.</summary>
    public static string Of(Finding finding)
    {
        var parts = new List<string> { finding.Kind, finding.System, finding.Identifier?.ToString() ?? "" };
        parts.AddRange(finding.Accounts.Select(account => $"{account.System} {string.Join('/', account.Id.Parts)}").Order(StringComparer.Ordinal));
        parts.AddRange(Telling(finding).Select(evidence => $"{evidence.Rule} {evidence.Key}").Order(StringComparer.Ordinal));
        parts.AddRange(finding.Differences.Select(difference => difference.Name).Order(StringComparer.Ordinal));
        if (finding.Fault == SystemFault.UnreadableRecord)
        {
            parts.Add(finding.Sentence);
        }

        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', parts))));
    }
}
