using Selfsame.Store;
using Selfsame.Store.Audit;
using Selfsame.Store.Sessions;
using Selfsame.Store.Users;

namespace Selfsame.Contract.Tests.Store;

public sealed class LockOutOnSqliteFileTests() : LockOutTests(Backend.SqliteFile);

public sealed class LockOutInSqliteMemoryTests() : LockOutTests(Backend.SqliteMemory);

[Trait("needs", "postgresql")]
public sealed class LockOutOnPostgreSqlTests() : LockOutTests(Backend.PostgreSql);

/// <summary>An attacker who has many addresses and asks without pause neither keeps the owner out nor guesses without end.</summary>
public abstract class LockOutTests(Backend backend)
{
    private const string Login = "anna@example.org";

    /// <summary>Every address asks twice; how many passwords were tried.</summary>
    private static async Task<int> AttackAsync(TestStore store, int addresses)
    {
        var before = store.Passwords.Verified;
        for (var address = 0; address < addresses; address++)
        {
            var origin = TestStore.From($"198.51.{address / 250}.{address % 250}");
            await store.SignInAsync(Login, "wrong", origin);
            await store.SignInAsync(Login, "wrong", origin);
        }

        return store.Passwords.Verified - before;
    }

    private static SignUpRequest SignUpFrom(SignInOrigin origin) => TestStore.Request("anna", Login) with { Origin = origin };

    [Fact]
    public async Task Who_attacks_without_pause_from_many_addresses_does_not_keep_out_the_owner_where_the_account_was_made()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateAsync(SignUpFrom(TestStore.From("203.0.113.1", "browser-1")));
        for (var minute = 0; minute < 3; minute++)
        {
            await AttackAsync(store, 70);
            await store.SignedInAsync(Login, origin: TestStore.From("203.0.113.1"));
            await store.SignedInAsync(Login, origin: TestStore.From("203.0.113.77", "browser-1"));
            store.Clock.Advance(TimeSpan.FromSeconds(29));
        }
    }

    [Fact]
    public async Task Nor_where_the_owner_comes_from_a_network_that_nobody_knows()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateAsync(SignUpFrom(TestStore.From("203.0.113.1")));
        for (var second = 0; second < 20; second++)
        {
            await AttackAsync(store, 70);
            store.Clock.Advance(TimeSpan.FromSeconds(7));
        }

        (await store.SignInAsync(Login, "wrong", TestStore.From("198.51.0.0"))).ShouldBeOfType<SignInResult.TryLater>();
        await store.SignedInAsync(Login, origin: TestStore.From("203.0.113.2"));
        await store.SignedInAsync(Login, origin: TestStore.From("203.0.113.2"));
        (await store.SignInAsync(Login, "mistyped", TestStore.From("203.0.113.3"))).ShouldBeOfType<SignInResult.Refused>();
        (await store.SignInAsync(Login, origin: TestStore.From("203.0.113.3"))).ShouldBeOfType<SignInResult.TryLater>();
    }

    [Fact]
    public async Task Whoever_opens_a_link_of_a_mail_is_known_there_from_then_on()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var user = await store.CreateAsync("anna", Login);
        var proof = new VerificationProof { SignedInUser = user.Uuid, Origin = TestStore.From("203.0.113.1") };
        (await new EmailVerification(store.Context).VerifyAsync(
            TestStore.Tenant, await store.TakeTokenAsync(Login, "Confirm"), proof, Actor.Self, TestStore.Cancellation)).ShouldBeOfType<VerificationResult.Verified>();
        await AttackAsync(store, 400);
        await store.SignedInAsync(Login, origin: TestStore.From("203.0.113.1"));

        var passwords = new PasswordChanges(store.Context);
        await passwords.RequestResetAsync(TestStore.Tenant, Login, "203.0.113.2", Actor.Self, TestStore.Cancellation);
        (await passwords.ResetAsync(
            TestStore.Tenant, await store.TakeTokenAsync(Login, "new password"), "another passphrase", TestStore.From("203.0.113.2"), Actor.Self, TestStore.Cancellation))
            .ShouldBeOfType<PasswordChangeResult.Changed>();
        await store.SignedInAsync(Login, "another passphrase", TestStore.From("203.0.113.2"));

        var change = new EmailChange(store.Context);
        user = await store.ReadAsync(user.Uuid);
        await change.RequestAsync(user, "new@example.org", "another passphrase", TestStore.From("203.0.113.2"), Actor.Self, TestStore.Cancellation);
        await change.ConfirmAsync(user, await store.TakeTokenAsync("new@example.org", "Confirm your new"), Actor.Self, TestStore.Cancellation);
        (await change.RevertAsync(
            TestStore.Tenant, await store.TakeTokenAsync(Login, "was changed"), "taken back by me", TestStore.From("203.0.113.3"), Actor.Self, TestStore.Cancellation))
            .ShouldBeOfType<EmailChangeResult.Changed>();
        await store.SignedInAsync(Login, "taken back by me", TestStore.From("203.0.113.3"));
    }

    // A neighbour behind the same NAT, under the limits that are on by default.
    [Fact]
    public async Task A_neighbour_in_the_owners_network_does_not_keep_out_the_owner_whose_browser_is_known()
    {
        await using var store = await TestStore.CreateAsync(backend, new TestStoreOptions { Tenant = new TenantSettings { Name = TestStore.Tenant } });
        var (owner, neighbour) = (TestStore.From("203.0.113.1", "browser-1"), TestStore.From("203.0.113.1"));
        var user = await store.CreateAsync(SignUpFrom(owner));
        for (var name = 0; name < 94; name++)
        {
            (await store.SignInAsync($"nobody{name}", "wrong", neighbour)).ShouldBeOfType<SignInResult.Refused>();
        }

        // The bucket of the network, which is known too, and that of another browser in it.
        for (var guess = 0; guess < 8; guess++)
        {
            await store.SignInAsync(Login, "wrong", neighbour);
            await store.SignInAsync(Login, "wrong", TestStore.From("203.0.113.1", "browser-2"));
        }

        (await store.SignInAsync("nobody", "wrong", neighbour)).ShouldBeOfType<SignInResult.Refused>();
        (await store.SignInAsync("nobody", "wrong", neighbour)).ShouldBeOfType<SignInResult.TryLater>().State.ShouldNotBeNull();
        for (var time = 0; time < 3; time++)
        {
            (await store.SignedInAsync(Login, origin: owner)).RateLimit.ShouldBeNull("what does not hold is not told");
            (await new EmailChange(store.Context).RequestAsync(user, $"new{time}@example.org", TestStore.Password, owner, Actor.Self, TestStore.Cancellation))
                .ShouldBeOfType<EmailChangeResult.LinkSent>();
        }

        (await store.SignInAsync("nobody", "wrong", neighbour)).ShouldBeOfType<SignInResult.TryLater>("the owner's successes free no place in the limit");
    }

    [Fact]
    public async Task A_known_browser_is_backed_off_for_its_own_failures_and_known_for_its_own_logins_only()
    {
        await using var store = await TestStore.CreateAsync(backend, new TestStoreOptions { Tenant = new TenantSettings { Name = TestStore.Tenant, SignInLimit = new RateLimit("sign-in", 10, TimeSpan.FromMinutes(10)) } });
        var mallory = TestStore.From("203.0.113.1", "browser-1");
        await store.CreateAsync("anna", Login);
        await store.CreateAsync(TestStore.Request("mallory", "mallory@example.org") with { Origin = mallory });
        for (var guess = 0; guess < 5; guess++)
        {
            (await store.SignInAsync("mallory", "wrong", mallory)).ShouldBeOfType<SignInResult.Refused>();
        }

        (await store.SignInAsync("mallory", "wrong", mallory)).ShouldBeOfType<SignInResult.TryLater>().After.ShouldBe(TimeSpan.FromSeconds(1));
        var tried = 0;
        for (var name = 0; name < 20; name++)
        {
            tried += await store.SignInAsync($"nobody{name}", "wrong", mallory) is SignInResult.Refused ? 1 : 0;
        }

        tried.ShouldBe(10, "none of its failures on its own login, and no more than the limit on those of others");
    }

    // Each address has one attempt an hour past the others; all of them together have no more than the bound.
    [Fact]
    public async Task A_thousand_addresses_try_no_more_passwords_of_a_login_in_an_hour_than_the_bound()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateAsync("anna", Login);

        var tried = await AttackAsync(store, 1000);

        tried.ShouldBe(50 + 300, "50 free of all strangers together, 300 first ones");
        store.Clock.Advance(TimeSpan.FromSeconds(30));
        (await AttackAsync(store, 1000)).ShouldBe(1, "the one attempt that all strangers together have");
    }

    [Fact]
    public async Task An_attempt_that_nobody_checked_leaves_the_first_one_for_the_next()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateAsync("anna", Login);
        await AttackAsync(store, 60);
        store.Passwords.IsFull = true;
        (await store.SignInAsync(Login, origin: TestStore.From("203.0.113.1"))).ShouldBeOfType<SignInResult.Busy>();
        store.Passwords.IsFull = false;
        await store.SignedInAsync(Login, origin: TestStore.From("203.0.113.1"));
    }

    // A site is given a /48 whole, with 65,536 networks of /64.
    [Fact]
    public async Task All_networks_of_one_48_have_one_first_attempt_together()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateAsync("anna", Login);
        await AttackAsync(store, 60);

        (await store.SignInAsync(Login, "wrong", TestStore.From("2001:db8:1:2::/64"))).ShouldBeOfType<SignInResult.Refused>();
        (await store.SignInAsync(Login, "wrong", TestStore.From("2001:db8:1:3::/64"))).ShouldBeOfType<SignInResult.TryLater>();
        (await store.SignInAsync(Login, "wrong", TestStore.From("2001:db8:2:3::/64"))).ShouldBeOfType<SignInResult.Refused>();
    }

    [Fact]
    public async Task Of_a_hundred_parallel_attempts_of_one_stranger_one_goes_past_the_others()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateAsync("anna", Login);
        await AttackAsync(store, 60);
        var before = store.Passwords.Verified;

        var results = await TestStore.InParallelAsync(100, _ => store.SignInAsync(Login, "wrong", TestStore.From("203.0.113.1")));

        results.OfType<SignInResult.Refused>().Count().ShouldBe(1);
        (store.Passwords.Verified - before).ShouldBe(1);
    }
}
