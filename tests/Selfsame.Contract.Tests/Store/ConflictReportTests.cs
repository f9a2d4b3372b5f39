using Selfsame.Store.Users;

namespace Selfsame.Contract.Tests.Store;

public sealed class ConflictReportOnSqliteFileTests() : ConflictReportTests(Backend.SqliteFile);

public sealed class ConflictReportInSqliteMemoryTests() : ConflictReportTests(Backend.SqliteMemory);

[Trait("needs", "postgresql")]
public sealed class ConflictReportOnPostgreSqlTests() : ConflictReportTests(Backend.PostgreSql);

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
}
