using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using Selfsame.Store;
using Selfsame.Store.Audit;
using Selfsame.Store.Sessions;
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
        var free = await store.SignUpAsync(null, "anna@example.org");
        (await store.TakeMailsAsync()).ShouldHaveSingleItem().Subject.ShouldBe("Confirm your e-mail address");
        var taken = await store.SignUpAsync(null, "ANNA@example.org");

        free.ShouldBe(new SignUpResult.Accepted(IsReplay: false));
        taken.ShouldBe(free);
        var mail = (await store.TakeMailsAsync()).ShouldHaveSingleItem();
        mail.Recipient.ShouldBe("anna@example.org");
        mail.Subject.ShouldBe("You already have an account");
        (await store.CountAsync("users")).ShouldBe(1);
        await store.CheckInvariantsAsync();
    }

    // Whoever reads the metrics could otherwise see the count rise right after a sign-up. The table and the logs keep it.
    [Theory]
    [InlineData(Disclosure.Hide, 0)]
    [InlineData(Disclosure.Reveal, 1)]
    public async Task Where_it_is_hidden_the_metrics_do_not_count_what_was_taken(Disclosure disclosure, long counted)
    {
        await using var store = await TestStore.CreateAsync(backend, new TestStoreOptions { Tenant = TestStore.Unlimited with { Disclosure = disclosure } });
        await store.CreateVerifiedAsync(null, "anna@example.org");
        var (mine, sum) = (new AsyncLocal<bool> { Value = true }, new StrongBox<long>());
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, active) =>
            {
                if (instrument.Name == "selfsame.identifier_conflicts")
                {
                    active.EnableMeasurementEvents(instrument);
                }
            },
        };
        // Other tests of this process count too: only what is counted on behalf of this one is ours.
        listener.SetMeasurementEventCallback<long>((_, value, _, _) => Interlocked.Add(ref sum.Value, mine.Value ? value : 0));
        listener.Start();

        await store.SignUpAsync(null, "anna@example.org");

        sum.Value.ShouldBe(counted);
        (await store.CountAsync("identifier_conflicts")).ShouldBe(1);
    }

    // CASES 31: a username that is reserved, or not, by the first sign-up would tell the second whether the address was free.
    [Fact]
    public async Task No_username_can_be_tried_together_with_somebodys_address()
    {
        await using var store = await TestStore.CreateAsync(backend, Hiding);
        await store.CreateVerifiedAsync("anna", "anna@example.org");

        foreach (var (username, email) in new[] { ("probe", "anna@example.org"), ("probe", "free@example.org"), ("anna", "anna@example.org"), ("anna", "free@example.org") })
        {
            (await store.SignUpAsync(username, email)).ShouldBeOfType<SignUpResult.Invalid>()
                .Errors.ByField.ShouldHaveSingleItem().Value.ShouldHaveSingleItem().Rule.ShouldBe("username.later");
        }

        (await store.CountAsync("users")).ShouldBe(1);
    }

    [Fact]
    public async Task A_username_that_is_the_own_address_does_not_tell_whether_it_is_registered()
    {
        await using var store = await TestStore.CreateAsync(backend, Hiding);
        await store.SignUpAsync(null, "anna@example.org");

        var registered = await store.SignUpAsync("Anna@example.org", "anna@example.org");
        var free = await store.SignUpAsync("Mallory@example.org", "mallory@example.org");

        free.ShouldBe(new SignUpResult.Accepted(IsReplay: false));
        registered.ShouldBe(free);
    }

    // CASES 31.
    [Fact]
    public async Task Signing_in_after_a_sign_up_does_not_tell_whether_the_address_was_free()
    {
        await using var store = await TestStore.CreateAsync(backend, Hiding);
        await store.CreateVerifiedAsync(null, "anna@example.org");
        await store.SignUpAsync(TestStore.Request(TestStore.Form(null, "anna@example.org", "another passphrase")));
        await store.SignUpAsync(TestStore.Request(TestStore.Form(null, "free@example.org", "another passphrase")));

        (await store.SignInAsync("anna@example.org", "another passphrase")).ShouldBe(new SignInResult.Refused());
        (await store.SignInAsync("free@example.org", "another passphrase")).ShouldBe(new SignInResult.Refused());

        var token = await store.TakeTokenAsync("free@example.org", "Confirm");
        var proof = new VerificationProof { Password = "another passphrase" };
        (await new EmailVerification(store.Context).VerifyAsync(TestStore.Tenant, token, proof, Actor.Self, TestStore.Cancellation))
            .ShouldBeOfType<VerificationResult.Verified>();
        (await store.SignInAsync("free@example.org", "another passphrase")).ShouldBeOfType<SignInResult.SignedIn>();
    }

    // A browser that a sign-up has made known would not be held to the network's limit: only where the address had been free.
    [Fact]
    public async Task No_limit_of_sign_ins_tells_who_just_tried_an_address_whether_it_had_been_free()
    {
        await using var store = await TestStore.CreateAsync(
            backend, new TestStoreOptions { Tenant = Hiding.Tenant with { SignInLimit = new RateLimit("sign-in", 10, TimeSpan.FromMinutes(10)) } });
        var mallory = TestStore.From("192.0.2.66", "browser-1");
        await store.CreateVerifiedAsync(null, "anna@example.org");
        foreach (var email in new[] { "free@example.org", "anna@example.org" })
        {
            await store.SignUpAsync(TestStore.Request(null, email) with { Origin = mallory });
        }

        var before = new[] { await store.SignInAsync("free@example.org", "wrong", mallory), await store.SignInAsync("anna@example.org", "wrong", mallory) };
        for (var name = 0; name < 8; name++)
        {
            await store.SignInAsync($"nobody{name}", "wrong", mallory);
        }

        before.Select(answer => answer.ShouldBeOfType<SignInResult.Refused>().RateLimit.ShouldNotBeNull().Remaining).ShouldBe([9, 8]);
        (await store.SignInAsync("free@example.org", "wrong", mallory)).ShouldBe(await store.SignInAsync("anna@example.org", "wrong", mallory));
    }

    [Fact]
    public async Task Who_signed_up_before_the_tenant_hid_it_and_an_administrator_without_a_proved_address_are_not_locked_out_for_good()
    {
        await using var store = await TestStore.CreateAsync(backend, Hiding);
        await store.CreateAsync(TestStore.Request(TestStore.Form(null, "root@example.org") with { Administrator = new AdministratorFields { IsSuperuser = true } }));
        await store.CreateAsync(TestStore.Request(TestStore.Form("nomail", null) with { Administrator = new AdministratorFields() }));
        await store.CreateAsync(TestStore.Request(TestStore.Form("anna", "anna@example.org") with { Administrator = new AdministratorFields() }));

        (await store.SignInAsync("root@example.org")).ShouldBeOfType<SignInResult.SignedIn>();
        (await store.SignInAsync("nomail")).ShouldBeOfType<SignInResult.SignedIn>();
        (await store.SignInAsync("anna")).ShouldBe(new SignInResult.Refused());
        await store.TakeMailsAsync();
        await new PasswordChanges(store.Context).RequestResetAsync(TestStore.Tenant, "anna", null, Actor.Self, TestStore.Cancellation);
        var token = await store.TakeTokenAsync("anna@example.org", "password");
        await new PasswordChanges(store.Context).ResetAsync(TestStore.Tenant, token, "a new passphrase", TestStore.From("192.0.2.1"), Actor.Self, TestStore.Cancellation);
        (await store.SignInAsync("anna", "a new passphrase")).ShouldBeOfType<SignInResult.SignedIn>();
    }

    // CASES 31.
    [Fact]
    public async Task Taking_an_address_as_ones_username_does_not_tell_whether_it_is_registered()
    {
        await using var store = await TestStore.CreateAsync(backend, Hiding);
        await store.CreateVerifiedAsync("anna", "anna@example.org");
        var mallory = await store.CreateVerifiedAsync("mallory", "mallory@example.org");

        var registered = (await RenameAsync(store, mallory, "Anna@Example.org", byTheUser: true)).ShouldBeOfType<UserChangeResult.Invalid>();
        var free = (await RenameAsync(store, mallory, "nobody@example.org", byTheUser: true)).ShouldBeOfType<UserChangeResult.Invalid>();

        registered.Errors.ByField.Select(entry => (entry.Key, entry.Value.Single())).ShouldBe(free.Errors.ByField.Select(entry => (entry.Key, entry.Value.Single())));
        (await RenameAsync(store, mallory, "ANNA", byTheUser: true)).ShouldBeOfType<UserChangeResult.Taken>().Fields.ShouldBe(["username"]);
        (await RenameAsync(store, mallory, "anna@example.org", byTheUser: false)).ShouldBeOfType<UserChangeResult.Taken>();
        (await RenameAsync(store, mallory, "mallory@example.org", byTheUser: true)).ShouldBeOfType<UserChangeResult.Changed>();
    }

    [Fact]
    public async Task The_owner_of_an_address_is_told_once_an_hour_however_often_it_is_tried()
    {
        await using var store = await TestStore.CreateAsync(backend, Hiding);
        var mallory = await store.CreateVerifiedAsync("mallory", "mallory@example.org");
        await store.CreateVerifiedAsync("anna", "anna@example.org");

        var answers = await TestStore.InParallelAsync(20, _ => store.SignUpAsync(null, "anna@example.org"));
        (await ChangeEmailAsync(store, mallory, "anna@example.org")).ShouldBeOfType<EmailChangeResult.LinkSent>();

        answers.ShouldAllBe(answer => answer == new SignUpResult.Accepted(false));
        (await store.TakeMailsAsync()).ShouldHaveSingleItem().Subject.ShouldBe("You already have an account");
        store.Clock.Advance(TimeSpan.FromHours(1));
        await store.SignUpAsync(null, "anna@example.org");
        (await store.TakeMailsAsync()).ShouldHaveSingleItem();
    }

    // CASES 8: the answer says to look into the mailbox, and neither a sign-in nor a new password leads into a closed account.
    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task The_owner_of_a_closed_account_is_told_that_it_is_closed_and_what_helps(bool isDeleted, bool isVerified)
    {
        await using var store = await TestStore.CreateAsync(backend, Hiding);
        var anna = await store.CreateAsync(
            TestStore.Request(TestStore.Form(null, "anna@example.org") with { Administrator = new AdministratorFields { EmailVerified = isVerified } }));
        await store.TakeMailsAsync();
        var administration = new UserAdministration(store.Context);
        _ = isDeleted
            ? await administration.DeleteAsync(TestStore.Tenant, anna.Uuid, null, Actor.CommandLine, TestStore.Cancellation)
            : await administration.SetActiveAsync(TestStore.Tenant, anna.Uuid, false, Actor.CommandLine, TestStore.Cancellation);

        (await store.SignUpAsync(null, "Anna@example.org")).ShouldBe(new SignUpResult.Accepted(IsReplay: false));

        var mail = (await store.TakeMailsAsync()).ShouldHaveSingleItem();
        (mail.Recipient, mail.Subject).ShouldBe(("anna@example.org", "The account with your e-mail address is closed"));
        mail.Body.ShouldContain(isDeleted ? "was deleted" : "was disabled");
        mail.Body.Contains($"for good, on {store.Clock.GetUtcNow() + TimeSpan.FromDays(30):yyyy-MM-dd}", StringComparison.Ordinal).ShouldBe(isDeleted);
        mail.Body.Contains("https://main.example/forgot-password", StringComparison.Ordinal).ShouldBe(!isVerified, "where the address can be made free");
        mail.Body.ShouldNotContain("/sign-in");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Who_moves_to_the_address_of_a_closed_account_has_its_owner_told_that_it_is_closed(bool isDeleted)
    {
        await using var store = await TestStore.CreateAsync(backend);
        var mallory = await store.CreateVerifiedAsync("mallory", "mallory@example.org");
        var anna = await store.CreateVerifiedAsync("anna", "anna@example.org");
        var administration = new UserAdministration(store.Context);
        _ = isDeleted
            ? await administration.DeleteAsync(TestStore.Tenant, anna.Uuid, null, Actor.CommandLine, TestStore.Cancellation)
            : await administration.SetActiveAsync(TestStore.Tenant, anna.Uuid, false, Actor.CommandLine, TestStore.Cancellation);

        (await ChangeEmailAsync(store, mallory, "anna@example.org")).ShouldBeOfType<EmailChangeResult.LinkSent>();

        var mail = (await store.TakeMailsAsync()).ShouldHaveSingleItem();
        (mail.Recipient, mail.Subject).ShouldBe(("anna@example.org", "The account with your e-mail address is closed"));
    }

    // CASES 31: resets count towards an address's mails only where it is registered.
    [Fact]
    public async Task The_limit_of_an_addresses_mails_does_not_tell_whether_it_is_registered()
    {
        await using var store = await TestStore.CreateAsync(backend, Hiding);
        var mallory = await store.CreateVerifiedAsync("mallory", "mallory@example.org");
        await store.CreateVerifiedAsync("anna", "anna@example.org");
        for (var request = 0; request < 6; request++)
        {
            await new PasswordChanges(store.Context).RequestResetAsync(TestStore.Tenant, "anna@example.org", null, Actor.Self, TestStore.Cancellation);
        }

        (await store.TakeMailsAsync()).Count.ShouldBe(5);
        (await ChangeEmailAsync(store, mallory, "anna@example.org")).ShouldBeOfType<EmailChangeResult.LinkSent>();
        (await store.TakeMailsAsync()).ShouldBeEmpty();
    }

    [Fact]
    public async Task Repeats_and_limits_are_the_same_for_free_and_taken_addresses()
    {
        await using var store = await TestStore.CreateAsync(
            backend, new TestStoreOptions { Tenant = Hiding.Tenant with { SignUpLimit = new RateLimit("sign-up", 2, TimeSpan.FromHours(1)) } });
        SignUpRequest Request(string key, string email) => TestStore.Request(null, email) with { Call = TestStore.Call(key), RateLimitSubject = "192.0.2.1" };

        foreach (var (key, remaining) in new[] { ("first", 1), ("second", 0) })
        {
            var first = await store.SignUpAsync(Request(key, "anna@example.org"));
            first.ShouldBeOfType<SignUpResult.Accepted>().RateLimit!.Remaining.ShouldBe(remaining);
            (await store.SignUpAsync(Request(key, "anna@example.org"))).ShouldBeOfType<SignUpResult.Accepted>().IsReplay.ShouldBeTrue();
        }

        (await store.TakeMailsAsync()).Count.ShouldBe(2);
        (await store.SignUpAsync(Request("third", "anna@example.org"))).ShouldBeOfType<SignUpResult.LimitReached>();
        (await store.SignUpAsync(Request("fourth", "dora@example.org"))).ShouldBeOfType<SignUpResult.LimitReached>();
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

    private static Task<UserChangeResult> RenameAsync(TestStore store, User user, string username, bool byTheUser)
        => new UserAdministration(store.Context).ChangeAsync(
            TestStore.Tenant, user.Uuid, new UserChange { Username = new(true, username), ByTheUser = byTheUser }, null, Actor.Self, TestStore.Cancellation);

    private static Task<EmailChangeResult> ChangeEmailAsync(TestStore store, User user, string email)
        => new EmailChange(store.Context).RequestAsync(user, email, TestStore.Password, TestStore.From("192.0.2.1"), Actor.Self, TestStore.Cancellation);
}
