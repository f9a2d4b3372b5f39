using Selfsame.Store;
using Selfsame.Store.Users;

namespace Selfsame.Contract.Tests.Store;

public sealed class RateLimitOnSqliteFileTests() : RateLimitTests(Backend.SqliteFile);

public sealed class RateLimitInSqliteMemoryTests() : RateLimitTests(Backend.SqliteMemory);

[Trait("needs", "postgresql")]
public sealed class RateLimitOnPostgreSqlTests() : RateLimitTests(Backend.PostgreSql);

public abstract class RateLimitTests(Backend backend)
{
    private static readonly TestStoreOptions FivePerHour = new()
    {
        Tenant = TestStore.Unlimited with { SignUpLimit = new RateLimit("sign-up", 5, TimeSpan.FromHours(1)) },
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
        await using var store = await TestStore.CreateAsync(
            backend,
            new TestStoreOptions { Tenant = TestStore.Unlimited with { SignUpAttemptLimit = new RateLimit("sign-up-attempts", 6, TimeSpan.FromMinutes(10)) } });
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
