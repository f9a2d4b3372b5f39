using Selfsame.Databases;
using Selfsame.Store.Users;

namespace Selfsame.Contract.Tests.Store;

public sealed class TransactionFaultOnSqliteFileTests() : TransactionFaultTests(Backend.SqliteFile);

public sealed class TransactionFaultInSqliteMemoryTests() : TransactionFaultTests(Backend.SqliteMemory);

[Trait("needs", "postgresql")]
public sealed class TransactionFaultOnPostgreSqlTests() : TransactionFaultTests(Backend.PostgreSql);

public abstract class TransactionFaultTests(Backend backend)
{
    private readonly ScriptedFaults faults = new();

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
    public async Task A_refusal_never_commits()
    {
        await using var store = await CreateAsync();
        await store.CreateAsync("anna", "anna@example.org");
        var commits = faults.Commits;

        (await store.SignUpAsync("anna", "anna@example.org")).ShouldBeOfType<SignUpResult.Taken>();

        (faults.Commits - commits).ShouldBe(2, "one for each recorded conflict");
    }

    private Task<TestStore> CreateAsync() => TestStore.CreateAsync(backend, new TestStoreOptions { Faults = faults });

    private sealed class CrashException : Exception;

    private sealed class ScriptedFaults : TransactionFaults
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
