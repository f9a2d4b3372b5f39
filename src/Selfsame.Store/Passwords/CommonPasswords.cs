using System.Collections.Frozen;

namespace Selfsame.Store.Passwords;

/// <summary>
/// The 10,000 most common passwords of at least <see cref="PasswordPolicy.MinimumCodePoints"/> characters (shorter ones are
/// refused by their length). <c>tools/passwords/regenerate</c> makes the list.
/// </summary>
internal static class CommonPasswords
{
    private const string ResourceName = "Selfsame.Store.Passwords.CommonPasswords.txt";

    private static readonly Lazy<FrozenSet<string>> List = new(Load);

    /// <summary>Whether it is on the list, in any case.</summary>
    internal static bool Contains(string password) => List.Value.Contains(password);

    private static FrozenSet<string> Load()
    {
        using var stream = typeof(CommonPasswords).Assembly.GetManifestResourceStream(ResourceName)
            ?? throw new InvalidOperationException($"The resource {ResourceName} is missing from the build.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).ToFrozenSet(StringComparer.OrdinalIgnoreCase);
    }
}
