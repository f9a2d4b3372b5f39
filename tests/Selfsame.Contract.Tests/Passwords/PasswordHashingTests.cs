using System.Diagnostics;
using Selfsame.Store.Passwords;

namespace Selfsame.Contract.Tests.Passwords;

public sealed class PasswordHashingTests
{
    private const string Composed = "correct horse b\u00E5ttery";
    private const string Decomposed = "correct horse ba\u030Attery";

    // Both made by other implementations (libargon2 20190702, Python's hashlib) from the composed password and salt 00 01 … 0F.
    private const string ReferenceArgon2 = "$argon2id$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$ZqZyZaoT97qvb5P/lcLQcDulWE7WlmokoMg/68OQjnQ";
    private const string ReferencePbkdf2 = "$pbkdf2-sha512$i=220000$AAECAwQFBgcICQoLDA0ODw$iPAexXKh4EkrEz4FxP7sa/krk/ZhlKoec0WLvq2OVjg";

    // As ReferenceArgon2, of the decomposed password: a system that did not normalize, with our costs.
    private const string UnnormalizedArgon2 = "$argon2id$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$4K/MkTEd+m9ILldroLzTTBLZWn72gqKJ0iTRghVbI1E";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("needs", "libsodium")]
    public async Task A_hash_is_the_string_that_the_reference_implementation_of_Argon2_makes()
    {
        using var hashing = new BoundedPasswordHashing(PasswordSamples.Shipped, new PasswordSamples.CountingBytes());
        (await hashing.HashAsync(Composed, Cancellation)).ShouldBe(ReferenceArgon2);
        hashing.Description.ShouldContain("Argon2id (19456 KiB, t=2, p=1) by libsodium");
    }

    [Fact]
    public async Task Without_libsodium_a_hash_is_PBKDF2_and_the_description_says_what_to_install()
    {
        var settings = PasswordSamples.Shipped with { Libraries = new PasswordLibraries { Sodium = ["libsodium.so.of-no-machine"] } };
        using var hashing = new BoundedPasswordHashing(settings, new PasswordSamples.CountingBytes());
        (await hashing.HashAsync(Composed, Cancellation)).ShouldBe(ReferencePbkdf2);
        hashing.UsesArgon2.ShouldBeFalse();
        hashing.Description.ShouldContain("PBKDF2-HMAC-SHA-512 (220000 iterations)");
        hashing.Description.ShouldContain("libsodium23");
    }

    [Fact]
    [Trait("needs", "libsodium")]
    public void Without_libargon2_the_description_says_which_hashes_cannot_be_checked_and_what_to_install()
    {
        const string twoLanes = "$argon2id$v=19$m=65536,t=2,p=2$AAECAwQFBgcICQoLDA0ODw$4K/MkTEd+m9ILldroLzTTBLZWn72gqKJ0iTRghVbI1E";
        var settings = PasswordSamples.Shipped with { Libraries = new PasswordLibraries { Argon2 = ["libargon2.so.of-no-machine"] } };
        using var hashing = new BoundedPasswordHashing(settings, new PasswordSamples.CountingBytes());

        hashing.Description.ShouldContain("libargon2-1");
        (hashing.CanVerify(twoLanes), hashing.CanVerify(ReferenceArgon2), hashing.CanVerify("!"), hashing.CanVerify("md5$x")).ShouldBe((false, true, true, false));
    }

    [Fact]
    public async Task A_setting_forces_PBKDF2_where_libsodium_is_there()
    {
        using var hashing = PasswordSamples.Create(PasswordSamples.Cheap with { Scheme = PasswordScheme.Pbkdf2Sha512 });
        var hash = await hashing.HashAsync(Composed, Cancellation);
        hash.ShouldStartWith("$pbkdf2-sha512$i=100000$");
        hashing.Description.ShouldNotContain("not found");
        (await hashing.VerifyAsync(hash, Composed, Cancellation)).ShouldBe(PasswordCheck.Right);
    }

    [Theory]
    [InlineData(PasswordScheme.Argon2id)]
    [InlineData(PasswordScheme.Pbkdf2Sha512)]
    public async Task The_right_password_is_right_and_every_other_is_wrong(PasswordScheme scheme)
    {
        using var hashing = PasswordSamples.Create(PasswordSamples.Cheap with { Scheme = scheme });
        var hash = await hashing.HashAsync(Composed, Cancellation);
        (await hashing.VerifyAsync(hash, Composed, Cancellation)).ShouldBe(PasswordCheck.Right);
        foreach (var other in new[] { Composed.ToUpperInvariant(), Composed + " ", " " + Composed, Composed[..^1], Composed + "\0", "x" })
        {
            (await hashing.VerifyAsync(hash, other, Cancellation)).ShouldBe(PasswordCheck.Wrong, other);
        }
    }

    [Fact]
    public async Task Two_hashes_of_one_password_differ_by_their_salt()
    {
        using var hashing = PasswordSamples.Create(PasswordSamples.Cheap);
        (await hashing.HashAsync(Composed, Cancellation)).ShouldNotBe(await hashing.HashAsync(Composed, Cancellation));
    }

    [Fact]
    public async Task Normal_forms_and_kinds_of_space_are_one_password()
    {
        using var hashing = PasswordSamples.Create(PasswordSamples.Cheap);
        var hash = await hashing.HashAsync(Decomposed, Cancellation);
        (await hashing.VerifyAsync(hash, Composed, Cancellation)).ShouldBe(PasswordCheck.Right);
        (await hashing.VerifyAsync(hash, Composed.Replace(' ', '\u00A0'), Cancellation)).ShouldBe(PasswordCheck.Right);
        (await hashing.VerifyAsync(hash, Decomposed.Replace(' ', '\u3000'), Cancellation)).ShouldBe(PasswordCheck.Right);
        (await hashing.VerifyAsync(hash, Composed.Replace(" ", "", StringComparison.Ordinal), Cancellation)).ShouldBe(PasswordCheck.Wrong);
    }

    [Fact]
    [Trait("needs", "libsodium")]
    public async Task A_hash_of_an_unnormalized_password_verifies_as_typed_and_is_made_anew()
    {
        (await PasswordSamples.Verify(UnnormalizedArgon2, Decomposed, PasswordSamples.Shipped)).ShouldBe(PasswordCheck.RightButRehash);
        (await PasswordSamples.Verify(UnnormalizedArgon2, Composed, PasswordSamples.Shipped)).ShouldBe(PasswordCheck.Wrong);
    }

    [Fact]
    public async Task Nothing_of_a_long_password_is_cut_off()
    {
        var longest = new string('x', 4_095);
        using var hashing = PasswordSamples.Create(PasswordSamples.Cheap);
        var hash = await hashing.HashAsync(longest + "a", Cancellation);
        (await hashing.VerifyAsync(hash, longest + "a", Cancellation)).ShouldBe(PasswordCheck.Right);
        (await hashing.VerifyAsync(hash, longest + "b", Cancellation)).ShouldBe(PasswordCheck.Wrong);
        (await hashing.VerifyAsync(hash, longest, Cancellation)).ShouldBe(PasswordCheck.Wrong);
    }

    [Theory]
    [Trait("needs", "libsodium")]
    [InlineData(PasswordScheme.Argon2id)]
    [InlineData(PasswordScheme.Pbkdf2Sha512)]
    public async Task Another_cost_or_scheme_asks_for_a_rehash(PasswordScheme scheme)
    {
        var settings = PasswordSamples.Cheap with { Scheme = scheme };
        using var before = PasswordSamples.Create(settings);
        var hash = await before.HashAsync(Composed, Cancellation);
        var otherScheme = scheme == PasswordScheme.Argon2id ? PasswordScheme.Pbkdf2Sha512 : PasswordScheme.Argon2id;
        foreach (var changed in new[]
        {
            settings with { Argon2Memory = 8_192, Pbkdf2Iterations = 110_000 },
            settings with { Argon2Passes = 2, Pbkdf2Iterations = 100_001 },
            settings with { Scheme = otherScheme },
        })
        {
            (await PasswordSamples.Verify(hash, Composed, changed)).ShouldBe(PasswordCheck.RightButRehash);
            (await PasswordSamples.Verify(hash, "another one", changed)).ShouldBe(PasswordCheck.Wrong);
        }
    }

    [Fact]
    [Trait("needs", "libargon2")]
    public async Task A_node_without_libsodium_does_not_weaken_what_its_peers_made()
    {
        (await PasswordSamples.Verify(ReferenceArgon2, Composed, PasswordSamples.WithoutSodium)).ShouldBe(PasswordCheck.Right);
        (await PasswordSamples.Verify(ReferencePbkdf2, Composed, PasswordSamples.Shipped)).ShouldBe(PasswordCheck.RightButRehash);
    }

    [Theory]
    [InlineData(PasswordScheme.Argon2id)]
    [InlineData(PasswordScheme.Pbkdf2Sha512)]
    public async Task An_unknown_user_costs_what_a_wrong_password_costs(PasswordScheme scheme)
    {
        using var hashing = PasswordSamples.Create(PasswordSamples.Shipped with { Scheme = scheme, Pbkdf2Iterations = 100_000, Threads = 1 });
        var hash = await hashing.HashAsync(Composed, Cancellation);
        var fastest = new Dictionary<string, TimeSpan>();

        // The fastest of a few says what each costs; where other work is in the way it takes more of them.
        for (var round = 0; round < 5 || (round < 50 && fastest.Values.Max() > 3 * fastest.Values.Min()); round++)
        {
            foreach (var (name, stored) in new[] { ("wrong", hash), ("unknown", null), ("unusable", "!x"), ("damaged", "$argon2id$v=19$") })
            {
                var (computed, start) = (hashing.Computed, Stopwatch.GetTimestamp());
                (await hashing.VerifyAsync(stored, "another one", Cancellation)).ShouldBeOneOf(PasswordCheck.Wrong, PasswordCheck.CannotVerify);
                var elapsed = Stopwatch.GetElapsedTime(start);
                (hashing.Computed - computed).ShouldBe(1, name);
                fastest[name] = fastest.TryGetValue(name, out var before) && before < elapsed ? before : elapsed;
            }
        }
        foreach (var (name, time) in fastest)
        {
            (time / fastest["wrong"]).ShouldBeInRange(0.33, 3, name);
        }
    }

    [Fact]
    public async Task What_is_no_text_is_wrong_without_any_work_and_is_never_hashed()
    {
        using var hashing = PasswordSamples.Create(PasswordSamples.Cheap);
        foreach (var password in new[] { "", "with\0NUL", "half \uD83D of a character", "half \uDE00 of a character", new string('x', 4_097), new string('\u20AC', 2_000) })
        {
            (await hashing.VerifyAsync(ReferenceArgon2, password, Cancellation)).ShouldBe(PasswordCheck.Wrong);
            (await hashing.VerifyAsync(null, password, Cancellation)).ShouldBe(PasswordCheck.Wrong);
            await Should.ThrowAsync<ArgumentException>(async () => await hashing.HashAsync(password, Cancellation));
        }
        hashing.Computed.ShouldBe(0);
    }

    [Fact]
    public void Settings_that_are_too_weak_or_beyond_what_we_verify_are_refused()
    {
        var cheap = PasswordSamples.Cheap;
        foreach (var settings in new[]
        {
            cheap with { Argon2Memory = 7_167 }, cheap with { Argon2Memory = 262_145 }, cheap with { Argon2Passes = 0 },
            cheap with { Argon2Passes = 1_000 }, cheap with { Pbkdf2Iterations = 99_999 }, cheap with { Pbkdf2Iterations = 5_000_001 },
            cheap with { Threads = 0 }, cheap with { MaximumWaiting = -1 },
        })
        {
            Should.Throw<ArgumentOutOfRangeException>(() => PasswordSamples.Create(settings));
        }
    }
}
