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
        if (!CryptographicOperations.FixedTimeEquals(mine, stored))
        {
            throw new InvalidOperationException(
                "This store was made with another secret. Set SELFSAME_SECRET_KEY, or put the file secret.key back that was beside the data.");
        }
    }
}
