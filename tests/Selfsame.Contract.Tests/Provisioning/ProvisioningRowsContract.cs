using Selfsame.Core;
using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Databases;
using Selfsame.Store.Provisioning;
using Selfsame.Store.Runs;
using Selfsame.Store.Schema;
using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Provisioning;

/// <summary>What the provisioner relies on in its rows, on each kind of database.</summary>
public abstract class ProvisioningRowsContract : IAsyncLifetime
{
    private static readonly Guid User = new("3b039300-6f9d-49c8-bd77-fd81e1c2a0ea");
    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(2);

    private readonly SteppedClock clock = new();
    private Database database = null!;
    private ProvisioningRows rows = null!;

    protected abstract Task<Database> OpenAsync();

    public async ValueTask InitializeAsync()
    {
        database = await OpenAsync();
        await StoreSchema.MigrateAsync(database);
        rows = RowsOf(LeaseHolder.Current);
    }

    public async ValueTask DisposeAsync()
    {
        await database.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task A_sign_ups_rows_are_pending_and_inserting_them_twice_changes_nothing()
    {
        await InsertAsync("app", "other");
        await InsertAsync("app");

        (await rows.OfUserAsync(User, CancellationToken.None)).Select(row => (row.System, row.State))
            .ShouldBe([("app", ProvisioningState.Pending), ("other", ProvisioningState.Pending)]);
    }

    [Fact]
    public async Task A_claimed_row_is_nobody_elses_until_its_lease_ends()
    {
        await InsertAsync("app");
        var first = (await ClaimAsync()).Single();

        (await ClaimAsync()).ShouldBeEmpty();
        clock.Now += Lease;
        var second = (await ClaimAsync()).Single();

        second.Row.Epoch.ShouldBe(first.Row.Epoch + 1);
        (await rows.SaveAsync(first.Row with { State = ProvisioningState.Conflict }, release: true, CancellationToken.None)).ShouldBeFalse();
        (await rows.OfUserAsync(User, CancellationToken.None)).Single().State.ShouldBe(ProvisioningState.Pending);
    }

    [Fact]
    public async Task What_is_saved_is_read_back()
    {
        await InsertAsync("app");
        var claim = (await ClaimAsync()).Single();
        var row = claim.Row with { State = ProvisioningState.Intent, TargetId = new AccountId("a", "b"), Attempts = 3, Problem = "down", NotBefore = clock.Now.AddHours(1) };

        (await rows.SaveAsync(row, release: true, CancellationToken.None)).ShouldBeTrue();

        (await rows.OfUserAsync(User, CancellationToken.None)).Single().ShouldBe(row);
    }

    [Fact]
    public async Task A_released_row_is_due_at_its_time_and_a_settled_one_never()
    {
        await InsertAsync("app");
        var claim = (await ClaimAsync()).Single();
        await rows.SaveAsync(claim.Row with { NotBefore = clock.Now.AddSeconds(10) }, release: true, CancellationToken.None);

        (await ClaimAsync()).ShouldBeEmpty();
        clock.Now += TimeSpan.FromSeconds(10);
        var again = (await ClaimAsync()).Single();
        await rows.SaveAsync(again.Row with { State = ProvisioningState.Linked }, release: true, CancellationToken.None);
        clock.Now += TimeSpan.FromDays(1);

        (await ClaimAsync()).ShouldBeEmpty();
    }

    [Fact]
    public async Task Two_who_claim_at_once_never_get_the_same_row()
    {
        await InsertAsync([.. Enumerable.Range(0, 30).Select(number => $"system{number}")]);

        var claims = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => rows.ClaimAsync(10, Lease, CancellationToken.None)));

        var systems = claims.SelectMany(claim => claim).Select(claim => claim.Row.System).ToList();
        systems.Distinct().Count().ShouldBe(systems.Count);
        systems.Count.ShouldBe(30);
    }

    [Fact]
    public async Task A_conflict_is_looked_at_again_when_an_administrator_asks()
    {
        await InsertAsync("app");
        var claim = (await ClaimAsync()).Single();
        (await rows.RetryAsync(User, "app", CancellationToken.None)).ShouldBeFalse();
        await rows.SaveAsync(claim.Row with { State = ProvisioningState.Conflict, Problem = "evidence" }, release: true, CancellationToken.None);

        (await rows.RetryAsync(User, "app", CancellationToken.None)).ShouldBeTrue();

        (await ClaimAsync()).Single().Row.State.ShouldBe(ProvisioningState.Pending);
    }

    [Fact]
    public async Task A_new_process_takes_up_what_a_dead_one_of_its_machine_had_claimed()
    {
        await InsertAsync("app");
        await RowsOf(Dead).ClaimAsync(10, Lease, CancellationToken.None);

        (await ClaimAsync()).ShouldBeEmpty();
        (await rows.ReleaseDeadAsync(CancellationToken.None)).ShouldBe(1);

        var claim = (await ClaimAsync()).ShouldHaveSingleItem();
        (await rows.ReleaseDeadAsync(CancellationToken.None)).ShouldBe(0);
        (await rows.SaveAsync(claim.Row with { State = ProvisioningState.Intent }, release: false, CancellationToken.None)).ShouldBeTrue();
    }

    [Fact]
    public async Task A_call_that_a_dead_process_may_have_sent_is_given_the_time_to_arrive()
    {
        await InsertAsync("app");
        var dead = RowsOf(Dead);
        var claim = (await dead.ClaimAsync(10, Lease, CancellationToken.None)).Single();
        await dead.SaveAsync(claim.Row with { State = ProvisioningState.Intent, TargetId = new AccountId("a") }, release: false, CancellationToken.None);

        await rows.ReleaseDeadAsync(CancellationToken.None);

        (await ClaimAsync()).ShouldBeEmpty();
        clock.Now += Provisioner.CallTimeout;
        (await ClaimAsync()).ShouldHaveSingleItem();
    }

    [Fact]
    public async Task The_claims_of_a_running_process_and_of_another_machine_are_left_alone()
    {
        await InsertAsync("app", "other", "third");
        await RowsOf(Dead with { Machine = "elsewhere" }).ClaimAsync(1, Lease, CancellationToken.None);
        await RowsOf(LeaseHolder.Current with { ProcessId = 1 }).ClaimAsync(1, Lease, CancellationToken.None);
        await rows.ClaimAsync(1, Lease, CancellationToken.None);

        (await rows.ReleaseDeadAsync(CancellationToken.None)).ShouldBe(0);
        (await ClaimAsync()).ShouldBeEmpty();
    }

    // Whatever a linked or refused account of a purged user is, the row must not keep them for ever.
    [Fact]
    public async Task The_row_of_a_purged_user_is_forgotten_once_nothing_is_left_in_the_other_system()
    {
        await InsertAsync("app");
        var claim = (await ClaimAsync()).Single();

        (await rows.SaveAsync(claim.Row with { State = ProvisioningState.Compensated }, release: true, CancellationToken.None)).ShouldBeTrue();

        (await rows.OfUserAsync(User, CancellationToken.None)).ShouldBeEmpty();
    }

    /// <summary>No process has this number: it is above the kernel's limit (proc(5), pid_max).</summary>
    private static LeaseHolder Dead => LeaseHolder.Current with { ProcessId = 4_194_305 };

    private ProvisioningRows RowsOf(LeaseHolder holder) => new(database, clock, holder);

    private Task InsertAsync(params string[] systems)
        => database.TransactAsync(transaction => ProvisioningRows.InsertPending(transaction, User, systems, clock.Now));

    private Task<IReadOnlyList<ClaimedRow>> ClaimAsync() => rows.ClaimAsync(10, Lease, CancellationToken.None);

    private sealed class SteppedClock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = new(2026, 11, 21, 0, 0, 0, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => Now;
    }
}

public sealed class SqliteProvisioningRowsTests : ProvisioningRowsContract
{
    protected override Task<Database> OpenAsync()
        => Task.FromResult<Database>(SqliteDatabase.InMemory(new DatabaseOptions(), TimeProvider.System, RandomSource.System));
}

[Trait("needs", "postgresql")]
public sealed class PostgreSqlProvisioningRowsTests : ProvisioningRowsContract
{
    protected override async Task<Database> OpenAsync()
        => Database.Open(await (await PostgresServer.SharedAsync()).CreateDatabaseAsync(), new DatabaseOptions(), TimeProvider.System, RandomSource.System);
}
