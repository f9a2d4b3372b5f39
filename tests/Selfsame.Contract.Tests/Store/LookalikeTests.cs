using Selfsame.Store;
using Selfsame.Store.Audit;
using Selfsame.Store.Users;

namespace Selfsame.Contract.Tests.Store;

public sealed class LookalikeOnSqliteFileTests() : LookalikeTests(Backend.SqliteFile);

public sealed class LookalikeInSqliteMemoryTests() : LookalikeTests(Backend.SqliteMemory);

[Trait("needs", "postgresql")]
public sealed class LookalikeOnPostgreSqlTests() : LookalikeTests(Backend.PostgreSql);

public abstract class LookalikeTests(Backend backend)
{
    private const string Latin = "paypal";
    private const string Cyrillic = "р\u0430ур\u0430l";

    private static TestStoreOptions With(LookalikePolicy policy) => new() { Tenant = TestStore.Unlimited with { Lookalikes = policy, Mailboxes = policy } };

    // CASES 10: bytebase/bytebase#18943, better-auth#4671, Kilo-Org/cloud PR 2603.
    // CASES 8: what is refused is not what the deleted user typed.
    [Fact]
    public async Task Another_spelling_of_what_a_deleted_user_has_is_told_as_held_by_that_user()
    {
        var tenant = TestStore.Unlimited with { Lookalikes = LookalikePolicy.Refuse, Mailboxes = LookalikePolicy.Refuse };
        await using var store = await TestStore.CreateAsync(backend, new TestStoreOptions { Tenant = tenant });
        var gone = await store.CreateAsync("delme", "del.me@gmail.com");
        await store.CreateAsync("other", "other@gmail.com");
        await new UserAdministration(store.Context).DeleteAsync(TestStore.Tenant, gone.Uuid, null, Actor.CommandLine, TestStore.Cancellation);

        var taken = (await store.SignUpAsync("de1me", "delme+1@gmail.com")).ShouldBeOfType<SignUpResult.Taken>();
        var mixed = (await store.SignUpAsync("de1me", "o.ther@gmail.com")).ShouldBeOfType<SignUpResult.Taken>();

        taken.HeldByDeleted.ShouldBe(["username", "email"], ignoreOrder: true);
        taken.DeletedHolders.Values.ShouldAllBe(holder => holder == gone.Uuid);
        mixed.Fields.ShouldBe(["username", "email"], ignoreOrder: true);
        mixed.HeldByDeleted.ShouldBe(["username"]);
    }

    [Fact]
    public async Task Refused_lookalikes_and_second_addresses_of_a_mailbox_are_taken()
    {
        await using var store = await TestStore.CreateAsync(backend, With(LookalikePolicy.Refuse));
        await store.CreateAsync(Latin, "an.na@gmail.com");

        (await store.SignUpAsync(Cyrillic, "bert@example.org")).ShouldBeOfType<SignUpResult.Taken>().Fields.ShouldBe(["username"]);
        (await store.SignUpAsync("bert", "Anna+shop@googlemail.com")).ShouldBeOfType<SignUpResult.Taken>().Fields.ShouldBe(["email"]);
        (await store.SignUpAsync(Cyrillic, "anna@gmail.com")).ShouldBeOfType<SignUpResult.Taken>().Fields.Count.ShouldBe(2);
        (await store.CountAsync("users")).ShouldBe(1);
        await store.CheckInvariantsAsync();
    }

    // Another spelling that nobody proved must not keep the mailbox's owner out.
    [Fact]
    public async Task The_owner_of_a_refused_mailbox_gets_the_mails_and_takes_it_over_whatever_spelling_is_registered()
    {
        await using var store = await TestStore.CreateAsync(backend, With(LookalikePolicy.Refuse));
        var squatter = await store.CreateAsync("mallory", "victim+x@gmail.com");
        await store.TakeMailsAsync();

        (await store.SignUpAsync("victim", "victim@gmail.com")).ShouldBeOfType<SignUpResult.Taken>().Fields.ShouldBe(["email"]);
        await new PasswordChanges(store.Context).RequestResetAsync(TestStore.Tenant, "victim@gmail.com", "192.0.2.1", Actor.Self, TestStore.Cancellation);
        await store.TakeTokenAsync("victim+x@gmail.com", "new password");
        await new EmailVerification(store.Context).RequestAsync(TestStore.Tenant, "victim@gmail.com", "192.0.2.1", Actor.Self, TestStore.Cancellation);
        await store.TakeTokenAsync("victim+x@gmail.com", "Confirm");

        var user = await store.CreateVerifiedAsync("victim", "victim@example.org");
        var change = new EmailChange(store.Context);
        (await change.RequestAsync(user, "victim@gmail.com", TestStore.Password, TestStore.From("192.0.2.1"), Actor.Self, TestStore.Cancellation)).ShouldBeOfType<EmailChangeResult.LinkSent>();
        (await change.ConfirmAsync(user, await store.TakeTokenAsync("victim@gmail.com", "Confirm your new"), Actor.Self, TestStore.Cancellation)).ShouldBeOfType<EmailChangeResult.Changed>();
        (await store.ReadAsync(squatter.Uuid)).Email.ShouldBeNull();
        await store.CheckInvariantsAsync();

        // Who has proved the mailbox keeps it, and is told.
        var other = await store.CreateVerifiedAsync("carl", "carl@example.org");
        (await change.RequestAsync(other, "Vic.tim@gmail.com", TestStore.Password, TestStore.From("192.0.2.1"), Actor.Self, TestStore.Cancellation)).ShouldBeOfType<EmailChangeResult.LinkSent>();
        var told = (await store.TakeMailsAsync()).Where(mail => mail.Subject == "You already have an account").ShouldHaveSingleItem();
        told.Recipient.ShouldBe("victim@gmail.com");
    }

    [Fact]
    public async Task Where_it_is_hidden_the_owner_of_a_refused_mailbox_is_told_of_a_sign_up_in_another_spelling()
    {
        var hiding = TestStore.Unlimited with { Mailboxes = LookalikePolicy.Refuse, Disclosure = Disclosure.Hide };
        await using var store = await TestStore.CreateAsync(backend, new TestStoreOptions { Tenant = hiding });
        await store.CreateVerifiedAsync(null, "an.na@gmail.com");

        (await store.SignUpAsync(null, "anna+shop@gmail.com")).ShouldBeOfType<SignUpResult.Accepted>();

        var told = (await store.TakeMailsAsync()).ShouldHaveSingleItem();
        (told.Recipient, told.Subject).ShouldBe(("an.na@gmail.com", "You already have an account"));
    }

    [Fact]
    public async Task Flagged_lookalikes_are_made_and_shown()
    {
        await using var store = await TestStore.CreateAsync(backend, With(LookalikePolicy.Flag));
        var first = await store.CreateAsync(Latin, "an.na@gmail.com");
        var second = await store.CreateAsync(Cyrillic, "bert@example.org");
        var third = await store.CreateAsync("carl", "anna@googlemail.com");

        var reader = new UserReader(store.Context);
        (await reader.LookalikesAsync(first, TestStore.Cancellation)).Select(user => user.Uuid).ShouldBe([second.Uuid, third.Uuid]);
        (await reader.LookalikesAsync(second, TestStore.Cancellation)).Select(user => user.Uuid).ShouldBe([first.Uuid]);
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task Where_the_policy_is_off_nothing_is_kept()
    {
        await using var store = await TestStore.CreateAsync(backend, With(LookalikePolicy.Off));
        await store.CreateAsync(Latin, "an.na@gmail.com");
        await store.CreateAsync(Cyrillic, "anna@gmail.com");

        (await store.CountAsync("lookalikes")).ShouldBe(0);
        (await store.CountAsync("identifiers", "space IN ('skeleton', 'mailbox')")).ShouldBe(0);
    }

    [Fact]
    public async Task Switching_to_refuse_lists_who_collides_gives_the_key_to_the_oldest_and_refuses_new_ones()
    {
        await using var store = await TestStore.CreateAsync(backend, With(LookalikePolicy.Flag));
        var first = await store.CreateAsync(Latin, "anna@example.org");
        var second = await store.CreateAsync(Cyrillic, "bert@example.org");
        var refusing = store.With(tenant => tenant with { Lookalikes = LookalikePolicy.Refuse });

        var listed = await new LookalikePolicySwitch(refusing).ApplyAsync(TestStore.Tenant, TestStore.Cancellation);

        var one = listed.ShouldHaveSingleItem();
        (one.Space, one.User, one.Holder).ShouldBe(("skeleton", second.Uuid, first.Uuid));
        (await new LookalikePolicySwitch(refusing).ApplyAsync(TestStore.Tenant, TestStore.Cancellation)).ShouldBeEmpty();
        (await new SignUp(refusing).ExecuteAsync(TestStore.Request("pa\u0443pal", "carl@example.org"), TestStore.Cancellation))
            .ShouldBeOfType<SignUpResult.Taken>().Fields.ShouldBe(["username"]);
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task Who_was_grandfathered_can_be_changed_deleted_and_restored_and_stays_flagged()
    {
        await using var store = await TestStore.CreateAsync(backend, With(LookalikePolicy.Flag));
        var first = await store.CreateAsync(Latin, "an.na@gmail.com");
        var second = await store.CreateAsync(Cyrillic, "anna@gmail.com");
        var refusing = store.With(tenant => tenant with { Lookalikes = LookalikePolicy.Refuse, Mailboxes = LookalikePolicy.Refuse });
        (await new LookalikePolicySwitch(refusing).ApplyAsync(TestStore.Tenant, TestStore.Cancellation)).Count.ShouldBe(2);
        var administration = new UserAdministration(refusing);

        var change = new UserChange { FirstName = new Change<string>(true, "Bert") };
        (await administration.ChangeAsync(TestStore.Tenant, second.Uuid, change, null, Actor.CommandLine, TestStore.Cancellation)).ShouldBeOfType<UserChangeResult.Changed>();
        (await administration.DeleteAsync(TestStore.Tenant, second.Uuid, null, Actor.CommandLine, TestStore.Cancellation)).ShouldBeOfType<UserChangeResult.Changed>();
        (await administration.RestoreAsync(TestStore.Tenant, second.Uuid, null, Actor.CommandLine, TestStore.Cancellation)).ShouldBeOfType<UserChangeResult.Changed>();

        (await store.CountAsync("lookalikes", $"user_id = {second.Id}")).ShouldBe(2);
        var rename = new UserChange { Username = new Change<string>(true, "bert") };
        (await administration.ChangeAsync(TestStore.Tenant, second.Uuid, rename, null, Actor.CommandLine, TestStore.Cancellation)).ShouldBeOfType<UserChangeResult.Changed>();
        var back = new UserChange { Username = new Change<string>(true, Cyrillic) };
        (await administration.ChangeAsync(TestStore.Tenant, second.Uuid, back, null, Actor.CommandLine, TestStore.Cancellation))
            .ShouldBeOfType<UserChangeResult.Taken>().Fields.ShouldBe(["username"]);
        first.Id.ShouldBeLessThan(second.Id);
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task Switching_refuse_off_frees_the_keys()
    {
        await using var store = await TestStore.CreateAsync(backend, With(LookalikePolicy.Refuse));
        await store.CreateAsync(Latin, "anna@example.org");
        var off = store.With(tenant => tenant with { Lookalikes = LookalikePolicy.Off });
        (await new LookalikePolicySwitch(off).ApplyAsync(TestStore.Tenant, TestStore.Cancellation)).ShouldBeEmpty();

        (await new SignUp(off).ExecuteAsync(TestStore.Request(Cyrillic, "bert@example.org"), TestStore.Cancellation)).ShouldBeOfType<SignUpResult.Created>();
        await store.CheckInvariantsAsync();
    }
}
