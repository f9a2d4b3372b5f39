using System.Security.Cryptography;

namespace Selfsame.Store.Operations;

/// <summary>Makes sure that all nodes of one store were given the same secret.</summary>
public static class ServerIdentity
{
    /// <summary>Throws when the store was made with another secret: every keyed hash and encrypted value would be lost.</summary>
    public static async Task CheckAsync(StoreContext context, CancellationToken cancellation)
    {
        var mine = context.Secrets.CheckValue();
        var stored = await context.Database.TransactAsync(
            async transaction =>
            {
                await transaction.ExecuteAsync(
                    "INSERT INTO server_keys (name, value) VALUES ('check', @mine) ON CONFLICT DO NOTHING", new { mine });
                return await transaction.ScalarAsync<byte[]>("SELECT value FROM server_keys WHERE name = 'check'");
            },
            cancellation);
        if (CryptographicOperations.FixedTimeEquals(mine, stored))
        {
            return;
        }

        if (context.Secrets.PreviousCheckValue() is not { } previous || !CryptographicOperations.FixedTimeEquals(previous, stored))
        {
            throw new InvalidOperationException(
                "This store was made with another secret. Set SELFSAME_SECRET_KEY, or put the file secret.key back that was beside the data. "
                + "To change the secret, set SELFSAME_SECRET_KEY_PREVIOUS to the one that the store was made with.");
        }
    }

    /// <summary>The store is the present secret's from now on. To be called when nothing is left under the previous one.</summary>
    public static Task AdoptAsync(StoreContext context, CancellationToken cancellation)
        => context.Database.TransactAsync(
            transaction => transaction.ExecuteAsync("UPDATE server_keys SET value = @mine WHERE name = 'check'", new { mine = context.Secrets.CheckValue() }),
            cancellation);
}
