using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>The part of an attempt that gives created accounts their passwords.</summary>
internal sealed partial class ApplyAttempt
{
    /// <summary>
    /// The hashes that creations carry over, read freshly from where they stand, as fields by the change's number. A hash that is not the one
    /// that was planned is left out.
    /// </summary>
    private async Task<Dictionary<int, Fields>> ReadPasswordsAsync(IEnumerable<Change> changes, CancellationToken cancellation)
    {
        var carried = new Dictionary<int, Fields>();
        foreach (var group in changes.Where(change => change.PasswordFrom is not null).GroupBy(change => change.PasswordFrom!.System))
        {
            if (systems.GetValueOrDefault(group.Key) is not IReadsAccountsById system)
            {
                throw new SystemUnavailableException($"Single accounts of '{group.Key}' can't be read, so no password can be carried over from it. Map no passwordHash there, and plan again.");
            }

            var accounts = await system.ReadFreshAsync(group.Key, [.. group.Select(change => change.PasswordFrom!.Account)], cancellation);
            foreach (var change in group)
            {
                var from = change.PasswordFrom!;
                if (accounts.TryGetValue(from.Account, out var account) && account.Record.ValueOrNull(from.Field) is var hash && from.Digest.Matches(hash, salt))
                {
                    carried.Add(change.Number, new Fields([KeyValuePair.Create(from.Into, hash)]));
                }
            }
        }

        return carried;
    }
}
