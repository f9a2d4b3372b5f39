using System.Security.Cryptography;
using System.Text;
using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Databases;
using Selfsame.Store;
using Selfsame.Store.Mail;
using Selfsame.Store.Operations;
using Selfsame.Store.Provisioning;
using Selfsame.Store.Runs;

namespace Selfsame.Contract.Tests.Store;

public abstract class SecretChangeTests(Backend backend)
{
    private static readonly byte[] Old = new byte[SecretKeys.MinimumBytes];
    private static readonly byte[] New = [.. Enumerable.Repeat((byte)7, SecretKeys.MinimumBytes)];

    [Fact]
    public async Task What_the_old_secret_protected_is_readable_under_the_new_one_alone_after_the_change()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await ServerIdentity.CheckAsync(store.Context, TestStore.Cancellation);
        await store.CreateAsync("ann", "ann@example.org");
        var key = new ProvisioningKey("users", new AccountId("1"), "pds");
        var rows = Rows(store.Context);
        var claim = (await rows.ClaimAsync(key, TimeSpan.FromMinutes(1), TestStore.Cancellation))!;
        await rows.SaveAsync(
            claim.Row with { State = ProvisioningState.Intent, Intended = new IntendedAccount(Fields.Empty, "the-stored-password") }, release: true, [], TestStore.Cancellation);
        var changing = store.Context with { Secrets = new SecretKeys(New, store.Context.Random, Old) };
        var after = store.Context with { Secrets = new SecretKeys(New, store.Context.Random) };
        await Should.ThrowAsync<InvalidOperationException>(() => ServerIdentity.CheckAsync(after, TestStore.Cancellation));

        await ServerIdentity.CheckAsync(changing, TestStore.Cancellation);
        var changed = await SecretChange.ProtectAgainAsync(changing.Database, changing.Secrets, changing.Logger, TestStore.Cancellation);
        await ServerIdentity.AdoptAsync(changing, TestStore.Cancellation);

        changed.ShouldBe(2);
        (await SecretChange.ProtectAgainAsync(changing.Database, changing.Secrets, changing.Logger, TestStore.Cancellation)).ShouldBe(0);
        await ServerIdentity.CheckAsync(after, TestStore.Cancellation);
        (await Rows(after).ClaimAsync(key, TimeSpan.FromMinutes(1), TestStore.Cancellation))!.Row.Intended!.Password.ShouldBe("the-stored-password");
        (await new MailOutbox(after).LeaseAsync(10, TestStore.Cancellation)).ShouldHaveSingleItem().Text.Body.ShouldContain("http");
        (await Should.ThrowAsync<InvalidOperationException>(() => ServerIdentity.CheckAsync(store.Context, TestStore.Cancellation))).Message.ShouldContain("SELFSAME_SECRET_KEY_PREVIOUS");
    }

    // A wiped text is no protected value: with one mail sent, no secret could be changed.
    [Fact]
    public async Task A_mail_that_was_sent_has_nothing_to_protect_and_a_change_that_was_killed_is_taken_up()
    {
        var faults = new Killed();
        await using var store = await TestStore.CreateAsync(backend, new TestStoreOptions { Faults = faults });
        await ServerIdentity.CheckAsync(store.Context, TestStore.Cancellation);
        await store.CreateAsync("sent", "sent@example.org");
        await store.TakeMailsAsync();
        await store.CreateAsync("ann", "ann@example.org");
        await store.CreateAsync("bob", "bob@example.org");
        var changing = store.Context with { Secrets = new SecretKeys(New, store.Context.Random, Old) };
        var after = store.Context with { Secrets = new SecretKeys(New, store.Context.Random) };
        faults.AtCommit = 2;
        await Should.ThrowAsync<InvalidOperationException>(() => SecretChange.ProtectAgainAsync(changing.Database, changing.Secrets, changing.Logger, TestStore.Cancellation));

        await ServerIdentity.CheckAsync(changing, TestStore.Cancellation);
        (await SecretChange.ProtectAgainAsync(changing.Database, changing.Secrets, changing.Logger, TestStore.Cancellation)).ShouldBe(1, "the other is under the new secret since before the kill");
        await ServerIdentity.AdoptAsync(changing, TestStore.Cancellation);

        await ServerIdentity.CheckAsync(after, TestStore.Cancellation);
        (await new MailOutbox(after).LeaseAsync(10, TestStore.Cancellation)).Select(mail => mail.Text.Recipient).ShouldBe(["ann@example.org", "bob@example.org"], ignoreOrder: true);
    }

    // A password in the clear would be found by whoever gets a copy of the database.
    [Fact]
    public async Task What_is_protected_stands_nowhere_in_the_clear()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var rows = Rows(store.Context);
        var claim = (await rows.ClaimAsync(new ProvisioningKey("users", new AccountId("1"), "pds"), TimeSpan.FromMinutes(1), TestStore.Cancellation))!;
        await rows.SaveAsync(
            claim.Row with { State = ProvisioningState.Intent, Intended = new IntendedAccount(Fields.Empty, "the-stored-password") }, release: true, [], TestStore.Cancellation);

        var stored = await store.Database.ReadAsync(transaction => transaction.ScalarAsync<byte[]>("SELECT creation FROM provisioning"));

        Encoding.UTF8.GetString(stored!).ShouldNotContain("the-stored-password");
        claim.Row.ToString().ShouldNotContain("the-stored-password");
    }

    [Fact]
    public async Task A_previous_secret_that_is_not_the_stores_changes_nothing()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await ServerIdentity.CheckAsync(store.Context, TestStore.Cancellation);
        var wrong = store.Context with { Secrets = new SecretKeys(New, store.Context.Random, [.. Enumerable.Repeat((byte)9, 32)]) };

        await Should.ThrowAsync<InvalidOperationException>(() => ServerIdentity.CheckAsync(wrong, TestStore.Cancellation));
        Should.Throw<CryptographicException>(() => wrong.Secrets.Unprotect("x", store.Context.Secrets.Protect("x", "text")));
    }

    private static ProvisioningRows Rows(StoreContext context) => new(context.Database, context.Secrets, context.Clock, LeaseHolder.Current);

    /// <summary>Ends the process before one commit.</summary>
    private sealed class Killed : TransactionFaults
    {
        public int AtCommit { get; set; }

        public override void BeforeCommit()
        {
            if (AtCommit > 0 && --AtCommit == 0)
            {
                throw new InvalidOperationException("It died.");
            }
        }
    }
}

public sealed class SecretChangeOnSqliteFileTests() : SecretChangeTests(Backend.SqliteFile);

public sealed class SecretChangeOnSqliteMemoryTests() : SecretChangeTests(Backend.SqliteMemory);

[Trait("needs", "postgresql")]
public sealed class SecretChangeOnPostgreSqlTests() : SecretChangeTests(Backend.PostgreSql);
