using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;
using Selfsame.Store.Passwords;

namespace Selfsame.Contract.Tests.Passwords;

public sealed class ForeignHashTests
{
    /// <summary>From the implementations' own test suites and from Python's hashlib; none was made by the code under test.</summary>
    public static TheoryData<string, string, string> Vectors => new()
    {
        // Django's tests/auth_tests/test_hashers.py, and the same by hashlib.pbkdf2_hmac.
        { "Django PBKDF2", "lètmein", "pbkdf2_sha256$390000$seasalt$8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c=" },
        { "Django PBKDF2 with SHA-1", "lètmein", "pbkdf2_sha1$260000$seasalt$XXHk2gQ7tjWIyrS320RXXsGqkUg=" },
        { "Django bcrypt of SHA-256", "lètmein", "bcrypt_sha256$$2b$05$abcdefghijklmnopqrstuuaQz6CVhbgRiZmnmiNLc9bv5cauhFkti" },
        { "Django bcrypt", "U*U", "bcrypt$$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW" },
        // Openwall's crypt_blowfish, wrapper.c.
        { "bcrypt 2a", "U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK" },
        { "bcrypt 2b", "U*U*U", "$2b$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a" },
        { "bcrypt 2y", "U*U", "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW" },
        {
            "bcrypt beyond 72 octets", "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored",
            "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"
        },
        // dotnet/aspnetcore's PasswordHasherTest.cs.
        { "Identity 2", "my password", "ANXrDknc7fGPpigibZXXZFMX4aoqz44JveK6jQuwY3eH/UyPhvr5xTPeGYEckLxz9A==" },
        { "Identity 3, SHA-512", "my password", "AQAAAAIAAAAyAAAAEOMwvh3+FZxqkdMBz2ekgGhwQ4B6pZWND6zgESBuWiHw" },
        { "Identity 3, SHA-1", "my password", "AQAAAAAAAAD6AAAAEAhftMyfTJylOlZT+eEotFXd1elee8ih5WsjXaR3PA9M" },
        {
            "Identity 3, SHA-256", "my password",
            "AQAAAAEAA9CQAAAAIESkQuj2Du8Y+kbc5lcN/W/3NiAZFEm11P27nrSN5/tId+bR1SwV8CO1Jd72r4C08OLvplNlCDc3oQZ8efcW+jQ="
        },
    };

    /// <summary>As <see cref="Vectors"/>: what only libargon2 computes, and one at the end that libsodium would.</summary>
    public static TheoryData<string, string, string> Argon2Vectors => new()
    {
        // Django's tests/auth_tests/test_hashers.py.
        { "Django Argon2, eight lanes", "secret", "argon2$argon2id$v=19$m=102400,t=2,p=8$Y041dExhNkljRUUy$TMa6A8fPJhCAUXRhJXCXdw" },
        // The reference implementation's test.c.
        { "argon2i", "password", "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA" },
        { "argon2id", "password", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc" },
        { "argon2id, two lanes", "password", "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc" },
        { "argon2i of version 16", "password", "$argon2i$m=65536,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ" },
        // libargon2 20190702, by hand.
        { "argon2d", "password", "$argon2d$v=19$m=256,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$Bk4EobhGlmY3JFipRIMW+qVnwj7RdfeqfAtTKO/ZsHo" },
        { "argon2i by libsodium", "password", "$argon2i$v=19$m=256,t=3,p=1$c29tZXNhbHRzb21lc2FsdA$ju7us0XNrHIy622jJrn8w1hFqEZ3/88FzQdz3ZrcA1k" },
    };

    [Theory]
    [Trait("needs", "libargon2")]
    [MemberData(nameof(Argon2Vectors))]
    public Task An_Argon2_hash_of_another_system_verifies_as_it_is_and_asks_for_a_rehash(string system, string password, string stored)
        => A_hash_of_another_system_verifies_as_it_is_and_asks_for_a_rehash(system, password, stored);

    [Theory]
    [MemberData(nameof(Vectors))]
    public async Task A_hash_of_another_system_verifies_as_it_is_and_asks_for_a_rehash(string system, string password, string stored)
    {
        (await PasswordSamples.Verify(stored, password)).ShouldBe(PasswordCheck.RightButRehash, system);
        (await PasswordSamples.Verify(stored, "x" + password)).ShouldBe(PasswordCheck.Wrong, system);
        (await PasswordSamples.Verify(stored, password[..^1])).ShouldBe(system.Contains("beyond 72") ? PasswordCheck.RightButRehash : PasswordCheck.Wrong, system);
    }

    [Theory]
    [InlineData(PasswordHasherCompatibilityMode.IdentityV2)]
    [InlineData(PasswordHasherCompatibilityMode.IdentityV3)]
    public async Task What_ASPNET_Core_Identity_itself_hashes_verifies(PasswordHasherCompatibilityMode mode)
    {
        var hasher = new PasswordHasher<string>(Options.Create(new PasswordHasherOptions { CompatibilityMode = mode }));
        var stored = hasher.HashPassword("somebody", "pässword 1");
        (await PasswordSamples.Verify(stored, "pässword 1")).ShouldBe(PasswordCheck.RightButRehash);
        (await PasswordSamples.Verify(stored, "pässword 2")).ShouldBe(PasswordCheck.Wrong);
    }

    [Fact]
    public async Task A_password_that_another_system_hashed_as_typed_verifies_in_that_form()
    {
        const string Decomposed = "le\u0300tmein";
        var key = Rfc2898DeriveBytes.Pbkdf2(Decomposed, "seasalt"u8.ToArray(), 1_000, HashAlgorithmName.SHA256, 32);
        var stored = "pbkdf2_sha256$1000$seasalt$" + Convert.ToBase64String(key);
        (await PasswordSamples.Verify(stored, Decomposed)).ShouldBe(PasswordCheck.RightButRehash);
        (await PasswordSamples.Verify(stored, Decomposed.Normalize(NormalizationForm.FormC))).ShouldBe(PasswordCheck.Wrong);
    }

    [Fact]
    public async Task A_password_with_NUL_is_not_the_bcrypt_password_before_it()
    {
        (await PasswordSamples.Verify("$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U\0U")).ShouldBe(PasswordCheck.Wrong);
    }

    [Theory]
    [InlineData("$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK", "U*U*")]
    [InlineData("$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc", "password")]
    [InlineData("$argon2i$v=19$m=256,t=3,p=1$c29tZXNhbHRzb21lc2FsdA$ju7us0XNrHIy622jJrn8w1hFqEZ3/88FzQdz3ZrcA1k", "password")]
    public async Task Where_the_library_is_missing_the_answer_says_that_it_could_not_be_verified(string stored, string password)
    {
        var libraries = new PasswordLibraries { Sodium = [], Argon2 = [], Crypt = ["libcrypt.so.of-no-machine", "libsodium.so.23"] };
        using var hashing = PasswordSamples.Create(PasswordSamples.Cheap with { Libraries = libraries });
        (await hashing.VerifyAsync(stored, password, TestContext.Current.CancellationToken)).ShouldBe(PasswordCheck.CannotVerify);
        hashing.Computed.ShouldBe(1);
    }
}
