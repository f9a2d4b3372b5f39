using Selfsame.Core.Identifiers;

namespace Selfsame.Store.Users;

/// <summary>What came of making a user code without using it.</summary>
/// <param name="Code">A code that is free now; null when none was found, and nobody can sign up.</param>
/// <param name="Attempts">How many codes were made.</param>
public sealed record UserCodeTrial(string? Code, int Attempts);

/// <summary>Makes user codes; whether one is free is decided by the insert.</summary>
public static class UserCodes
{
    /// <summary>After so many taken codes, at growing length, the prefix has no room left.</summary>
    internal const int MostAttempts = 24;

    /// <summary>Three tries at a size, then a syllable more: a full year grows by itself.</summary>
    internal static string Next(StoreContext context, TenantSettings tenant, int attempt)
        => UserCode.Create(tenant.UserCodePrefix, context.Now().Year, Math.Min(UserCode.MaximumSyllables, tenant.UserCodeSyllables + (attempt / 3)), context.Random).Key;

    /// <summary>Makes codes as a sign-up would until one is free. Writes nothing and reserves nothing.</summary>
    public static Task<UserCodeTrial> TryAsync(StoreContext context, TenantSettings tenant, CancellationToken cancellation)
        => context.Database.ReadAsync(
            async transaction =>
            {
                for (var attempt = 0; attempt < MostAttempts; attempt++)
                {
                    var code = Next(context, tenant, attempt);
                    var holders = await transaction.ScalarAsync<long>(
                        "SELECT count(*) FROM identifiers WHERE tenant = @tenant AND space = 'handle' AND key = @code", new { tenant = tenant.Name, code });
                    if (holders == 0)
                    {
                        return new UserCodeTrial(code, attempt + 1);
                    }
                }

                return new UserCodeTrial(null, MostAttempts);
            },
            cancellation);
}
