using System.Security.Cryptography;
using System.Text;
using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Databases;

namespace Selfsame.Store.Provisioning;

/// <summary>The verified addresses that a row holds or waits for, in the transaction of whoever has the row locked.</summary>
internal sealed class ProvisioningAddresses(Transaction transaction, ProvisioningKey key, DateTimeOffset now)
{
    /// <summary>Has the row hold the address and no other, or wait for it.</summary>
    /// <param name="address">The address's key, or null for none.</param>
    /// <param name="former">Whose row is to lose it.</param>
    public async Task<AddressClaim> ClaimAsync(string? address, AccountId? former)
    {
        var hash = address is null ? null : Hash(address);
        if (hash is not null && former is null && await HolderAsync(hash) is { } own && own == key.Account.ToText())
        {
            return new AddressClaimed();
        }

        await GiveUpAsync();
        if (hash is null)
        {
            return new AddressClaimed();
        }

        if (former is not null)
        {
            await TakeAsync(hash, former);
        }

        while (true)
        {
            var claimed = await transaction.ExecuteAsync(
                """
                INSERT INTO provisioning_addresses (source, source_id, system, address_hash, holds) VALUES (@source, @account, @system, @hash, @yes)
                ON CONFLICT DO NOTHING
                """,
                ProvisioningTable.Parameters(key, new { hash, yes = true }));
            if (claimed > 0)
            {
                return new AddressClaimed();
            }

            // Locked until this wait is durable: who gives the address up after that finds it.
            if (await HolderAsync(hash) is { } holder)
            {
                await transaction.ExecuteAsync(
                    "INSERT INTO provisioning_addresses (source, source_id, system, address_hash, holds) VALUES (@source, @account, @system, @hash, @no)",
                    ProvisioningTable.Parameters(key, new { hash, no = false }));
                return new AddressHeld(AccountId.FromText(holder));
            }
        }
    }

    /// <summary>Frees what the row holds, for which those that wait are looked at again, and waits for nothing any more.</summary>
    public async Task GiveUpAsync()
    {
        foreach (var hash in await transaction.QueryAsync<string?>(
            $"DELETE FROM provisioning_addresses WHERE {ProvisioningTable.IsKey} RETURNING CASE WHEN holds THEN address_hash END", ProvisioningTable.Parameters(key)))
        {
            foreach (var waiting in hash is null ? [] : await transaction.QueryAsync<string>(
                "SELECT source_id FROM provisioning_addresses WHERE source = @source AND system = @system AND address_hash = @hash AND NOT holds ORDER BY source_id",
                ProvisioningTable.Parameters(key, new { hash })))
            {
                await AskAsync(waiting, LookAgain.OfAddress);
            }
        }
    }

    private Task<string?> HolderAsync(string hash)
        => transaction.ScalarAsync<string>(
            $"""
            SELECT source_id FROM provisioning_addresses WHERE source = @source AND system = @system AND address_hash = @hash AND holds
            {(transaction.Dialect == Dialect.PostgreSql ? "FOR UPDATE" : "")}
            """,
            ProvisioningTable.Parameters(key, new { hash }));

    private async Task TakeAsync(string hash, AccountId former)
    {
        var taken = await transaction.ExecuteAsync(
            "DELETE FROM provisioning_addresses WHERE source = @source AND source_id = @former AND system = @system AND address_hash = @hash AND holds",
            ProvisioningTable.Parameters(key, new { hash, former = former.ToText() }));
        if (taken > 0)
        {
            await AskAsync(former.ToText(), LookAgain.OfAddressGone);
        }
    }

    private async Task AskAsync(string account, string reason)
    {
        if (await ProvisioningTable.ReadForUpdateAsync(transaction, key with { Account = AccountId.FromText(account) }) is { } row)
        {
            await ProvisioningTable.AskAsync(transaction, row, reason, Enum.Parse<ProvisioningLane>(row.Lane), now);
        }
    }

    private static string Hash(string address) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(address)));
}
