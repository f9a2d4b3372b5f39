using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;

namespace Selfsame.Store.Users;

/// <summary>The user's account in the system that keeps the handles, as a change of the handle finds it.</summary>
public abstract record HandleAccount;

/// <summary>The user is not provisioned there.</summary>
public sealed record NoHandleAccount(ProvisioningKey Key) : HandleAccount;

/// <summary>Somebody works on it just now.</summary>
public sealed record BusyHandleAccount : HandleAccount;

/// <summary>A creation may be on its way: under which handle it arrives is known when it is linked or refused.</summary>
public sealed record ArrivingHandleAccount : HandleAccount;

/// <summary>On loan to the change: nobody else asks the other system about it meanwhile.</summary>
/// <param name="Key">Its row.</param>
/// <param name="Epoch">Of the loan.</param>
/// <param name="Id">Its id there; null where none was made.</param>
public sealed record HeldHandleAccount(ProvisioningKey Key, long Epoch, AccountId? Id) : HandleAccount;
