using Selfsame.Store;
using Selfsame.Store.Audit;
using Selfsame.Store.Sessions;
using Selfsame.Store.Users;
using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Store;

public sealed class SignInOnSqliteFileTests() : SignInTests(Backend.SqliteFile);

public sealed class SignInInSqliteMemoryTests() : SignInTests(Backend.SqliteMemory);

[Trait("needs", "postgresql")]
public sealed class SignInOnPostgreSqlTests() : SignInTests(Backend.PostgreSql);

public abstract class SignInTests(Backend backend)
{
    [Theory]
    [InlineData("anna")]
    [InlineData("ANNA")]
    [InlineData(" Anna ")]
    [InlineData("anna@example.org")]
    [InlineData(" ANNA@Example.ORG ")]
    public async Task Username_or_address_in_any_case_with_blanks_around_it_signs_in(string login)
    {
        await using var store = await TestStore.CreateAsync(backend);
        var user = await store.CreateAsync("Anna", "anna@example.org");
        store.Clock.Advance(TimeSpan.FromMinutes(1));

        var signedIn = await store.SignedInAsync(login);

        signedIn.User.Uuid.ShouldBe(user.Uuid);
        (await store.ReadAsync(user.Uuid)).LastSignInAt.ShouldBe(store.Clock.GetUtcNow());
        (await new SessionStore(store.Context).FindAsync(TestStore.Tenant, signedIn.Token, TestStore.Cancellation))!.User.Uuid.ShouldBe(user.Uuid);
        (await AuditTrail.ReadAsync(store.Context, user.Uuid, 1, TestStore.Cancellation)).Single().Event.ShouldBe("session.started");
    }

    // CASES 31.
    [Fact]
    public async Task Unknown_user_wrong_password_disabled_and_deleted_get_one_answer_for_one_check_each()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateAsync("anna", "anna@example.org");
        var administration = new UserAdministration(store.Context);
        var disabled = await store.CreateAsync("bert", "bert@example.org");
        await administration.SetActiveAsync(TestStore.Tenant, disabled.Uuid, false, Actor.CommandLine, TestStore.Cancellation);
        var deleted = await store.CreateAsync("carl", "carl@example.org");
        await administration.DeleteAsync(TestStore.Tenant, deleted.Uuid, null, Actor.CommandLine, TestStore.Cancellation);
        await store.CreateAsync(TestStore.Request(TestStore.Form("dora", null, null) with { Administrator = new AdministratorFields() }));

        (string Login, string Password)[] attempts = [("nobody", TestStore.Password), ("anna", "wrong"), ("bert", TestStore.Password), ("carl", TestStore.Password), ("dora", TestStore.Password), ("a b c", "x")];
        foreach (var (login, password) in attempts)
        {
            var before = store.Passwords.Verified;
            (await store.SignInAsync(login, password)).ShouldBe(new SignInResult.Refused());
            store.Passwords.Verified.ShouldBe(before + 1, login);
        }

        (await store.CountAsync("sessions")).ShouldBe(0);
    }

    [Theory]
    [InlineData("nul\0nul")]
    [InlineData("half \ud800")]
    [InlineData("")]
    [InlineData(null)]
    public async Task A_login_that_can_be_nobodys_is_refused_like_any_other(string? login)
    {
        await using var store = await TestStore.CreateAsync(backend);

        (await store.SignInAsync(login)).ShouldBeOfType<SignInResult.Refused>();
        (await store.SignInAsync("anna", "half \ud800")).ShouldBeOfType<SignInResult.Refused>();
        (await store.SignInAsync("anna", null)).ShouldBeOfType<SignInResult.Refused>();
    }

    [Fact]
    public async Task Of_60_parallel_wrong_passwords_at_most_5_are_hashed()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateAsync("anna", "anna@example.org");

        var results = await TestStore.InParallelAsync(60, _ => store.SignInAsync("anna", "wrong"));

        store.Passwords.Verified.ShouldBe(5);
        results.OfType<SignInResult.Refused>().Count().ShouldBe(5);
        results.OfType<SignInResult.TryLater>().Count().ShouldBe(55);
        (await store.SignInAsync("anna")).ShouldBeOfType<SignInResult.TryLater>().After.ShouldBe(TimeSpan.FromSeconds(1));
        store.Clock.Advance(TimeSpan.FromSeconds(1));
        await store.SignedInAsync("anna");
    }

    [Fact]
    public async Task The_back_off_doubles_and_ends_at_a_quarter_of_an_hour()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateAsync("anna", "anna@example.org");
        var waits = new List<double>();
        for (var attempt = 0; attempt < 17; attempt++)
        {
            if (await store.SignInAsync("anna", "wrong") is SignInResult.TryLater later)
            {
                waits.Add(later.After.TotalSeconds);
                store.Clock.Advance(later.After);
                (await store.SignInAsync("anna", "wrong")).ShouldBeOfType<SignInResult.Refused>();
            }
        }

        waits.ShouldBe([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
    }

    [Fact]
    public async Task Strangers_cannot_lock_out_the_owner_who_comes_from_a_known_browser_or_network()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateAsync("anna", "anna@example.org");
        await store.SignedInAsync("anna", origin: TestStore.From("192.0.2.1", "browser-1"));

        for (var network = 0; network < 200; network++)
        {
            await store.SignInAsync("anna", "wrong", TestStore.From($"198.51.100.{network}"));
        }

        (await store.SignInAsync("anna", "wrong", TestStore.From("198.51.100.60"))).ShouldBeOfType<SignInResult.TryLater>()
            .After.ShouldBeLessThanOrEqualTo(TimeSpan.FromSeconds(30));
        await store.SignedInAsync("anna", origin: TestStore.From("203.0.113.9", "browser-1"));
        await store.SignedInAsync("anna", origin: TestStore.From("192.0.2.1"));
    }

    [Fact]
    public async Task A_success_forgets_the_failures_of_its_own_source()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateAsync("anna", "anna@example.org");
        for (var round = 0; round < 3; round++)
        {
            for (var attempt = 0; attempt < 4; attempt++)
            {
                (await store.SignInAsync("anna", "wrong")).ShouldBeOfType<SignInResult.Refused>();
            }

            await store.SignedInAsync("anna");
        }
    }

    [Fact]
    public async Task A_network_that_tries_many_names_is_limited_and_its_successes_do_not_count()
    {
        await using var store = await TestStore.CreateAsync(
            backend, new TestStoreOptions { Tenant = TestStore.Unlimited with { SignInLimit = new RateLimit("sign-in", 10, TimeSpan.FromMinutes(10)) } });
        await store.CreateAsync("anna", "anna@example.org");
        for (var success = 0; success < 20; success++)
        {
            await store.SignedInAsync("anna");
        }

        var results = await TestStore.InParallelAsync(50, index => store.SignInAsync($"nobody{index}"));

        results.OfType<SignInResult.Refused>().Count().ShouldBe(10);
        results.OfType<SignInResult.TryLater>().ShouldAllBe(later => later.State != null && later.After == TimeSpan.FromMinutes(10));
    }

    [Fact]
    public async Task An_outdated_hash_is_renewed_at_sign_in()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var user = await store.CreateAsync("anna", "anna@example.org");
        await store.ExecuteAsync("UPDATE users SET password_hash = @hash", new { hash = PlainPasswordHashing.Outdated(TestStore.Password) });

        await store.SignedInAsync("anna");

        (await store.ReadAsync(user.Uuid)).PasswordHash!.ShouldStartWith("plain$");
        await store.SignedInAsync("anna");
    }

    // A double click at the first sign-in after moving in: all are checked before the first has made the hash anew.
    [Fact]
    public async Task Sign_ins_that_overlap_on_an_outdated_hash_all_sign_in_and_count_as_no_attempt()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var user = await store.CreateAsync("anna", "anna@example.org");
        await store.ExecuteAsync("UPDATE users SET password_hash = @hash", new { hash = PlainPasswordHashing.Outdated(TestStore.Password) });
        const int attempts = 4;
        var (checking, allCheck) = (0, new TaskCompletionSource());
        store.Passwords.WhileVerifying = () =>
        {
            if (Interlocked.Increment(ref checking) == attempts)
            {
                allCheck.SetResult();
            }

            return allCheck.Task;
        };

        var results = await TestStore.InParallelAsync(attempts, _ => store.SignInAsync("anna"));

        results.ShouldAllBe(result => result is SignInResult.SignedIn);
        (await store.CountAsync("sessions")).ShouldBe(attempts);
        (await store.CountAsync("sign_in_attempts", "failures > 0")).ShouldBe(0);
        (await store.ReadAsync(user.Uuid)).PasswordHash.ShouldBe(PlainPasswordHashing.Plain(TestStore.Password));
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task Who_leaves_while_the_hash_is_made_anew_gets_the_attempt_back()
    {
        await using var store = await TestStore.CreateAsync(
            backend, new TestStoreOptions { Tenant = TestStore.Unlimited with { SignInLimit = new RateLimit("sign-in", 10, TimeSpan.FromMinutes(10)) } });
        await store.CreateAsync("anna", "anna@example.org");
        await store.ExecuteAsync("UPDATE users SET password_hash = @hash", new { hash = PlainPasswordHashing.Outdated(TestStore.Password) });
        store.Passwords.WhileHashing = () => throw new OperationCanceledException();
        for (var attempt = 0; attempt < 12; attempt++)
        {
            await Should.ThrowAsync<OperationCanceledException>(() => store.SignInAsync("anna"));
        }

        store.Passwords.WhileHashing = () => Task.CompletedTask;
        (await store.CountAsync("sign_in_attempts", "failures > 0")).ShouldBe(0);
        (await store.SignedInAsync("anna")).RateLimit.ShouldNotBeNull().Remaining.ShouldBe(10);
    }

    [Fact]
    public async Task A_hash_that_nobody_can_verify_refuses()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateAsync("anna", "anna@example.org");
        await store.ExecuteAsync("UPDATE users SET password_hash = 'md5$x'");

        (await store.SignInAsync("anna")).ShouldBeOfType<SignInResult.Refused>();
    }

    [Fact]
    public async Task When_too_many_passwords_wait_the_caller_is_told()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateAsync("anna", "anna@example.org");
        store.Passwords.IsFull = true;

        (await store.SignInAsync("anna")).ShouldBeOfType<SignInResult.Busy>();
        (await store.SignInAsync("nobody")).ShouldBeOfType<SignInResult.Busy>();
    }

    // A crowd that fills the queue, or a page that is reloaded, must not lock the owner out.
    [Fact]
    public async Task A_password_that_nobody_checked_does_not_count_as_wrong()
    {
        await using var store = await TestStore.CreateAsync(
            backend, new TestStoreOptions { Tenant = TestStore.Unlimited with { SignInLimit = new RateLimit("sign-in", 10, TimeSpan.FromMinutes(10)) } });
        var user = await store.CreateVerifiedAsync("anna", "anna@example.org");
        for (var attempt = 0; attempt < 4; attempt++)
        {
            (await store.SignInAsync("anna@example.org", "wrong")).ShouldBeOfType<SignInResult.Refused>();
        }

        for (var attempt = 0; attempt < 60; attempt++)
        {
            store.Passwords.IsFull = true;
            (await store.SignInAsync("anna@example.org")).ShouldBeOfType<SignInResult.Busy>();
            (await new EmailChange(store.Context).RequestAsync(user, "new@example.org", TestStore.Password, TestStore.From("192.0.2.1"), Actor.Self, TestStore.Cancellation))
                .ShouldBeOfType<EmailChangeResult.Busy>();
            store.Passwords.IsFull = false;
            store.Passwords.WhileVerifying = () => throw new OperationCanceledException();
            await Should.ThrowAsync<OperationCanceledException>(() => store.SignInAsync("anna@example.org"));
            store.Passwords.WhileVerifying = () => Task.CompletedTask;
        }

        (await store.QueryAsync<long>("SELECT failures FROM sign_in_attempts")).ShouldBe([4, 4]);
        (await store.SignInAsync("anna@example.org", "wrong")).ShouldBeOfType<SignInResult.Refused>();
        (await store.SignInAsync("anna@example.org", "wrong")).ShouldBeOfType<SignInResult.TryLater>().After.ShouldBe(TimeSpan.FromSeconds(1));
        store.Clock.Advance(TimeSpan.FromSeconds(1));
        await store.SignedInAsync("anna@example.org");
    }

    [Fact]
    public async Task A_clock_that_was_ahead_locks_nobody_out_once_it_is_right()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateAsync("anna", "anna@example.org");
        store.Clock.Advance(TimeSpan.FromDays(10));
        for (var attempt = 0; attempt < 5; attempt++)
        {
            (await store.SignInAsync("anna", "wrong")).ShouldBeOfType<SignInResult.Refused>();
        }

        (await store.SignInAsync("anna")).ShouldBeOfType<SignInResult.TryLater>();
        store.Clock.Advance(TimeSpan.FromDays(-10));

        (await store.SignInAsync("anna", "wrong")).ShouldBeOfType<SignInResult.Refused>();
        (await store.SignInAsync("anna")).ShouldBeOfType<SignInResult.TryLater>().After.ShouldBe(TimeSpan.FromSeconds(2));
        store.Clock.Advance(TimeSpan.FromSeconds(2));
        await store.SignedInAsync("anna");
    }

    // CASES 7: saving the last sign-in inserted the user anew.
    [Fact]
    public async Task A_user_who_vanishes_between_reading_and_saving_is_not_made_again()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var user = await store.CreateAsync("anna", "anna@example.org");
        store.Passwords.WhileVerifying = async () =>
        {
            await new UserAdministration(store.Context).DeleteAsync(TestStore.Tenant, user.Uuid, null, Actor.CommandLine, TestStore.Cancellation);
            store.Clock.Advance(TimeSpan.FromDays(31));
            await new UserPurge(store.Context).ExecuteAsync(TestStore.Tenant, TestStore.Cancellation);
        };

        (await store.SignInAsync("anna")).ShouldBeOfType<SignInResult.Refused>();

        (await store.CountAsync("users")).ShouldBe(0);
        (await store.CountAsync("sessions")).ShouldBe(0);
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task A_password_that_changes_while_it_is_checked_does_not_sign_in()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateAsync("anna", "anna@example.org");
        store.Passwords.WhileVerifying = () => store.ExecuteAsync("UPDATE users SET password_hash = 'plain$other'");

        (await store.SignInAsync("anna")).ShouldBeOfType<SignInResult.Refused>();
        (await store.CountAsync("sessions")).ShouldBe(0);
    }

    [Fact]
    public async Task Parallel_successes_all_sign_in()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateAsync("anna", "anna@example.org");
        await store.SignedInAsync("anna");

        // Five attempts may be under way at once; more look like guessing.
        var results = await TestStore.InParallelAsync(5, _ => store.SignInAsync("anna"));

        results.ShouldAllBe(result => result is SignInResult.SignedIn);
        (await store.CountAsync("sessions")).ShouldBe(6);
        await store.CheckInvariantsAsync();
    }
}
