using Selfsame.Store.Audit;
using Selfsame.Store.Links;
using Selfsame.Store.Requests;
using Selfsame.Store.Users;

namespace Selfsame.Contract.Tests.Store;

public sealed class VerificationOnSqliteFileTests() : VerificationTests(Backend.SqliteFile);

public sealed class VerificationInSqliteMemoryTests() : VerificationTests(Backend.SqliteMemory);

[Trait("needs", "postgresql")]
public sealed class VerificationOnPostgreSqlTests() : VerificationTests(Backend.PostgreSql);

public abstract class VerificationTests(Backend backend)
{
    private const string Subject = "Confirm";
    private static readonly byte[] Browser = [1, 2, 3];

    private static Task<VerificationResult> VerifyAsync(TestStore store, string token, VerificationProof proof)
        => new EmailVerification(store.Context).VerifyAsync(TestStore.Tenant, token, proof, Actor.Self, TestStore.Cancellation);

    private static async Task<(User User, string Token)> SignUpAsync(TestStore store)
    {
        var user = await store.CreateAsync(TestStore.Request("anna", "anna@example.org") with { Browser = Browser });
        return (user, await store.TakeTokenAsync("anna@example.org", Subject));
    }

    [Fact]
    public async Task The_link_verifies_in_the_browser_in_which_the_form_was_filled_in()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var (user, token) = await SignUpAsync(store);
        store.Clock.Advance(TimeSpan.FromMinutes(3));

        (await new EmailVerification(store.Context).PeekAsync(TestStore.Tenant, token, new VerificationProof { Browser = Browser }, TestStore.Cancellation))
            .ShouldBeOfType<VerificationResult.Verified>();
        (await store.ReadAsync(user.Uuid)).EmailVerifiedAt.ShouldBeNull();
        (await VerifyAsync(store, token, new VerificationProof { Browser = Browser })).ShouldBeOfType<VerificationResult.Verified>();
        (await store.ReadAsync(user.Uuid)).EmailVerifiedAt.ShouldBe(store.Clock.GetUtcNow());
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task Elsewhere_it_asks_for_the_session_the_password_or_a_new_one()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var (user, token) = await SignUpAsync(store);

        (await VerifyAsync(store, token, new VerificationProof())).ShouldBe(new VerificationResult.PasswordNeeded(false));
        (await VerifyAsync(store, token, new VerificationProof { Browser = [9] })).ShouldBe(new VerificationResult.PasswordNeeded(false));
        (await VerifyAsync(store, token, new VerificationProof { SignedInUser = Guid.Empty })).ShouldBe(new VerificationResult.PasswordNeeded(false));
        (await VerifyAsync(store, token, new VerificationProof { Password = "wrong" })).ShouldBe(new VerificationResult.PasswordNeeded(true));
        (await VerifyAsync(store, token, new VerificationProof { NewPassword = "short" })).ShouldBeOfType<VerificationResult.Invalid>().Errors.ByField.Keys.ShouldBe(["newPassword"]);
        (await store.ReadAsync(user.Uuid)).EmailVerifiedAt.ShouldBeNull();
        (await VerifyAsync(store, token, new VerificationProof { Password = TestStore.Password })).ShouldBeOfType<VerificationResult.Verified>();
    }

    // After a lost commit answer it is asked whether the link was used: at that instant somebody may have disabled the user, which ends the links.
    [Fact]
    public async Task A_link_that_was_ended_at_an_instant_was_not_used_at_that_instant()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var (user, token) = await SignUpAsync(store);
        Task<User?> UsedAsync(string link) => store.Database.ReadAsync(
            transaction => LinkTokens.FindRedeemedAsync(transaction, link, TestStore.Tenant, LinkPurpose.VerifyEmail, store.Context.Now()), TestStore.Cancellation);

        (await new UserAdministration(store.Context).SetActiveAsync(TestStore.Tenant, user.Uuid, false, Actor.CommandLine, TestStore.Cancellation)).ShouldBeOfType<UserChangeResult.Changed>();

        (await UsedAsync(token)).ShouldBeNull();
        await store.CreateAsync(TestStore.Request("bert", "bert@example.org") with { Browser = Browser });
        var used = await store.TakeTokenAsync("bert@example.org", Subject);
        (await VerifyAsync(store, used, new VerificationProof { Browser = Browser })).ShouldBeOfType<VerificationResult.Verified>();
        (await UsedAsync(used)).ShouldNotBeNull().Username.ShouldBe("bert");
    }

    [Fact]
    public async Task Passwords_tried_through_a_link_are_claimed_and_backed_off_as_those_of_a_sign_in()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var (_, token) = await SignUpAsync(store);
        var guess = new VerificationProof { Password = "wrong", Origin = TestStore.From("192.0.2.66") };

        var results = await TestStore.InParallelAsync(20, _ => VerifyAsync(store, token, guess));

        // As at the sign-in: five are free, and the fifth begins the back-off.
        store.Passwords.Verified.ShouldBe(5);
        results.OfType<VerificationResult.TryLater>().Count().ShouldBe(15);
        (await VerifyAsync(store, token, guess with { Password = TestStore.Password })).ShouldBeOfType<VerificationResult.TryLater>().After.ShouldBeGreaterThan(TimeSpan.Zero);
        (await store.SignInAsync("anna@example.org", TestStore.Password, guess.Origin)).ShouldBeOfType<Selfsame.Store.Sessions.SignInResult.TryLater>();

        // Somebody else's guesses hold up nobody who comes from elsewhere; the right password leaves no mark.
        var own = new VerificationProof { Password = TestStore.Password, Origin = TestStore.From("192.0.2.1", "a browser of mine") };
        (await VerifyAsync(store, token, own)).ShouldBeOfType<VerificationResult.Verified>();
        (await store.CountAsync("known_sources")).ShouldBe(2);
        (await store.CountAsync("sign_in_attempts", "failures > 5")).ShouldBe(0);
    }

    [Fact]
    public async Task New_passwords_through_a_link_cost_no_more_hashes_than_the_limit_of_sign_ups_lets_pass()
    {
        var limit = new Selfsame.Store.RateLimit("sign-up-attempts", 4, TimeSpan.FromMinutes(10));
        await using var store = await TestStore.CreateAsync(backend, new TestStoreOptions { Tenant = TestStore.Unlimited with { SignUpAttemptLimit = limit } });
        var (_, token) = await SignUpAsync(store);
        var proof = new VerificationProof { NewPassword = "a password of my own", Origin = TestStore.From("192.0.2.66") };

        var (hashed, results) = await store.HashAtOnceAsync(20, () => VerifyAsync(store, token, proof));

        hashed.ShouldBe(4);
        results.OfType<VerificationResult.TryLater>().Count().ShouldBe(16);
        results.OfType<VerificationResult.Verified>().Count().ShouldBe(1);
        results.OfType<VerificationResult.AlreadyVerified>().Count().ShouldBe(3, "they sent the same password");
        await store.CheckInvariantsAsync();
    }

    // Pre-hijacking: the attacker knows the password that was set with the victim's address.
    [Fact]
    public async Task The_click_of_somebody_who_did_not_sign_up_does_not_bless_the_password_that_a_stranger_chose()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var attacker = await store.CreateAsync(TestStore.Request("victim", "victim@example.org") with { Browser = Browser });
        var session = await store.SignedInAsync("victim");
        var token = await store.TakeTokenAsync("victim@example.org", Subject);

        (await VerifyAsync(store, token, new VerificationProof())).ShouldBeOfType<VerificationResult.PasswordNeeded>();
        (await store.ReadAsync(attacker.Uuid)).EmailVerifiedAt.ShouldBeNull();
        var owner = new VerificationProof { NewPassword = "the victim's own", Origin = TestStore.From("198.51.100.7") };
        (await VerifyAsync(store, token, owner)).ShouldBeOfType<VerificationResult.Verified>();

        (await store.SignInAsync("victim", TestStore.Password)).ShouldBeOfType<Selfsame.Store.Sessions.SignInResult.Refused>();
        (await store.CountAsync("known_sources")).ShouldBe(1, "the stranger's is forgotten, and the owner's, who opened the link, is known");
        await store.SignedInAsync("victim", "the victim's own");
        (await new Selfsame.Store.Sessions.SessionStore(store.Context).FindAsync(TestStore.Tenant, session.Token, TestStore.Cancellation)).ShouldBeNull();
        await store.CheckInvariantsAsync();
    }

    // Whoever reads a mail that was sent in vain could otherwise set a password for days, past every change of it.
    [Fact]
    public async Task A_spare_link_of_a_verified_address_sets_no_password()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var (user, spare) = await SignUpAsync(store);
        var verification = new EmailVerification(store.Context);
        await verification.RequestAsync(TestStore.Tenant, "anna@example.org", "192.0.2.1", Actor.Self, TestStore.Cancellation);
        var used = await store.TakeTokenAsync("anna@example.org", Subject);
        (await VerifyAsync(store, used, new VerificationProof { Password = TestStore.Password })).ShouldBeOfType<VerificationResult.Verified>();

        (await verification.PeekAsync(TestStore.Tenant, spare, new VerificationProof { Browser = Browser }, TestStore.Cancellation)).ShouldBeOfType<VerificationResult.AlreadyVerified>();
        (await VerifyAsync(store, spare, new VerificationProof { NewPassword = "a stranger's own" })).ShouldBeOfType<VerificationResult.LinkInvalid>();
        await store.SignedInAsync("anna");
        (await store.CountAsync("link_tokens", $"user_id = {user.Id} AND used_at IS NULL")).ShouldBe(0);

        // Somebody else's word verifies as well, and finds the links of before.
        var bert = await store.CreateAsync("bert", "bert@example.org");
        var open = await store.TakeTokenAsync("bert@example.org", Subject);
        var word = new UserChange { EmailVerified = new Change<bool>(true, true) };
        await new UserAdministration(store.Context).ChangeAsync(TestStore.Tenant, bert.Uuid, word, null, Actor.CommandLine, TestStore.Cancellation);
        (await VerifyAsync(store, open, new VerificationProof { NewPassword = "a stranger's own" })).ShouldBeOfType<VerificationResult.LinkInvalid>();
    }

    [Fact]
    public async Task A_new_password_ends_the_links_that_could_set_another()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var (user, token) = await SignUpAsync(store);
        (await new PasswordChanges(store.Context).ChangeAsync(
            user, TestStore.Password, "a password of my own", Guid.Empty, TestStore.From("192.0.2.1"), Actor.Self, TestStore.Cancellation)).ShouldBeOfType<PasswordChangeResult.Changed>();

        (await VerifyAsync(store, token, new VerificationProof { NewPassword = "a stranger's own" })).ShouldBeOfType<VerificationResult.LinkInvalid>();
        await store.SignedInAsync("anna", "a password of my own");
    }

    [Fact]
    public async Task Of_20_parallel_redemptions_one_verifies()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var (user, token) = await SignUpAsync(store);

        var results = await TestStore.InParallelAsync(20, _ => VerifyAsync(store, token, new VerificationProof { Browser = Browser }));

        results.OfType<VerificationResult.Verified>().Count().ShouldBe(1);
        results.OfType<VerificationResult.AlreadyVerified>().Count().ShouldBe(19);
        (await store.CountAsync("audit_events", $"user_id = {user.Id} AND event = 'email.verified'")).ShouldBe(1);
        await store.CheckInvariantsAsync();
    }

    // A double click without script, or a browser that sends the form again: the first answer never arrives.
    [Fact]
    public async Task A_repeat_is_told_that_the_address_is_verified_and_one_with_another_new_password_is_not()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var (user, token) = await SignUpAsync(store);
        var proof = new VerificationProof { NewPassword = "a password of my own", Origin = TestStore.From("192.0.2.1") };
        (await VerifyAsync(store, token, proof)).ShouldBeOfType<VerificationResult.Verified>();
        var version = (await store.ReadAsync(user.Uuid)).Version;
        store.Clock.Advance(TimeSpan.FromSeconds(30));

        (await VerifyAsync(store, token, proof)).ShouldBeOfType<VerificationResult.AlreadyVerified>().User.Uuid.ShouldBe(user.Uuid);
        (await VerifyAsync(store, token, new VerificationProof())).ShouldBeOfType<VerificationResult.AlreadyVerified>();
        (await VerifyAsync(store, token, proof with { NewPassword = "another password" })).ShouldBeOfType<VerificationResult.LinkInvalid>();

        (await store.ReadAsync(user.Uuid)).Version.ShouldBe(version, "nothing is written");
        (await store.CountAsync("audit_events", "event = 'email.verified'")).ShouldBe(1);
        await new UserAdministration(store.Context).SetActiveAsync(TestStore.Tenant, user.Uuid, false, Actor.CommandLine, TestStore.Cancellation);
        (await VerifyAsync(store, token, new VerificationProof())).ShouldBeOfType<VerificationResult.LinkInvalid>();
    }

    [Fact]
    public async Task A_link_ends_with_its_time_its_tenant_and_its_address()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var (user, token) = await SignUpAsync(store);
        var proof = new VerificationProof { Browser = Browser };

        (await new EmailVerification(store.Context).VerifyAsync("second", token, proof, Actor.Self, TestStore.Cancellation)).ShouldBeOfType<VerificationResult.LinkInvalid>();
        var change = new UserChange { Email = new Change<string>(true, "new@example.org") };
        await new UserAdministration(store.Context).ChangeAsync(TestStore.Tenant, user.Uuid, change, null, Actor.CommandLine, TestStore.Cancellation);
        (await VerifyAsync(store, token, proof)).ShouldBeOfType<VerificationResult.LinkInvalid>();
        var second = await store.TakeTokenAsync("new@example.org", Subject);
        store.Clock.Advance(TimeSpan.FromDays(3));
        (await VerifyAsync(store, second, proof with { SignedInUser = user.Uuid })).ShouldBeOfType<VerificationResult.LinkInvalid>();
    }

    [Fact]
    public async Task The_link_is_sent_again_on_request_only_to_who_needs_it_and_not_without_end()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await SignUpAsync(store);
        await store.CreateVerifiedAsync("bert", "bert@example.org");
        var verification = new EmailVerification(store.Context);
        foreach (var login in new[] { "bert", "nobody", "a b", null })
        {
            (await verification.RequestAsync(TestStore.Tenant, login, "192.0.2.1", Actor.Self, TestStore.Cancellation)).ShouldBeNull();
        }

        (await store.TakeMailsAsync()).ShouldBeEmpty();
        for (var request = 0; request < 8; request++)
        {
            await verification.RequestAsync(TestStore.Tenant, "anna@example.org", "192.0.2.1", Actor.Self, TestStore.Cancellation);
        }

        (await store.TakeMailsAsync()).Count.ShouldBe(5);
    }

    [Fact]
    public async Task Requests_from_one_network_are_limited()
    {
        await using var store = await TestStore.CreateAsync(
            backend, new TestStoreOptions { Tenant = TestStore.Unlimited with { PasswordResetLimit = new Selfsame.Store.RateLimit("password-reset", 2, TimeSpan.FromHours(1)) } });
        var verification = new EmailVerification(store.Context);
        var states = new List<RateLimitState?>();
        for (var request = 0; request < 3; request++)
        {
            states.Add(await verification.RequestAsync(TestStore.Tenant, "nobody", "192.0.2.1", Actor.Self, TestStore.Cancellation));
        }

        states.Select(state => state!.Allowed).ShouldBe([true, true, false]);
    }
}
