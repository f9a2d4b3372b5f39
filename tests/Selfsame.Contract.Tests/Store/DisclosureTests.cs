using Selfsame.Store;
using Selfsame.Store.Users;

namespace Selfsame.Contract.Tests.Store;

public sealed class DisclosureOnSqliteFileTests() : DisclosureTests(Backend.SqliteFile);

public sealed class DisclosureInSqliteMemoryTests() : DisclosureTests(Backend.SqliteMemory);

[Trait("needs", "postgresql")]
public sealed class DisclosureOnPostgreSqlTests() : DisclosureTests(Backend.PostgreSql);

public abstract class DisclosureTests(Backend backend)
{
    private static readonly TestStoreOptions Hiding = new() { Tenant = TestStore.Unlimited with { Disclosure = Disclosure.Hide } };

    // CASES 31.
    [Fact]
    public async Task Where_it_is_hidden_free_and_taken_addresses_get_one_answer_and_the_owner_gets_a_mail()
    {
        await using var store = await TestStore.CreateAsync(backend, Hiding);
        var free = await store.SignUpAsync("anna", "anna@example.org");
        (await store.TakeMailsAsync()).ShouldHaveSingleItem().Subject.ShouldBe("Confirm your e-mail address");
        var taken = await store.SignUpAsync("bert", "ANNA@example.org");

        free.ShouldBe(new SignUpResult.Accepted(IsReplay: false));
        taken.ShouldBe(free);
        var mail = (await store.TakeMailsAsync()).ShouldHaveSingleItem();
        mail.Recipient.ShouldBe("anna@example.org");
        mail.Subject.ShouldBe("You already have an account");
        (await store.CountAsync("users")).ShouldBe(1);
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task A_taken_username_is_told_even_there()
    {
        await using var store = await TestStore.CreateAsync(backend, Hiding);
        await store.SignUpAsync("anna", "anna@example.org");

        (await store.SignUpAsync("Anna", "anna@example.org")).ShouldBeOfType<SignUpResult.Taken>().Fields.ShouldBe(["username"]);
    }

    [Fact]
    public async Task A_username_in_the_form_of_an_address_does_not_tell_whose_addresses_are_registered()
    {
        await using var store = await TestStore.CreateAsync(backend, Hiding);
        await store.SignUpAsync("anna", "anna@example.org");

        var registered = await store.SignUpAsync("anna@example.org", "mallory@example.org");
        var free = await store.SignUpAsync("nobody@example.org", "mallory@example.org");

        registered.ShouldBeOfType<SignUpResult.Invalid>().Errors.ByField.Keys.ShouldBe(["username"]);
        free.ShouldBeOfType<SignUpResult.Invalid>().Errors.ByField.Keys.ShouldBe(["username"]);
        (await store.SignUpAsync("Mallory@example.org", "mallory@example.org")).ShouldBeOfType<SignUpResult.Accepted>();
    }

    [Fact]
    public async Task Repeats_and_limits_are_the_same_for_free_and_taken_addresses()
    {
        await using var store = await TestStore.CreateAsync(
            backend, new TestStoreOptions { Tenant = Hiding.Tenant with { SignUpLimit = new RateLimit("sign-up", 2, TimeSpan.FromHours(1)) } });
        SignUpRequest Request(string name, string email) => TestStore.Request(name, email) with { Call = TestStore.Call(name), RateLimitSubject = "192.0.2.1" };

        foreach (var (name, remaining) in new[] { ("anna", 1), ("bert", 0) })
        {
            var first = await store.SignUpAsync(Request(name, "anna@example.org"));
            first.ShouldBeOfType<SignUpResult.Accepted>().RateLimit!.Remaining.ShouldBe(remaining);
            (await store.SignUpAsync(Request(name, "anna@example.org"))).ShouldBeOfType<SignUpResult.Accepted>().IsReplay.ShouldBeTrue();
        }

        (await store.TakeMailsAsync()).Count.ShouldBe(2);
        (await store.SignUpAsync(Request("carl", "anna@example.org"))).ShouldBeOfType<SignUpResult.LimitReached>();
        (await store.SignUpAsync(Request("dora", "dora@example.org"))).ShouldBeOfType<SignUpResult.LimitReached>();
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task An_administrator_is_told_even_there()
    {
        await using var store = await TestStore.CreateAsync(backend, Hiding);
        await store.CreateVerifiedAsync("anna", "anna@example.org");

        (await store.SignUpAsync(TestStore.Request(TestStore.Form("bert", "anna@example.org") with { Administrator = new AdministratorFields() })))
            .ShouldBeOfType<SignUpResult.Taken>().Fields.ShouldBe(["email"]);
    }
}
