using System.Security.Cryptography;

namespace Selfsame.Store.Operations;

/// <summary>Makes sure that all nodes of one store were given the same secret, and both while it is being changed.</summary>
public static class ServerIdentity
{
    /// <summary>
    /// Throws when the store was made with another secret: every keyed hash and encrypted value would be lost. So it does while a change is not at its end, unless
    /// both secrets are there: each alone opens a part.
    /// </summary>
    /// <returns>Whether the store is the present secret's: false where a change is to be begun or to be ended.</returns>
    public static async Task<bool> CheckAsync(StoreContext context, CancellationToken cancellation)
    {
        var (mine, previous) = (context.Secrets.CheckValue(), context.Secrets.PreviousCheckValue());
        var keys = await context.Database.TransactAsync(
            async transaction =>
            {
                await transaction.ExecuteAsync(
                    "INSERT INTO server_keys (name, value) VALUES ('check', @mine) ON CONFLICT DO NOTHING", new { mine });
                return await transaction.QueryAsync<ServerKey>("SELECT name, value FROM server_keys WHERE name IN ('check', 'changing')");
            },
            cancellation);
        var stored = keys.Single(key => key.Name == "check").Value;
        var next = keys.SingleOrDefault(key => key.Name == "changing")?.Value;
        if (next is not null && !AreEqual(next, stored))
        {
            if (!(AreEqual(mine, next) && AreEqual(previous, stored)) && !(AreEqual(mine, stored) && AreEqual(previous, next)))
            {
                throw new InvalidOperationException(
                    "This store's secret is being changed, and the change is not at its end: a part of what is protected opens under the new secret alone, the rest under the old one. Start with both: "
                    + "SELFSAME_SECRET_KEY is the new one and SELFSAME_SECRET_KEY_PREVIOUS the one before (or the other way round, to go back). Nothing was changed by this start.");
            }

            return false;
        }

        if (!AreEqual(mine, stored) && !AreEqual(previous, stored))
        {
            throw new InvalidOperationException(
                "This store was made with another secret. Set SELFSAME_SECRET_KEY, or put the file secret.key back that was beside the data. "
                + "To change the secret, set SELFSAME_SECRET_KEY_PREVIOUS to the one that the store was made with.");
        }

        return AreEqual(mine, stored);
    }

    /// <summary>From now on both secrets are needed. To be called before anything is protected with the present one, where the store is still the previous one's.</summary>
    public static Task BeginChangeAsync(StoreContext context, CancellationToken cancellation)
        => context.Database.TransactAsync(
            transaction => transaction.ExecuteAsync(
                """
                INSERT INTO server_keys (name, value) SELECT 'changing', @mine FROM server_keys WHERE name = 'check' AND value <> @mine
                ON CONFLICT (name) DO UPDATE SET value = excluded.value
                """,
                new { mine = context.Secrets.CheckValue() }),
            cancellation);

    /// <summary>The store is the present secret's from now on. To be called when nothing is left under the previous one.</summary>
    public static Task AdoptAsync(StoreContext context, CancellationToken cancellation)
        => context.Database.TransactAsync(
            transaction => transaction.ExecuteAsync(
                "UPDATE server_keys SET value = @mine WHERE name = 'check'; DELETE FROM server_keys WHERE name = 'changing';", new { mine = context.Secrets.CheckValue() }),
            cancellation);

    private static bool AreEqual(byte[]? one, byte[] other) => one is not null && CryptographicOperations.FixedTimeEquals(one, other);

    private sealed class ServerKey
    {
        public string Name { get; init; } = "";

        public byte[] Value { get; init; } = [];
    }
}
