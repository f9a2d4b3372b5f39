using Selfsame.Store.Audit;
using Selfsame.Store.Sessions;
using Selfsame.Store.Users;

namespace Selfsame.Contract.Tests.Store;

public sealed class SessionOnSqliteFileTests() : SessionTests(Backend.SqliteFile);

public sealed class SessionInSqliteMemoryTests() : SessionTests(Backend.SqliteMemory);

[Trait("needs", "postgresql")]
public sealed class SessionOnPostgreSqlTests() : SessionTests(Backend.PostgreSql);

public abstract class SessionTests(Backend backend)
{
    [Fact]
    public async Task Sessions_are_listed_newest_first_and_one_can_be_ended()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var user = await store.CreateAsync("anna", "anna@example.org");
        var first = await store.SignedInAsync("anna", origin: TestStore.From("192.0.2.1"));
        store.Clock.Advance(TimeSpan.FromMinutes(1));
        var second = await store.SignedInAsync("anna", origin: TestStore.From("192.0.2.2"));
        var sessions = new SessionStore(store.Context);

        (await sessions.ListAsync(user, TestStore.Cancellation)).Select(session => session.Uuid).ShouldBe([second.Session.Uuid, first.Session.Uuid]);
        (await sessions.EndAsync(user, first.Session.Uuid, Actor.Self, TestStore.Cancellation)).ShouldBeTrue();
        (await sessions.EndAsync(user, first.Session.Uuid, Actor.Self, TestStore.Cancellation)).ShouldBeFalse();
        (await sessions.FindAsync(TestStore.Tenant, first.Token, TestStore.Cancellation)).ShouldBeNull();
        (await sessions.FindAsync(TestStore.Tenant, second.Token, TestStore.Cancellation)).ShouldNotBeNull();
    }

    [Fact]
    public async Task A_session_is_good_in_its_tenant_until_it_expires_and_nobody_else_can_end_it()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateAsync("anna", "anna@example.org");
        var other = await store.CreateAsync("bert", "bert@example.org");
        var signedIn = await store.SignedInAsync("anna");
        var sessions = new SessionStore(store.Context);

        (await sessions.FindAsync("second", signedIn.Token, TestStore.Cancellation)).ShouldBeNull();
        (await sessions.FindAsync(TestStore.Tenant, signedIn.Token + "x", TestStore.Cancellation)).ShouldBeNull();
        (await sessions.EndAsync(other, signedIn.Session.Uuid, Actor.Self, TestStore.Cancellation)).ShouldBeFalse();
        store.Clock.Advance(TimeSpan.FromDays(30) - TimeSpan.FromSeconds(1));
        (await sessions.FindAsync(TestStore.Tenant, signedIn.Token, TestStore.Cancellation)).ShouldNotBeNull();
        store.Clock.Advance(TimeSpan.FromSeconds(1));
        (await sessions.FindAsync(TestStore.Tenant, signedIn.Token, TestStore.Cancellation)).ShouldBeNull();
    }

    [Fact]
    public async Task Reading_a_session_writes_it_at_most_every_ten_minutes()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var user = await store.CreateAsync("anna", "anna@example.org");
        var signedIn = await store.SignedInAsync("anna");
        var sessions = new SessionStore(store.Context);
        store.Clock.Advance(TimeSpan.FromMinutes(10));
        await sessions.FindAsync(TestStore.Tenant, signedIn.Token, TestStore.Cancellation);
        (await sessions.ListAsync(user, TestStore.Cancellation)).Single().LastSeenAt.ShouldBe(signedIn.Session.CreatedAt);
        store.Clock.Advance(TimeSpan.FromSeconds(1));
        await sessions.FindAsync(TestStore.Tenant, signedIn.Token, TestStore.Cancellation);
        (await sessions.ListAsync(user, TestStore.Cancellation)).Single().LastSeenAt.ShouldBe(store.Clock.GetUtcNow());
    }

    [Fact]
    public async Task The_stored_session_does_not_hold_its_token()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateAsync("anna", "anna@example.org");
        var signedIn = await store.SignedInAsync("anna");
        var hash = (await store.QueryAsync<byte[]>("SELECT token_hash FROM sessions")).Single();
        hash.Length.ShouldBe(32);
        System.Text.Encoding.UTF8.GetString(hash).ShouldNotContain(signedIn.Token);
    }

    [Fact]
    public async Task Disabling_ends_every_session_and_link_in_the_same_transaction() =>
        await EndsEverythingAsync((administration, user) => administration.SetActiveAsync(TestStore.Tenant, user.Uuid, false, Actor.CommandLine, TestStore.Cancellation));

    [Fact]
    public async Task Deleting_ends_every_session_and_link_in_the_same_transaction() =>
        await EndsEverythingAsync((administration, user) => administration.DeleteAsync(TestStore.Tenant, user.Uuid, null, Actor.CommandLine, TestStore.Cancellation));

    private async Task EndsEverythingAsync(Func<UserAdministration, User, Task<UserChangeResult>> end)
    {
        await using var store = await TestStore.CreateAsync(backend);
        var user = await store.CreateAsync("anna", "anna@example.org");
        await store.CreateAsync("bert", "bert@example.org");
        var signedIn = await store.SignedInAsync("anna");
        await store.SignedInAsync("bert");

        (await end(new UserAdministration(store.Context), user)).ShouldBeOfType<UserChangeResult.Changed>();

        (await new SessionStore(store.Context).FindAsync(TestStore.Tenant, signedIn.Token, TestStore.Cancellation)).ShouldBeNull();
        (await store.CountAsync("sessions")).ShouldBe(1);
        (await store.CountAsync("link_tokens", $"user_id = {user.Id} AND used_at IS NULL")).ShouldBe(0);
        await store.CheckInvariantsAsync();
    }
}
