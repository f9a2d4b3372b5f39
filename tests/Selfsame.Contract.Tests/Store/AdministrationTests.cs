using Selfsame.Store.Audit;
using Selfsame.Store.Users;

namespace Selfsame.Contract.Tests.Store;

public sealed class AdministrationOnSqliteFileTests() : AdministrationTests(Backend.SqliteFile);

public sealed class AdministrationInSqliteMemoryTests() : AdministrationTests(Backend.SqliteMemory);

[Trait("needs", "postgresql")]
public sealed class AdministrationOnPostgreSqlTests() : AdministrationTests(Backend.PostgreSql);

public abstract class AdministrationTests(Backend backend)
{
    private static Task<UserChangeResult> ChangeAsync(TestStore store, User user, UserChange change, long? version = null)
        => new UserAdministration(store.Context).ChangeAsync(TestStore.Tenant, user.Uuid, change, version, Actor.CommandLine, TestStore.Cancellation);

    private static Change<T> To<T>(T? value) => new(true, value);

    [Fact]
    public async Task Every_field_can_be_changed_and_what_is_not_named_stays()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var user = await store.CreateVerifiedAsync("anna", "anna@example.org");
        store.Clock.Advance(TimeSpan.FromMinutes(1));
        var change = new UserChange
        {
            FirstName = To(" Anna "),
            Locale = To("DE-de"),
            Username = To("Änne"),
            Phone = To("+64 21 555 0100"),
            PhoneVerified = To(true),
            Role = To("editor"),
            Groups = To<IReadOnlyList<string>>([" family ", "family", "team"]),
            IsStaff = To(true),
        };

        var changed = (await ChangeAsync(store, user, change, user.Version)).ShouldBeOfType<UserChangeResult.Changed>().User;

        changed.ShouldBe(await store.ReadAsync(user.Uuid));
        changed.ShouldBe(user with
        {
            FirstName = "Anna",
            Locale = "de-de",
            Username = "Änne",
            Phone = "+64215550100",
            PhoneVerifiedAt = store.Clock.GetUtcNow(),
            Role = "editor",
            IsStaff = true,
            Version = 2,
            UpdatedAt = store.Clock.GetUtcNow(),
        });
        (await new UserReader(store.Context).GroupsAsync(user, TestStore.Cancellation)).ShouldBe(["family", "team"]);
        (await store.SignUpAsync("anna", "other@example.org")).ShouldBeOfType<SignUpResult.Created>();
        (await store.SignUpAsync("ÄNNE", "third@example.org")).ShouldBeOfType<SignUpResult.Taken>();
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task What_is_wrong_taken_gone_or_changed_meanwhile_is_said_and_nothing_is_written()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var user = await store.CreateVerifiedAsync("anna", "anna@example.org");
        await store.CreateVerifiedAsync("bert", "bert@example.org");
        var before = await store.ReadAsync(user.Uuid);

        (await ChangeAsync(store, user, new UserChange { Username = To("BERT"), Email = To("bert@Example.org"), FirstName = To("X") }))
            .ShouldBeOfType<UserChangeResult.Taken>().Fields.ShouldBe(["email", "username"], ignoreOrder: true);
        (await ChangeAsync(store, user, new UserChange { Username = To("a b"), Email = To("x"), Role = To("a b"), FirstName = To("a\0") }))
            .ShouldBeOfType<UserChangeResult.Invalid>().Errors.ByField.Keys.ShouldBe(["email", "firstName", "role", "username"]);
        (await ChangeAsync(store, user, new UserChange { Username = To(""), Email = To("") })).ShouldBeOfType<UserChangeResult.Invalid>();
        (await ChangeAsync(store, user, new UserChange { FirstName = To("X") }, user.Version + 1)).ShouldBeOfType<UserChangeResult.VersionMismatch>().Present.ShouldBe(before);
        (await ChangeAsync(store, user with { Uuid = Guid.Empty }, new UserChange())).ShouldBeOfType<UserChangeResult.NotFound>();
        (await new UserAdministration(store.Context).DeleteAsync("second", user.Uuid, null, Actor.CommandLine, TestStore.Cancellation)).ShouldBeOfType<UserChangeResult.NotFound>();

        (await store.ReadAsync(user.Uuid)).ShouldBe(before);
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task Of_20_parallel_changes_of_one_version_one_is_applied()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var user = await store.CreateVerifiedAsync("anna", "anna@example.org");

        var results = await TestStore.InParallelAsync(20, index => ChangeAsync(store, user, new UserChange { FirstName = To($"A{index}") }, 1));

        results.OfType<UserChangeResult.Changed>().Count().ShouldBe(1);
        results.OfType<UserChangeResult.VersionMismatch>().Count().ShouldBe(19);
        (await store.ReadAsync(user.Uuid)).Version.ShouldBe(2);
    }

    [Fact]
    public async Task Handles_and_user_codes_share_one_space_and_one_of_many_gets_a_handle()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var users = new List<User>();
        for (var index = 0; index < 10; index++)
        {
            users.Add(await store.CreateAsync($"user{index}", $"user{index}@example.org"));
        }

        Task<UserChangeResult> SetAsync(User user, string? handle) => new UserAdministration(store.Context)
            .SetHandleAsync(TestStore.Tenant, user.Uuid, handle, null, Actor.Self, TestStore.Cancellation);

        (await SetAsync(users[0], users[1].UserCode)).ShouldBeOfType<UserChangeResult.Taken>().Fields.ShouldBe(["handle"]);
        (await SetAsync(users[0], users[0].UserCode)).ShouldBeOfType<UserChangeResult.Changed>();
        (await SetAsync(users[0], null)).ShouldBeOfType<UserChangeResult.Changed>().User.Handle.ShouldBeNull();
        (await SetAsync(users[0], "a b")).ShouldBeOfType<UserChangeResult.Invalid>().Errors.ByField.Keys.ShouldBe(["handle"]);
        var results = await TestStore.InParallelAsync(10, index => SetAsync(users[index], index % 2 == 0 ? "Wanted" : "wanted"));

        results.OfType<UserChangeResult.Changed>().Count().ShouldBe(1);
        results.OfType<UserChangeResult.Taken>().Count().ShouldBe(9);
        (await store.CountAsync("users", "handle = 'wanted'")).ShouldBe(1);
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task A_deleted_user_can_be_restored_within_the_grace_period()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var user = await store.CreateAsync("anna", "anna@example.org");
        var administration = new UserAdministration(store.Context);
        await administration.DeleteAsync(TestStore.Tenant, user.Uuid, null, Actor.CommandLine, TestStore.Cancellation);
        (await store.SignInAsync("anna")).ShouldBeOfType<Selfsame.Store.Sessions.SignInResult.Refused>();
        store.Clock.Advance(TimeSpan.FromDays(29));

        (await administration.RestoreAsync(TestStore.Tenant, user.Uuid, null, Actor.CommandLine, TestStore.Cancellation)).ShouldBeOfType<UserChangeResult.Changed>();

        await store.SignedInAsync("anna");
        (await AuditTrail.ReadAsync(store.Context, user.Uuid, 10, TestStore.Cancellation)).Select(line => line.Event)
            .ShouldBe(["session.started", "user.restored", "user.deleted", "user.created"]);
        (await AuditTrail.ReadAsync(store.Context, user.Uuid, 2, TestStore.Cancellation)).Count.ShouldBe(2);
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task A_new_unverified_address_gets_a_mail_and_ends_the_proof_of_the_old()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var user = await store.CreateVerifiedAsync("anna", "anna@example.org");

        (await ChangeAsync(store, user, new UserChange { Email = To("new@example.org") })).ShouldBeOfType<UserChangeResult.Changed>().User.EmailVerifiedAt.ShouldBeNull();
        (await store.TakeMailsAsync()).ShouldHaveSingleItem().Recipient.ShouldBe("new@example.org");
        (await ChangeAsync(store, user, new UserChange { EmailVerified = To(true) })).ShouldBeOfType<UserChangeResult.Changed>().User.EmailVerifiedAt.ShouldNotBeNull();
        (await store.TakeMailsAsync()).ShouldBeEmpty();
        await store.CheckInvariantsAsync();
    }

    [Theory]
    [InlineData("anna")]
    [InlineData("ANNA@example.org")]
    [InlineData(" Anna ")]
    public async Task One_user_is_found_by_any_identifier_in_any_case(string text)
    {
        await using var store = await TestStore.CreateAsync(backend);
        var user = await store.CreateVerifiedAsync("Anna", "anna@example.org");
        var reader = new UserReader(store.Context);

        (await reader.FindByAnyAsync(TestStore.Tenant, text, TestStore.Cancellation)).Single().Uuid.ShouldBe(user.Uuid);
        (await reader.FindByAnyAsync(TestStore.Tenant, user.Uuid.ToString(), TestStore.Cancellation)).Single().Uuid.ShouldBe(user.Uuid);
        (await reader.FindByAnyAsync(TestStore.Tenant, user.UserCode.ToUpperInvariant(), TestStore.Cancellation)).Single().Uuid.ShouldBe(user.Uuid);
        (await reader.FindByAnyAsync("second", text, TestStore.Cancellation)).ShouldBeEmpty();
    }

    [Fact]
    public async Task What_is_done_already_is_not_written_again()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var user = await store.CreateVerifiedAsync("anna", "anna@example.org");
        var administration = new UserAdministration(store.Context);
        Func<Task<UserChangeResult>>[] changes =
        [
            () => administration.DeleteAsync(TestStore.Tenant, user.Uuid, null, Actor.CommandLine, TestStore.Cancellation),
            () => administration.RestoreAsync(TestStore.Tenant, user.Uuid, null, Actor.CommandLine, TestStore.Cancellation),
            () => administration.SetActiveAsync(TestStore.Tenant, user.Uuid, false, Actor.CommandLine, TestStore.Cancellation),
        ];
        foreach (var change in changes)
        {
            var first = (await change()).ShouldBeOfType<UserChangeResult.Changed>().User;
            var events = await store.CountAsync("audit_events");
            store.Clock.Advance(TimeSpan.FromMinutes(1));

            (await change()).ShouldBeOfType<UserChangeResult.Changed>().User.ShouldBe(first);

            (await store.ReadAsync(user.Uuid)).ShouldBe(first);
            (await store.CountAsync("audit_events")).ShouldBe(events);
        }

        (await store.ReadAsync(user.Uuid)).Version.ShouldBe(4);
    }

    [Fact]
    public async Task A_name_that_is_anothers_handle_or_uuid_names_both()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var first = await store.CreateVerifiedAsync("ola", "ola@example.org");
        var second = await store.CreateVerifiedAsync("berta", "berta@example.org");
        (await ChangeAsync(store, second, new UserChange { Handle = To("ola") })).ShouldBeOfType<UserChangeResult.Changed>();
        (await ChangeAsync(store, first, new UserChange { Handle = To("ola-too") })).ShouldBeOfType<UserChangeResult.Changed>();
        var third = await store.CreateVerifiedAsync(first.Uuid.ToString("N"), "carl@example.org");
        var reader = new UserReader(store.Context);

        (await reader.FindByAnyAsync(TestStore.Tenant, "Ola", TestStore.Cancellation)).Select(user => user.Uuid).ShouldBe([first.Uuid, second.Uuid]);
        (await reader.FindByAnyAsync(TestStore.Tenant, first.Uuid.ToString("N"), TestStore.Cancellation)).Select(user => user.Uuid).ShouldBe([first.Uuid, third.Uuid]);
        (await reader.FindByAnyAsync(TestStore.Tenant, "ola-too", TestStore.Cancellation)).Single().Uuid.ShouldBe(first.Uuid);
    }

    [Theory]
    [InlineData("nul\0nul")]
    [InlineData("half \ud800")]
    [InlineData("")]
    public async Task Text_that_no_database_can_hold_finds_nobody(string text)
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateVerifiedAsync("Anna", "anna@example.org");
        var reader = new UserReader(store.Context);

        (await reader.FindByAnyAsync(TestStore.Tenant, text, TestStore.Cancellation)).ShouldBeEmpty();
        (await reader.ListAsync(new UserQuery { Tenant = TestStore.Tenant, Search = text }, TestStore.Cancellation)).Total.ShouldBe(text.Length == 0 ? 1 : 0);
    }

    [Theory]
    [InlineData("ANN", 1)]
    [InlineData("example.org", 3)]
    [InlineData("%", 0)]
    [InlineData("_", 1)]
    [InlineData("\\", 0)]
    [InlineData("ÅSTR", 1)]
    [InlineData("åse", 1)]
    public async Task The_list_is_searched_in_any_case_and_literally(string search, int found)
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateAsync(TestStore.Request(TestStore.Form("anna", "anna@example.org") with { LastName = "Åström" }));
        await store.CreateAsync("Åse", "aase@example.org");
        await store.CreateAsync("under_score", "under@example.org");

        var page = await new UserReader(store.Context).ListAsync(new UserQuery { Tenant = TestStore.Tenant, Search = search }, TestStore.Cancellation);

        page.Total.ShouldBe(found);
        page.Users.Count.ShouldBe(found);
    }

    [Fact]
    public async Task The_list_comes_in_pages_newest_first_and_leaves_deleted_users_out()
    {
        await using var store = await TestStore.CreateAsync(backend);
        for (var index = 0; index < 5; index++)
        {
            await store.CreateAsync($"user{index}", $"user{index}@example.org");
        }

        var gone = (await new UserReader(store.Context).FindByAnyAsync(TestStore.Tenant, "user4", TestStore.Cancellation)).Single();
        await new UserAdministration(store.Context).DeleteAsync(TestStore.Tenant, gone.Uuid, null, Actor.CommandLine, TestStore.Cancellation);
        var query = new UserQuery { Tenant = TestStore.Tenant, PageSize = 2 };
        var reader = new UserReader(store.Context);

        var second = await reader.ListAsync(query with { Page = 2 }, TestStore.Cancellation);
        (second.Total, second.Page).ShouldBe((4, 2));
        second.Users.Select(user => user.Username).ShouldBe(["user1", "user0"]);
        (await reader.ListAsync(query with { IncludeDeleted = true }, TestStore.Cancellation)).Users[0].Username.ShouldBe("user4");
        (await reader.ListAsync(query with { Tenant = "second" }, TestStore.Cancellation)).Total.ShouldBe(0);
        (await reader.ListAsync(query with { Search = gone.Uuid.ToString(), IncludeDeleted = true }, TestStore.Cancellation)).Total.ShouldBe(1);
    }
}
