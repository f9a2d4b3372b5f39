using System.Security.Cryptography;
using System.Text;

namespace Selfsame.Store.Passwords;

/// <summary>bcrypt by libxcrypt's <c>crypt_rn</c>, which takes the size of its work area; glibc's older libcrypt has no bcrypt.</summary>
internal sealed unsafe class NativeBcrypt
{
    /// <summary><c>sizeof (struct crypt_data)</c> in libxcrypt, part of its binary interface.</summary>
    private const int WorkAreaLength = 32_768;

    private readonly delegate* unmanaged[Cdecl]<byte*, byte*, void*, int, byte*> crypt;

    internal NativeBcrypt(PasswordLibraries libraries)
    {
        if (NativeFile.TryLoad(libraries.Crypt, ["crypt_rn"]) is { } file)
        {
            crypt = (delegate* unmanaged[Cdecl]<byte*, byte*, void*, int, byte*>)file.Functions[0];
        }
    }

    internal bool IsAvailable => crypt is not null;

    /// <summary>
    /// Whether the password has this hash. bcrypt reads 72 octets: what is beyond is cut off, as by those who made the hash.
    /// </summary>
    /// <param name="encoded">60 characters: <c>$2b$12$</c>, 22 of salt, 31 of hash.</param>
    /// <param name="password">UTF-8 without NUL, or what stands for the password.</param>
    internal bool Matches(string encoded, ReadOnlySpan<byte> password)
    {
        password = password[..Math.Min(password.Length, BcryptHash.PasswordLength)];
        Span<byte> phrase = stackalloc byte[BcryptHash.PasswordLength + 1];
        phrase.Clear();
        password.CopyTo(phrase);
        Span<byte> setting = stackalloc byte[BcryptHash.EncodedLength + 1];
        setting.Clear();
        Encoding.ASCII.GetBytes(encoded, setting);
        Span<byte> workArea = stackalloc byte[WorkAreaLength];
        workArea.Clear();
        try
        {
            fixed (byte* phraseStart = phrase, settingStart = setting, workAreaStart = workArea)
            {
                var answer = crypt(phraseStart, settingStart, workAreaStart, WorkAreaLength);
                // The last character of the salt carries two bits only, which not everybody writes alike: compare the hash.
                return answer is not null && CryptographicOperations.FixedTimeEquals(
                    new ReadOnlySpan<byte>(answer, BcryptHash.EncodedLength)[BcryptHash.SettingLength..],
                    setting[BcryptHash.SettingLength..BcryptHash.EncodedLength]);
            }
        }
        finally
        {
            CryptographicOperations.ZeroMemory(phrase);
            CryptographicOperations.ZeroMemory(workArea);
        }
    }
}
