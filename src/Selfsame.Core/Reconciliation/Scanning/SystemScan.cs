using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation.Scanning;

/// <summary>Fills a scan from a system: from the few fields that it needs where the system reads those, else from whole accounts that are not kept.</summary>
internal static class SystemScan
{
    /// <summary>Reads everybody; the records that are no accounts come back.</summary>
    public static Task<IReadOnlyList<UnreadableRecord>> ScanAsync(
        this IReadsAccounts system, ScannedSystem scanned, IProgress<long>? progress, CancellationToken cancellation)
    {
        var name = scanned.Config.Name;
        if (system is IReadsFields narrow)
        {
            return CheckedSystem.FollowAsync(narrow.ReadFieldsAsync(scanned.Fields.Names, cancellation), name, progress, part =>
            {
                if (part is not ReadFields some)
                {
                    return 0;
                }

                scanned.Add(some.Rows);
                return some.Rows.Count;
            });
        }

        var rows = new FieldRows(scanned.Fields.Names.Count);
        return system.ReadEachAsync(name, progress, accounts => scanned.Add(accounts, rows), cancellation);
    }
}
