using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Tests.Reconciliation;

/// <summary>Which fields are secrets, told by their names alone.</summary>
public sealed class SecretFieldsTests
{
    // Those of Django, Devise, ASP.NET Core Identity, Supabase Auth, WordPress, Laravel, Yii, Drupal and phpBB among them.
    [Theory]
    [InlineData("password encrypted_password PasswordHash user_pass pass passwd pwd password_digest remember_digest")]
    [InlineData("user_activation_key user_actkey api_key apiKey auth_key private_key access_key signing-key X.API.KEY")]
    [InlineData("SecurityStamp security_stamp reset_password_token confirmation_token recovery_token unlock_token remember_token")]
    [InlineData("two_factor_secret two_factor_recovery_codes recovery_codes backup_codes otp_backup_codes verification_code passcode passphrase")]
    [InlineData("pin PIN user_pin pinHash credentials")]
    public void A_secret_is_known_by_its_name(string fields) => fields.Split(' ').Where(field => !SecretFields.Looks(field)).ShouldBeEmpty();

    [Theory]
    [InlineData("id key keyboard monkey user_key public_key primary_key natural_key external_key sort_key key_id")]
    [InlineData("shipping shipping_address pinned is_pinned opinion spin pinterest_url")]
    [InlineData("timestamp created_stamp concurrency_stamp ConcurrencyStamp stamp")]
    [InlineData("recovery_email recovery_phone recovery_sent_at postal_code country_code user_code referral_code passport compass weekly_digest")]
    public void An_ordinary_field_is_none(string fields) => fields.Split(' ').Where(SecretFields.Looks).ShouldBeEmpty();

    [Fact]
    public async Task A_secret_stands_in_no_plan_readable_and_is_not_folded()
    {
        var world = new DuplicateWorld();
        world.Person("1", "ann", created: 1);
        world.System.Put(("id", "2"), ("username", "Ann"), ("created", 2), ("active", true), ("password", "x"), ("api_key", "k-42"), ("SecurityStamp", "s-42"), ("recovery_codes", "r-42"), ("keyboard", "dvorak"));

        var plan = await world.PlanAsync();
        await world.ApplyAsync(plan);

        PlanJson.Write(plan).ShouldNotContain("-42");
        world.System.Rows[new AccountId("1")].Keys.ShouldBe(["id", "username", "email", "created", "name", "password", "verified", "active", "keyboard"], ignoreOrder: true);
    }
}
