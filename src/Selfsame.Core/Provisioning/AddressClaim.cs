using Selfsame.Core.Accounts;

namespace Selfsame.Core.Provisioning;

/// <summary>What came of asking for a verified e-mail address: of the rows from one source into one system one holds it.</summary>
public abstract record AddressClaim;

/// <summary>The row holds it, or stands beside the one that does.</summary>
public sealed record AddressClaimed : AddressClaim;

/// <summary>The row of another account of the source holds it. This one waits: it is looked at again when that one gives it up.</summary>
public sealed record AddressHeld(AccountId Holder) : AddressClaim
{
    /// <summary>Who else has an account with it, as decided to be somebody else than the holder.</summary>
    public IReadOnlyList<AccountId> Beside { get; init; } = [];
}

/// <summary>Another holder has the row; nothing was written.</summary>
public sealed record AddressClaimLost : AddressClaim;
