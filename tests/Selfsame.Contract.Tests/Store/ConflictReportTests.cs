using Selfsame.Store.Audit;
using Selfsame.Store.Users;

namespace Selfsame.Contract.Tests.Store;

public sealed class ConflictReportOnSqliteFileTests() : ConflictReportTests(Backend.SqliteFile);

public sealed class ConflictReportInSqliteMemoryTests() : ConflictReportTests(Backend.SqliteMemory);

[Trait("needs", "postgresql")]
public sealed class ConflictReportOnPostgreSqlTests() : ConflictReportTests(Backend.PostgreSql)
{
    // Each would look for the other before that is written.
    [Fact]
    public async Task Of_two_at_once_the_second_is_a_repeat()
    {
        await using var store = await TestStore.CreateAsync(Backend.PostgreSql);
        await store.CreateAsync("anna", "anna@example.org");
        store.Clock.Advance(TimeSpan.FromMinutes(1));
        await store.ExecuteAsync(
            """
            CREATE FUNCTION take_time() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.3); RETURN NEW; END';
            CREATE TRIGGER take_time BEFORE INSERT ON identifier_conflicts FOR EACH ROW EXECUTE FUNCTION take_time();
            """);

        await TestStore.InParallelAsync(2, index => store.SignUpAsync("anna", $"other{index}@example.org"));
        (await RecordedAsync(store)).ShouldBe([("username", true), ("username", false)], ignoreOrder: true);

        // Of a double click that makes somebody the loser is one, too.
        await TestStore.InParallelAsync(2, _ => store.SignUpAsync("bert", "bert@example.org"));
        (await RecordedAsync(store)).Count(conflict => conflict.Repeats).ShouldBe(3);
        (await store.QueryAsync<string>("SHOW synchronous_commit")).ShouldBe(["on"], "no connection keeps it");
    }
}

public abstract class ConflictReportTests(Backend backend)
{
    [Fact]
    public async Task Conflicts_are_counted_by_field_and_repeat_and_listed_newest_first_in_their_own_tenant()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateAsync("anna", "anna@example.org");
        store.Clock.Advance(TimeSpan.FromMinutes(1));
        var first = store.Context.Now();
        await store.SignUpAsync("Anna", "other@example.org");
        store.Clock.Advance(TimeSpan.FromSeconds(5));
        await store.SignUpAsync("anna", "another@example.org");
        store.Clock.Advance(TimeSpan.FromMinutes(1));
        await store.SignUpAsync("bert", "Anna@example.org");

        var report = await ConflictReport.ReadAsync(store.Context, TestStore.Tenant, 1, 2, TestStore.Cancellation);

        report.Counts.ShouldBe([new ConflictCount("email", 0, 1), new ConflictCount("username", 1, 1)]);
        report.Total.ShouldBe(3);
        report.Conflicts.Select(conflict => (conflict.Field, conflict.Repeats)).ShouldBe([("email", false), ("username", true)]);
        var last = await ConflictReport.ReadAsync(store.Context, TestStore.Tenant, 2, 2, TestStore.Cancellation);
        last.Conflicts.ShouldBe([new IdentifierConflict("username", false, first)]);
        (await ConflictReport.ReadAsync(store.Context, "second", 1, 50, TestStore.Cancellation)).Total.ShouldBe(0);
    }

    [Fact]
    public async Task Every_way_to_an_identifier_that_another_has_records_it_once()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var anna = await store.CreateVerifiedAsync("anna", "anna@example.org");
        var bert = await store.CreateVerifiedAsync("bert", "bert@example.org");
        var users = new UserAdministration(store.Context);
        await users.ChangeAsync(TestStore.Tenant, anna.Uuid, new UserChange { Phone = new(true, "+4791234568"), PhoneVerified = new(true, true) }, null, Actor.CommandLine, TestStore.Cancellation);
        await users.SetHandleAsync(TestStore.Tenant, anna.Uuid, "ann", null, Actor.CommandLine, TestStore.Cancellation);
        store.Clock.Advance(TimeSpan.FromMinutes(1));
        (string Field, Func<Task<object>> Ask)[] ways =
        [
            ("username", async () => await store.SignUpAsync("anna", "new@example.org")),
            ("username", async () => await users.ChangeAsync(TestStore.Tenant, bert.Uuid, new UserChange { Username = new(true, "Anna"), ByTheUser = true }, null, Actor.Self, TestStore.Cancellation)),
            ("email", async () => await users.ChangeAsync(TestStore.Tenant, bert.Uuid, new UserChange { Email = new(true, "anna@example.org") }, null, Actor.CommandLine, TestStore.Cancellation)),
            ("phone", async () => await users.ChangeAsync(
                TestStore.Tenant, bert.Uuid, new UserChange { Phone = new(true, "+4791234568"), PhoneVerified = new(true, true) }, null, Actor.CommandLine, TestStore.Cancellation)),
            ("handle", async () => await users.SetHandleAsync(TestStore.Tenant, bert.Uuid, "ann", null, Actor.Self, TestStore.Cancellation)),
            ("handle", async () => (await new HandleChanges(store.Context).BeginAsync(TestStore.Tenant, bert.Uuid, "ann", null, Actor.Self, TestStore.Cancellation)).Result!),
            ("email", async () => await new EmailChange(store.Context).RequestAsync(
                bert, "anna@example.org", TestStore.Password, TestStore.From("192.0.2.1"), Actor.Self, TestStore.Cancellation)),
        ];
        var expected = new List<string>();
        foreach (var (field, ask) in ways)
        {
            await ask();
            store.Clock.Advance(TimeSpan.FromMinutes(1));

            expected.Insert(0, field);
            (await RecordedAsync(store)).ShouldBe(expected.Select(name => (name, false)));
        }
    }

    // Proved by somebody else between the link and its use, or while the old address could still take it back.
    [Fact]
    public async Task An_address_that_was_lost_meanwhile_is_recorded_when_its_link_is_used()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var anna = await store.CreateVerifiedAsync("anna", "anna@example.org");
        var change = new EmailChange(store.Context);
        var confirm = await LinkAsync(store, anna, "wanted@example.org");
        await store.CreateVerifiedAsync("carl", "wanted@example.org");
        (await change.ConfirmAsync(anna, confirm, Actor.Self, TestStore.Cancellation)).ShouldBeOfType<EmailChangeResult.Taken>();
        (await RecordedAsync(store)).Select(conflict => conflict.Field).ShouldBe(["email"]);

        var again = await LinkAsync(store, anna, "moved@example.org");
        (await change.ConfirmAsync(anna, again, Actor.Self, TestStore.Cancellation)).ShouldBeOfType<EmailChangeResult.Changed>();
        var revert = await store.TakeTokenAsync("anna@example.org", "was changed");
        await store.CreateVerifiedAsync("dora", "anna@example.org");
        (await change.RevertAsync(TestStore.Tenant, revert, "taken back by me", TestStore.From("192.0.2.1"), Actor.Self, TestStore.Cancellation)).ShouldBeOfType<EmailChangeResult.Taken>();
        (await RecordedAsync(store)).Select(conflict => conflict.Field).ShouldBe(["email", "email"]);
    }

    [Fact]
    public async Task A_change_that_is_sent_again_within_ten_seconds_is_a_repeat_and_another_value_is_not()
    {
        await using var store = await TestStore.CreateAsync(backend);
        foreach (var name in new[] { "anna", "carl" })
        {
            var user = await store.CreateAsync(name, $"{name}@example.org");
            await new UserAdministration(store.Context).SetHandleAsync(TestStore.Tenant, user.Uuid, $"{name}1", null, Actor.CommandLine, TestStore.Cancellation);
        }

        // That they were made a moment ago makes nobody else's first wish a repeat.
        var bert = await store.CreateAsync("bert", "bert@example.org");
        foreach (var handle in new[] { "anna1", "anna1", "carl1" })
        {
            store.Clock.Advance(TimeSpan.FromSeconds(4));
            await new UserAdministration(store.Context).SetHandleAsync(TestStore.Tenant, bert.Uuid, handle, null, Actor.Self, TestStore.Cancellation);
        }

        (await RecordedAsync(store)).ShouldBe([("handle", false), ("handle", true), ("handle", false)]);
    }

    protected static async Task<IReadOnlyList<(string Field, bool Repeats)>> RecordedAsync(TestStore store)
        => [.. (await ConflictReport.ReadAsync(store.Context, TestStore.Tenant, 1, 50, TestStore.Cancellation)).Conflicts.Select(conflict => (conflict.Field, conflict.Repeats))];

    private static async Task<string> LinkAsync(TestStore store, User user, string email)
    {
        await store.TakeMailsAsync();
        (await new EmailChange(store.Context).RequestAsync(user, email, TestStore.Password, TestStore.From("192.0.2.1"), Actor.Self, TestStore.Cancellation))
            .ShouldBeOfType<EmailChangeResult.LinkSent>();
        return await store.TakeTokenAsync(email, "Confirm your new");
    }
}
