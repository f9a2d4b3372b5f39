using System.Security.Cryptography;
using Selfsame.Databases;

namespace Selfsame.Bench.Stores;

/// <summary>Writes the rows of one sign-up without any of our code, as well as one would write it by hand.</summary>
internal interface IRawRows : IAsyncDisposable
{
    /// <summary>Inserts and commits the rows of one user; <paramref name="client"/> says on which connection.</summary>
    Task InsertAsync(int client, string username);
}

/// <summary>The values of those rows that are not the user's own: as large as the ones that our sign-up writes.</summary>
internal sealed record RawValues
{
    public const string Tenant = "main";
    public const string Role = "observer";
    public const string Locale = "en";
    public const string Purpose = "verify-email";
    public const string Subject = "Confirm your e-mail address";
    public const string Actor = "self";
    public const string Event = "user.created";

    public static TimeSpan TokenLifetime { get; } = TimeSpan.FromDays(3);

    public required byte[] MailBody { get; init; }

    /// <summary>Takes the length of the mail from one that our sign-up wrote.</summary>
    public static async Task<RawValues> LikeAsync(Database database)
    {
        var length = await database.ReadAsync(transaction => transaction.ScalarAsync<long>("SELECT max(length(body)) FROM mails"));
        return new RawValues { MailBody = RandomNumberGenerator.GetBytes((int)length) };
    }

    /// <summary>As large as a user code of ours, and as random.</summary>
    public static string NextUserCode() => $"ac25{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(5))}";
}
