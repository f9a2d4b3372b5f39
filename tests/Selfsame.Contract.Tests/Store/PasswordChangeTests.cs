using Selfsame.Store.Audit;
using Selfsame.Store.Sessions;
using Selfsame.Store.Users;

namespace Selfsame.Contract.Tests.Store;

public sealed class PasswordChangeOnSqliteFileTests() : PasswordChangeTests(Backend.SqliteFile);

public sealed class PasswordChangeInSqliteMemoryTests() : PasswordChangeTests(Backend.SqliteMemory);

[Trait("needs", "postgresql")]
public sealed class PasswordChangeOnPostgreSqlTests() : PasswordChangeTests(Backend.PostgreSql);

public abstract class PasswordChangeTests(Backend backend)
{
    private const string NewPassword = "another passphrase";

    private static async Task<string> RequestAsync(TestStore store, string login, string recipient)
    {
        await store.TakeMailsAsync();
        await new PasswordChanges(store.Context).RequestResetAsync(TestStore.Tenant, login, "192.0.2.1", Actor.Self, TestStore.Cancellation);
        return await store.TakeTokenAsync(recipient, "new password");
    }

    private static Task<PasswordChangeResult> ResetAsync(TestStore store, string token, string? password = NewPassword)
        => new PasswordChanges(store.Context).ResetAsync(TestStore.Tenant, token, password, TestStore.From("192.0.2.1"), Actor.Self, TestStore.Cancellation);

    [Fact]
    public async Task A_reset_by_mail_sets_the_password_ends_all_sessions_and_tells_the_owner()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var user = await store.CreateVerifiedAsync("anna", "anna@example.org");
        await store.SignedInAsync("anna");
        var first = await RequestAsync(store, "anna", "anna@example.org");
        var token = await RequestAsync(store, " ANNA@example.org ", "anna@example.org");

        (await new PasswordChanges(store.Context).IsLinkGoodAsync(TestStore.Tenant, token, TestStore.Cancellation)).ShouldBeTrue();
        (await ResetAsync(store, token, "short")).ShouldBeOfType<PasswordChangeResult.Invalid>().Errors.ByField.Keys.ShouldBe(["newPassword"]);
        (await ResetAsync(store, token)).ShouldBeOfType<PasswordChangeResult.Changed>();

        (await store.CountAsync("sessions")).ShouldBe(0);
        (await store.SignInAsync("anna")).ShouldBeOfType<SignInResult.Refused>();
        await store.SignedInAsync("anna", NewPassword);
        (await ResetAsync(store, token, "a third passphrase")).ShouldBeOfType<PasswordChangeResult.LinkInvalid>();
        (await ResetAsync(store, first, "a third passphrase")).ShouldBeOfType<PasswordChangeResult.LinkInvalid>();
        (await store.TakeMailsAsync()).ShouldHaveSingleItem().Subject.ShouldBe("Your password was changed");
        (await store.ReadAsync(user.Uuid)).Version.ShouldBe(2);
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task Nobody_learns_whether_there_is_such_a_user()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateVerifiedAsync("anna", "anna@example.org");
        var changes = new PasswordChanges(store.Context);

        foreach (var login in new[] { "anna", "nobody", "nobody@example.org", "a b", "nul\0", "half \ud800", null })
        {
            (await changes.RequestResetAsync(TestStore.Tenant, login, "192.0.2.1", Actor.Self, TestStore.Cancellation)).ShouldBeNull();
        }

        (await store.TakeMailsAsync()).ShouldHaveSingleItem();
    }

    // An unverified address is not held for ever: who proves the mailbox takes the account over.
    [Fact]
    public async Task A_reset_takes_over_an_unverified_account_and_drops_what_its_maker_left()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var user = await store.CreateAsync("victim", "victim@example.org");
        var planted = await store.TakeTokenAsync("victim@example.org", "Confirm");
        var session = await store.SignedInAsync("victim", origin: TestStore.From("192.0.2.66", "attacker"));
        await new EmailChange(store.Context).RequestAsync(user, "attacker@example.org", TestStore.Password, TestStore.From("192.0.2.1"), Actor.Self, TestStore.Cancellation);
        var back = await store.TakeTokenAsync("attacker@example.org", "new e-mail");
        var token = await RequestAsync(store, "victim@example.org", "victim@example.org");

        (await ResetAsync(store, token)).ShouldBeOfType<PasswordChangeResult.Changed>().User.EmailVerifiedAt.ShouldNotBeNull();

        (await new SessionStore(store.Context).FindAsync(TestStore.Tenant, session.Token, TestStore.Cancellation)).ShouldBeNull();
        (await store.SignInAsync("victim")).ShouldBeOfType<SignInResult.Refused>();
        (await new EmailChange(store.Context).ConfirmAsync(user, back, Actor.Self, TestStore.Cancellation)).ShouldBeOfType<EmailChangeResult.LinkInvalid>();
        (await new EmailVerification(store.Context).PeekAsync(TestStore.Tenant, planted, new VerificationProof(), TestStore.Cancellation))
            .ShouldBeOfType<VerificationResult.AlreadyVerified>();
        (await store.CountAsync("known_sources")).ShouldBe(1, "the network at which the link was opened, and none of the attacker's");
        await store.SignedInAsync("victim", NewPassword);
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task Resets_through_a_link_cost_no_more_hashes_than_the_limit_of_sign_ups_lets_pass()
    {
        var limit = new Selfsame.Store.RateLimit("sign-up-attempts", 4, TimeSpan.FromMinutes(10));
        await using var store = await TestStore.CreateAsync(backend, new TestStoreOptions { Tenant = TestStore.Unlimited with { SignUpAttemptLimit = limit } });
        await store.CreateVerifiedAsync("anna", "anna@example.org");
        var token = await RequestAsync(store, "anna", "anna@example.org");

        var (hashed, results) = await store.HashAtOnceAsync(20, () => ResetAsync(store, token));

        hashed.ShouldBe(4);
        results.OfType<PasswordChangeResult.TryLater>().Count(later => later.After == TimeSpan.FromMinutes(10)).ShouldBe(16);
        results.OfType<PasswordChangeResult.Changed>().Count().ShouldBe(4, "all sent the same password");
        (await store.CountAsync("audit_events", "event = 'password.reset'")).ShouldBe(1);
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task Of_20_parallel_redemptions_one_sets_the_password()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateVerifiedAsync("anna", "anna@example.org");
        var token = await RequestAsync(store, "anna", "anna@example.org");

        var results = await TestStore.InParallelAsync(20, index => ResetAsync(store, token, $"{NewPassword} {index}"));

        results.OfType<PasswordChangeResult.Changed>().Count().ShouldBe(1);
        results.OfType<PasswordChangeResult.LinkInvalid>().Count().ShouldBe(19);
        store.Clock.Advance(TimeSpan.FromMinutes(15));
        await store.SignedInAsync("anna", $"{NewPassword} {Array.FindIndex(results, result => result is PasswordChangeResult.Changed)}");
    }

    // A double click without script, or a browser that sends the form again: the first answer never arrives.
    [Fact]
    public async Task A_repeat_within_minutes_is_answered_as_the_first_and_a_spent_link_is_no_way_to_guess()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var user = await store.CreateVerifiedAsync("anna", "anna@example.org");
        var token = await RequestAsync(store, "anna", "anna@example.org");
        (await ResetAsync(store, token)).ShouldBeOfType<PasswordChangeResult.Changed>();
        (await ResetAsync(store, token)).ShouldBeOfType<PasswordChangeResult.Changed>().User.Uuid.ShouldBe(user.Uuid);

        var mine = await store.SignedInAsync("anna", NewPassword);
        (await ChangeAsync(NewPassword, "a third passphrase")).ShouldBeOfType<PasswordChangeResult.Changed>();
        (await ChangeAsync(NewPassword, "a third passphrase")).ShouldBeOfType<PasswordChangeResult.Changed>();
        (await ChangeAsync(NewPassword, "a fourth passphrase")).ShouldBeOfType<PasswordChangeResult.WrongPassword>();

        (await store.CountAsync("audit_events", "event IN ('password.reset', 'password.changed')")).ShouldBe(2);
        (await store.TakeMailsAsync()).Count.ShouldBe(2);
        (await new SessionStore(store.Context).FindAsync(TestStore.Tenant, mine.Token, TestStore.Cancellation)).ShouldNotBeNull();
        var verified = store.Passwords.Verified;
        for (var guess = 0; guess < 20; guess++)
        {
            (await ResetAsync(store, token, $"guess number {guess}")).ShouldBeOfType<PasswordChangeResult.LinkInvalid>();
        }

        (store.Passwords.Verified - verified).ShouldBeLessThanOrEqualTo(5);
        store.Clock.Advance(TimeSpan.FromMinutes(11));
        (await ResetAsync(store, token, "a third passphrase")).ShouldBeOfType<PasswordChangeResult.LinkInvalid>();

        async Task<PasswordChangeResult> ChangeAsync(string old, string next)
            => await new PasswordChanges(store.Context).ChangeAsync(
                await store.ReadAsync(user.Uuid), old, next, mine.Session.Uuid, TestStore.From("192.0.2.1"), Actor.Self, TestStore.Cancellation);
    }

    [Fact]
    public async Task A_link_ends_after_an_hour_with_the_address_and_with_the_account()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var user = await store.CreateVerifiedAsync("anna", "anna@example.org");
        var administration = new UserAdministration(store.Context);
        var token = await RequestAsync(store, "anna", "anna@example.org");
        store.Clock.Advance(TimeSpan.FromHours(1));
        (await ResetAsync(store, token)).ShouldBeOfType<PasswordChangeResult.LinkInvalid>();

        token = await RequestAsync(store, "anna", "anna@example.org");
        var change = new UserChange { Email = new Change<string>(true, "new@example.org"), EmailVerified = new Change<bool>(true, true) };
        await administration.ChangeAsync(TestStore.Tenant, user.Uuid, change, null, Actor.CommandLine, TestStore.Cancellation);
        (await ResetAsync(store, token)).ShouldBeOfType<PasswordChangeResult.LinkInvalid>();

        token = await RequestAsync(store, "anna", "new@example.org");
        await administration.SetActiveAsync(TestStore.Tenant, user.Uuid, false, Actor.CommandLine, TestStore.Cancellation);
        (await ResetAsync(store, token)).ShouldBeOfType<PasswordChangeResult.LinkInvalid>();
    }

    // docs/guarantees.md: what was right is not counted as wrong because the new password waited in vain.
    [Fact]
    public async Task A_right_old_password_costs_no_attempt_when_the_new_one_cannot_be_hashed()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var user = await store.CreateVerifiedAsync("anna", "anna@example.org");
        var changes = new PasswordChanges(store.Context);
        using var left = new CancellationTokenSource();
        for (var index = 0; index < 10; index++)
        {
            store.Passwords.WhileHashing = () =>
            {
                store.Passwords.IsFull = true;
                return Task.CompletedTask;
            };
            (await ChangeAsync(TestStore.Cancellation)).ShouldBeOfType<PasswordChangeResult.Busy>();
            store.Passwords.IsFull = false;
            store.Passwords.WhileHashing = () => throw new OperationCanceledException(left.Token);
            await Should.ThrowAsync<OperationCanceledException>(() => ChangeAsync(left.Token));
        }

        (await store.CountAsync("sign_in_attempts", "failures > 0")).ShouldBe(0);
        store.Passwords.WhileHashing = () => Task.CompletedTask;
        (await ChangeAsync(TestStore.Cancellation)).ShouldBeOfType<PasswordChangeResult.Changed>();

        Task<PasswordChangeResult> ChangeAsync(CancellationToken cancellation)
            => changes.ChangeAsync(user, TestStore.Password, NewPassword, Guid.Empty, TestStore.From("192.0.2.1", "mine"), Actor.Self, cancellation);
    }

    [Fact]
    public async Task A_change_needs_the_old_password_keeps_the_session_in_use_and_ends_the_others()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var user = await store.CreateVerifiedAsync("anna", "anna@example.org");
        var mine = await store.SignedInAsync("anna");
        await store.SignedInAsync("anna");
        var token = await RequestAsync(store, "anna", "anna@example.org");
        var changes = new PasswordChanges(store.Context);

        (await changes.ChangeAsync(user, "wrong", NewPassword, mine.Session.Uuid, TestStore.From("192.0.2.1"), Actor.Self, TestStore.Cancellation)).ShouldBeOfType<PasswordChangeResult.WrongPassword>();
        (await changes.ChangeAsync(user, TestStore.Password, "short", mine.Session.Uuid, TestStore.From("192.0.2.1"), Actor.Self, TestStore.Cancellation)).ShouldBeOfType<PasswordChangeResult.Invalid>();
        (await store.CountAsync("sessions")).ShouldBe(2);
        (await changes.ChangeAsync(user, TestStore.Password, NewPassword, mine.Session.Uuid, TestStore.From("192.0.2.1"), Actor.Self, TestStore.Cancellation)).ShouldBeOfType<PasswordChangeResult.Changed>();

        (await new SessionStore(store.Context).ListAsync(user, TestStore.Cancellation)).ShouldHaveSingleItem().Uuid.ShouldBe(mine.Session.Uuid);
        (await ResetAsync(store, token, "a stranger's own")).ShouldBeOfType<PasswordChangeResult.LinkInvalid>();
        (await changes.ChangeAsync(user, TestStore.Password, "a third passphrase", mine.Session.Uuid, TestStore.From("192.0.2.1"), Actor.Self, TestStore.Cancellation)).ShouldBeOfType<PasswordChangeResult.WrongPassword>();
        await store.SignedInAsync("anna", NewPassword);
    }

    [Fact]
    public async Task Guessing_the_password_in_a_stolen_session_is_slowed_down_as_guessing_at_the_door_is()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var user = await store.CreateVerifiedAsync("anna", "anna@example.org");
        var changes = new PasswordChanges(store.Context);
        var thief = TestStore.From("198.51.100.7");
        const int freeOfOneSource = 5;
        var verified = store.Passwords.Verified;

        var results = await TestStore.InParallelAsync(
            60, _ => changes.ChangeAsync(user, "wrong", NewPassword, Guid.Empty, thief, Actor.Self, TestStore.Cancellation));

        results.OfType<PasswordChangeResult.WrongPassword>().Count().ShouldBe(freeOfOneSource);
        results.OfType<PasswordChangeResult.TryLater>().Count().ShouldBe(60 - freeOfOneSource);
        (store.Passwords.Verified - verified).ShouldBe(freeOfOneSource);
        (await new EmailChange(store.Context).RequestAsync(user, "thief@example.org", TestStore.Password, thief, Actor.Self, TestStore.Cancellation))
            .ShouldBeOfType<EmailChangeResult.TryLater>().After.ShouldBe(TimeSpan.FromSeconds(1));
        (await store.SignInAsync("anna@example.org", "wrong", thief)).ShouldBeOfType<SignInResult.TryLater>();

        // The owner, elsewhere, is not held up.
        (await changes.ChangeAsync(user, TestStore.Password, NewPassword, Guid.Empty, TestStore.From("192.0.2.1"), Actor.Self, TestStore.Cancellation))
            .ShouldBeOfType<PasswordChangeResult.Changed>();
    }

    [Fact]
    public async Task The_right_password_takes_the_failures_back_and_a_bad_new_one_uses_none_up()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var user = await store.CreateVerifiedAsync("anna", "anna@example.org");
        var changes = new PasswordChanges(store.Context);
        var here = TestStore.From("192.0.2.1");
        for (var round = 0; round < 3; round++)
        {
            for (var miss = 0; miss < 4; miss++)
            {
                (await changes.ChangeAsync(user, "wrong", NewPassword, Guid.Empty, here, Actor.Self, TestStore.Cancellation)).ShouldBeOfType<PasswordChangeResult.WrongPassword>();
                (await changes.ChangeAsync(user, TestStore.Password, "short", Guid.Empty, here, Actor.Self, TestStore.Cancellation)).ShouldBeOfType<PasswordChangeResult.Invalid>();
            }

            (await new EmailChange(store.Context).RequestAsync(user, $"anna{round}@example.org", TestStore.Password, here, Actor.Self, TestStore.Cancellation))
                .ShouldBeOfType<EmailChangeResult.LinkSent>();
        }
    }

    // Two transactions that end the same link and change the same user take their rows in opposite order.
    [Fact]
    public async Task Parallel_changes_and_resets_all_end_and_one_wins()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var user = await store.CreateVerifiedAsync("anna", "anna@example.org");
        var changes = new PasswordChanges(store.Context);
        var tokens = new List<string>();
        for (var index = 0; index < 5; index++)
        {
            tokens.Add(await RequestAsync(store, "anna", "anna@example.org"));
        }

        var results = await TestStore.InParallelAsync(20, index => index < 5
            ? ResetAsync(store, tokens[index])
            : changes.ChangeAsync(user, TestStore.Password, $"{NewPassword} {index}", Guid.Empty, TestStore.From("192.0.2.1"), Actor.Self, TestStore.Cancellation));

        (await store.CountAsync("audit_events", "event IN ('password.reset', 'password.changed')")).ShouldBeInRange(1, 2);
        (await store.CountAsync("link_tokens", "purpose = 'reset-password' AND used_at IS NULL")).ShouldBe(0);
        await store.CheckInvariantsAsync();
    }
}
