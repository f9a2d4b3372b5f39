using System.Text;
using Selfsame.Core;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Databases;
using Selfsame.Store;
using Selfsame.Store.Runs;
using Selfsame.Store.Schema;
using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Runs;

/// <summary>What the applier relies on in the journal, on each kind of database.</summary>
public abstract class RunJournalContract : IAsyncLifetime
{
    private static readonly LeaseHolder Elsewhere = new("another-machine", 1);

    private Database database = null!;

    protected abstract Task<Database> OpenAsync();

    public async ValueTask InitializeAsync()
    {
        database = await OpenAsync();
        await StoreSchema.MigrateAsync(database);
    }

    public async ValueTask DisposeAsync()
    {
        await database.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task What_was_recorded_is_read_back_with_every_type()
    {
        var journal = Journal();
        var lease = await TakeAsync(journal);
        var plan = Plan();
        var image = new Fields([
            KeyValuePair.Create("a", FieldValue.Null),
            KeyValuePair.Create("b", FieldValue.Integer(long.MaxValue)),
            KeyValuePair.Create("c", FieldValue.Number(1)),
            KeyValuePair.Create("d", FieldValue.Bytes([0, 255])),
            KeyValuePair.Create("e", FieldValue.Boolean(true)),
        ]);
        await journal.BeginAsync(lease, plan, CancellationToken.None);

        (await journal.RecordIntentsAsync(lease, plan.Id, [new JournalIntent(1, image), new JournalIntent(2, null)], CancellationToken.None)).ShouldBeTrue();
        (await journal.RecordOutcomesAsync(lease, plan.Id, [new JournalOutcome(1, ChangeState.Applied, null, null)], CancellationToken.None)).ShouldBeTrue();

        var run = (await journal.ReadAsync(plan.Id, CancellationToken.None)).ShouldNotBeNull();
        PlanJson.Write(run.Plan).ShouldBe(PlanJson.Write(plan));
        run.Entries[1].ShouldBe(new JournalEntry(1, ChangeState.Applied, image, null, null));
        run.Entries[2].ShouldBe(new JournalEntry(2, ChangeState.Intent, null, null, null));
        run.Finished.ShouldBeNull();
    }

    [Fact]
    public async Task A_run_of_another_secret_is_listed_and_who_would_read_it_is_told_which_secret_is_needed()
    {
        var journal = Journal();
        await journal.BeginAsync(await TakeAsync(journal), Plan(), CancellationToken.None);
        var colleague = new RunJournal(database, new SecretKeys([.. Enumerable.Repeat((byte)1, 32)], RandomSource.System), TimeProvider.System, LeaseHolder.Current);

        (await colleague.ListAsync(CancellationToken.None)).ShouldHaveSingleItem().Id.ShouldBe(Plan().Id);
        (await Should.ThrowAsync<ForeignSecretException>(colleague.ReadAsync(Plan().Id, CancellationToken.None))).Message.ShouldContain("SELFSAME_SECRET_KEY");
    }

    [Fact]
    public async Task A_mail_is_owed_until_it_was_taken_and_counts_as_no_change()
    {
        var journal = Journal();
        var lease = await TakeAsync(journal);
        var plan = Plan();
        await journal.BeginAsync(lease, plan, CancellationToken.None);
        await journal.RecordIntentsAsync(lease, plan.Id, [new JournalIntent(1, null), new JournalIntent(2, null)], CancellationToken.None);
        async Task<OwedMail?> RecordAsync(OwedMail mail)
        {
            (await journal.RecordOutcomesAsync(lease, plan.Id, [new JournalOutcome(1, ChangeState.Applied, null, null) { Mail = mail }], CancellationToken.None)).ShouldBeTrue();
            return (await journal.ReadAsync(plan.Id, CancellationToken.None)).ShouldNotBeNull().Entries[1].Mail;
        }

        (await RecordAsync(new OwedMail(false, null))).ShouldBe(new OwedMail(false, null));
        (await RecordAsync(new OwedMail(false, "Later."))).ShouldBe(new OwedMail(false, "Later."));
        (await RecordAsync(new OwedMail(true, null))).ShouldBe(new OwedMail(true, null));

        (await journal.ReadAsync(plan.Id, CancellationToken.None)).ShouldNotBeNull().Entries.Keys.Order().ShouldBe([1, 2]);
        (await journal.ListAsync(CancellationToken.None)).ShouldHaveSingleItem().Applied.ShouldBe(1);
    }

    [Fact]
    public async Task What_a_change_without_an_end_left_behind_takes_the_place_of_what_it_intended()
    {
        var journal = Journal();
        var lease = await TakeAsync(journal);
        var plan = Plan();
        await journal.BeginAsync(lease, plan, CancellationToken.None);
        await journal.RecordIntentsAsync(lease, plan.Id, [new JournalIntent(1, null, [Row("a"), Row("b")]), new JournalIntent(2, null, [Row("c")])], CancellationToken.None);

        (await journal.RecordOutcomesAsync(
            lease,
            plan.Id,
            [new JournalOutcome(1, ChangeState.Skipped, null, "drifted", [Row("a")]), new JournalOutcome(2, ChangeState.Applied, null, null)],
            CancellationToken.None)).ShouldBeTrue();

        var run = (await journal.ReadAsync(plan.Id, CancellationToken.None)).ShouldNotBeNull();
        run.Entries[1].Rows.ShouldBe([Row("a")]);
        run.Entries[2].Rows.ShouldBe([Row("c")]);

        static RowWrite Row(string key) => new()
        {
            Table = "printers",
            Action = RowAction.Delete,
            Key = new Fields([KeyValuePair.Create("id", FieldValue.Text(key))]),
            Before = new Fields([KeyValuePair.Create("owner", FieldValue.Integer(1))]),
            After = Fields.Empty,
        };
    }

    [Fact]
    public async Task Beginning_again_goes_on_with_what_was_begun()
    {
        var journal = Journal();
        var lease = await TakeAsync(journal);
        await journal.BeginAsync(lease, Plan(), CancellationToken.None);
        await journal.RecordIntentsAsync(lease, Plan().Id, [new JournalIntent(1, null)], CancellationToken.None);

        var run = (await journal.BeginAsync(lease, Plan(), CancellationToken.None)).ShouldNotBeNull();

        run.Entries.Count.ShouldBe(1);
        (await journal.ListAsync(CancellationToken.None)).Single().Changes.ShouldBe(1);
    }

    [Fact]
    public async Task A_concluded_change_is_never_an_intent_again()
    {
        var journal = Journal();
        var lease = await TakeAsync(journal);
        await journal.BeginAsync(lease, Plan(), CancellationToken.None);
        await journal.RecordOutcomesAsync(lease, Plan().Id, [new JournalOutcome(1, ChangeState.Skipped, null, "drifted")], CancellationToken.None);
        await journal.RecordIntentsAsync(lease, Plan().Id, [new JournalIntent(1, null)], CancellationToken.None);

        (await journal.ReadAsync(Plan().Id, CancellationToken.None))!.Entries[1].State.ShouldBe(ChangeState.Skipped);
    }

    [Fact]
    public async Task The_lease_is_one_holders_until_it_is_given_back()
    {
        var (mine, theirs) = (Journal(), Journal(Elsewhere));
        var lease = await TakeAsync(mine);

        (await theirs.AcquireAsync(CancellationToken.None)).ShouldBeOfType<LeaseHeld>().Holder.ShouldContain($"{Environment.ProcessId}");
        await mine.ReleaseAsync(lease, CancellationToken.None);

        (await theirs.AcquireAsync(CancellationToken.None)).ShouldBeOfType<LeaseGranted>();
    }

    [Fact]
    public async Task Of_many_who_ask_at_once_one_gets_the_lease()
    {
        var answers = await Task.WhenAll(Enumerable.Range(1, 8).Select(number => Journal(new LeaseHolder("machine", number)).AcquireAsync(CancellationToken.None)));

        answers.Count(answer => answer is LeaseGranted).ShouldBe(1);
    }

    [Fact]
    public async Task Whoever_lost_the_lease_writes_nothing_any_more()
    {
        var clock = new ShiftedClock();
        var (mine, theirs) = (Journal(clock: clock), Journal(Elsewhere, clock));
        var lease = await TakeAsync(mine);
        await mine.BeginAsync(lease, Plan(), CancellationToken.None);
        clock.Shift = TimeSpan.FromMinutes(2);
        await TakeAsync(theirs);

        (await mine.RenewAsync(lease, CancellationToken.None)).ShouldBeNull();
        (await mine.RecordIntentsAsync(lease, Plan().Id, [new JournalIntent(1, null)], CancellationToken.None)).ShouldBeFalse();
        (await mine.RecordOutcomesAsync(lease, Plan().Id, [new JournalOutcome(1, ChangeState.Applied, null, null)], CancellationToken.None)).ShouldBeFalse();
        (await mine.FinishAsync(lease, Plan().Id, CancellationToken.None)).ShouldBeFalse();
        await mine.ReleaseAsync(lease, CancellationToken.None);
        (await mine.BeginAsync(lease, Plan(), CancellationToken.None)).ShouldBeNull();
        (await mine.AcquireAsync(CancellationToken.None)).ShouldBeOfType<LeaseHeld>();
        (await mine.ReadAsync(Plan().Id, CancellationToken.None))!.Entries.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_lease_of_a_process_that_is_gone_from_this_machine_is_taken_at_once()
    {
        // Process numbers end at 2^22 on Linux.
        await TakeAsync(Journal(LeaseHolder.Current with { ProcessId = 1 << 23 }));

        (await Journal().AcquireAsync(CancellationToken.None)).ShouldBeOfType<LeaseGranted>();
    }

    [Fact]
    public async Task Nothing_of_a_record_stands_readable_in_the_database()
    {
        var journal = Journal();
        var lease = await TakeAsync(journal);
        await journal.BeginAsync(lease, Plan(), CancellationToken.None);
        var secret = new Fields([KeyValuePair.Create("password", FieldValue.Text("pbkdf2$readable"))]);
        await journal.RecordIntentsAsync(lease, Plan().Id, [new JournalIntent(1, secret)], CancellationToken.None);

        var stored = await database.ReadAsync(async transaction => (await transaction.QueryAsync<byte[]>(
            "SELECT before_image FROM run_changes UNION ALL SELECT plan FROM runs")).Select(Encoding.Latin1.GetString).ToList());

        stored.Count.ShouldBe(2);
        stored.ShouldAllBe(text => !text.Contains("pbkdf2") && !text.Contains("precondition"));
    }

    [Fact]
    public async Task With_an_undo_the_run_that_it_takes_back_and_its_other_undos_are_at_their_end()
    {
        var journal = Journal();
        var lease = await TakeAsync(journal);
        var (other, first, second) = (Plan() with { Id = Guid.NewGuid() }, Plan() with { Id = Guid.NewGuid(), Undoes = Plan().Id }, Plan() with { Id = Guid.NewGuid(), Undoes = Plan().Id });
        foreach (var plan in new[] { Plan(), other, first, second })
        {
            await journal.BeginAsync(lease, plan, CancellationToken.None);
        }

        await journal.FinishAsync(lease, second.Id, CancellationToken.None);

        (await journal.ListAsync(CancellationToken.None)).Where(run => run.Finished is null).Select(run => run.Id).ShouldBe([other.Id]);
    }

    // Images hold people's records, also of those who were purged since.
    [Fact]
    public async Task A_run_that_was_finished_long_ago_is_forgotten_with_its_images_and_one_that_was_not_is_kept()
    {
        var clock = new ShiftedClock();
        var journal = Journal(clock: clock);
        var lease = await TakeAsync(journal);
        var (old, unfinished, young) = (Plan(), Plan() with { Id = Guid.NewGuid() }, Plan() with { Id = Guid.NewGuid() });
        foreach (var plan in new[] { old, unfinished })
        {
            await journal.BeginAsync(lease, plan, CancellationToken.None);
            await journal.RecordIntentsAsync(lease, plan.Id, [new JournalIntent(1, Fields.Empty)], CancellationToken.None);
        }

        await journal.FinishAsync(lease, old.Id, CancellationToken.None);
        clock.Shift = TimeSpan.FromDays(10);
        await journal.BeginAsync(lease, young, CancellationToken.None);
        await journal.FinishAsync(lease, young.Id, CancellationToken.None);

        (await new RunRetention(database, clock, TimeSpan.FromDays(11)).ForgetAsync(CancellationToken.None)).ShouldBe(0);
        (await new RunRetention(database, clock, null).ForgetAsync(CancellationToken.None)).ShouldBe(0);
        (await new RunRetention(database, clock, TimeSpan.FromDays(9)).ForgetAsync(CancellationToken.None)).ShouldBe(1);

        (await journal.ListAsync(CancellationToken.None)).Select(run => run.Id).ShouldBe([young.Id, unfinished.Id]);
        (await database.ReadAsync(transaction => transaction.QueryAsync<Guid>("SELECT run_id FROM run_changes"))).ShouldBe([unfinished.Id]);
    }

    private static async Task<ApplyLease> TakeAsync(RunJournal journal)
        => (await journal.AcquireAsync(CancellationToken.None)).ShouldBeOfType<LeaseGranted>().Lease;

    private RunJournal Journal(LeaseHolder? holder = null, TimeProvider? clock = null)
        => new(database, new SecretKeys(new byte[32], RandomSource.System), clock ?? TimeProvider.System, holder ?? LeaseHolder.Current);

    private static Plan Plan() => new()
    {
        Id = new Guid("3b039300-6f9d-49c8-bd77-fd81e1c2a0ea"),
        Created = DateTimeOffset.UnixEpoch,
        Tool = "0.0.0",
        KeyRules = "rules",
        Config = "config",
        Accounts = new Dictionary<string, long> { ["app"] = 1 },
        Changes =
        [
            new Change
            {
                Number = 1,
                Action = ChangeAction.Create,
                System = "app",
                Account = new AccountId("a", "b"),
                Label = "ann",
                Reason = ChangeReason.MissingInTarget,
                Sentence = "",
                Before = Fields.Empty,
                After = Fields.Empty,
                Precondition = Fields.Empty,
                Reversible = true,
            },
        ],
    };

    private sealed class ShiftedClock : TimeProvider
    {
        public TimeSpan Shift { get; set; }

        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Shift;
    }
}

public sealed class SqliteRunJournalTests : RunJournalContract
{
    protected override Task<Database> OpenAsync()
        => Task.FromResult<Database>(SqliteDatabase.InMemory(new DatabaseOptions(), TimeProvider.System, RandomSource.System));
}

[Trait("needs", "postgresql")]
public sealed class PostgreSqlRunJournalTests : RunJournalContract
{
    protected override async Task<Database> OpenAsync()
        => Database.Open(await (await PostgresServer.SharedAsync()).CreateDatabaseAsync(), new DatabaseOptions(), TimeProvider.System, RandomSource.System);
}
