using Selfsame.Core;
using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Databases;
using Selfsame.Store;
using Selfsame.Store.Provisioning;
using Selfsame.Store.Runs;
using Selfsame.Store.Schema;
using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Provisioning;

/// <summary>What the provisioner relies on in its rows, on each kind of database.</summary>
public abstract partial class ProvisioningRowsContract : IAsyncLifetime
{
    private static readonly AccountId User = new("3b039300-6f9d-49c8-bd77-fd81e1c2a0ea");
    private static readonly SecretKeys Secrets = new(new byte[SecretKeys.MinimumBytes], RandomSource.System);
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

        (await OfUserAsync()).Select(row => (row.Key.System, row.State))
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
        (await rows.SaveAsync(first.Row with { State = ProvisioningState.Conflict }, release: true, [], CancellationToken.None)).ShouldBeFalse();
        (await OfUserAsync()).Single().State.ShouldBe(ProvisioningState.Pending);
    }

    [Fact]
    public async Task What_is_saved_is_read_back()
    {
        await InsertAsync("app");
        var claim = (await ClaimAsync()).Single();
        var row = claim.Row with { State = ProvisioningState.Intent, TargetId = new AccountId("a", "b"), Attempts = 3, Problem = "down", NotBefore = clock.Now.AddHours(1) };

        (await rows.SaveAsync(row, release: true, [], CancellationToken.None)).ShouldBeTrue();

        (await OfUserAsync()).Single().ShouldBe(row);
    }

    [Fact]
    public async Task A_released_row_is_due_at_its_time_and_a_settled_one_never()
    {
        await InsertAsync("app");
        var claim = (await ClaimAsync()).Single();
        await rows.SaveAsync(claim.Row with { NotBefore = clock.Now.AddSeconds(10) }, release: true, [], CancellationToken.None);

        (await ClaimAsync()).ShouldBeEmpty();
        clock.Now += TimeSpan.FromSeconds(10);
        var again = (await ClaimAsync()).Single();
        await rows.SaveAsync(again.Row with { State = ProvisioningState.Linked }, release: true, [], CancellationToken.None);
        clock.Now += TimeSpan.FromDays(1);

        (await ClaimAsync()).ShouldBeEmpty();
    }

    [Fact]
    public async Task Two_who_claim_at_once_never_get_the_same_row()
    {
        await InsertManyAsync("person", 30, ProvisioningLane.Interactive);

        var claims = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => rows.ClaimAsync(ClaimOf(10), CancellationToken.None)));

        var accounts = claims.SelectMany(claim => claim).Select(claim => claim.Row.Key.Account).ToList();
        accounts.Distinct().Count().ShouldBe(accounts.Count);
        accounts.Count.ShouldBe(30);
    }

    [Fact]
    public async Task A_new_process_takes_up_what_a_dead_one_of_its_machine_had_claimed()
    {
        await InsertAsync("app");
        await RowsOf(Dead).ClaimAsync(ClaimOf(10), CancellationToken.None);

        (await ClaimAsync()).ShouldBeEmpty();
        (await rows.ReleaseDeadAsync(CancellationToken.None)).ShouldBe(1);

        var claim = (await ClaimAsync()).ShouldHaveSingleItem();
        (await rows.ReleaseDeadAsync(CancellationToken.None)).ShouldBe(0);
        (await rows.SaveAsync(claim.Row with { State = ProvisioningState.Intent }, release: false, [], CancellationToken.None)).ShouldBeTrue();
    }

    [Fact]
    public async Task A_call_that_a_dead_process_may_have_sent_is_given_the_time_to_arrive()
    {
        await InsertAsync("app");
        var dead = RowsOf(Dead);
        var claim = (await dead.ClaimAsync(ClaimOf(10), CancellationToken.None)).Single();
        await dead.SaveAsync(claim.Row with { State = ProvisioningState.Intent, TargetId = new AccountId("a") }, release: false, [], CancellationToken.None);

        await rows.ReleaseDeadAsync(CancellationToken.None);

        (await ClaimAsync()).ShouldBeEmpty();
        clock.Now += Provisioner.CallTimeout;
        (await ClaimAsync()).ShouldHaveSingleItem();
    }

    [Fact]
    public async Task The_claims_of_a_running_process_and_of_another_machine_are_left_alone()
    {
        await InsertManyAsync("person", 3, ProvisioningLane.Interactive);
        await RowsOf(Dead with { Machine = "elsewhere" }).ClaimAsync(ClaimOf(1), CancellationToken.None);
        await RowsOf(LeaseHolder.Current with { ProcessId = 1 }).ClaimAsync(ClaimOf(1), CancellationToken.None);
        await rows.ClaimAsync(ClaimOf(1), CancellationToken.None);

        (await rows.ReleaseDeadAsync(CancellationToken.None)).ShouldBe(0);
        (await ClaimAsync()).ShouldBeEmpty();
    }

    // Whatever a linked or refused account of a purged user is, the row must not keep them for ever.
    [Fact]
    public async Task The_row_of_a_purged_user_is_forgotten_once_nothing_is_left_in_the_other_system()
    {
        await InsertAsync("app");
        var claim = (await ClaimAsync()).Single();
        await rows.SaveAsync(claim.Row with { State = ProvisioningState.Intent, TargetId = User }, release: false, [], CancellationToken.None);
        await database.TransactAsync(transaction => PurgedRows.ForgetSettledAsync(transaction, "users", User, [], clock.Now));
        (await OfUserAsync()).Count.ShouldBe(1);

        (await rows.SaveAsync(claim.Row with { State = ProvisioningState.Compensated }, release: true, [], CancellationToken.None)).ShouldBeTrue();

        (await OfUserAsync()).ShouldBeEmpty();
    }

    [Fact]
    public async Task What_will_be_sent_is_sealed_and_read_back_by_whoever_claims_the_row()
    {
        await InsertAsync("app");
        var claim = (await ClaimAsync()).Single();
        var intended = new IntendedAccount(new Fields([KeyValuePair.Create("email", FieldValue.Text("ann@example.org"))]), "a secret password") { PassedHandles = ["ann"] };
        await rows.SaveAsync(claim.Row with { State = ProvisioningState.Intent, Intended = intended }, release: true, [], CancellationToken.None);

        (await ClaimAsync()).Single().Row.Intended.ShouldBe(intended);
        var stored = await database.ReadAsync(transaction => transaction.ScalarAsync<byte[]>("SELECT creation FROM provisioning"));
        System.Text.Encoding.UTF8.GetString(stored!).ShouldNotContain("password");
        (await OfUserAsync()).Single().ToString().ShouldNotContain("a secret password");
    }

    [Fact]
    public async Task People_who_wait_come_first_and_the_backfill_keeps_its_share()
    {
        await InsertManyAsync("back", 10, ProvisioningLane.Backfill);
        clock.Now += TimeSpan.FromMinutes(1);
        await InsertManyAsync("person", 10, ProvisioningLane.Interactive);

        var claimed = await rows.ClaimAsync(ClaimOf(4) with { Backfill = 1 }, CancellationToken.None);

        claimed.Count(claim => claim.Row.Lane == ProvisioningLane.Interactive).ShouldBe(3);
        claimed.Count(claim => claim.Row.Lane == ProvisioningLane.Backfill).ShouldBe(1);
        (await rows.ClaimAsync(ClaimOf(20), CancellationToken.None)).Count.ShouldBe(16);
    }

    [Fact]
    public async Task Nobody_waits_behind_those_whom_the_config_does_not_want_yet()
    {
        await InsertManyAsync("unverified", 10, ProvisioningLane.Interactive);
        foreach (var claim in await ClaimAsync())
        {
            (await rows.SaveAsync(ProvisioningMachine.Next(claim.Row, new NotWantedYet(), clock.Now, 0), release: true, [], CancellationToken.None)).ShouldBeTrue();
        }

        clock.Now += TimeSpan.FromHours(3);
        await InsertManyAsync("person", 2, ProvisioningLane.Interactive);
        var one = ClaimOf(4) with { PerSecond = 1, Backfill = 1 };
        async Task<string> NextAsync(int since) => (await rows.ClaimAsync(one with { SinceBackfill = since }, CancellationToken.None)).Single().Row.Key.Account.ToText();

        (await NextAsync(0)).ShouldStartWith("person");
        clock.Now += TimeSpan.FromSeconds(1);
        (await NextAsync(3)).ShouldStartWith("unverified");
        await database.TransactAsync(transaction => ProvisioningRows.RequeueAsync(transaction, "users", new AccountId("unverified7"), "Verified.", clock.Now));
        clock.Now += TimeSpan.FromSeconds(1);
        (await NextAsync(0)).ShouldStartWith("person");
        clock.Now += TimeSpan.FromSeconds(1);
        (await NextAsync(1)).ShouldBe("unverified7");
    }

    [Fact]
    public async Task Who_is_asked_about_while_somebody_finds_nothing_to_do_stays_among_the_people()
    {
        await InsertManyAsync("person", 1, ProvisioningLane.Interactive);
        var claim = (await ClaimAsync()).Single();
        await database.TransactAsync(transaction => ProvisioningRows.RequeueAsync(transaction, "users", claim.Row.Key.Account, "Verified.", clock.Now));

        (await rows.SaveAsync(ProvisioningMachine.Next(claim.Row, new NotWantedYet(), clock.Now, 0), release: true, [], CancellationToken.None)).ShouldBeTrue();

        (await ClaimAsync()).Single().Row.Lane.ShouldBe(ProvisioningLane.Interactive);
    }

    [Fact]
    public async Task Who_gives_a_row_back_takes_the_next_with_it()
    {
        await InsertManyAsync("person", 3, ProvisioningLane.Interactive);
        var first = (await rows.ClaimAsync(ClaimOf(1), CancellationToken.None)).Single();

        var released = await rows.ReleaseAsync(Linked(first), ClaimOf(1), CancellationToken.None);

        released.Saved.ShouldBeTrue();
        var next = released.Next.Single();
        next.Row.Key.ShouldNotBe(first.Row.Key);
        next.Row.Epoch.ShouldBe(1);
        (await StatesAsync(first.Row.Key)).ShouldBe([ProvisioningState.Pending, ProvisioningState.Linked]);
        (await ClaimAsync()).Select(claim => claim.Row.Key).ShouldNotContain(next.Row.Key);
        (await rows.ReleaseAsync(Linked(next), ClaimOf(1), CancellationToken.None)).Next.ShouldBeEmpty();
    }

    [Fact]
    public async Task Who_has_lost_a_row_writes_nothing_of_it_and_takes_the_next_all_the_same()
    {
        await InsertManyAsync("person", 2, ProvisioningLane.Interactive);
        var lost = (await rows.ClaimAsync(ClaimOf(1), CancellationToken.None)).Single();
        clock.Now += Lease;
        var present = (await rows.ClaimAsync(ClaimOf(1), CancellationToken.None)).Single();
        present.Row.Key.ShouldBe(lost.Row.Key);

        var released = await rows.ReleaseAsync(Linked(lost), ClaimOf(1), CancellationToken.None);

        released.Saved.ShouldBeFalse();
        released.Next.Single().Row.Key.ShouldNotBe(lost.Row.Key);
        (await StatesAsync(lost.Row.Key)).ShouldBe([ProvisioningState.Pending]);
        (await rows.SaveAsync(Linked(present), release: true, [], CancellationToken.None)).ShouldBeTrue();
    }

    [Fact]
    public async Task A_row_about_which_somebody_asked_meanwhile_is_due_again_when_it_is_given_back_for_the_next()
    {
        await InsertAsync("app");
        var claim = (await ClaimAsync()).Single();
        await AskAsync();
        await InsertManyAsync("person", 1, ProvisioningLane.Interactive);

        var released = await rows.ReleaseAsync(Linked(claim), ClaimOf(1), CancellationToken.None);

        released.Saved.ShouldBeTrue();
        released.Next.Single().Row.Key.Account.ShouldBe(new AccountId("person0"));
        var again = (await ClaimAsync()).Single();
        again.Row.State.ShouldBe(ProvisioningState.Linked);
        again.Row.DueBecause.ShouldNotBeNull();
    }

    [Fact]
    public async Task With_a_row_that_is_given_back_the_next_of_the_backfill_is_taken_only_for_its_share()
    {
        await InsertManyAsync("back", 2, ProvisioningLane.Backfill);
        await InsertManyAsync("person", 2, ProvisioningLane.Interactive);
        var person = (await rows.ClaimAsync(ClaimOf(1), CancellationToken.None)).Single();

        var shared = await rows.ReleaseAsync(Linked(person), ClaimOf(1) with { Backfill = 1 }, CancellationToken.None);
        var others = await rows.ReleaseAsync(Linked(shared.Next.Single()), ClaimOf(1), CancellationToken.None);

        shared.Next.Single().Row.Lane.ShouldBe(ProvisioningLane.Backfill);
        others.Next.Single().Row.Lane.ShouldBe(ProvisioningLane.Interactive);
    }

    [Fact]
    public async Task A_system_with_a_rate_is_worked_on_no_faster_and_one_that_asked_for_a_pause_not_at_all()
    {
        await InsertManyAsync("person", 10, ProvisioningLane.Interactive);
        var limited = ClaimOf(10) with { PerSecond = 2 };

        // The bucket begins with one token and holds one second's.
        (await rows.ClaimAsync(limited, CancellationToken.None)).Count.ShouldBe(1);
        (await rows.ClaimAsync(limited, CancellationToken.None)).ShouldBeEmpty();
        clock.Now += TimeSpan.FromSeconds(0.5);
        (await rows.ClaimAsync(limited, CancellationToken.None)).Count.ShouldBe(1);
        clock.Now += TimeSpan.FromSeconds(60);
        (await rows.ClaimAsync(limited, CancellationToken.None)).Count.ShouldBe(2);

        await rows.PauseAsync("app", TimeSpan.FromSeconds(30), CancellationToken.None);
        await rows.PauseAsync("app", TimeSpan.FromSeconds(10), CancellationToken.None);
        clock.Now += TimeSpan.FromSeconds(29);
        (await rows.ClaimAsync(ClaimOf(10), CancellationToken.None)).ShouldBeEmpty();
        clock.Now += TimeSpan.FromSeconds(1);
        (await rows.ClaimAsync(ClaimOf(10), CancellationToken.None)).Count.ShouldBe(6);
    }

    [Fact]
    public async Task What_is_not_claimed_takes_its_turn_from_the_same_bucket()
    {
        await InsertManyAsync("person", 10, ProvisioningLane.Interactive);
        var limited = ClaimOf(10) with { PerSecond = 2 };
        Task<TimeSpan> TakeAsync() => rows.TakeTokenAsync("app", 2, CancellationToken.None);

        (await TakeAsync()).ShouldBe(TimeSpan.Zero);
        (await rows.ClaimAsync(limited, CancellationToken.None)).ShouldBeEmpty();
        (await TakeAsync()).ShouldBe(TimeSpan.FromSeconds(0.5));
        clock.Now += TimeSpan.FromSeconds(0.2);
        (await TakeAsync()).ShouldBe(TimeSpan.FromSeconds(0.3));
        clock.Now += TimeSpan.FromSeconds(0.3);
        (await rows.ClaimAsync(limited, CancellationToken.None)).Count.ShouldBe(1);
        (await TakeAsync()).ShouldBe(TimeSpan.FromSeconds(0.5));
        (await rows.TakeTokenAsync("other", 2, CancellationToken.None)).ShouldBe(TimeSpan.Zero);

        // However long nobody came: one second's, and no more.
        clock.Now += TimeSpan.FromMinutes(1);
        (await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => TakeAsync()))).Count(left => left == TimeSpan.Zero).ShouldBe(2);
    }

    [Fact]
    public async Task A_source_that_asked_for_a_pause_is_left_alone_too_and_the_pause_is_told()
    {
        await InsertManyAsync("person", 3, ProvisioningLane.Interactive);

        await rows.PauseAsync("users", TimeSpan.FromMinutes(5), CancellationToken.None);

        (await rows.ClaimAsync(ClaimOf(10), CancellationToken.None)).ShouldBeEmpty();
        (await rows.PausedForAsync("users", CancellationToken.None)).ShouldBe(TimeSpan.FromMinutes(5));
        (await rows.PausedForAsync("app", CancellationToken.None)).ShouldBe(TimeSpan.Zero);
        clock.Now += TimeSpan.FromMinutes(5);
        (await rows.ClaimAsync(ClaimOf(10), CancellationToken.None)).Count.ShouldBe(3);
        (await rows.PausedForAsync("users", CancellationToken.None)).ShouldBe(TimeSpan.Zero);
    }

    // PostgreSQL takes neither: the row whose trouble it tells would have no back-off.
    [Fact]
    public async Task A_problem_that_repeats_what_is_no_text_is_kept_all_the_same()
    {
        await InsertManyAsync("person", 1, ProvisioningLane.Interactive);
        var claimed = (await rows.ClaimAsync(ClaimOf(1), CancellationToken.None)).Single().Row;

        (await rows.SaveAsync(claimed with { Attempts = 1, Problem = "half \ud83d and \0 nothing" }, release: true, [], CancellationToken.None)).ShouldBeTrue();

        (await rows.ClaimAsync(ClaimOf(1), CancellationToken.None)).Single().Row.Problem.ShouldBe("half \ufffd and \ufffd nothing");
    }

    // docs/decisions/0093: what a clock wrote that was ahead is over once it is right.
    [Fact]
    public async Task A_clock_that_was_ahead_stops_no_system_once_it_is_right()
    {
        await InsertManyAsync("person", 10, ProvisioningLane.Interactive);
        var limited = ClaimOf(10) with { PerSecond = 2 };
        clock.Now += TimeSpan.FromDays(1);
        (await rows.ClaimAsync(limited, CancellationToken.None)).Count.ShouldBe(1);
        await rows.PauseAsync("app", TimeSpan.FromSeconds(30), CancellationToken.None);
        clock.Now -= TimeSpan.FromDays(1);

        (await rows.ClaimAsync(limited, CancellationToken.None)).Count.ShouldBe(2);
        (await rows.ClaimAsync(limited, CancellationToken.None)).ShouldBeEmpty();

        // A pause that is asked for now holds, whatever stood there; one that is a little ahead does, too.
        await rows.PauseAsync("app", TimeSpan.FromSeconds(30), CancellationToken.None);
        (await rows.ClaimAsync(ClaimOf(1), CancellationToken.None)).ShouldBeEmpty();
        clock.Now -= TimeSpan.FromSeconds(5);
        (await rows.ClaimAsync(ClaimOf(1), CancellationToken.None)).ShouldBeEmpty();
        clock.Now += TimeSpan.FromSeconds(35);
        (await rows.ClaimAsync(ClaimOf(1), CancellationToken.None)).Count.ShouldBe(1);
    }

    // A wrong source that makes everybody look gone must not disable everybody.
    [Fact]
    public async Task No_more_accounts_are_disabled_within_an_hour_than_the_guard_allows_however_many_ask_at_once()
    {
        await InsertManyAsync("person", 10, ProvisioningLane.Interactive);
        var claims = await rows.ClaimAsync(ClaimOf(10), CancellationToken.None);

        var answers = await Task.WhenAll(claims.Select(claim => rows.SaveDisablingAsync(claim.Row with { State = ProvisioningState.Compensating }, 3, CancellationToken.None)));

        answers.OfType<DisablingCounted>().Count().ShouldBe(3);
        answers.OfType<DisablingGuarded>().ShouldAllBe(guarded => guarded.RetryAfter > TimeSpan.Zero && guarded.RetryAfter <= TimeSpan.FromHours(1));
        (await database.ReadAsync(transaction => transaction.ScalarAsync<long>("SELECT count(*) FROM provisioning WHERE state = 'Compensating'"))).ShouldBe(3);
        // The same one asked again after a lost answer counts once.
        var counted = claims.Zip(answers).First(pair => pair.Second is DisablingCounted).First;
        (await rows.SaveDisablingAsync(counted.Row with { State = ProvisioningState.Compensating }, 3, CancellationToken.None)).ShouldBeOfType<DisablingCounted>();
        clock.Now += TimeSpan.FromHours(1);
        var waiting = claims.Zip(answers).First(pair => pair.Second is DisablingGuarded).First;
        (await rows.SaveDisablingAsync(waiting.Row with { State = ProvisioningState.Compensating }, 3, CancellationToken.None)).ShouldBeOfType<DisablingCounted>();
        (await rows.SaveDisablingAsync(waiting.Row with { Epoch = 9 }, 3, CancellationToken.None)).ShouldBeOfType<DisablingLost>();
    }

    // Else twice as many would go within a minute: at the end of one window and at the beginning of the next.
    [Fact]
    public async Task The_guard_holds_for_every_hour_whenever_it_begins()
    {
        await InsertManyAsync("person", 8, ProvisioningLane.Interactive);
        var waiting = new Queue<ClaimedRow>(await rows.ClaimAsync(ClaimOf(8), CancellationToken.None));
        async Task<TimeSpan?> DisableAsync(bool deleting = false)
        {
            var row = waiting.Peek().Row with { State = ProvisioningState.Compensating, Deleting = deleting };
            if (await rows.SaveDisablingAsync(row, 3, CancellationToken.None) is DisablingGuarded guarded)
            {
                return guarded.RetryAfter;
            }

            waiting.Dequeue();
            return null;
        }

        (await DisableAsync()).ShouldBeNull();
        clock.Now += TimeSpan.FromMinutes(59);
        (await DisableAsync()).ShouldBeNull();
        (await DisableAsync()).ShouldBeNull();
        (await DisableAsync()).ShouldBe(TimeSpan.FromMinutes(1));

        clock.Now += TimeSpan.FromMinutes(1);
        (await DisableAsync()).ShouldBeNull();
        (await DisableAsync()).ShouldBe(TimeSpan.FromMinutes(59));
        clock.Now += TimeSpan.FromMinutes(58);
        (await DisableAsync()).ShouldBe(TimeSpan.FromMinutes(1));

        clock.Now += TimeSpan.FromMinutes(1);
        (await DisableAsync()).ShouldBeNull();
        (await DisableAsync()).ShouldBeNull();
        (await DisableAsync()).ShouldBe(TimeSpan.FromMinutes(1));
    }

    // docs/decisions/0093: a clock that was ahead stops nobody once it is right.
    [Fact]
    public async Task What_a_clock_counted_that_was_ahead_holds_no_disabling_up()
    {
        await InsertManyAsync("person", 2, ProvisioningLane.Interactive);
        var claims = await rows.ClaimAsync(ClaimOf(2), CancellationToken.None);
        Task<DisablingAnswer> DisableAsync(int number) => rows.SaveDisablingAsync(claims[number].Row with { State = ProvisioningState.Compensating }, 1, CancellationToken.None);
        clock.Now += TimeSpan.FromMinutes(10);
        (await DisableAsync(0)).ShouldBeOfType<DisablingCounted>();
        clock.Now -= TimeSpan.FromMinutes(10);

        (await DisableAsync(1)).ShouldBeOfType<DisablingCounted>();
    }

    [Fact]
    public async Task A_late_arrival_is_counted_once_though_its_row_waited_for_it_before()
    {
        await InsertManyAsync("person", 2, ProvisioningLane.Interactive);
        var claims = await rows.ClaimAsync(ClaimOf(2), CancellationToken.None);
        var waiting = claims[0].Row with { State = ProvisioningState.Compensating, DueBecause = MayStillArrive.Reason };
        (await rows.SaveAsync(waiting, release: false, [], CancellationToken.None)).ShouldBeTrue();

        (await rows.SaveDisablingAsync(waiting with { DueBecause = null }, 0, CancellationToken.None)).ShouldBeOfType<DisablingGuarded>();
        (await rows.SaveDisablingAsync(waiting with { DueBecause = null }, 1, CancellationToken.None)).ShouldBeOfType<DisablingCounted>();
        (await rows.SaveDisablingAsync(waiting with { DueBecause = null }, 1, CancellationToken.None)).ShouldBeOfType<DisablingCounted>();

        (await rows.SaveDisablingAsync(claims[1].Row with { State = ProvisioningState.Compensating }, 1, CancellationToken.None)).ShouldBeOfType<DisablingGuarded>();
    }

    [Fact]
    public async Task A_disabling_that_got_no_answer_is_counted_once()
    {
        await InsertManyAsync("person", 2, ProvisioningLane.Interactive);
        var claims = await rows.ClaimAsync(ClaimOf(2), CancellationToken.None);
        var unanswered = claims[0].Row with { State = ProvisioningState.Compensating, DueBecause = UpdateUnanswered.Reason };

        (await rows.SaveDisablingAsync(unanswered, 2, CancellationToken.None)).ShouldBeOfType<DisablingCounted>();
        (await rows.SaveDisablingAsync(unanswered, 2, CancellationToken.None)).ShouldBeOfType<DisablingCounted>();

        (await rows.SaveDisablingAsync(claims[1].Row with { State = ProvisioningState.Compensating }, 2, CancellationToken.None)).ShouldBeOfType<DisablingCounted>();
    }

    [Fact]
    public async Task A_plan_takes_a_row_whatever_its_state_and_makes_it_where_it_is_missing()
    {
        var key = new ProvisioningKey("users", User, "app");
        var made = (await rows.ClaimAsync(key, Lease, CancellationToken.None)).ShouldNotBeNull();
        made.Row.State.ShouldBe(ProvisioningState.Pending);
        made.Row.Lane.ShouldBe(ProvisioningLane.Backfill);

        (await rows.ClaimAsync(key, Lease, CancellationToken.None)).ShouldBeNull();
        await rows.SaveAsync(made.Row with { State = ProvisioningState.Conflict, TargetId = User, Problem = "evidence" }, release: true, [], CancellationToken.None);

        var again = (await rows.ClaimAsync(key, Lease, CancellationToken.None)).ShouldNotBeNull();
        again.Row.State.ShouldBe(ProvisioningState.Intent);
        again.Row.Epoch.ShouldBe(made.Row.Epoch + 1);
    }

    [Fact]
    public async Task Administrators_see_how_many_wait_since_when_the_last_error_and_what_happened_to_one()
    {
        await InsertManyAsync("person", 3, ProvisioningLane.Interactive);
        clock.Now += TimeSpan.FromMinutes(5);
        await InsertAsync("app");
        var claims = await ClaimAsync();
        await rows.SaveAsync(claims[0].Row with { State = ProvisioningState.Conflict, Problem = "taken" }, release: true, [], CancellationToken.None);
        var unwanted = claims.Single(claim => claim.Row.Key.Account.Equals(User)).Row;
        clock.Now += TimeSpan.FromMinutes(1);
        await rows.SaveAsync(unwanted with { State = ProvisioningState.Intent, Problem = "down", Attempts = 1 }, release: true, [], CancellationToken.None);
        var reports = new ProvisioningReports(database, clock);

        var summary = (await reports.SummariseAsync(CancellationToken.None)).Single();
        summary.Counts.ShouldBe(new Dictionary<ProvisioningState, long> { [ProvisioningState.Conflict] = 1, [ProvisioningState.Intent] = 1, [ProvisioningState.Pending] = 2 }, ignoreOrder: true);
        summary.OldestWaiting.ShouldBe(clock.Now - TimeSpan.FromMinutes(6));
        (summary.LastProblem, summary.LastProblemAt).ShouldBe(("down", clock.Now));
        (await reports.ListAsync(new ProvisioningQuery(["app"], ProvisioningState.Conflict, 1, 10), CancellationToken.None)).Rows.Single().Row.Problem.ShouldBe("taken");
        (await reports.OfAccountAsync("users", User, CancellationToken.None)).Single().History.Select(happening => (happening.State, happening.What))
            .ShouldBe([(ProvisioningState.Pending, null), (ProvisioningState.Intent, "down")]);
    }

    // An unverified user is not a sign-up that got stuck.
    [Fact]
    public async Task A_row_that_the_config_does_not_want_yet_is_not_one_that_waits()
    {
        await InsertAsync("app");
        var claim = (await ClaimAsync()).Single();
        await rows.SaveAsync(claim.Row with { NotBefore = clock.Now.AddHours(1) }, release: true, [], CancellationToken.None);
        var reports = new ProvisioningReports(database, clock);

        (await reports.SummariseAsync(CancellationToken.None)).Single().OldestWaiting.ShouldBeNull();
    }

    [Theory]
    [InlineData(null)]
    [InlineData("The handle ann was not taken.")]
    public async Task The_oldest_waits_since_it_was_asked_about_however_old_its_row_is(string? note)
    {
        await InsertAsync("app");
        await rows.SaveAsync(Linked((await ClaimAsync()).Single()) with { Note = note }, release: true, [], CancellationToken.None);
        clock.Now += TimeSpan.FromDays(365);
        (await OldestAsync()).ShouldBeNull();
        await AskAsync();
        var asked = clock.Now;

        // Linked, and what it became can't be written for days.
        await FailAsync("refused (401)");
        clock.Now += TimeSpan.FromDays(1);
        await FailAsync("down (503)");
        clock.Now += TimeSpan.FromDays(1);
        (await OldestAsync()).ShouldBe(asked);

        var row = (await ClaimAsync()).Single().Row;
        (await rows.SaveDisablingAsync(row with { State = ProvisioningState.Compensating, DueBecause = null, Problem = null }, 1, CancellationToken.None)).ShouldBeOfType<DisablingCounted>();
        (await OldestAsync()).ShouldBe(asked);
        await rows.SaveAsync(row with { State = ProvisioningState.Compensated, DueBecause = null, Problem = null }, release: true, [], CancellationToken.None);
        (await OldestAsync()).ShouldBeNull();
        clock.Now += TimeSpan.FromDays(30);
        await AskAsync();
        (await OldestAsync()).ShouldBe(clock.Now);
        await rows.SaveAsync((await ClaimAsync()).Single().Row with { State = ProvisioningState.Conflict, Problem = "taken" }, release: true, [], CancellationToken.None);
        (await OldestAsync()).ShouldBeNull();
    }

    [Fact]
    public async Task Who_is_wanted_only_now_waits_since_now()
    {
        await InsertAsync("app");
        await rows.SaveAsync((await ClaimAsync()).Single().Row with { NotBefore = clock.Now.AddDays(400) }, release: true, [], CancellationToken.None);
        clock.Now += TimeSpan.FromDays(365);

        await AskAsync();
        var asked = clock.Now;
        clock.Now += TimeSpan.FromMinutes(5);

        (await OldestAsync()).ShouldBe(asked);
        await FailAsync("down (503)");
        clock.Now += TimeSpan.FromMinutes(5);
        (await OldestAsync()).ShouldBe(asked + TimeSpan.FromMinutes(5));
    }

    [Fact]
    public async Task A_rows_history_keeps_its_newest_lines()
    {
        await InsertAsync("app");
        for (var number = 0; number < 40; number++)
        {
            var claim = (await ClaimAsync()).Single();
            await rows.SaveAsync(claim.Row with { Problem = $"problem {number}" }, release: true, [], CancellationToken.None);
        }

        var history = (await new ProvisioningReports(database, clock).OfAccountAsync("users", User, CancellationToken.None)).Single().History;
        history.Count.ShouldBe(30);
        history[^1].What.ShouldBe("problem 39");
    }

    /// <summary>No process has this number: it is above the kernel's limit (proc(5), pid_max).</summary>
    private static LeaseHolder Dead => LeaseHolder.Current with { ProcessId = 4_194_305 };

    private ProvisioningRows RowsOf(LeaseHolder holder) => new(database, Secrets, clock, holder);

    private Task InsertAsync(params string[] systems)
        => database.TransactAsync(transaction => ProvisioningRows.InsertPending(transaction, "users", User, systems, clock.Now));

    private Task InsertManyAsync(string name, int count, ProvisioningLane lane)
        => database.TransactAsync(async transaction =>
        {
            for (var number = 0; number < count; number++)
            {
                await ProvisioningRows.InsertPending(transaction, "users", new AccountId($"{name}{number}"), ["app"], clock.Now, lane: lane);
            }
        });

    private async Task LinkAsync(string system)
    {
        await InsertAsync(system);
        var claim = (await ClaimAsync()).Single();
        await rows.SaveAsync(claim.Row with { State = ProvisioningState.Linked, TargetId = User }, release: true, [], CancellationToken.None);
    }

    private Task<int> AskAsync()
        => database.TransactAsync(transaction => ProvisioningRows.RequeueAsync(transaction, "users", User, "It changed.", clock.Now));

    private async Task FailAsync(string problem)
    {
        var row = (await ClaimAsync()).Single().Row;
        (await rows.SaveAsync(row with { Problem = problem, Attempts = row.Attempts + 1, NotBefore = clock.Now.AddHours(1) }, release: true, [], CancellationToken.None)).ShouldBeTrue();
    }

    private async Task<DateTimeOffset?> OldestAsync() => (await new ProvisioningReports(database, clock).SummariseAsync(CancellationToken.None)).Single().OldestWaiting;

    private static ProvisioningRow Linked(ClaimedRow claim) => claim.Row with { State = ProvisioningState.Linked, TargetId = User };

    /// <summary>What a row was, by its history.</summary>
    private async Task<IReadOnlyList<ProvisioningState>> StatesAsync(ProvisioningKey key)
        => [.. (await new ProvisioningReports(database, clock).OfAccountAsync(key.Source, key.Account, CancellationToken.None)).Single().History.Select(line => line.State)];

    private static ProvisioningClaim ClaimOf(int most, string system = "app") => new(system, most, 0, Lease, null);

    private async Task<IReadOnlyList<ProvisioningRow>> OfUserAsync()
        => [.. (await new ProvisioningReports(database, clock).OfAccountAsync("users", User, CancellationToken.None)).Select(status => status.Row)];

    private Task<IReadOnlyList<ClaimedRow>> ClaimAsync(string system = "app") => rows.ClaimAsync(ClaimOf(10, system), CancellationToken.None);

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
