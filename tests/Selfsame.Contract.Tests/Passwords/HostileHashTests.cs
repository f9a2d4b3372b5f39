using System.Diagnostics;
using System.Security.Cryptography;
using Selfsame.Store.Passwords;

namespace Selfsame.Contract.Tests.Passwords;

public sealed class HostileHashTests
{
    private const string Salt = "AAECAwQFBgcICQoLDA0ODw";
    private const string Key = "ZqZyZaoT97qvb5P/lcLQcDulWE7WlmokoMg/68OQjnQ";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("!")]
    [InlineData("!yH3Qn0p3w7Rzq5yq5yq5yq5yq5yq5yq5yq5yq5y")]
    [InlineData("*")]
    public async Task No_password_is_wrong_for_every_password(string? stored) =>
        (await PasswordSamples.Verify(stored, "password")).ShouldBe(PasswordCheck.Wrong);

    [Theory]
    [InlineData("$")]
    [InlineData("$$$$$$$$$$$$$$$$")]
    [InlineData("password")]
    [InlineData("5f4dcc3b5aa765d61d8327deb882cf99")]
    [InlineData("$1$salt$qJH7.N4xYta3aEG/dfqo/0")]
    [InlineData("$argon2id")]
    [InlineData("$argon2id$v=19$m=19456,t=2,p=1$" + Salt)]
    [InlineData("$argon2id$v=19$m=19456,t=2,p=1$" + Salt + "$")]
    [InlineData("$argon2id$v=19$m=19456,t=2,p=1$$" + Key)]
    [InlineData("$argon2id$v=18$m=19456,t=2,p=1$" + Salt + "$" + Key)]
    [InlineData("$argon2id$v=19$m=1099511627776,t=2,p=1$" + Salt + "$" + Key)]
    [InlineData("$argon2id$v=19$m=1073741824,t=2,p=1$" + Salt + "$" + Key)]
    [InlineData("$argon2id$v=19$m=262145,t=1,p=1$" + Salt + "$" + Key)]
    [InlineData("$argon2id$v=19$m=262144,t=9,p=1$" + Salt + "$" + Key)]
    [InlineData("$argon2id$v=19$m=19456,t=2147483647,p=1$" + Salt + "$" + Key)]
    [InlineData("$argon2id$v=19$m=19456,t=4294967297,p=1$" + Salt + "$" + Key)]
    [InlineData("$argon2id$v=19$m=256,t=65,p=16$" + Salt + "$" + Key)]
    [InlineData("$argon2id$v=19$m=19456,t=0,p=1$" + Salt + "$" + Key)]
    [InlineData("$argon2id$v=19$m=-1,t=2,p=1$" + Salt + "$" + Key)]
    [InlineData("$argon2id$v=19$m=19456,t=2,p=0$" + Salt + "$" + Key)]
    [InlineData("$argon2id$v=19$m=19456,t=2,p=16777215$" + Salt + "$" + Key)]
    [InlineData("$argon2id$v=19$m=19456,t=2,p=1,keyid=AAAA$" + Salt + "$" + Key)]
    [InlineData("$argon2id$v=19$m=19456, t=2,p=1$" + Salt + "$" + Key)]
    [InlineData("$argon2id$v=19$m=19456,t=2,p=1$" + Salt + "$" + Key + "=")]
    [InlineData("$argon2id$v=19$m=19456,t=2,p=1$" + Salt + "$ " + Key)]
    [InlineData("$argon2id$v=19$m=19456,t=2,p=1$" + Salt + "$*" + Key)]
    [InlineData("$argon2id$v=19$m=19456,t=2,p=1$" + Salt + "$" + Key + "\0")]
    [InlineData("$argon2id$v=19$m=19456,t=2,p=1$AAAA$" + Key)]
    [InlineData("$argon2id$v=19$m=19456,t=2,p=1$" + Salt + "$AAAAAA")]
    [InlineData("$pbkdf2-sha512$i=4000000000$" + Salt + "$" + Key)]
    [InlineData("$pbkdf2-sha512$i=5000001$" + Salt + "$" + Key)]
    [InlineData("$pbkdf2-sha512$i=0$" + Salt + "$" + Key)]
    [InlineData("$pbkdf2-sha512$i=-1$" + Salt + "$" + Key)]
    [InlineData("$pbkdf2-sha512$i=1000$" + Salt + "$")]
    [InlineData("pbkdf2_sha256$2000000000$seasalt$8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c=")]
    [InlineData("pbkdf2_sha256$1000$seasalt$")]
    [InlineData("pbkdf2_sha256$1000$seasalt$AAAA")]
    [InlineData("pbkdf2_sha256$1000$$8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c=")]
    [InlineData("pbkdf2_sha256$1000$seasält$8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c=")]
    [InlineData("pbkdf2_sha256$٣٩$seasalt$8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c=")]
    [InlineData("argon2$")]
    [InlineData("argon2$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW")]
    [InlineData("bcrypt$")]
    [InlineData("bcrypt_sha256$$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW")]
    [InlineData("$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW")]
    [InlineData("$2b$17$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW")]
    [InlineData("$2b$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW")]
    [InlineData("$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe")]
    [InlineData("$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe!")]
    [InlineData("$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW")]
    // ASP.NET Core Identity: empty, unknown marker, function 3, 4,294,967,295 iterations, a salt longer than the whole, no key.
    [InlineData("AA==")]
    [InlineData("/wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]
    [InlineData("AQAAAAMAAAAyAAAAEOMwvh3+FZxqkdMBz2ekgGhwQ4B6pZWND6zgESBuWiHw")]
    [InlineData("AQAAAAL/////AAAAEOMwvh3+FZxqkdMBz2ekgGhwQ4B6pZWND6zgESBuWiHw")]
    [InlineData("AQAAAAIAAAAy/////+MwvIMd/hWcapHTAc9npIBocEOAeqWVjQ+s4BEgbloh8A==")]
    [InlineData("AQAAAAIAAAAyAAAAEOMwvh3+FZxqkdMBz2ekgGg=")]
    [InlineData("AQAAAAIAAAAyAAAAEOMwvh3+FZxq kdMBz2ekgGhwQ4B6pZWND6zgESBuWiHw")]
    public async Task What_is_malformed_or_beyond_the_limits_cannot_be_verified_and_costs_one_dummy(string stored)
    {
        using var hashing = PasswordSamples.Create(PasswordSamples.Cheap);
        (await hashing.VerifyAsync(stored, "password", Cancellation)).ShouldBe(PasswordCheck.CannotVerify);
        hashing.Computed.ShouldBe(1);
    }

    [Fact]
    public async Task A_stored_text_of_megabytes_is_not_read()
    {
        var stored = "pbkdf2_sha256$1000$" + new string('s', 5_000_000) + "$8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c=";
        (await PasswordSamples.Verify(stored, "password")).ShouldBe(PasswordCheck.CannotVerify);
        (await PasswordSamples.Verify(new string('$', 5_000_000), "password")).ShouldBe(PasswordCheck.CannotVerify);
    }

    [Theory]
    [Trait("needs", "libargon2")]
    [InlineData("$argon2id$v=19$m=262144,t=8,p=1$" + Salt + "$" + Key)]
    [InlineData("$argon2d$v=19$m=32768,t=64,p=16$" + Salt + "$" + Key)]
    public Task The_dearest_Argon2_hash_that_is_read_ends_within_seconds(string stored) => The_dearest_hash_that_is_read_ends_within_seconds(stored);

    [Theory]
    [InlineData("pbkdf2_sha256$5000000$seasalt$8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c=")]
    public async Task The_dearest_hash_that_is_read_ends_within_seconds(string stored)
    {
        var start = Stopwatch.GetTimestamp();
        (await PasswordSamples.Verify(stored, "password")).ShouldBe(PasswordCheck.Wrong);
        var elapsed = Stopwatch.GetElapsedTime(start);
        TestContext.Current.TestOutputHelper?.WriteLine($"{elapsed.TotalSeconds:F1} s for {stored}");
        elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(30));
    }

    [Fact]
    [Trait("needs", "slow")]
    public async Task No_damage_to_a_hash_throws_or_lets_another_password_in()
    {
        var random = new Random(20_261_121);
        var key = Convert.ToBase64String(Rfc2898DeriveBytes.Pbkdf2("password", "seasalt"u8.ToArray(), 9, HashAlgorithmName.SHA256, 32));
        string[] sound =
        [
            "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
            "$2b$04$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            "pbkdf2_sha256$9$seasalt$" + key,
            "AQAAAAIAAAAyAAAAEOMwvh3+FZxqkdMBz2ekgGhwQ4B6pZWND6zgESBuWiHw",
        ];
        using var hashing = PasswordSamples.Create(PasswordSamples.Cheap);
        for (var round = 0; round < 200; round++)
        {
            var damaged = Damage(sound[round % sound.Length], random);
            (await hashing.VerifyAsync(damaged, "another one", Cancellation))
                .ShouldBeOneOf(PasswordCheck.Wrong, PasswordCheck.CannotVerify);
        }
    }

    private static string Damage(string text, Random random)
    {
        const string Characters = "$=,+/.0129aAmtpv \0é";
        for (var change = random.Next(1, 4); change > 0; change--)
        {
            var place = random.Next(text.Length);
            var character = Characters[random.Next(Characters.Length)].ToString();
            text = random.Next(3) switch
            {
                0 => text.Remove(place, 1),
                1 => text.Insert(place, character),
                _ => text.Remove(place, 1).Insert(place, character),
            };
        }
        return text;
    }
}
