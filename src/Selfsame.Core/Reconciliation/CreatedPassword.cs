using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>By which password somebody signs in to an account that is created.</summary>
internal static class CreatedPassword
{
    /// <summary>The hash that the account carries over; null where the origin has none or the destination does not take it.</summary>
    public static CarriedPassword? Carried(KeyedAccount from, SystemPicture origin, SystemPicture destination, string salt)
    {
        var into = destination.Config.Mapping.PasswordHash;
        return into is not null && HashOf(from, origin) is { } hash && destination.Facts.PasswordHashes?.Takes(hash) != false
            ? new CarriedPassword(origin.Config.Name, from.Account.Id, origin.Config.Mapping.PasswordHash!, into, FieldValue.Text(hash).Digest(salt))
            : null;
    }

    /// <summary>What comes of creating the account without a hash, as effects of the change.</summary>
    public static IReadOnlyList<string> Lacking(KeyedAccount from, SystemPicture origin, SystemPicture destination)
        => destination.Facts.PasswordHashes is not { } rules ? []
            : HashOf(from, origin) is null ? [rules.Without]
            : [$"Its password's hash in {origin.Config.Name} has none of the forms that {destination.Config.Name} takes ({rules.Formats}). {rules.Without}"];

    private static string? HashOf(KeyedAccount from, SystemPicture origin)
        => origin.Config.Mapping.PasswordHash is { } field && from.Account.Record.ValueOrNull(field).AsText is { Length: > 0 } hash ? hash : null;
}
