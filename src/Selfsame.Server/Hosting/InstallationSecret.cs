using System.Security.Cryptography;
using Selfsame.Databases;
using Selfsame.Store;

namespace Selfsame.Server.Hosting;

/// <summary>Finds the installation's one secret, or makes it on the first start.</summary>
internal static class InstallationSecret
{
    /// <summary>The variable that holds the secret as base64; several nodes on one store must share it.</summary>
    public const string Variable = "SELFSAME_SECRET_KEY";

    /// <summary>The variable that holds the secret before this one, while the secret is being changed.</summary>
    public const string PreviousVariable = "SELFSAME_SECRET_KEY_PREVIOUS";

    /// <summary>The previous secret; empty where none is configured.</summary>
    public static byte[] LoadPrevious(string? configured)
        => configured is null ? [] : Decode(configured, $"{PreviousVariable} must be the secret that the store was made with: base64 of at least {SecretKeys.MinimumBytes} bytes.");

    public static byte[] Load(string? configured, string dataFolder)
    {
        if (configured is not null)
        {
            return Decode(configured, $"{Variable} must be base64 of at least {SecretKeys.MinimumBytes} bytes. Make one with: openssl rand -base64 32");
        }

        var path = Path.Combine(dataFolder, "secret.key");
        if (!File.Exists(path))
        {
            PrivateFiles.CreateFolder(dataFolder);
            // Another node may start for the first time too; whose secret is there first is everybody's.
            _ = PrivateFiles.TryCreateAtomically(path, System.Text.Encoding.ASCII.GetBytes(Convert.ToBase64String(RandomNumberGenerator.GetBytes(32))));
        }

        return Decode(File.ReadAllText(path).Trim(), $"{path} is damaged. Put the file back from a backup.");
    }

    private static byte[] Decode(string text, string message)
    {
        var bytes = new byte[text.Length];
        return Convert.TryFromBase64String(text, bytes, out var length) && length >= SecretKeys.MinimumBytes
            ? bytes[..length]
            : throw new InvalidOperationException(message);
    }
}
