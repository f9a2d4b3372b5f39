using Selfsame.Store.Audit;
using Selfsame.Store.Links;
using Selfsame.Store.Sessions;
using Selfsame.Store.Users;

namespace Selfsame.Contract.Tests.Store;

public sealed class EmailChangeOnSqliteFileTests() : EmailChangeTests(Backend.SqliteFile);

public sealed class EmailChangeInSqliteMemoryTests() : EmailChangeTests(Backend.SqliteMemory);

[Trait("needs", "postgresql")]
public sealed class EmailChangeOnPostgreSqlTests() : EmailChangeTests(Backend.PostgreSql);

public abstract class EmailChangeTests(Backend backend)
{
    private static Task<EmailChangeResult> RequestAsync(TestStore store, User user, string email, string password = TestStore.Password)
        => new EmailChange(store.Context).RequestAsync(user, email, password, TestStore.From("192.0.2.1"), Actor.Self, TestStore.Cancellation);

    private static Task<EmailChangeResult> ConfirmAsync(TestStore store, User user, string token)
        => new EmailChange(store.Context).ConfirmAsync(user, token, Actor.Self, TestStore.Cancellation);

    private static async Task<string> LinkAsync(TestStore store, User user, string email)
    {
        await store.TakeMailsAsync();
        (await RequestAsync(store, user, email)).ShouldBeOfType<EmailChangeResult.LinkSent>();
        return await store.TakeTokenAsync(email, "Confirm your new");
    }

    [Fact]
    public async Task The_new_address_is_proved_the_old_one_is_told_and_can_take_it_back()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var user = await store.CreateVerifiedAsync("anna", "old@example.org");
        (await RequestAsync(store, user, "new@example.org", "wrong")).ShouldBeOfType<EmailChangeResult.WrongPassword>();
        (await RequestAsync(store, user, "nobody")).ShouldBeOfType<EmailChangeResult.Invalid>();
        var confirm = await LinkAsync(store, user, "new@example.org");
        (await store.ReadAsync(user.Uuid)).Email.ShouldBe("old@example.org");

        var change = new EmailChange(store.Context);
        (await change.PeekAsync(user, confirm, TestStore.Cancellation)).ShouldBe(LinkState.Good);
        (await ConfirmAsync(store, user, confirm)).ShouldBeOfType<EmailChangeResult.Changed>().User.Email.ShouldBe("new@example.org");
        (await change.PeekAsync(user, confirm, TestStore.Cancellation)).ShouldBe(LinkState.Done);
        (await ConfirmAsync(store, user, confirm)).ShouldBeOfType<EmailChangeResult.Changed>("a repeat").User.Email.ShouldBe("new@example.org");

        await store.SignedInAsync("new@example.org");
        var revert = await store.TakeTokenAsync("old@example.org", "was changed");
        (await change.IsRevertLinkGoodAsync(TestStore.Tenant, revert, TestStore.Cancellation)).ShouldBeTrue();
        foreach (var weak in new[] { "short", "old@example.org", "new@example.org" })
        {
            (await change.RevertAsync(TestStore.Tenant, revert, weak, TestStore.From("192.0.2.1"), Actor.Self, TestStore.Cancellation)).ShouldBeOfType<EmailChangeResult.Invalid>();
        }

        (await change.RevertAsync(TestStore.Tenant, revert, "taken back by me", TestStore.From("192.0.2.1"), Actor.Self, TestStore.Cancellation)).ShouldBeOfType<EmailChangeResult.Changed>();
        (await change.RevertAsync(TestStore.Tenant, revert, "taken back by me", TestStore.From("192.0.2.1"), Actor.Self, TestStore.Cancellation)).ShouldBeOfType<EmailChangeResult.Changed>("a repeat");
        (await change.RevertAsync(TestStore.Tenant, revert, "another passphrase", TestStore.From("192.0.2.1"), Actor.Self, TestStore.Cancellation)).ShouldBeOfType<EmailChangeResult.LinkInvalid>();
        (await change.PeekAsync(user, confirm, TestStore.Cancellation)).ShouldBe(LinkState.Gone);
        (await ConfirmAsync(store, user, confirm)).ShouldBeOfType<EmailChangeResult.LinkInvalid>("it was taken back since");
        (await store.CountAsync("audit_events", "event IN ('email.changed', 'email.change-reverted')")).ShouldBe(2);

        (await store.ReadAsync(user.Uuid)).Email.ShouldBe("old@example.org");
        (await store.CountAsync("sessions")).ShouldBe(0);
        await store.SignedInAsync("old@example.org", "taken back by me");
        (await store.SignInAsync("new@example.org", "taken back by me")).ShouldBeOfType<SignInResult.Refused>();
        await store.CheckInvariantsAsync();
    }

    // Who has only not clicked yet learns that the account left; the mailbox may as well be a stranger's.
    [Fact]
    public async Task An_old_address_that_was_never_proved_is_told_without_the_new_one_and_without_a_way_back()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var user = await store.CreateAsync("anna", "old@example.org");

        (await ConfirmAsync(store, user, await LinkAsync(store, user, "new@example.org"))).ShouldBeOfType<EmailChangeResult.Changed>();

        var note = (await store.TakeMailsAsync()).ShouldHaveSingleItem();
        (note.Recipient, note.Subject).ShouldBe(("old@example.org", "Your e-mail address was changed"));
        note.Body.ShouldNotContain("new@example.org");
        note.Body.ShouldNotContain("token=");
        (await store.CountAsync("link_tokens", "purpose = 'revert-email'")).ShouldBe(0);
    }

    [Fact]
    public async Task Reverts_through_a_link_cost_no_more_hashes_than_the_limit_of_sign_ups_lets_pass()
    {
        var limit = new Selfsame.Store.RateLimit("sign-up-attempts", 4, TimeSpan.FromMinutes(10));
        await using var store = await TestStore.CreateAsync(backend, new TestStoreOptions { Tenant = TestStore.Unlimited with { SignUpAttemptLimit = limit } });
        var user = await store.CreateVerifiedAsync("anna", "old@example.org");
        (await ConfirmAsync(store, user, await LinkAsync(store, user, "new@example.org"))).ShouldBeOfType<EmailChangeResult.Changed>();
        var revert = await store.TakeTokenAsync("old@example.org", "was changed");

        var (hashed, results) = await store.HashAtOnceAsync(
            20,
            () => new EmailChange(store.Context).RevertAsync(
                TestStore.Tenant, revert, "taken back by me", TestStore.From("192.0.2.66"), Actor.Self, TestStore.Cancellation));

        hashed.ShouldBe(4);
        results.OfType<EmailChangeResult.TryLater>().Count(later => later.After == TimeSpan.FromMinutes(10)).ShouldBe(16);
        results.OfType<EmailChangeResult.Changed>().Count().ShouldBe(4, "all sent the same password");
        (await store.CountAsync("audit_events", "event = 'email.change-reverted'")).ShouldBe(1);
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task The_way_back_outlives_a_new_password_that_the_thief_sets()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var user = await store.CreateVerifiedAsync("anna", "old@example.org");
        (await ConfirmAsync(store, user, await LinkAsync(store, user, "thief@example.org"))).ShouldBeOfType<EmailChangeResult.Changed>();
        var revert = await store.TakeTokenAsync("old@example.org", "was changed");
        await new PasswordChanges(store.Context).ChangeAsync(
            await store.ReadAsync(user.Uuid), TestStore.Password, "the thief's own", Guid.Empty, TestStore.From("192.0.2.1"), Actor.Self, TestStore.Cancellation);

        (await new EmailChange(store.Context).RevertAsync(TestStore.Tenant, revert, "taken back by me", TestStore.From("192.0.2.1"), Actor.Self, TestStore.Cancellation))
            .ShouldBeOfType<EmailChangeResult.Changed>();
        (await store.SignInAsync("anna", "the thief's own")).ShouldBeOfType<SignInResult.Refused>();
    }

    // The earlier mailbox may be the one that was broken into: an administrator's word is the way out that stays.
    [Fact]
    public async Task An_address_that_an_administrator_sets_ends_the_links_of_those_before()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var user = await store.CreateVerifiedAsync("anna", "first@example.org");
        (await ConfirmAsync(store, user, await LinkAsync(store, user, "second@example.org"))).ShouldBeOfType<EmailChangeResult.Changed>();
        var revert = await store.TakeTokenAsync("first@example.org", "was changed");
        var confirm = await LinkAsync(store, await store.ReadAsync(user.Uuid), "third@example.org");
        await new PasswordChanges(store.Context).RequestResetAsync(TestStore.Tenant, "anna", "192.0.2.1", Actor.Self, TestStore.Cancellation);
        var reset = await store.TakeTokenAsync("second@example.org", "new password");

        var correction = new UserChange { Email = new Change<string>(true, "right@example.org"), EmailVerified = new Change<bool>(true, true) };
        (await new UserAdministration(store.Context).ChangeAsync(TestStore.Tenant, user.Uuid, correction, null, Actor.CommandLine, TestStore.Cancellation))
            .ShouldBeOfType<UserChangeResult.Changed>();

        (await new EmailChange(store.Context).RevertAsync(TestStore.Tenant, revert, "a stranger's own", TestStore.From("192.0.2.1"), Actor.Self, TestStore.Cancellation)).ShouldBeOfType<EmailChangeResult.LinkInvalid>();
        (await ConfirmAsync(store, user, confirm)).ShouldBeOfType<EmailChangeResult.LinkInvalid>();
        (await new PasswordChanges(store.Context).ResetAsync(TestStore.Tenant, reset, "a stranger's own", TestStore.From("192.0.2.1"), Actor.Self, TestStore.Cancellation)).ShouldBeOfType<PasswordChangeResult.LinkInvalid>();
        (await store.SignedInAsync("right@example.org")).User.Uuid.ShouldBe(user.Uuid);
    }

    // A mistyped address belongs to somebody: their click must not win the account.
    [Fact]
    public async Task A_link_to_a_mistyped_address_does_nothing_without_the_session_of_its_user()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var user = await store.CreateVerifiedAsync("anna", "anna@example.org");
        var stranger = await store.CreateVerifiedAsync("bert", "bert@example.org");
        var token = await LinkAsync(store, user, "typo@example.org");

        (await ConfirmAsync(store, stranger, token)).ShouldBeOfType<EmailChangeResult.LinkInvalid>();
        (await store.ReadAsync(user.Uuid)).Email.ShouldBe("anna@example.org");
        (await ConfirmAsync(store, user, token)).ShouldBeOfType<EmailChangeResult.Changed>();
        (await ConfirmAsync(store, stranger, token)).ShouldBeOfType<EmailChangeResult.LinkInvalid>();
        (await new EmailChange(store.Context).PeekAsync(stranger, token, TestStore.Cancellation)).ShouldBe(LinkState.Gone);
    }

    [Fact]
    public async Task Who_proves_an_address_takes_it_from_who_only_claimed_it()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var squatter = await store.CreateAsync("squatter", "wanted@example.org");
        await store.SignedInAsync("squatter");
        var user = await store.CreateVerifiedAsync("anna", "anna@example.org");

        (await ConfirmAsync(store, user, await LinkAsync(store, user, "Wanted@example.org"))).ShouldBeOfType<EmailChangeResult.Changed>();

        var stripped = await store.ReadAsync(squatter.Uuid);
        (stripped.Email, stripped.Username, stripped.PasswordHash).ShouldBe((null, "squatter", null));
        (await store.SignedInAsync("wanted@example.org")).User.Uuid.ShouldBe(user.Uuid);
        (await store.CountAsync("sessions", $"user_id = {squatter.Id}")).ShouldBe(0);
        (await AuditTrail.ReadAsync(store.Context, squatter.Uuid, 1, TestStore.Cancellation)).Single().Event.ShouldBe("email.taken-over");
        await store.CheckInvariantsAsync();
    }

    // A username in the form of an address proves nothing about the mailbox, whatever else its user has proved.
    [Fact]
    public async Task Who_proves_an_address_takes_it_from_who_bears_it_as_a_username()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var squatter = await store.CreateVerifiedAsync("wanted@example.org", "squatter@example.org");
        var user = await store.CreateVerifiedAsync("anna", "anna@example.org");

        (await ConfirmAsync(store, user, await LinkAsync(store, user, "wanted@example.org"))).ShouldBeOfType<EmailChangeResult.Changed>();

        var stripped = await store.ReadAsync(squatter.Uuid);
        (stripped.Username, stripped.Email).ShouldBe((null, "squatter@example.org"));
        await store.CheckInvariantsAsync();
    }

    // Left behind, it would keep an address from whoever gets it next, and from whoever it always was.
    [Fact]
    public async Task A_username_that_is_the_address_follows_it_both_ways()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var user = await store.CreateVerifiedAsync("Old@example.org", "old@example.org");
        (await ConfirmAsync(store, user, await LinkAsync(store, user, "new@example.org"))).ShouldBeOfType<EmailChangeResult.Changed>();
        (await store.ReadAsync(user.Uuid)).Username.ShouldBe("new@example.org");
        (await store.CountAsync("identifiers", "key = 'old@example.org'")).ShouldBe(0);

        var revert = await store.TakeTokenAsync("old@example.org", "was changed");
        (await new EmailChange(store.Context).RevertAsync(TestStore.Tenant, revert, "taken back by me", TestStore.From("192.0.2.1"), Actor.Self, TestStore.Cancellation)).ShouldBeOfType<EmailChangeResult.Changed>();
        (await store.ReadAsync(user.Uuid)).Username.ShouldBe("old@example.org");
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task An_address_that_somebody_has_proved_stays_theirs_and_the_answer_does_not_tell()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var owner = await store.CreateAsync("bert", "bert@example.org");
        var user = await store.CreateVerifiedAsync("anna", "anna@example.org");
        var token = await LinkAsync(store, user, "bert@example.org");
        await store.ExecuteAsync("UPDATE users SET email_verified_at = @now WHERE id = @id", new { now = store.Context.Now(), id = owner.Id });

        (await RequestAsync(store, user, "BERT@example.org")).ShouldBeOfType<EmailChangeResult.LinkSent>();
        (await store.TakeMailsAsync()).ShouldHaveSingleItem().Subject.ShouldBe("You already have an account");
        (await ConfirmAsync(store, user, token)).ShouldBeOfType<EmailChangeResult.Taken>();
        (await ConfirmAsync(store, user, token)).ShouldBeOfType<EmailChangeResult.Taken>();
        (await store.ReadAsync(user.Uuid)).Email.ShouldBe("anna@example.org");
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task Two_users_who_prove_each_others_claims_at_once_end_as_two_users()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var users = new List<(User User, string Token)>();
        foreach (var name in new[] { "anna", "bert", "carl", "dora" })
        {
            var user = await store.CreateVerifiedAsync(name, $"{name}@example.org");
            users.Add((user, await LinkAsync(store, user, "wanted@example.org")));
        }

        var results = await TestStore.InParallelAsync(20, index => ConfirmAsync(store, users[index % 4].User, users[index % 4].Token));

        results.OfType<EmailChangeResult.Changed>().Select(changed => changed.User.Uuid).Distinct().Count().ShouldBe(1);
        (await store.CountAsync("audit_events", "event = 'email.changed'")).ShouldBe(1);
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task Nobody_is_flooded_through_us_not_even_in_other_spellings()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var user = await store.CreateVerifiedAsync("anna", "anna@example.org");
        string[] spellings = ["victim@example.org", "Victim@example.org", "VICTIM@example.org", "victim@EXAMPLE.org", "vIctim@example.org", "viCtim@example.org"];
        foreach (var spelling in spellings[..5])
        {
            (await RequestAsync(store, user, spelling)).ShouldBeOfType<EmailChangeResult.LinkSent>();
        }

        (await RequestAsync(store, user, spellings[5])).ShouldBeOfType<EmailChangeResult.TooMany>();
        store.Clock.Advance(TimeSpan.FromHours(1));
        (await RequestAsync(store, user, spellings[5])).ShouldBeOfType<EmailChangeResult.LinkSent>();
    }
}
