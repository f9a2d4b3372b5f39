using System.Collections.Frozen;

namespace Selfsame.Core.Identifiers;

/// <summary>
/// The handles that an ATProto PDS keeps for itself. It refuses them when an account is made, but not when an administrator changes a handle
/// (<c>com.atproto.admin.updateAccountHandle</c>), so that we look ourselves.
/// </summary>
public static class ReservedHandles
{
    private const string ResourceName = "Selfsame.Core.Identifiers.ReservedHandles.txt";

    private static readonly Lazy<FrozenSet<string>> List = new(Load);

    /// <summary>Whether the first label of a handle is reserved, in any case.</summary>
    public static bool Contains(string handle) => List.Value.Contains(handle);

    private static FrozenSet<string> Load()
    {
        using var stream = typeof(ReservedHandles).Assembly.GetManifestResourceStream(ResourceName)
            ?? throw new InvalidOperationException($"The resource {ResourceName} is missing from the build.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).ToFrozenSet(StringComparer.OrdinalIgnoreCase);
    }
}
