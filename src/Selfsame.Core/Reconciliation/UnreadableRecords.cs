using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>What follows from records of a system that can't be read: each may be anybody, so of nobody it is sure that the system lacks them.</summary>
internal static class UnreadableRecords
{
    /// <summary>Why nothing is concluded from somebody's absence, and what to do.</summary>
    public static string Problem(string system, IReadOnlyList<UnreadableRecord> records)
        => $"{system} holds {Terms.Count(records.Count, "record")} that can't be read ({records[0].Where}: {records[0].Problem}) and may be anybody's: put that right there, then plan again.";
}
