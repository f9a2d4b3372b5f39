using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>Fields that read as an account's end. Empty they say that there was none: a survivor does not lack it, and must not be deleted or banned by what a duplicate was.</summary>
internal static class EndFields
{
    private static readonly string[] Stems =
    [
        "delet", "erase", "purge", "banned", "blocked", "locked", "lockout", "disabled", "deactivat", "inactive", "suspen", "archiv", "revok", "expir", "cancel",
        "terminat", "closed", "frozen", "retire", "removed", "merged",
    ];

    private static readonly HashSet<string> Words = new(StringComparer.OrdinalIgnoreCase) { "ban", "until", "end", "ends", "ended", "left", "quit" };

    // What may stand around such a word without making the field one about something else, as notifications_disabled or can_delete are.
    private static readonly string[] Beginnings = ["is", "was", "has", "been", "user", "account", "acct", "member", "customer", "soft", "date", "time", "markedfor"];
    private static readonly string[] Endings = ["at", "on", "by", "date", "time", "datetime", "timestamp", "ts", "utc", "reason", "flag", "status", "into", "id"];

    private static readonly HashSet<string> Ends = new(StringComparer.Ordinal)
    {
        "deleted", "deletion", "erased", "purged", "removed", "banned", "ban", "blocked", "locked", "disabled", "deactivated", "deactivation", "inactive", "suspended", "suspension",
        "archived", "revoked", "cancelled", "canceled", "terminated", "closed", "frozen", "retired", "merged",
    };

    /// <summary>Whether a field may be about an end, if only that of a time limit.</summary>
    public static bool Looks(string field)
        => Array.Exists(Stems, stem => field.Contains(stem, StringComparison.OrdinalIgnoreCase)) || FieldWords.Of(field).Any(Words.Contains);

    /// <summary>Whether a field says by its name that the account itself has ended where it is filled: <c>deleted_at</c>, <c>isBanned</c>, and not <c>locked_until</c>, which may be over.</summary>
    public static bool NamesTheEnd(string field)
    {
        var name = FieldWords.Joined(field);
        while (!Ends.Contains(name))
        {
            var shorter = Array.Find(Beginnings, word => name.StartsWith(word, StringComparison.Ordinal)) is { } beginning ? name[beginning.Length..]
                : Array.Find(Endings, word => name.EndsWith(word, StringComparison.Ordinal)) is { } ending ? name[..^ending.Length]
                : "";
            if (shorter.Length == 0)
            {
                return false;
            }

            name = shorter;
        }

        return true;
    }

    /// <summary>The field by which a record says that its account has ended; null where none does.</summary>
    public static string? Of(Fields record, IReadOnlySet<string> noise)
        => record.Where(pair => pair.Value.IsTruthy && !noise.Contains(pair.Key) && NamesTheEnd(pair.Key)).Select(pair => pair.Key).FirstOrDefault();
}
