namespace Selfsame.Server.Handles;

/// <summary>The places in a change of a handle at which the kill -9 tests end the process.</summary>
public static class HandleCrashPoints
{
    /// <summary>Both handles are reserved; nothing has left.</summary>
    public const string Reserved = "handle.reserved";

    /// <summary>The other system was asked; its answer is not durable.</summary>
    public const string UpdateLeft = "handle.update-left";

    /// <summary>The other system has the new handle; ours is still the old one.</summary>
    public const string Confirmed = "handle.confirmed";

    /// <summary>The new handle is the user's alone.</summary>
    public const string Flipped = "handle.flipped";

    public static IReadOnlyList<string> All { get; } = [Reserved, UpdateLeft, Confirmed, Flipped];
}
