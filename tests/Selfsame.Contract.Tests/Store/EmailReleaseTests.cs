using Selfsame.Store.Audit;
using Selfsame.Store.Links;
using Selfsame.Store.Requests;
using Selfsame.Store.Sessions;
using Selfsame.Store.Users;

namespace Selfsame.Contract.Tests.Store;

public sealed class EmailReleaseOnSqliteFileTests() : EmailReleaseTests(Backend.SqliteFile);

public sealed class EmailReleaseInSqliteMemoryTests() : EmailReleaseTests(Backend.SqliteMemory);

[Trait("needs", "postgresql")]
public sealed class EmailReleaseOnPostgreSqlTests() : EmailReleaseTests(Backend.PostgreSql);

/// <summary>An unproved address is nobody's for ever, also where the account that claims it is closed and can't be taken over.</summary>
public abstract class EmailReleaseTests(Backend backend)
{
    private const string Victim = "victim@example.org";

    private static async Task<User> CloseAsync(TestStore store, User user, bool isDeleted)
    {
        var administration = new UserAdministration(store.Context);
        _ = isDeleted
            ? await administration.DeleteAsync(TestStore.Tenant, user.Uuid, null, Actor.CommandLine, TestStore.Cancellation)
            : await administration.SetActiveAsync(TestStore.Tenant, user.Uuid, false, Actor.CommandLine, TestStore.Cancellation);
        await store.TakeMailsAsync();
        return await store.ReadAsync(user.Uuid);
    }

    private static Task<RateLimitState?> AskAsync(TestStore store, string login, bool forPassword)
        => forPassword
            ? new PasswordChanges(store.Context).RequestResetAsync(TestStore.Tenant, login, "192.0.2.1", Actor.Self, TestStore.Cancellation)
            : new EmailVerification(store.Context).RequestAsync(TestStore.Tenant, login, "192.0.2.1", Actor.Self, TestStore.Cancellation);

    private static Task<LinkState> ReleaseAsync(TestStore store, string token, string tenant = TestStore.Tenant)
        => new EmailRelease(store.Context).ExecuteAsync(tenant, token, Actor.Self, TestStore.Cancellation);

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task Who_proves_the_address_of_a_closed_account_that_never_did_signs_up_with_it(bool isDeleted, bool forPassword)
    {
        await using var store = await TestStore.CreateAsync(backend);
        var mallory = await CloseAsync(store, await store.CreateAsync("mallory", Victim), isDeleted);
        (await store.SignUpAsync("victim", Victim)).ShouldBeOfType<SignUpResult.Taken>().Fields.ShouldBe(["email"]);
        await AskAsync(store, " VICTIM@example.org", forPassword);
        var token = await store.TakeTokenAsync(Victim, "free");
        var release = new EmailRelease(store.Context);

        (await release.PeekAsync(TestStore.Tenant, token, TestStore.Cancellation)).ShouldBe(LinkState.Good);
        (await store.ReadAsync(mallory.Uuid)).Email.ShouldBe(Victim, "opening it changes nothing");
        (await ReleaseAsync(store, token, "second")).ShouldBe(LinkState.Gone);
        (await TestStore.InParallelAsync(5, _ => ReleaseAsync(store, token))).ShouldAllBe(state => state == LinkState.Done);
        (await release.PeekAsync(TestStore.Tenant, token, TestStore.Cancellation)).ShouldBe(LinkState.Done);

        var closed = await store.ReadAsync(mallory.Uuid);
        (closed.Email, closed.Username, closed.PasswordHash, closed.CanSignIn).ShouldBe((null, "mallory", null, false));
        (closed.IsActive, closed.DeletedAt).ShouldBe((mallory.IsActive, mallory.DeletedAt));
        (await AuditTrail.ReadAsync(store.Context, mallory.Uuid, 10, TestStore.Cancellation)).Count(line => line.Event == "email.released").ShouldBe(1);
        (await store.SignUpAsync("victim", Victim)).ShouldBeOfType<SignUpResult.Created>();
        (await store.SignInAsync("mallory")).ShouldBeOfType<SignInResult.Refused>();
        (await ReleaseAsync(store, token)).ShouldBe(LinkState.Done, "nothing is taken from who has it now");
        (await store.SignedInAsync(Victim)).User.Username.ShouldBe("victim");
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task Who_has_proved_the_address_keeps_it_while_the_account_is_closed()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await CloseAsync(store, await store.CreateVerifiedAsync("anna", "anna@example.org"), isDeleted: false);
        await CloseAsync(store, await store.CreateVerifiedAsync("bert", "bert@example.org"), isDeleted: true);

        foreach (var login in new[] { "anna@example.org", "bert@example.org", "anna" })
        {
            await AskAsync(store, login, forPassword: true);
            await AskAsync(store, login, forPassword: false);
        }

        (await store.TakeMailsAsync()).ShouldBeEmpty();
    }

    [Fact]
    public async Task The_link_ends_when_the_account_is_opened_again_and_with_its_time()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var mallory = await CloseAsync(store, await store.CreateAsync("mallory", Victim), isDeleted: false);
        await AskAsync(store, Victim, forPassword: true);
        var token = await store.TakeTokenAsync(Victim, "free");
        var administration = new UserAdministration(store.Context);
        await administration.SetActiveAsync(TestStore.Tenant, mallory.Uuid, true, Actor.CommandLine, TestStore.Cancellation);

        (await new EmailRelease(store.Context).PeekAsync(TestStore.Tenant, token, TestStore.Cancellation)).ShouldBe(LinkState.Gone);
        (await ReleaseAsync(store, token)).ShouldBe(LinkState.Gone);
        (await ReleaseAsync(store, "nobody's")).ShouldBe(LinkState.Gone);
        (await store.ReadAsync(mallory.Uuid)).Email.ShouldBe(Victim);

        await administration.SetActiveAsync(TestStore.Tenant, mallory.Uuid, false, Actor.CommandLine, TestStore.Cancellation);
        store.Clock.Advance(TimeSpan.FromDays(3));
        (await ReleaseAsync(store, token)).ShouldBe(LinkState.Gone);
    }

    [Fact]
    public async Task Nobody_is_flooded_with_links_of_closed_accounts()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await CloseAsync(store, await store.CreateAsync("mallory", Victim), isDeleted: true);

        for (var request = 0; request < 8; request++)
        {
            await AskAsync(store, Victim, forPassword: request % 2 == 0);
        }

        (await store.TakeMailsAsync()).Count.ShouldBe(5);
    }
}
