using Selfsame.Store;
using Selfsame.Store.Users;

namespace Selfsame.Contract.Tests.Store;

public sealed class IdempotencyOnSqliteFileTests() : IdempotencyTests(Backend.SqliteFile);

public sealed class IdempotencyInSqliteMemoryTests() : IdempotencyTests(Backend.SqliteMemory);

[Trait("needs", "postgresql")]
public sealed class IdempotencyOnPostgreSqlTests() : IdempotencyTests(Backend.PostgreSql)
{
    [Fact]
    public async Task A_repeat_does_not_wait_longer_than_five_seconds_for_the_first_call()
    {
        await using var store = await TestStore.CreateAsync(Backend.PostgreSql);
        var call = TestStore.Call("k1");
        var request = TestStore.Request("anna", "anna@example.org") with { Call = call };
        using var claimed = new SemaphoreSlim(0);
        using var release = new SemaphoreSlim(0);
        var first = store.Database.TransactAsync(async transaction =>
        {
            await transaction.ExecuteAsync(
                "INSERT INTO idempotency_records (tenant, caller, route, key, fingerprint, created_at) VALUES (@tenant, @Caller, @Route, @Key, @fingerprint, @now)",
                new { tenant = TestStore.Tenant, call.Caller, call.Route, call.Key, fingerprint = new byte[32], now = store.Context.Now() });
            claimed.Release();
            await release.WaitAsync(TestStore.Cancellation);
            transaction.RollBack = true;
        });
        await claimed.WaitAsync(TestStore.Cancellation);

        (await store.SignUpAsync(request)).ShouldBeOfType<SignUpResult.InProgress>();
        release.Release();
        await first;
        (await store.SignUpAsync(request)).ShouldBeOfType<SignUpResult.Created>().IsReplay.ShouldBeFalse();
    }

    [Fact]
    public async Task A_call_waits_longer_than_that_for_an_identifier_that_somebody_else_is_about_to_take()
    {
        await using var store = await TestStore.CreateAsync(Backend.PostgreSql);
        var owner = await store.CreateAsync("owner", "owner@example.org");
        using var claimed = new SemaphoreSlim(0);
        var slow = store.Database.TransactAsync(async transaction =>
        {
            await transaction.ExecuteAsync(
                "INSERT INTO identifiers (tenant, space, key, kinds, rule_version, user_id) VALUES (@tenant, 'login', 'anna', 'username', '1', @id)",
                new { tenant = TestStore.Tenant, id = owner.Id });
            claimed.Release();
            await Task.Delay(TimeSpan.FromSeconds(6), TestStore.Cancellation);
        });
        await claimed.WaitAsync(TestStore.Cancellation);

        (await store.SignUpAsync(TestStore.Request("anna", "anna@example.org") with { Call = TestStore.Call("k1") }))
            .ShouldBeOfType<SignUpResult.Taken>().Fields.ShouldBe(["username"]);
        await slow;
    }
}

public abstract class IdempotencyTests(Backend backend)
{
    [Fact]
    public async Task While_the_secret_is_changed_a_repeat_of_a_call_from_before_is_known_and_another_payload_is_none()
    {
        await using var store = await TestStore.CreateAsync(backend);
        byte[] before = new byte[SecretKeys.MinimumBytes], next = [.. Enumerable.Repeat((byte)7, SecretKeys.MinimumBytes)];
        var forwards = new SecretKeys(next, store.Context.Random, before);
        var back = new SecretKeys(before, store.Context.Random, next);
        foreach (var (key, secrets, changed) in new[] { ("k1", store.Context.Secrets, forwards), ("k2", forwards, back) })
        {
            var request = TestStore.Request($"anna{key}", $"anna{key}@example.org") with { Call = TestStore.Call(key) };
            (await SignUpUnderAsync(secrets, request)).ShouldBeOfType<SignUpResult.Created>().IsReplay.ShouldBeFalse();
            (await SignUpUnderAsync(changed, request)).ShouldBeOfType<SignUpResult.Created>().IsReplay.ShouldBeTrue();
            (await SignUpUnderAsync(changed, request with { Call = TestStore.Call(key, "another") })).ShouldBeOfType<SignUpResult.KeyReused>();
        }

        // A repeat that a node with both gets while one with the old secret alone makes the user, so that it finds the record only when it claims.
        var raced = TestStore.Request("bert", "bert@example.org") with { Call = TestStore.Call("k3") };
        store.Passwords.WhileHashing = async () =>
        {
            store.Passwords.WhileHashing = () => Task.CompletedTask;
            (await store.SignUpAsync(raced)).ShouldBeOfType<SignUpResult.Created>().IsReplay.ShouldBeFalse();
        };
        (await SignUpUnderAsync(forwards, raced)).ShouldBeOfType<SignUpResult.Created>().IsReplay.ShouldBeTrue();

        Task<SignUpResult> SignUpUnderAsync(SecretKeys secrets, SignUpRequest request)
            => new SignUp(store.Context with { Secrets = secrets }).ExecuteAsync(request, TestStore.Cancellation);
    }

    [Fact]
    public async Task A_repeat_gets_the_stored_answer_and_makes_nothing()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var request = TestStore.Request("anna", "anna@example.org") with { Call = TestStore.Call("k1") };
        var first = (await store.SignUpAsync(request)).ShouldBeOfType<SignUpResult.Created>();
        store.Clock.Advance(TimeSpan.FromHours(24) - TimeSpan.FromSeconds(1));
        var second = (await store.SignUpAsync(request)).ShouldBeOfType<SignUpResult.Created>();

        first.IsReplay.ShouldBeFalse();
        second.IsReplay.ShouldBeTrue();
        second.User.ShouldBe(first.User with { PasswordHash = null });
        store.Passwords.Hashed.ShouldBe(1);
        (await store.CountAsync("mails")).ShouldBe(1);
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task The_stored_answer_holds_no_password_and_no_internal_number()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.SignUpAsync(TestStore.Request("anna", "anna@example.org") with { Call = TestStore.Call("k1") });
        var answer = (await store.QueryAsync<string>("SELECT answer FROM idempotency_records")).ShouldHaveSingleItem();
        answer.ShouldNotContain("plain$");
        answer.ShouldNotContain("assword");
    }

    [Fact]
    public async Task Another_payload_another_caller_and_another_route_are_other_calls()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.SignUpAsync(TestStore.Request("anna", "anna@example.org") with { Call = TestStore.Call("k1") });

        (await store.SignUpAsync(TestStore.Request("bert", "bert@example.org") with { Call = TestStore.Call("k1", "other") }))
            .ShouldBeOfType<SignUpResult.KeyReused>();
        (await store.SignUpAsync(TestStore.Request("bert", "bert@example.org") with { Call = TestStore.Call("k1", "other") with { Caller = "form" } }))
            .ShouldBeOfType<SignUpResult.Created>().IsReplay.ShouldBeFalse();
        (await store.SignUpAsync(TestStore.Request("carl", "carl@example.org") with { Call = TestStore.Call("k1") with { Route = "POST /api/v1/users" } }))
            .ShouldBeOfType<SignUpResult.Created>().IsReplay.ShouldBeFalse();
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task After_a_day_the_key_is_free_again()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.SignUpAsync(TestStore.Request("anna", "anna@example.org") with { Call = TestStore.Call("k1") });
        store.Clock.Advance(TimeSpan.FromHours(24));

        (await store.SignUpAsync(TestStore.Request("anna", "anna@example.org") with { Call = TestStore.Call("k1") }))
            .ShouldBeOfType<SignUpResult.Taken>().Fields.Count.ShouldBe(2);
        (await store.SignUpAsync(TestStore.Request("bert", "bert@example.org") with { Call = TestStore.Call("k1", "other") }))
            .ShouldBeOfType<SignUpResult.Created>().IsReplay.ShouldBeFalse();
        await store.CheckInvariantsAsync();
    }

    [Theory]
    [InlineData("")]
    [InlineData("nul\0")]
    [InlineData("schlüssel")]
    public async Task A_key_that_is_no_printable_text_is_refused_by_name(string key)
    {
        await using var store = await TestStore.CreateAsync(backend);

        (await store.SignUpAsync(TestStore.Request("anna", "anna@example.org") with { Call = TestStore.Call(key) }))
            .ShouldBeOfType<SignUpResult.Invalid>().Errors.ByField.Keys.ShouldBe(["idempotencyKey"]);
        (await store.SignUpAsync(TestStore.Request("anna", "anna@example.org") with { Call = TestStore.Call(new string('k', 256)) }))
            .ShouldBeOfType<SignUpResult.Invalid>();
        (await store.SignUpAsync(TestStore.Request("anna", "anna@example.org") with { Call = TestStore.Call(new string('k', 255)) }))
            .ShouldBeOfType<SignUpResult.Created>();
    }

    [Fact]
    public async Task A_refusal_is_not_recorded_so_the_corrected_form_may_keep_its_key()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateAsync("anna", "anna@example.org");
        (await store.SignUpAsync(TestStore.Request("anna", "bert@example.org") with { Call = TestStore.Call("k1", "wrong") })).ShouldBeOfType<SignUpResult.Taken>();

        (await store.CountAsync("idempotency_records")).ShouldBe(0);
        (await store.SignUpAsync(TestStore.Request("bert", "bert@example.org") with { Call = TestStore.Call("k1", "right") })).ShouldBeOfType<SignUpResult.Created>();
    }

    // CASES 1 and 5: a double click, or fifty.
    [Fact]
    public async Task Of_50_parallel_repeats_one_makes_the_user_and_the_others_get_its_answer()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var request = TestStore.Request("anna", "anna@example.org") with { Call = TestStore.Call("k1") };

        var results = await TestStore.InParallelAsync(50, _ => store.SignUpAsync(request));

        var created = results.Select(result => result.ShouldBeOfType<SignUpResult.Created>()).ToList();
        created.Count(result => !result.IsReplay).ShouldBe(1);
        created.Select(result => result.User.Uuid).Distinct().Count().ShouldBe(1);
        (await store.CountAsync("users")).ShouldBe(1);
        (await store.CountAsync("mails")).ShouldBe(1);
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task Of_50_parallel_payloads_under_one_key_one_makes_a_user_and_the_others_are_refused()
    {
        await using var store = await TestStore.CreateAsync(backend);

        var results = await TestStore.InParallelAsync(50, index => store.SignUpAsync(
            TestStore.Request($"user{index}", $"user{index}@example.org") with { Call = TestStore.Call("k1", $"payload {index}") }));

        results.OfType<SignUpResult.Created>().Count().ShouldBe(1);
        results.OfType<SignUpResult.KeyReused>().Count().ShouldBe(49);
        (await store.CountAsync("users")).ShouldBe(1);
        await store.CheckInvariantsAsync();
    }
}
