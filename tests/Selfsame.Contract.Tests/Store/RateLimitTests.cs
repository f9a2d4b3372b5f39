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
