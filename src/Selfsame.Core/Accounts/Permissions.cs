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
