using System.Security.Cryptography;
using System.Text;
using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Databases;

namespace Selfsame.Store.Provisioning;

/// <summary>The verified addresses that a row holds or waits for, in the transaction of whoever has the row locked.</summary>
/// <param name="transaction">The caller's.</param>
/// <param name="key">The row.</param>
/// <param name="correlationId">Leads to what has the row worked on, and with it to what others are looked at for; null where nothing does.</param>
/// <param name="now">The present instant.</param>
internal sealed class ProvisioningAddresses(Transaction transaction, ProvisioningKey key, string? correlationId, DateTimeOffset now)
{
    /// <summary>Has the row hold the address and no other, stand beside who does, or wait for it.</summary>
    /// <param name="address">The address's key, or null for none.</param>
    /// <param name="former">Whose row is to lose it.</param>
    /// <param name="others">Beside whom alone it may have it too.</param>
    public async Task<AddressClaim> ClaimAsync(string? address, AccountId? former, IReadOnlyCollection<AccountId> others)
    {
        var hash = address is null ? null : Hash(address);
        if (hash is not null && former is null && await StandsAsync(hash, others))
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
                INSERT INTO provisioning_addresses (source, source_id, system, address_hash, holds, beside) VALUES (@source, @account, @system, @hash, @yes, @no)
                ON CONFLICT DO NOTHING
                """,
                ProvisioningTable.Parameters(key, new { hash, yes = true, no = false }));
            if (claimed > 0)
            {
                return new AddressClaimed();
            }

            // Locked until this is durable: who gives the address up after that finds it, and who comes beside the holder, too.
            if (await HolderAsync(hash) is { } holder)
            {
                var held = new AddressHeld(AccountId.FromText(holder)) { Beside = await BesideAsync(hash) };
                var beside = held.Beside.Prepend(held.Holder).All(others.Contains);
                await transaction.ExecuteAsync(
                    "INSERT INTO provisioning_addresses (source, source_id, system, address_hash, holds, beside) VALUES (@source, @account, @system, @hash, @no, @beside)",
                    ProvisioningTable.Parameters(key, new { hash, no = false, beside }));
                return beside ? new AddressClaimed() : held;
            }
        }
    }

    /// <summary>Frees what the row has, for which those that wait are looked at again, and waits for nothing any more.</summary>
    public async Task GiveUpAsync()
    {
        foreach (var had in await transaction.QueryAsync<StoredAddress>(
            $"""DELETE FROM provisioning_addresses WHERE {ProvisioningTable.IsKey} RETURNING address_hash AS "Hash", holds AS "Holds", beside AS "Beside" """, ProvisioningTable.Parameters(key)))
        {
            await (had.Holds || had.Beside ? AskWaitingAsync(had) : Task.CompletedTask);
        }
    }

    /// <summary>Whether the row has the address as it is: it holds it, or stands beside nobody but these.</summary>
    private async Task<bool> StandsAsync(string hash, IReadOnlyCollection<AccountId> others)
    {
        var holder = await HolderAsync(hash);
        return holder == key.Account.ToText()
            || (holder is not null && others.Count > 0
                && await transaction.ScalarAsync<long>(
                    $"SELECT count(*) FROM provisioning_addresses WHERE {ProvisioningTable.IsKey} AND address_hash = @hash AND beside", ProvisioningTable.Parameters(key, new { hash })) > 0
                && (await BesideAsync(hash)).Prepend(AccountId.FromText(holder)).All(others.Contains));
    }

    // Who stands beside waits for the holder alone.
    private async Task AskWaitingAsync(StoredAddress had)
    {
        foreach (var waiting in await transaction.QueryAsync<string>(
            $"""
            SELECT source_id FROM provisioning_addresses
            WHERE source = @source AND system = @system AND address_hash = @hash AND NOT holds {(had.Holds ? "" : "AND NOT beside")} ORDER BY source_id
            """,
            ProvisioningTable.Parameters(key, new { hash = had.Hash })))
        {
            await AskAsync(waiting, LookAgain.OfAddress);
        }
    }

    private Task<string?> HolderAsync(string hash)
        => transaction.ScalarAsync<string>(
            $"""
            SELECT source_id FROM provisioning_addresses WHERE source = @source AND system = @system AND address_hash = @hash AND holds
            {(transaction.Dialect == Dialect.PostgreSql ? "FOR UPDATE" : "")}
            """,
            ProvisioningTable.Parameters(key, new { hash }));

    private async Task<IReadOnlyList<AccountId>> BesideAsync(string hash)
        => (await transaction.QueryAsync<string>(
            """
            SELECT source_id FROM provisioning_addresses
            WHERE source = @source AND system = @system AND address_hash = @hash AND beside AND source_id <> @account ORDER BY source_id
            """,
            ProvisioningTable.Parameters(key, new { hash }))).ConvertAll(AccountId.FromText);

    private async Task TakeAsync(string hash, AccountId former)
    {
        var taken = await transaction.ExecuteAsync(
            "DELETE FROM provisioning_addresses WHERE source = @source AND source_id = @former AND system = @system AND address_hash = @hash AND (holds OR beside)",
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
            await ProvisioningTable.AskAsync(transaction, row, reason, Enum.Parse<ProvisioningLane>(row.Lane), correlationId, now);
        }
    }

    private static string Hash(string address) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(address)));

    private sealed record StoredAddress
    {
        public string Hash { get; init; } = "";

        public bool Holds { get; init; }

        public bool Beside { get; init; }
    }
}
