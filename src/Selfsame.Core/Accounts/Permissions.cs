namespace Selfsame.Core.Accounts;

/// <summary>Whether something is so.</summary>
public enum ProbeAnswer
{
    Yes,
    No,

    /// <summary>It could not be told without changing something, or the system was busy.</summary>
    Unknown,
}

/// <summary>Whether we may do one thing in a system.</summary>
/// <param name="Name">What, in a few words: <c>read accounts</c>, <c>make indexes</c>.</param>
/// <param name="Answer">Whether.</param>
/// <param name="WhatToDo">For no, what to grant and where; else empty.</param>
public sealed record PermissionProbe(string Name, ProbeAnswer Answer, string WhatToDo = "");

/// <summary>Tells beforehand what it would be refused.</summary>
public interface IProbesPermissions : IConnectedSystem
{
    /// <summary>One probe for each thing that audits and repairs need. Changes nothing; throws <see cref="SystemUnavailableException"/> where the system is not there.</summary>
    Task<IReadOnlyList<PermissionProbe>> ProbeAsync(CancellationToken cancellation);
}

/// <summary>Can look at an account as those see it who have no right to the system.</summary>
public interface IChecksReach : IConnectedSystem
{
    /// <summary>
    /// Why an account that is active is not reached from outside, as a clause; null where it is. Throws <see cref="SystemUnavailableException"/> where that can't be told.
    /// </summary>
    Task<string?> FindUnreachedAsync(Account account, CancellationToken cancellation);
}

/// <summary>Something in a system that belongs to no account.</summary>
/// <param name="Id">The system's name for it.</param>
/// <param name="What">A sentence for people.</param>
public sealed record Leftover(string Id, string What);

/// <summary>Knows what creations that broke off may have left behind.</summary>
public interface IFindsLeftovers : IConnectedSystem
{
    /// <summary>
    /// What is left behind, in a fixed order; null where this system's leftovers can't be seen. Throws <see cref="SystemUnavailableException"/>
    /// where they can't be told now.
    /// </summary>
    Task<IReadOnlyList<Leftover>?> FindLeftoversAsync(CancellationToken cancellation);
}
