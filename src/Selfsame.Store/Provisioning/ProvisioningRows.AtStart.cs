using Selfsame.Core.Provisioning;
using Selfsame.Store.Runs;

namespace Selfsame.Store.Provisioning;

/// <summary>What a service takes over when it starts.</summary>
public sealed partial class ProvisioningRows
{
    /// <summary>
    /// Ends the claims of processes of this machine that no longer run; how many rows those were. Where a call may have left,
    /// the row waits as long as a call takes: it may still arrive.
    /// </summary>
    public Task<int> ReleaseDeadAsync(CancellationToken cancellation)
        => database.TransactAsync(
            async transaction =>
            {
                var now = Now();
                var holders = await transaction.QueryAsync<HolderRow>(
                    "SELECT DISTINCT claim_machine, claim_process FROM provisioning WHERE leased_until > @now AND claim_machine = @Machine",
                    new { now, holder.Machine });
                var released = 0;
                foreach (var dead in holders.Where(row => new LeaseHolder(row.ClaimMachine, (int)row.ClaimProcess).IsGone(holder)))
                {
                    released += await transaction.ExecuteAsync(
                        """
                        UPDATE provisioning SET leased_until = CASE WHEN state = 'Pending' OR leased_until <= @arrived THEN @now ELSE @arrived END
                        WHERE leased_until > @now AND claim_machine = @ClaimMachine AND claim_process = @ClaimProcess
                        """,
                        new { now, arrived = now + Provisioner.CallTimeout, dead.ClaimMachine, dead.ClaimProcess });
                }

                return released;
            },
            cancellation);

    /// <summary>
    /// Gives the rows that an earlier version made for the store's users the name under which the config connects these, by
    /// tenant; how many rows those were. Where the user is gone the tenant is no longer known, and a single name is taken. An <c>apply</c> may have
    /// made a row under the name already: of the two the one that knows its account stays, the named one where both or neither do.
    /// </summary>
    public Task<int> NameSourcesAsync(IReadOnlyDictionary<string, string> sourceByTenant, CancellationToken cancellation)
        => database.TransactAsync(
            async transaction =>
            {
                var named = 0;
                foreach (var (tenant, source) in sourceByTenant)
                {
                    var parameters = new { source, tenant, only = sourceByTenant.Count == 1 };
                    const string isUnnamed = "source = '' AND (@only OR source_id IN (SELECT CAST(u.uuid AS text) FROM users u WHERE u.tenant = @tenant))";
                    await transaction.ExecuteAsync(
                        """
                        DELETE FROM provisioning WHERE source = @source AND target_id IS NULL AND EXISTS (
                          SELECT 1 FROM provisioning o WHERE o.source = '' AND o.source_id = provisioning.source_id AND o.system = provisioning.system AND o.target_id IS NOT NULL)
                        """,
                        parameters);
                    named += await transaction.ExecuteAsync(
                        $"""
                        UPDATE provisioning SET source = @source
                        WHERE {isUnnamed} AND NOT EXISTS (
                          SELECT 1 FROM provisioning o WHERE o.source = @source AND o.source_id = provisioning.source_id AND o.system = provisioning.system)
                        """,
                        parameters);
                    await transaction.ExecuteAsync($"DELETE FROM provisioning WHERE {isUnnamed}", parameters);
                }

                return named;
            },
            cancellation);

    private sealed record HolderRow
    {
        public string ClaimMachine { get; init; } = "";

        public long ClaimProcess { get; init; }
    }
}
