using Selfsame.Store.ServiceTokens;

namespace Selfsame.Contract.Tests.Store;

public sealed class ServiceTokenOnSqliteFileTests() : ServiceTokenTests(Backend.SqliteFile);

public sealed class ServiceTokenInSqliteMemoryTests() : ServiceTokenTests(Backend.SqliteMemory);

[Trait("needs", "postgresql")]
public sealed class ServiceTokenOnPostgreSqlTests() : ServiceTokenTests(Backend.PostgreSql);

public abstract class ServiceTokenTests(Backend backend)
{
    [Fact]
    public async Task A_token_is_good_in_its_tenant_with_its_scopes_until_it_expires_or_is_revoked()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var tokens = new ServiceTokenStore(store.Context);
        var (lasting, _) = await tokens.CreateAsync(TestStore.Tenant, " shop ", [ServiceScope.ReadUsers, ServiceScope.VerifySessions], null, TestStore.Cancellation);
        var (brief, _) = await tokens.CreateAsync(TestStore.Tenant, "brief", [ServiceScope.WriteUsers], TimeSpan.FromHours(1), TestStore.Cancellation);

        var found = (await tokens.FindAsync(TestStore.Tenant, lasting!, TestStore.Cancellation))!;
        (found.Name, found.Has(ServiceScope.ReadUsers), found.Has(ServiceScope.VerifySessions), found.Has(ServiceScope.WriteUsers)).ShouldBe(("shop", true, true, false));
        lasting!.ShouldStartWith("sst_");
        (await tokens.FindAsync("second", lasting, TestStore.Cancellation)).ShouldBeNull();
        (await tokens.FindAsync(TestStore.Tenant, lasting + "x", TestStore.Cancellation)).ShouldBeNull();
        (await tokens.FindAsync(TestStore.Tenant, brief!, TestStore.Cancellation)).ShouldNotBeNull();
        store.Clock.Advance(TimeSpan.FromHours(1));
        (await tokens.FindAsync(TestStore.Tenant, brief!, TestStore.Cancellation)).ShouldBeNull();
        (await tokens.RevokeAsync(TestStore.Tenant, "shop", TestStore.Cancellation)).ShouldBeTrue();
        (await tokens.RevokeAsync(TestStore.Tenant, "shop", TestStore.Cancellation)).ShouldBeFalse();
        (await tokens.FindAsync(TestStore.Tenant, lasting, TestStore.Cancellation)).ShouldBeNull();
        (await tokens.CreateAsync(TestStore.Tenant, "shop", [ServiceScope.ReadUsers], null, TestStore.Cancellation)).Token.ShouldNotBeNull();
        (await tokens.ListAsync(TestStore.Tenant, TestStore.Cancellation)).Count.ShouldBe(3);
    }

    [Fact]
    public async Task The_list_says_when_a_token_was_last_used_to_within_a_minute()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var tokens = new ServiceTokenStore(store.Context);
        var (token, _) = await tokens.CreateAsync(TestStore.Tenant, "shop", [ServiceScope.ReadUsers], null, TestStore.Cancellation);
        (await tokens.ListAsync(TestStore.Tenant, TestStore.Cancellation)).Single().LastUsedAt.ShouldBeNull();
        var first = store.Context.Now();

        foreach (var (later, shown) in new[] { (0, 0), (59, 0), (2, 61), (60, 61), (1, 122) })
        {
            store.Clock.Advance(TimeSpan.FromSeconds(later));
            await tokens.FindAsync("second", token!, TestStore.Cancellation);
            await tokens.FindAsync(TestStore.Tenant, token!, TestStore.Cancellation);
            (await tokens.ListAsync(TestStore.Tenant, TestStore.Cancellation)).Single().LastUsedAt.ShouldBe(first.AddSeconds(shown));
        }
    }

    [Fact]
    public async Task A_bad_name_unknown_scopes_and_a_taken_name_are_refused_by_rule()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var tokens = new ServiceTokenStore(store.Context);
        async Task<string?> RefusalAsync(string name, params string[] scopes)
            => (await tokens.CreateAsync(TestStore.Tenant, name, scopes, null, TestStore.Cancellation)).Refusal?.Rule;

        (await RefusalAsync(" ", ServiceScope.ReadUsers)).ShouldBe("name.shape");
        (await RefusalAsync("nul\0", ServiceScope.ReadUsers)).ShouldBe("name.shape");
        (await RefusalAsync("shop")).ShouldBe("scopes.unknown");
        (await RefusalAsync("shop", "users:everything")).ShouldBe("scopes.unknown");
        (await RefusalAsync("shop", ServiceScope.ReadUsers)).ShouldBeNull();
        (await RefusalAsync("shop", ServiceScope.ReadUsers)).ShouldBe("name.taken");
    }

    [Fact]
    public async Task Of_10_parallel_tokens_of_one_name_one_is_made()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var tokens = new ServiceTokenStore(store.Context);
        var made = await TestStore.InParallelAsync(10, _ => tokens.CreateAsync(TestStore.Tenant, "shop", [ServiceScope.ReadUsers], null, TestStore.Cancellation));

        made.Count(one => one.Token is not null).ShouldBe(1);
    }
}
