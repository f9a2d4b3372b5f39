using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Databases;

namespace Selfsame.Store.Provisioning;

/// <summary>Who holds which verified address.</summary>
public sealed partial class ProvisioningRows
{
    public async Task<AddressClaim> ClaimAddressAsync(ProvisioningRow row, string? address, AccountId? former, IReadOnlyCollection<AccountId> others, CancellationToken cancellation)
        => await database.TransactAsync<AddressClaim>(
            async transaction => await ProvisioningTable.ReadForUpdateAsync(transaction, row.Key) is { } present && present.Epoch == row.Epoch
                ? await new ProvisioningAddresses(transaction, row.Key, row.CorrelationId, Now()).ClaimAsync(address, former, others)
                : new AddressClaimLost(),
            // Who holds it already is told so: a lost commit answer is settled that way.
            _ => Task.FromResult(default(Settled<AddressClaim>)),
            cancellation);
}
