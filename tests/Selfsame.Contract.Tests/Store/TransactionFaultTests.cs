using Selfsame.Databases;
using Selfsame.Store;
using Selfsame.Store.Audit;
using Selfsame.Store.Sessions;
using Selfsame.Store.Users;

namespace Selfsame.Contract.Tests.Store;

public sealed class TransactionFaultOnSqliteFileTests() : TransactionFaultTests(Backend.SqliteFile);

public sealed class TransactionFaultInSqliteMemoryTests() : TransactionFaultTests(Backend.SqliteMemory);

[Trait("needs", "postgresql")]
public sealed class TransactionFaultOnPostgreSqlTests() : TransactionFaultTests(Backend.PostgreSql)
{
    // A server may go on committing after it lost us: our look finds nothing, and our own insert then waits for that commit and meets it.
    [Fact]
    public async Task A_commit_that_happens_after_we_looked_for_it_is_ours_and_no_conflict()
    {
        await using var store = await CreateAsync();
        var hidden = false;
        Faults.AfterCommits(1, () =>
        {
            Move(store, "second");
            hidden = true;
            throw new CommitUnknownException("lost");
        });
        var clock = new WatchedClock(store.Clock, () =>
        {
            if (hidden)
            {
                Move(store, TestStore.Tenant);
            }
        });
        var context = store.Context with { Clock = clock };

        var created = (await new SignUp(context).ExecuteAsync(TestStore.Request("anna", "anna@example.org"), TestStore.Cancellation)).ShouldBeOfType<SignUpResult.Created>();

        hidden.ShouldBeTrue();
        created.User.Username.ShouldBe("anna");
        (await store.CountAsync("users")).ShouldBe(1);
        (await store.CountAsync("identifier_conflicts")).ShouldBe(0);
        await store.CheckInvariantsAsync();
    }

    /// <summary>Each transaction asks for the time first.</summary>
    private sealed class WatchedClock(TimeProvider clock, Action asked) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow()
        {
            asked();
            return clock.GetUtcNow();
        }
    }

    // Stands for a commit that is not visible yet: the look is for the tenant's users.
    private static void Move(TestStore store, string tenant)
        => store.Database.ReadAsync(transaction => transaction.ExecuteAsync("UPDATE users SET tenant = @tenant", new { tenant })).GetAwaiter().GetResult();
}

public abstract class TransactionFaultTests(Backend backend)
{
    private readonly ScriptedFaults faults = new();

    private protected ScriptedFaults Faults => faults;

    [Fact]
    public async Task A_serialization_failure_is_repeated_until_it_works()
    {
        await using var store = await CreateAsync();
        faults.BeforeCommits(7, () => throw new TransientDatabaseException("40001"));

        (await store.SignUpAsync(TestStore.Request("anna", "anna@example.org") with { Call = TestStore.Call("k1") }))
            .ShouldBeOfType<SignUpResult.Created>().IsReplay.ShouldBeFalse();

        (await store.CountAsync("users")).ShouldBe(1);
        (await store.CountAsync("mails")).ShouldBe(1);
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task Serialization_failures_without_end_reach_the_caller_and_leave_nothing()
    {
        await using var store = await CreateAsync();
        faults.BeforeCommits(100, () => throw new TransientDatabaseException("40001"));

        await Should.ThrowAsync<TransientDatabaseException>(() => store.SignUpAsync("anna", "anna@example.org"));

        faults.BeforeCommits(0, () => { });
        (await store.CountAsync("users")).ShouldBe(0);
        await store.CreateAsync("anna", "anna@example.org");
    }

    [Fact]
    public async Task A_crash_before_the_commit_leaves_nothing()
    {
        await using var store = await CreateAsync();
        faults.BeforeCommits(1, () => throw new CrashException());

        await Should.ThrowAsync<CrashException>(() => store.SignUpAsync(TestStore.Request("anna", "anna@example.org") with { Call = TestStore.Call("k1") }));

        foreach (var table in new[] { "users", "identifiers", "lookalikes", "mails", "link_tokens", "audit_events", "idempotency_records" })
        {
            (await store.CountAsync(table)).ShouldBe(0, table);
        }

        await store.CreateAsync(TestStore.Request("anna", "anna@example.org") with { Call = TestStore.Call("k1") });
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task A_crash_after_the_commit_leaves_a_whole_user_and_the_retry_gets_the_answer()
    {
        await using var store = await CreateAsync();
        faults.AfterCommits(1, () => throw new CrashException());
        var request = TestStore.Request("anna", "anna@example.org") with { Call = TestStore.Call("k1") };

        await Should.ThrowAsync<CrashException>(() => store.SignUpAsync(request));

        (await store.SignUpAsync(request)).ShouldBeOfType<SignUpResult.Created>().IsReplay.ShouldBeTrue();
        (await store.CountAsync("users")).ShouldBe(1);
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task A_lost_answer_of_a_commit_that_happened_is_settled_by_our_own_uuid()
    {
        await using var store = await CreateAsync();
        faults.AfterCommits(1, () => throw new CommitUnknownException("lost"));

        (await store.SignUpAsync("anna", "anna@example.org")).ShouldBeOfType<SignUpResult.Created>().IsReplay.ShouldBeFalse();

        (await store.CountAsync("users")).ShouldBe(1);
        (await store.CountAsync("mails")).ShouldBe(1);
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task A_lost_answer_of_a_commit_that_did_not_happen_is_tried_again()
    {
        await using var store = await CreateAsync();
        faults.BeforeCommits(3, () => throw new CommitUnknownException("lost"));

        (await store.SignUpAsync("anna", "anna@example.org")).ShouldBeOfType<SignUpResult.Created>();

        (await store.CountAsync("users")).ShouldBe(1);
        await store.CheckInvariantsAsync();
    }

    // What merely counts conflicts must not turn a refusal into an error.
    [Fact]
    public async Task A_lost_answer_while_a_conflict_is_recorded_does_not_change_the_refusal()
    {
        await using var store = await CreateAsync();
        await store.CreateAsync("anna", "anna@example.org");
        faults.AfterCommits(1, () => throw new CommitUnknownException("lost"));

        (await store.SignUpAsync("anna", "bert@example.org")).ShouldBeOfType<SignUpResult.Taken>();
    }

    [Fact]
    public async Task A_lost_answer_of_a_sign_in_starts_one_session_whose_token_is_told()
    {
        await using var store = await CreateAsync();
        await store.CreateVerifiedAsync("anna", "anna@example.org");
        LoseEverySecondAnswer();

        var signedIn = await store.SignedInAsync("anna");

        (await new SessionStore(store.Context).FindAsync(TestStore.Tenant, signedIn.Token, TestStore.Cancellation)).ShouldNotBeNull().Session.Uuid.ShouldBe(signedIn.Session.Uuid);
        (await store.CountAsync("sessions")).ShouldBe(1);
    }

    [Fact]
    public async Task A_lost_answer_of_a_password_reset_or_change_is_settled_by_what_was_written()
    {
        await using var store = await CreateAsync();
        var user = await store.CreateVerifiedAsync("anna", "anna@example.org");
        var changes = new PasswordChanges(store.Context);
        LoseEverySecondAnswer();

        await changes.RequestResetAsync(TestStore.Tenant, "anna", null, Actor.Self, TestStore.Cancellation);
        LoseNothing();
        var mail = (await store.TakeMailsAsync()).First(mail => mail.Subject.Contains("password", StringComparison.Ordinal));
        var token = mail.Body[(mail.Body.IndexOf("token=", StringComparison.Ordinal) + 6)..].Split('\n', ' ')[0];
        LoseEverySecondAnswer();
        (await changes.ResetAsync(TestStore.Tenant, token, "a second passphrase", TestStore.From("192.0.2.1"), Actor.Self, TestStore.Cancellation)).ShouldBeOfType<PasswordChangeResult.Changed>();
        (await changes.ResetAsync(TestStore.Tenant, token, "a third passphrase", TestStore.From("192.0.2.1"), Actor.Self, TestStore.Cancellation)).ShouldBeOfType<PasswordChangeResult.LinkInvalid>();

        // The claim of the attempt, its return, and the change.
        var present = "a second passphrase";
        for (var number = 1; number <= 3; number++)
        {
            LoseNothing();
            user = await store.ReadAsync(user.Uuid);
            LoseAnswer(number);
            (await changes.ChangeAsync(user, present, $"{present} more", Guid.Empty, TestStore.From("192.0.2.1"), Actor.Self, TestStore.Cancellation))
                .ShouldBeOfType<PasswordChangeResult.Changed>();
            present += " more";
        }

        LoseNothing();
        await store.SignedInAsync("anna", present);
    }

    [Fact]
    public async Task A_lost_answer_of_a_link_is_settled_by_the_link_that_is_used_up()
    {
        await using var store = await CreateAsync();
        var user = await store.CreateAsync("anna", "anna@example.org");
        var token = await store.TakeTokenAsync("anna@example.org", "Confirm");
        // After the claim of the attempt and its return.
        LoseAnswer(3);
        (await new EmailVerification(store.Context).VerifyAsync(
            TestStore.Tenant, token, new VerificationProof { Password = TestStore.Password }, Actor.Self, TestStore.Cancellation)).ShouldBeOfType<VerificationResult.Verified>();

        var change = new EmailChange(store.Context);
        user = await store.ReadAsync(user.Uuid);
        LoseNothing();
        await change.RequestAsync(user, "new@example.org", TestStore.Password, TestStore.From("192.0.2.1"), Actor.Self, TestStore.Cancellation);
        token = await store.TakeTokenAsync("new@example.org", "new");
        LoseEverySecondAnswer();
        (await change.ConfirmAsync(user, token, Actor.Self, TestStore.Cancellation)).ShouldBeOfType<EmailChangeResult.Changed>().User.Email.ShouldBe("new@example.org");
        LoseNothing();
        var revert = await store.TakeTokenAsync("anna@example.org", "was changed");
        LoseEverySecondAnswer();
        (await change.RevertAsync(TestStore.Tenant, revert, "taken back by me", TestStore.From("192.0.2.1"), Actor.Self, TestStore.Cancellation))
            .ShouldBeOfType<EmailChangeResult.Changed>().User.Email.ShouldBe("anna@example.org");
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task A_lost_answer_of_a_released_address_is_settled_by_the_address_that_is_free()
    {
        await using var store = await CreateAsync();
        var mallory = await store.CreateAsync("mallory", "victim@example.org");
        await new UserAdministration(store.Context).SetActiveAsync(TestStore.Tenant, mallory.Uuid, false, Actor.CommandLine, TestStore.Cancellation);
        await new PasswordChanges(store.Context).RequestResetAsync(TestStore.Tenant, "victim@example.org", null, Actor.Self, TestStore.Cancellation);
        var token = await store.TakeTokenAsync("victim@example.org", "free");
        LoseEverySecondAnswer();

        (await new EmailRelease(store.Context).ExecuteAsync(TestStore.Tenant, token, Actor.Self, TestStore.Cancellation)).ShouldBe(Selfsame.Store.Links.LinkState.Done);
        LoseNothing();
        (await store.CountAsync("audit_events", "event = 'email.released'")).ShouldBe(1);
    }

    [Fact]
    public async Task A_lost_answer_of_a_change_is_settled_by_the_version_that_it_wrote()
    {
        await using var store = await CreateAsync();
        var user = await store.CreateVerifiedAsync("anna", "anna@example.org");
        LoseEverySecondAnswer();

        var changed = (await new UserAdministration(store.Context).ChangeAsync(
            TestStore.Tenant, user.Uuid, new UserChange { FirstName = new(true, "Anna") }, user.Version, Actor.CommandLine, TestStore.Cancellation))
            .ShouldBeOfType<UserChangeResult.Changed>().User;

        changed.Version.ShouldBe(user.Version + 1);
        (await store.CountAsync("audit_events", "event = 'user.updated'")).ShouldBe(1);
    }

    // CASES 31: an error, or a replay, only where the address is taken would tell it.
    [Fact]
    public async Task A_lost_answer_while_the_owner_is_told_does_not_change_the_hidden_answer()
    {
        await using var store = await TestStore.CreateAsync(
            backend, new TestStoreOptions { Faults = faults, Tenant = TestStore.Unlimited with { Disclosure = Disclosure.Hide } });
        await store.CreateVerifiedAsync("anna", "anna@example.org");
        foreach (var call in new[] { null, TestStore.Call("k1") })
        {
            // The first commit records the conflict, the second tells the owner.
            LoseEverySecondAnswer(first: 1);
            (await store.SignUpAsync(TestStore.Request(null, "anna@example.org") with { Call = call })).ShouldBe(new SignUpResult.Accepted(IsReplay: false));
        }

        LoseNothing();
        (await store.CountAsync("mails", "subject LIKE 'You already%'")).ShouldBe(1);
    }

    [Fact]
    public async Task A_refusal_never_commits()
    {
        await using var store = await CreateAsync();
        await store.CreateAsync("anna", "anna@example.org");
        var commits = faults.Commits;

        (await store.SignUpAsync("anna", "anna@example.org")).ShouldBeOfType<SignUpResult.Taken>();

        (faults.Commits - commits).ShouldBe(2, "one for each recorded conflict");
    }

    // The session was read, and is good: that its use can't be noted just now is nobody's error.
    [Fact]
    public async Task A_session_or_token_is_good_though_its_use_cannot_be_noted()
    {
        await using var store = await CreateAsync();
        await store.CreateAsync("anna", "anna@example.org");
        var session = (await store.SignedInAsync("anna")).Token;
        var tokens = new Selfsame.Store.ServiceTokens.ServiceTokenStore(store.Context);
        var (token, _) = await tokens.CreateAsync(TestStore.Tenant, "crm", [Selfsame.Store.ServiceTokens.ServiceScope.ReadUsers], null, TestStore.Cancellation);
        store.Clock.Advance(TimeSpan.FromHours(1));
        faults.BeforeCommits(1000, () => throw new TransientDatabaseException("somebody else writes"));

        (await new SessionStore(store.Context).FindAsync(TestStore.Tenant, session, TestStore.Cancellation)).ShouldNotBeNull();
        (await tokens.FindAsync(TestStore.Tenant, token!, TestStore.Cancellation)).ShouldNotBeNull();

        faults.BeforeCommits(0, () => { });
        (await new SessionStore(store.Context).FindAsync(TestStore.Tenant, session, TestStore.Cancellation)).ShouldNotBeNull();
        (await store.CountAsync("sessions", "last_seen_at > created_at")).ShouldBe(1);
    }

    private void LoseEverySecondAnswer(int first = 0)
    {
        var commits = -first;
        faults.AfterCommits(1000, () =>
        {
            if (commits++ % 2 == 0)
            {
                throw new CommitUnknownException("lost");
            }
        });
    }

    private void LoseAnswer(int number)
    {
        var commits = 0;
        faults.AfterCommits(1000, () =>
        {
            if (++commits == number)
            {
                throw new CommitUnknownException("lost");
            }
        });
    }

    private void LoseNothing() => faults.AfterCommits(0, () => { });

    private protected Task<TestStore> CreateAsync() => TestStore.CreateAsync(backend, new TestStoreOptions { Faults = faults });

    private sealed class CrashException : Exception;

    private protected sealed class ScriptedFaults : TransactionFaults
    {
        private (int Times, Action Fault) before = (0, () => { });
        private (int Times, Action Fault) after = (0, () => { });

        public int Commits { get; private set; }

        public void BeforeCommits(int times, Action fault) => before = (times, fault);

        public void AfterCommits(int times, Action fault) => after = (times, fault);

        public override void BeforeCommit()
        {
            if (before.Times-- > 0)
            {
                before.Fault();
            }
        }

        public override void AfterCommit()
        {
            Commits++;
            if (after.Times-- > 0)
            {
                after.Fault();
            }
        }
    }
}
