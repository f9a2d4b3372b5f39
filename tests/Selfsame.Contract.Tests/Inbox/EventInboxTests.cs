using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Selfsame.Contract.Tests.Store;
using Selfsame.Core;
using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Core.Reconciliation;
using Selfsame.Databases;
using Selfsame.Store;
using Selfsame.Store.Inbox;
using Selfsame.Store.Operations;
using Selfsame.Store.Provisioning;
using Selfsame.Store.Runs;
using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Inbox;

public sealed class EventInboxOnSqliteFileTests() : EventInboxTests(Backend.SqliteFile);

public sealed class EventInboxInSqliteMemoryTests() : EventInboxTests(Backend.SqliteMemory);

[Trait("needs", "postgresql")]
public sealed class EventInboxOnPostgreSqlTests() : EventInboxTests(Backend.PostgreSql);

/// <summary>What is promised of events, whatever brings them: they are hints, and none is lost or counts twice.</summary>
public abstract class EventInboxTests(Backend backend)
{
    private static readonly AccountId Ann = new("auth0|ann");

    [Fact]
    public async Task An_event_that_comes_again_is_kept_once_and_counted()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var inbox = new EventInbox(store.Context);

        (await ReceiveAsync(store, Event("1", "ss", Ann), Event("1", "ss", Ann), Event("2", "sv", Ann))).ShouldBe(new Received(2, 1));
        (await ReceiveAsync(store, Event("2", "sv", Ann))).ShouldBe(new Received(0, 1));
        (await inbox.ReceiveAsync("other", [Event("2", "sv", Ann)], "c", TestStore.Cancellation)).ShouldBe(new Received(1, 0));

        (await store.CountAsync("inbox")).ShouldBe(3);
        (await store.CountAsync("inbox", "deliveries = 2")).ShouldBe(2);
    }

    [Fact]
    public async Task Ten_thousand_events_in_one_body_are_durable_at_once_also_when_they_come_twice_at_the_same_time()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var events = Enumerable.Range(0, 10_000).Select(number => Event($"{number:D5}", "s", new AccountId($"auth0|{number % 100}"))).ToArray();

        var received = await Task.WhenAll(ReceiveAsync(store, events), ReceiveAsync(store, [.. events.Reverse()]));

        received.Sum(one => one.New).ShouldBe(10_000);
        received.Sum(one => one.Repeats).ShouldBe(10_000);
        (await store.CountAsync("inbox")).ShouldBe(10_000);
    }

    [Theory]
    [InlineData("ss")]
    [InlineData("sv")]
    [InlineData("fs")]
    [InlineData("sdu")]
    [InlineData("a type that nobody knows")]
    public async Task The_effect_follows_from_the_account_as_it_is_and_never_from_the_type(string type)
    {
        await using var store = await TestStore.CreateAsync(backend);
        var source = new Accounts();

        // Nobody is there: whatever the event says, nothing is made.
        await ReceiveAsync(store, Event("1", type, Ann));
        await WorkAsync(store, source);
        (await store.CountAsync("provisioning")).ShouldBe(0);

        // Ann is there: she is handed on once, whatever is said again, and how often.
        source.Present.Add(Ann);
        await ReceiveAsync(store, Event("2", type, Ann), Event("3", type, Ann));
        await WorkAsync(store, source);
        await ReceiveAsync(store, Event("2", type, Ann), Event("4", "sdu", Ann));
        await WorkAsync(store, source);
        (await store.QueryAsync<string>("SELECT source || ' ' || source_id || ' ' || system || ' ' || state FROM provisioning")).ShouldBe(["idp auth0|ann app Pending"]);
        (await store.CountAsync("inbox", "state = 'Done'")).ShouldBe(4);
    }

    [Fact]
    public async Task A_linked_row_is_looked_at_again_when_its_account_is_reported_and_also_when_it_is_gone()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var source = new Accounts { Present = { Ann } };
        await ReceiveAsync(store, Event("1", "ss", Ann));
        await WorkAsync(store, source);
        await store.ExecuteAsync("UPDATE provisioning SET state = 'Linked', target_id = 'auth0|ann'");

        source.Present.Clear();
        await ReceiveAsync(store, Event("2", "sdu", Ann));
        await WorkAsync(store, source);

        var due = (await store.QueryAsync<string>("SELECT due_because FROM provisioning WHERE state = 'Linked'")).ShouldHaveSingleItem();
        due.ShouldContain("sdu");
        (await store.QueryAsync<string>("SELECT correlation_id FROM provisioning")).ShouldBe(["correlation-of-2"]);
    }

    // A plan made the account, or it was there before there was a service: its person's first event is the last.
    [Fact]
    public async Task An_account_without_a_row_of_who_is_gone_is_looked_at_where_it_stands_under_the_same_id()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var (source, target) = (new Accounts(), new Accounts { Present = { Ann } });
        await ReceiveAsync(store, Event("1", "sdu", Ann), Event("2", "sdu", new AccountId("auth0|nobody")));

        await WorkAsync(store.Context, source, source, target: target);

        (await store.QueryAsync<string>("SELECT source_id || ' ' || system || ' ' || state || ' ' || correlation_id FROM provisioning")).ShouldBe(["auth0|ann app Pending correlation-of-1"]);
        (await store.CountAsync("inbox", "state = 'Done'")).ShouldBe(2);
        await ReceiveAsync(store, Event("3", "sdu", Ann));
        await WorkAsync(store.Context, source, source, target: target);
        target.Reads.ShouldBe(1, "of who has a row nothing is asked there");
    }

    [Fact]
    public async Task Where_the_target_of_who_is_gone_cant_be_read_the_event_waits_and_that_it_asks_for_patience_is_not_its_sources()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var source = new Accounts();
        await ReceiveAsync(store, Event("1", "sdu", Ann));

        await WorkAsync(store.Context, source, source, target: new Accounts { Problem = "429 in the target", RetryAfter = TimeSpan.FromMinutes(9) });

        (await store.QueryAsync<string>("SELECT outcome FROM inbox WHERE state = 'Waiting'")).ShouldBe(["429 in the target"]);
        (await store.QueryAsync<string>("SELECT system FROM provisioning_systems WHERE paused_until IS NOT NULL")).ShouldBe(["app"]);
    }

    [Fact]
    public async Task What_failed_is_worked_on_at_once_when_an_administrator_asks_and_what_somebody_has_is_left_alone()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var (down, up) = (new Accounts { Problem = "The secret was revoked." }, new Accounts { Present = { Ann } });
        await ReceiveAsync(store, Event("1", "ss", Ann));
        await WorkAsync(store, down);
        store.Clock.Advance(TimeSpan.FromSeconds(5));
        await WorkAsync(store, down);
        await new EventInbox(store.Context).ReceiveAsync("second", [Event("1", "ss", Ann)], "c", TestStore.Cancellation);
        await WorkAsync(store, down, down);
        await store.ExecuteAsync("UPDATE inbox SET leased_until = '2100-01-01' WHERE system = 'second'");
        var backlogs = new InboxBacklogs(store.Context);

        (await backlogs.RetryAsync("second", TestStore.Cancellation)).ShouldBe(0);
        (await backlogs.RetryAsync("nobody", TestStore.Cancellation)).ShouldBe(0);
        (await WorkAsync(store, up)).ShouldBe(0);
        (await backlogs.RetryAsync("idp", TestStore.Cancellation)).ShouldBe(1);
        (await WorkAsync(store, up)).ShouldBe(1);

        (await store.QueryAsync<string>("SELECT source FROM provisioning")).ShouldBe(["idp"]);
        (await backlogs.ReadAsync(TestStore.Cancellation)).Select(backlog => (backlog.System, backlog.Failing)).ShouldBe([("second", 1)]);

        // A system whose log is read is there, too, when nothing waits.
        await new InboxSweep(store.Context).RunAsync("idp", up, TestStore.Cancellation);
        (await backlogs.ReadAsync(TestStore.Cancellation))[0].ShouldBe(new InboxBacklog { System = "idp" });
    }

    [Fact]
    public async Task A_source_with_a_rate_is_read_no_faster_and_several_events_of_one_account_are_one_read()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var people = Enumerable.Range(1, 4).Select(number => new AccountId($"auth0|{number}")).ToArray();
        var source = new Accounts { Present = { people[0], people[1], people[2], people[3] } };
        await ReceiveAsync(store, [.. people.Select((person, index) => Event($"{index}", "ss", person)), Event("1b", "sv", people[1])]);
        Task<int> RunAsync() => WorkAsync(store.Context, source, source, new ProvisioningPace(PerSecond: 2));

        // The bucket begins with one token and holds one second's.
        (await RunAsync()).ShouldBe(1);
        (await RunAsync()).ShouldBe(0);
        store.Clock.Advance(TimeSpan.FromSeconds(1));
        (await RunAsync()).ShouldBe(2);
        (await store.CountAsync("provisioning")).ShouldBe(2);
        (await RunAsync()).ShouldBe(1);
        (await RunAsync()).ShouldBe(0);
        store.Clock.Advance(TimeSpan.FromMinutes(1));
        (await RunAsync()).ShouldBe(1);
        (await store.CountAsync("provisioning")).ShouldBe(4);
    }

    [Fact]
    public async Task The_id_of_each_delivery_that_had_an_account_looked_at_stands_in_the_history_of_its_row()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var source = new Accounts { Present = { Ann } };
        await ReceiveAsync(store, Event("1", "ss", Ann));
        await WorkAsync(store, source);

        // Two deliveries that are worked on together.
        await ReceiveAsync(store, Event("2", "s", Ann), Event("3", "s", Ann));
        await ReceiveAsync(store, Event("4", "sv", Ann));
        await WorkAsync(store, source);

        // The row goes on with one of them, and whatever it comes to bears that.
        (await store.QueryAsync<string>("SELECT correlation_id FROM provisioning_events UNION ALL SELECT correlation_id FROM provisioning ORDER BY 1"))
            .ShouldBe(["correlation-of-1", "correlation-of-2", "correlation-of-4"]);
    }

    // Ann was deleted while her account was being made, and a second event says so.
    [Fact]
    public async Task An_event_while_a_creation_may_still_arrive_has_it_looked_at_at_once_and_ends_no_wait()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var source = new Accounts { Present = { Ann } };
        await ReceiveAsync(store, Event("1", "ss", Ann));
        await WorkAsync(store, source);
        var rows = new ProvisioningRows(store.Database, store.Context.Secrets, store.Clock, LeaseHolder.Current);
        var claim = new ProvisioningClaim("app", 10, 0, TimeSpan.FromMinutes(2), null);
        var made = (await rows.ClaimAsync(claim, TestStore.Cancellation)).ShouldHaveSingleItem().Row;
        var waiting = ProvisioningMachine.Next(made with { State = ProvisioningState.Intent, TargetId = Ann }, new MayStillArrive(), store.Clock.GetUtcNow(), 0);
        await rows.SaveAsync(waiting, release: true, [], TestStore.Cancellation);
        (await rows.ClaimAsync(claim, TestStore.Cancellation)).ShouldBeEmpty();

        source.Present.Clear();
        await ReceiveAsync(store, Event("2", "sdu", Ann));
        await WorkAsync(store, source);

        var looked = (await rows.ClaimAsync(claim, TestStore.Cancellation)).ShouldHaveSingleItem().Row;
        (looked.State, looked.DueBecause).ShouldBe((ProvisioningState.Compensating, MayStillArrive.AskedMeanwhile));
        await ReceiveAsync(store, Event("3", "sdu", Ann));
        await WorkAsync(store, source);
        await rows.SaveAsync(ProvisioningMachine.Next(looked, new MayStillArrive(), store.Clock.GetUtcNow(), 0), release: true, [], TestStore.Cancellation);
        (await rows.ClaimAsync(claim, TestStore.Cancellation)).ShouldHaveSingleItem().Row.DueBecause.ShouldBe(MayStillArrive.AskedMeanwhile);
    }

    [Fact]
    public async Task Events_about_no_account_and_of_unknown_types_are_kept_counted_and_done()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await ReceiveAsync(store, Event("1", "limit_wc", null), Event("2", "limit_wc", null), Event("3", "", null));

        await WorkAsync(store, new Accounts());

        var report = (await new InboxReports(store.Context).ReadAsync(TestStore.Cancellation)).ShouldHaveSingleItem();
        report.Types.ShouldBe(new Dictionary<string, long> { ["limit_wc"] = 2, [""] = 1 }, ignoreOrder: true);
        (report.Waiting, report.Failing).ShouldBe((0, 0));
        report.LastReceived.ShouldBe(store.Clock.GetUtcNow());
    }

    [Fact]
    public async Task A_source_that_does_not_answer_keeps_its_events_shows_why_and_holds_no_other_up()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var (down, up) = (new Accounts { Problem = "'idp' is down." }, new Accounts { Present = { Ann } });
        await ReceiveAsync(store, Event("1", "ss", Ann));
        await new EventInbox(store.Context).ReceiveAsync("second", [Event("1", "ss", Ann)], "c", TestStore.Cancellation);

        await WorkAsync(store, down, up);

        (await store.QueryAsync<string>("SELECT source FROM provisioning")).ShouldBe(["second"]);
        var report = (await new InboxReports(store.Context).ReadAsync(TestStore.Cancellation)).Single(one => one.System == "idp");
        (report.Waiting, report.Failing, report.LastProblem).ShouldBe((1, 1, "'idp' is down."));
        report.OldestWaiting.ShouldBe(store.Clock.GetUtcNow());

        var backlogs = new InboxBacklogs(store.Context);
        (await backlogs.ReadAsync(TestStore.Cancellation)).ShouldBe(
            [new InboxBacklog { System = "idp", Waiting = 1, Failing = 1, OldestWaiting = store.Clock.GetUtcNow(), LastProblem = "'idp' is down." }]);

        // Not at once again, but later, and then it is done.
        (await WorkAsync(store, up, up)).ShouldBe(0);
        store.Clock.Advance(TimeSpan.FromSeconds(5));
        await WorkAsync(store, new Accounts { Present = { Ann } }, up);
        (await store.CountAsync("inbox", "state = 'Waiting'")).ShouldBe(0);
        (await store.CountAsync("provisioning")).ShouldBe(2);
    }

    [Fact]
    public async Task A_source_that_hangs_holds_no_other_up_and_gives_its_events_back_before_the_loan_ends()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var hanging = new Accounts { Hangs = true };
        await ReceiveAsync(store, Event("1", "ss", Ann));
        await new EventInbox(store.Context).ReceiveAsync("second", [Event("1", "ss", Ann)], "c", TestStore.Cancellation);

        var clock = new VirtualClock(store.Clock.GetUtcNow());
        var work = WorkAsync(store.Context with { Clock = clock }, hanging, new Accounts { Present = { Ann } });
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (await store.CountAsync("inbox", "state = 'Done'") == 0)
        {
            await Task.Delay(20, patience.Token);
        }

        work.IsCompleted.ShouldBeFalse();
        (await store.QueryAsync<string>("SELECT source FROM provisioning")).ShouldBe(["second"]);
        await hanging.Asked.Task.WaitAsync(patience.Token);
        clock.Advance(TimeSpan.FromMinutes(2));
        await work.WaitAsync(patience.Token);
        (await store.CountAsync("inbox", "state = 'Waiting' AND leased_until IS NULL AND outcome LIKE '%within 2 minutes%'")).ShouldBe(1);
    }

    [Fact]
    public async Task An_account_that_cant_be_read_holds_nobody_up_who_was_read_with_it()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var people = Enumerable.Range(0, 20).Select(number => new AccountId($"auth0|{number:D2}")).ToList();
        var source = new Accounts { Refused = { people[0], people[7] } };
        source.Present.UnionWith(people);
        await ReceiveAsync(store, [.. people.Select((person, number) => Event($"{number:D2}", "ss", person))]);

        await WorkAsync(store, source);

        (await store.CountAsync("provisioning")).ShouldBe(18);
        (await store.QueryAsync<string>("SELECT event_id FROM inbox WHERE state = 'Waiting' ORDER BY event_id")).ShouldBe(["00", "07"]);
    }

    // The first ones, too: that they can't be read does not show that the source is down.
    [Fact]
    public async Task Accounts_whose_answers_nobody_foresaw_hold_nobody_up_have_back_off_and_the_log_has_each_once()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var people = Enumerable.Range(0, 20).Select(number => new AccountId($"auth0|{number:D2}")).ToList();
        var source = new Accounts { Unforeseen = { people[0], people[1], people[2], people[3], people[9] } };
        source.Present.UnionWith(people);
        await ReceiveAsync(store, [.. people.Select((person, number) => Event($"{number:D2}", "ss", person))]);
        var log = new ExceptionLog();

        await WorkAsync(store.Context with { Logger = log }, source, source);

        (await store.CountAsync("provisioning")).ShouldBe(15);
        (await store.QueryAsync<string>("SELECT event_id FROM inbox WHERE state = 'Waiting' AND leased_until IS NULL ORDER BY event_id")).ShouldBe(["00", "01", "02", "03", "09"]);
        (await store.QueryAsync<string>("SELECT outcome FROM inbox WHERE event_id = '09'")).ShouldHaveSingleItem()
            .ShouldBe("'idp' gave an answer about auth0|09 that can't be read (InvalidOperationException). Nothing was concluded from it.");
        (await store.QueryAsync<DateTimeOffset>("SELECT not_before FROM inbox WHERE state = 'Waiting'")).ShouldAllBe(time => time > store.Clock.GetUtcNow());
        log.Exceptions.Count.ShouldBe(5);
        log.Exceptions.ShouldAllBe(exception => exception is InvalidOperationException);
    }

    [Fact]
    public async Task One_accounts_event_whose_work_fails_in_a_way_that_nobody_foresaw_holds_no_other_up()
    {
        var faults = new RefusedCommit();
        await using var store = await TestStore.CreateAsync(backend, new TestStoreOptions { Faults = faults });
        var source = new Accounts { Present = { Ann, new AccountId("auth0|bob") } };
        await ReceiveAsync(store, Event("1", "ss", Ann), Event("2", "ss", new AccountId("auth0|bob")));
        var log = new ExceptionLog();

        faults.At(2, new KeyNotFoundException("What is this?"));
        await WorkAsync(store.Context with { Logger = log }, source, source);

        (await store.CountAsync("provisioning")).ShouldBe(1);
        (await store.CountAsync("inbox", "state = 'Waiting' AND leased_until IS NULL AND outcome LIKE '%KeyNotFoundException%'")).ShouldBe(1);
        log.Exceptions.ShouldHaveSingleItem().ShouldBeOfType<KeyNotFoundException>();
    }

    // PostgreSQL takes neither: the row whose trouble it tells would have no back-off.
    [Fact]
    public async Task A_problem_that_repeats_what_is_no_text_is_kept_all_the_same()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await ReceiveAsync(store, Event("1", "ss", Ann));

        await WorkAsync(store, new Accounts { Problem = "'idp' said: half \ud83d and \0 nothing" });

        (await store.QueryAsync<string>("SELECT outcome FROM inbox WHERE leased_until IS NULL")).ShouldBe(["'idp' said: half \ufffd and \ufffd nothing"]);
    }

    [Fact]
    public async Task Of_a_source_that_is_down_no_more_is_asked_than_shows_it_and_its_events_come_back_one_by_one()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var down = new Accounts { Problem = "down" };
        await ReceiveAsync(store, [.. Enumerable.Range(0, 50).Select(number => Event($"{number:D2}", "ss", new AccountId($"auth0|{number:D2}")))]);

        await WorkAsync(store, down);

        down.Reads.ShouldBe(4);
        (await store.CountAsync("inbox", "state = 'Waiting' AND outcome = 'down'")).ShouldBe(50);
        (await store.QueryAsync<DateTimeOffset>("SELECT not_before FROM inbox")).Distinct().Count().ShouldBeGreaterThan(40);
    }

    [Fact]
    public async Task One_accounts_event_that_cant_be_written_shows_why_and_holds_no_other_accounts_up()
    {
        var faults = new RefusedCommit();
        await using var store = await TestStore.CreateAsync(backend, new TestStoreOptions { Faults = faults });
        var (bob, cid) = (new AccountId("auth0|bob"), new AccountId("auth0|cid"));
        var source = new Accounts { Present = { Ann, bob, cid } };
        await ReceiveAsync(store, Event("1", "ss", Ann), Event("2", "ss", bob), Event("3", "ss", cid));

        // The first commit takes them on loan, the third is the second account's.
        faults.At(3, new LockTimeoutException("A row was held for too long."));
        await WorkAsync(store, source);

        (await store.CountAsync("provisioning")).ShouldBe(2);
        var report = (await new InboxReports(store.Context).ReadAsync(TestStore.Cancellation)).ShouldHaveSingleItem();
        (report.Waiting, report.Failing, report.LastProblem).ShouldBe((1, 1, "A row was held for too long."));
        store.Clock.Advance(TimeSpan.FromSeconds(5));
        await WorkAsync(store, source);
        (await store.CountAsync("provisioning")).ShouldBe(3);
        (await store.CountAsync("inbox", "state = 'Done'")).ShouldBe(3);
    }

    [Fact]
    public async Task A_lost_commit_answer_has_the_event_worked_on_again()
    {
        var faults = new RefusedCommit();
        await using var store = await TestStore.CreateAsync(backend, new TestStoreOptions { Faults = faults });
        await ReceiveAsync(store, Event("1", "ss", Ann));

        faults.At(2, new CommitUnknownException("lost"));
        await WorkAsync(store, new Accounts { Present = { Ann } });

        (await store.CountAsync("inbox", "state = 'Done'")).ShouldBe(1);
        (await store.CountAsync("provisioning")).ShouldBe(1);
    }

    // PostgreSQL takes no half of a character.
    [Fact]
    public async Task A_long_type_is_cut_between_two_characters()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var source = new Accounts { Present = { Ann } };
        await ReceiveAsync(store, Event("1", "ss", Ann));
        await WorkAsync(store, source);
        await store.ExecuteAsync("UPDATE provisioning SET state = 'Linked', target_id = 'auth0|ann'");

        await ReceiveAsync(store, Event("2", new string('x', 39) + "\U0001F600 and more", Ann));
        await WorkAsync(store, source);

        (await store.QueryAsync<string>("SELECT due_because FROM provisioning")).ShouldHaveSingleItem().ShouldContain(new string('x', 39) + "\U0001F600'");
    }

    [Fact]
    public async Task A_source_that_asks_to_be_called_later_is_asked_once_and_left_alone_by_all_nodes_as_long_as_it_said()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var busy = new Accounts { Problem = "429", RetryAfter = TimeSpan.FromMinutes(5) };
        var people = Enumerable.Range(0, 20).Select(number => new AccountId($"auth0|{number:D2}")).ToList();
        await ReceiveAsync(store, [.. people.Select((person, number) => Event($"{number:D2}", "ss", person))]);

        await WorkAsync(store, busy);
        await ReceiveAsync(store, Event("later", "ss", Ann));
        store.Clock.Advance(TimeSpan.FromMinutes(4));
        (await WorkAsync(store, busy)).ShouldBe(0);
        await new InboxSweep(store.Context).RunAsync("idp", busy, TestStore.Cancellation);

        busy.Reads.ShouldBe(1);
        (await store.CountAsync("inbox", "state = 'Waiting' AND leased_until IS NULL")).ShouldBe(21);
        store.Clock.Advance(TimeSpan.FromMinutes(1));
        var free = new Accounts { Present = { Ann } };
        free.Present.UnionWith(people);
        (await WorkAsync(store, free)).ShouldBe(21);
        (await store.CountAsync("inbox", "state = 'Done'")).ShouldBe(21);
    }

    [Fact]
    public async Task A_log_that_asks_to_be_read_later_is_left_alone_as_long_as_it_said()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var busy = new Accounts { Problem = "429", RetryAfter = TimeSpan.FromMinutes(5), LogIsBusy = true };
        var sweep = new InboxSweep(store.Context);

        await Should.ThrowAsync<SystemUnavailableException>(() => sweep.RunAsync("idp", busy, TestStore.Cancellation));
        (await sweep.RunAsync("idp", busy, TestStore.Cancellation)).ShouldBe(new Received(0, 0));
        store.Clock.Advance(TimeSpan.FromMinutes(5));
        await Should.ThrowAsync<SystemUnavailableException>(() => sweep.RunAsync("idp", busy, TestStore.Cancellation));
    }

    [Fact]
    public async Task Failures_come_further_and_further_apart_and_never_end()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var down = new Accounts { Problem = "down" };
        await ReceiveAsync(store, Event("1", "ss", Ann));

        var pauses = new List<double>();
        for (var attempt = 0; attempt < 14; attempt++)
        {
            (await WorkAsync(store, down)).ShouldBe(1);
            var next = (await store.QueryAsync<DateTimeOffset>("SELECT not_before FROM inbox")).Single();
            pauses.Add((next - store.Clock.GetUtcNow()).TotalSeconds);
            store.Clock.Advance(next - store.Clock.GetUtcNow());
        }

        pauses[0].ShouldBeInRange(2.5, 5);
        pauses[^1].ShouldBeInRange(450, 900);
        pauses.Zip(pauses.Skip(1)).Take(6).ShouldAllBe(pair => pair.Second > pair.First);
    }

    [Fact]
    public async Task An_event_on_loan_is_nobody_elses_and_is_due_again_when_its_holder_died()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var inbox = new EventInbox(store.Context);
        await ReceiveAsync(store, Event("1", "ss", Ann));

        (await inbox.ClaimAsync("idp", 10, TimeSpan.FromMinutes(5), TestStore.Cancellation)).Count.ShouldBe(1);
        (await inbox.ClaimAsync("idp", 10, TimeSpan.FromMinutes(5), TestStore.Cancellation)).ShouldBeEmpty();
        store.Clock.Advance(TimeSpan.FromMinutes(5));

        (await inbox.ClaimAsync("idp", 10, TimeSpan.FromMinutes(5), TestStore.Cancellation)).Single().Attempt.ShouldBe(2);
    }

    // It read "not there" before it slept; meanwhile the account was made again and proved its e-mail.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_node_that_slept_past_its_loan_changes_nothing_when_it_wakes(bool takenByAnother)
    {
        await using var store = await TestStore.CreateAsync(backend);
        var (asleep, awake) = (new TaskCompletionSource(), new TaskCompletionSource());
        var before = new Accounts { BeforeAnswer = async () => { asleep.SetResult(); await awake.Task; } };
        await ReceiveAsync(store, Event("1", "sdu", Ann));
        var sleeping = WorkAsync(store, before);
        await asleep.Task.WaitAsync(TestStore.Cancellation);

        store.Clock.Advance(TimeSpan.FromMinutes(5));
        var now = new Accounts { Present = { Ann } };
        await ReceiveAsync(store, Event("2", "sv", Ann));
        if (takenByAnother)
        {
            await WorkAsync(store, now);
        }
        else
        {
            // The new event alone is worked on by a node that holds the old one not at all.
            await store.ExecuteAsync("UPDATE inbox SET not_before = '2100-01-01' WHERE event_id = '1'");
            await WorkAsync(store, now);
        }

        var settled = await StateAsync(store);
        awake.SetResult();
        await sleeping;

        (await StateAsync(store)).ShouldBe(settled);
        (await VerificationEvents.CountsOf(store.Database, "idp")(null, TestStore.Cancellation))[Ann].ShouldBe(1);
        (await store.CountAsync("inbox", "event_id = '1' AND state = 'Done'")).ShouldBe(takenByAnother ? 1 : 0);
    }

    [Fact]
    public async Task A_node_that_slept_past_its_loan_takes_no_other_holders_loan_away()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var (asleep, awake) = (new TaskCompletionSource(), new TaskCompletionSource());
        var down = new Accounts { Problem = "down", BeforeAnswer = async () => { asleep.SetResult(); await awake.Task; } };
        await ReceiveAsync(store, Event("1", "ss", Ann));
        var sleeping = WorkAsync(store, down);
        await asleep.Task.WaitAsync(TestStore.Cancellation);
        store.Clock.Advance(TimeSpan.FromMinutes(5));
        (await new EventInbox(store.Context).ClaimAsync("idp", 10, TimeSpan.FromMinutes(5), TestStore.Cancellation)).Count.ShouldBe(1);
        var settled = await StateAsync(store);

        awake.SetResult();
        await sleeping;

        (await StateAsync(store)).ShouldBe(settled);
        settled.Single().ShouldContain("Waiting");
    }

    [Theory]
    [InlineData(InboxCrashPoints.Claimed)]
    [InlineData(InboxCrashPoints.AccountsRead)]
    [InlineData(InboxCrashPoints.Done)]
    public async Task A_death_anywhere_in_the_work_leaves_each_event_done_once_in_the_end(string point)
    {
        await using var store = await TestStore.CreateAsync(backend);
        var source = new Accounts { Present = { Ann } };
        await ReceiveAsync(store, Event("1", "sv", Ann));
        var dying = store.Context with { CrashPoints = new CrashPoints(reached => { if (reached == point) { throw new InvalidOperationException("It died."); } }) };

        (await Should.ThrowAsync<InvalidOperationException>(() => WorkAsync(dying, source, source))).Message.ShouldBe("It died.");
        store.Clock.Advance(TimeSpan.FromMinutes(5));
        await WorkAsync(store, source);

        (await store.CountAsync("inbox", "state = 'Done'")).ShouldBe(1);
        (await store.CountAsync("provisioning")).ShouldBe(1);
        (await store.CountAsync("verification_events")).ShouldBe(1);
    }

    [Fact]
    public async Task The_verification_count_is_the_size_of_a_set_of_event_ids_and_goes_with_the_account()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var source = new Accounts { Present = { Ann } };
        var counts = VerificationEvents.CountsOf(store.Database, "idp");
        await ReceiveAsync(store, Event("1", "sv", Ann), Event("1", "sv", Ann), Event("2", "sv", Ann), Event("3", "ss", Ann));
        await WorkAsync(store, source);

        // Once more, after the inbox has forgotten that it had it.
        await store.ExecuteAsync("DELETE FROM inbox");
        await ReceiveAsync(store, Event("1", "sv", Ann));
        await WorkAsync(store, source);

        (await counts([Ann, new AccountId("auth0|bob")], TestStore.Cancellation)).ShouldBe(new Dictionary<AccountId, long> { [Ann] = 2 });
        (await counts(null, TestStore.Cancellation))[Ann].ShouldBe(2);
        source.Present.Clear();
        await ReceiveAsync(store, Event("4", "sv", Ann));
        await WorkAsync(store, source);
        (await counts(null, TestStore.Cancellation)).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_sweep_brings_what_was_lost_once_and_goes_on_from_its_checkpoint()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var source = new Accounts { Present = { Ann }, Log = [.. Enumerable.Range(1, 25).Select(number => Event($"{number:D2}", "ss", Ann))] };
        var sweep = new InboxSweep(store.Context);
        await ReceiveAsync(store, Event("03", "ss", Ann), Event("24", "ss", Ann));

        (await sweep.RunAsync("idp", source, TestStore.Cancellation)).ShouldBe(new Received(23, 2));
        (await sweep.RunAsync("idp", source, TestStore.Cancellation)).ShouldBe(new Received(0, 0));
        source.Log.Add(Event("26", "sv", Ann));
        (await sweep.RunAsync("idp", source, TestStore.Cancellation)).ShouldBe(new Received(1, 0));

        (await new EventInbox(store.Context).CheckpointAsync("idp", TestStore.Cancellation)).ShouldBe("26");
        (await store.CountAsync("inbox")).ShouldBe(26);
    }

    [Fact]
    public async Task What_is_done_is_forgotten_after_a_month_and_what_waits_never()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await ReceiveAsync(store, Event("1", "ss", Ann));
        await WorkAsync(store, new Accounts());
        await ReceiveAsync(store, Event("2", "ss", Ann));
        store.Clock.Advance(TimeSpan.FromDays(31));

        await new Housekeeping(store.Context).ExecuteAsync(TestStore.Cancellation);

        (await store.QueryAsync<string>("SELECT event_id FROM inbox")).ShouldBe(["2"]);
    }

    /// <summary>Every event as it stands.</summary>
    private static Task<List<string>> StateAsync(TestStore store)
        => store.QueryAsync<string>("SELECT event_id || ' ' || state || ' ' || attempts || ' ' || coalesce(outcome, '') || ' ' || coalesce(CAST(leased_until AS text), '') FROM inbox ORDER BY event_id");

    private static SystemEvent Event(string id, string type, AccountId? account) => new() { Id = id, Type = type, Account = account, ProvesEmail = type == "sv" };

    private static Task<Received> ReceiveAsync(TestStore store, params SystemEvent[] events)
        => new EventInbox(store.Context).ReceiveAsync("idp", events, $"correlation-of-{events[0].Id}", TestStore.Cancellation);

    private static Task<int> WorkAsync(TestStore store, Accounts idp, Accounts? second = null) => WorkAsync(store.Context, idp, second ?? idp);

    private static async Task<int> WorkAsync(StoreContext context, Accounts idp, Accounts second, ProvisioningPace? pace = null, Accounts? target = null)
    {
        SystemConfig Config(string name)
            => new() { Name = name, Connector = "x", Settings = new Dictionary<string, string>(), Mapping = Accounts.People, Pace = pace ?? new ProvisioningPace() };
        var topology = new Topology
        {
            Systems = new[] { "idp", "second", "app" }.ToDictionary(name => name, Config),
            Rules = [.. new[] { "idp", "second" }.Select(source => new ReconcileRule { Source = source, Target = "app", Correlate = [CorrelationRule.ById], Missing = MissingAction.CreateInTarget })],
            Tenants = new Dictionary<string, TenantConfig>(),
            Fingerprint = "",
        };
        var systems = new Dictionary<string, IConnectedSystem> { ["idp"] = idp, ["second"] = second };
        _ = target is null || systems.TryAdd("app", target);
        return await new InboxWork(context, topology, systems).RunOnceAsync(TestStore.Cancellation);
    }

    /// <summary>The database fails at one commit.</summary>
    private sealed class RefusedCommit : TransactionFaults
    {
        private int left;
        private Exception? failure;

        public void At(int commit, Exception exception) => (left, failure) = (commit, exception);

        public override void BeforeCommit()
        {
            if (failure is not null && --left == 0)
            {
                throw failure;
            }
        }
    }

    /// <summary>The exceptions that were logged.</summary>
    private sealed class ExceptionLog : ILogger
    {
        public ConcurrentQueue<Exception> Exceptions { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (exception is not null)
            {
                Exceptions.Enqueue(exception);
            }
        }
    }

    /// <summary>A source in memory: who is there, its log, and why it can't be read.</summary>
    private sealed class Accounts : IReadsAccountsById, IReportsEvents
    {
        private const int PageSize = 10;

        public static AccountMapping People { get; } = new() { Id = ["id"], Identifiers = new Dictionary<IdentifierKind, string>() };

        public HashSet<AccountId> Present { get; } = [];

        public List<SystemEvent> Log { get; init; } = [];

        public string? Problem { get; init; }

        /// <summary>Accounts that can't be read, nor others together with them.</summary>
        public HashSet<AccountId> Refused { get; } = [];

        /// <summary>Accounts whose answers the connector stumbles over.</summary>
        public HashSet<AccountId> Unforeseen { get; } = [];

        public bool Hangs { get; init; }

        /// <summary>What happens between a question and its answer, which is as it was when it was asked.</summary>
        public Func<Task> BeforeAnswer { get; init; } = () => Task.CompletedTask;

        /// <summary>For how long it asks to be left alone, with its problem.</summary>
        public TimeSpan? RetryAfter { get; init; }

        public bool LogIsBusy { get; init; }

        public TaskCompletionSource Asked { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int Reads { get; private set; }

        public AccountMapping Mapping => People;

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;

        public Task<SystemFacts> DescribeAsync(CancellationToken cancellation) => Task.FromResult(new SystemFacts { TakesChosenId = true, AtomicPreconditions = true });

        public async Task<IReadOnlyList<Account>> ReadByIdAsync(IReadOnlyList<AccountId> ids, CancellationToken cancellation)
        {
            Reads++;
            Asked.TrySetResult();
            if (Hangs)
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, cancellation);
            }

            await BeforeAnswer();
            if (ids.Any(Unforeseen.Contains))
            {
                throw new InvalidOperationException("Cannot read incomplete UTF-16.");
            }

            return (Problem ?? (ids.Any(Refused.Contains) ? "400 for one of them" : null)) is { } problem
                ? throw new SystemUnavailableException(problem) { RetryAfter = RetryAfter }
                : [.. ids.Where(Present.Contains).Select(id => People.ToAccount(new Fields([new("id", FieldValue.Text(id.ToString()))]))!)];
        }

        public EventReading ReadBody(ReadOnlyMemory<byte> body) => throw new NotSupportedException();

        public Task<EventPage> ReadEventsAsync(string? checkpoint, DateTimeOffset since, CancellationToken cancellation)
        {
            if (LogIsBusy)
            {
                throw new SystemUnavailableException(Problem!) { RetryAfter = RetryAfter };
            }

            var page = Log.Where(one => string.CompareOrdinal(one.Id, checkpoint) > 0).Take(PageSize).ToList();
            return Task.FromResult(new EventPage(page, page.Count > 0 ? page[^1].Id : checkpoint, page.Count == 0));
        }

        public Task<EventDelivery> DescribeDeliveryAsync(CancellationToken cancellation) => throw new NotSupportedException();
    }
}
