using Selfsame.Store;
using Selfsame.Store.Users;

namespace Selfsame.Contract.Tests.Store;

public sealed class RateLimitOnSqliteFileTests() : RateLimitTests(Backend.SqliteFile);

public sealed class RateLimitInSqliteMemoryTests() : RateLimitTests(Backend.SqliteMemory);

[Trait("needs", "postgresql")]
public sealed class RateLimitOnPostgreSqlTests() : RateLimitTests(Backend.PostgreSql)
{
    // Between the look for an answer and the look at the limit another connection commits.
    [Fact]
    public async Task A_repeat_that_finds_the_limit_reached_by_its_first_call_gets_the_answer_all_the_same()
    {
        await using var store = await TestStore.CreateAsync(
            Backend.PostgreSql, new TestStoreOptions { Tenant = TestStore.Unlimited with { SignUpAttemptLimit = new RateLimit("sign-up-attempts", 1, TimeSpan.FromMinutes(10)) } });
        var request = TestStore.Request("anna", "anna@example.org") with { Call = TestStore.Call("k"), RateLimitSubject = "192.0.2.1" };
        var hash = new TaskCompletionSource();
        store.Passwords.WhileHashing = () => hash.Task;
        var first = store.SignUpAsync(request);
        await UntilAsync(() => Task.FromResult(store.Passwords.Hashed == 1));

        var repeat = await store.Database.TransactAsync(
            async holder =>
            {
                await holder.ExecuteAsync("UPDATE rate_limits SET used = used");
                var waiting = store.SignUpAsync(request);
                await UntilAsync(async () => await store.CountAsync("pg_stat_activity", "datname = current_database() AND wait_event_type = 'Lock'") > 0);
                hash.SetResult();
                (await first).ShouldBeOfType<SignUpResult.Created>().IsReplay.ShouldBeFalse();
                return new[] { waiting };
            },
            TestStore.Cancellation);

        (await repeat[0]).ShouldBeOfType<SignUpResult.Created>().IsReplay.ShouldBeTrue();
        store.Passwords.Hashed.ShouldBe(1);
    }

    private static async Task UntilAsync(Func<Task<bool>> isSo)
    {
        while (!await isSo())
        {
            await Task.Delay(10, TestStore.Cancellation);
        }
    }
}

public abstract class RateLimitTests(Backend backend)
{
    private static readonly TestStoreOptions FivePerHour = new()
    {
        Tenant = TestStore.Unlimited with { SignUpLimit = new RateLimit("sign-up", 5, TimeSpan.FromHours(1)) },
    };

    private static readonly TestStoreOptions SixAttempts = new()
    {
        Tenant = TestStore.Unlimited with { SignUpAttemptLimit = new RateLimit("sign-up-attempts", 6, TimeSpan.FromMinutes(10)) },
    };

    private static SignUpRequest Request(string name) => TestStore.Request(name, $"{name}@example.org") with { RateLimitSubject = "192.0.2.1" };

    // CASES 30: check, then create, then count lets a hundred through.
    [Fact]
    public async Task Of_100_parallel_sign_ups_from_one_address_5_pass()
    {
        await using var store = await TestStore.CreateAsync(backend, FivePerHour);

        var results = await TestStore.InParallelAsync(100, index => store.SignUpAsync(Request($"user{index}")));

        results.OfType<SignUpResult.Created>().Count().ShouldBe(5);
        results.OfType<SignUpResult.LimitReached>().Count().ShouldBe(95);
        results.OfType<SignUpResult.LimitReached>().ShouldAllBe(reached => reached.State.ResetsIn == TimeSpan.FromHours(1) && reached.State.Remaining == 0);
        (await store.CountAsync("users")).ShouldBe(5);
        (await store.SignUpAsync(Request("other") with { RateLimitSubject = "192.0.2.2" })).ShouldBeOfType<SignUpResult.Created>().RateLimit!.Remaining.ShouldBe(4);
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task Replays_and_refusals_never_count()
    {
        await using var store = await TestStore.CreateAsync(backend, FivePerHour);
        for (var index = 0; index < 5; index++)
        {
            var request = Request($"user{index}") with { Call = TestStore.Call($"k{index}") };
            (await store.SignUpAsync(request)).ShouldBeOfType<SignUpResult.Created>().RateLimit!.Remaining.ShouldBe(4 - index);
            (await store.SignUpAsync(request)).ShouldBeOfType<SignUpResult.Created>().IsReplay.ShouldBeTrue();
            if (index < 4)
            {
                (await store.SignUpAsync(Request($"user{index}"))).ShouldBeOfType<SignUpResult.Taken>();
                (await store.SignUpAsync(Request("a b"))).ShouldBeOfType<SignUpResult.Invalid>();
            }
        }

        (await store.SignUpAsync(Request("user6"))).ShouldBeOfType<SignUpResult.LimitReached>();
        (await store.SignUpAsync(Request("user0") with { Call = TestStore.Call("k0") })).ShouldBeOfType<SignUpResult.Created>().IsReplay.ShouldBeTrue();
    }

    [Fact]
    public async Task Of_40_parallel_refused_sign_ups_from_one_address_6_cost_a_password_hash_and_replays_do_not_count()
    {
        await using var store = await TestStore.CreateAsync(backend, SixAttempts);
        var first = Request("anna") with { Call = TestStore.Call("k"), RateLimitSubject = "192.0.2.2" };
        await store.CreateAsync(first);
        for (var repeat = 0; repeat < 20; repeat++)
        {
            (await store.SignUpAsync(first)).ShouldBeOfType<SignUpResult.Created>().IsReplay.ShouldBeTrue();
            (await store.SignUpAsync(Request("a b"))).ShouldBeOfType<SignUpResult.Invalid>();
        }

        var results = await TestStore.InParallelAsync(40, _ => store.SignUpAsync(Request("anna")));

        results.OfType<SignUpResult.Taken>().Count().ShouldBe(6);
        results.OfType<SignUpResult.LimitReached>().Count(reached => reached.State.ResetsIn == TimeSpan.FromMinutes(10)).ShouldBe(34);
        store.Passwords.Hashed.ShouldBe(7);
        (await store.SignUpAsync(Request("anna") with { RateLimitSubject = "192.0.2.2" })).ShouldBeOfType<SignUpResult.Taken>();
        (await store.SignUpAsync(Request("berta") with { RateLimitSubject = null })).ShouldBeOfType<SignUpResult.Created>();
        store.Clock.Advance(TimeSpan.FromMinutes(10));
        (await store.SignUpAsync(Request("carla"))).ShouldBeOfType<SignUpResult.Created>();
        await store.CheckInvariantsAsync();
    }

    // A double click, or a retry after a timeout, is under way together with the first call.
    [Theory]
    [InlineData(Disclosure.Reveal, false)]
    [InlineData(Disclosure.Hide, false)]
    [InlineData(Disclosure.Hide, true)]
    public async Task Repeats_that_race_the_first_call_get_its_answer_and_count_as_nothing_in_the_end(Disclosure disclosure, bool isTaken)
    {
        await using var store = await TestStore.CreateAsync(backend, SixAttempts with { Tenant = SixAttempts.Tenant with { Disclosure = disclosure } });
        if (isTaken)
        {
            await store.CreateVerifiedAsync(null, "anna@example.org");
        }

        var request = TestStore.Request(null, "anna@example.org") with { Call = TestStore.Call("k"), RateLimitSubject = "192.0.2.1" };
        var (hashed, results) = await store.HashAtOnceAsync(6, () => store.SignUpAsync(request));

        hashed.ShouldBe(6);
        results.Count(result => result is SignUpResult.Created { IsReplay: false } or SignUpResult.Accepted { IsReplay: false }).ShouldBe(1);
        results.Count(result => result is SignUpResult.Created { IsReplay: true } or SignUpResult.Accepted { IsReplay: true }).ShouldBe(5);
        (await store.QueryAsync<long>("SELECT used FROM rate_limits WHERE name = 'sign-up-attempts'")).ShouldBe([1]);
        (await store.SignUpAsync(TestStore.Request(null, "berta@example.org") with { RateLimitSubject = "192.0.2.1" })).ShouldNotBeOfType<SignUpResult.LimitReached>();
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task A_racing_call_with_another_payload_is_no_repeat_and_counts()
    {
        await using var store = await TestStore.CreateAsync(backend, SixAttempts);
        var number = 0;

        var (_, results) = await store.HashAtOnceAsync(
            4, () => store.SignUpAsync(Request("anna") with { Call = TestStore.Call("k", $"payload {Interlocked.Increment(ref number)}") }));

        results.OfType<SignUpResult.KeyReused>().Count().ShouldBe(3);
        (await store.QueryAsync<long>("SELECT used FROM rate_limits WHERE name = 'sign-up-attempts'")).ShouldBe([4]);
    }

    [Fact]
    public async Task A_window_that_a_clock_began_that_was_ahead_is_over_once_it_is_right()
    {
        await using var store = await TestStore.CreateAsync(backend, FivePerHour);
        store.Clock.Advance(TimeSpan.FromDays(10));
        for (var index = 0; index < 5; index++)
        {
            await store.SignUpAsync(Request($"user{index}"));
        }

        (await store.SignUpAsync(Request("late"))).ShouldBeOfType<SignUpResult.LimitReached>();
        store.Clock.Advance(TimeSpan.FromDays(-10));

        (await store.SignUpAsync(Request("late"))).ShouldBeOfType<SignUpResult.Created>().RateLimit!.Remaining.ShouldBe(4);
    }

    // What two nodes' clocks differ by, or one call's by the time it has waited for another's row, must not begin a window anew.
    [Fact]
    public async Task A_window_that_began_a_few_seconds_later_than_now_counts_on()
    {
        await using var store = await TestStore.CreateAsync(backend, FivePerHour);
        await store.SignUpAsync(Request("anna"));
        store.Clock.Advance(TimeSpan.FromSeconds(-5));

        (await store.SignUpAsync(Request("berta"))).ShouldBeOfType<SignUpResult.Created>().RateLimit!.Remaining.ShouldBe(3);
    }

    [Fact]
    public async Task Who_is_over_the_limit_costs_no_password_hash_and_is_served_again_in_the_next_window()
    {
        await using var store = await TestStore.CreateAsync(backend, FivePerHour);
        for (var index = 0; index < 5; index++)
        {
            await store.SignUpAsync(Request($"user{index}"));
        }

        store.Clock.Advance(TimeSpan.FromMinutes(59));
        (await store.SignUpAsync(Request("late"))).ShouldBeOfType<SignUpResult.LimitReached>().State.ResetsIn.ShouldBe(TimeSpan.FromMinutes(1));
        store.Passwords.Hashed.ShouldBe(5);
        store.Clock.Advance(TimeSpan.FromMinutes(1));
        (await store.SignUpAsync(Request("late"))).ShouldBeOfType<SignUpResult.Created>().RateLimit!.Remaining.ShouldBe(4);
    }
}
