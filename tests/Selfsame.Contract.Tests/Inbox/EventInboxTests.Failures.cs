using Selfsame.Contract.Tests.Store;
using Selfsame.Core.Accounts;
using Selfsame.Databases;
using Selfsame.Store.Inbox;
using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Inbox;

/// <summary>Sources and accounts that fail, and the patience that they are met with.</summary>
public abstract partial class EventInboxTests
{
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

    // It ended there every minute, as if that were the end of the log.
    [Fact]
    public async Task A_sweep_that_can_not_get_past_a_page_fails_and_says_so_and_goes_on_when_it_is_gone()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var source = new Accounts { Log = { Event("1", "ss", Ann) } };
        var sweep = new InboxSweep(store.Context);
        (await sweep.RunAsync("idp", source, TestStore.Cancellation)).ShouldBe(new Received(1, 0));
        source.Log.Add(Event("2", "ss", Ann));
        source.NamelessLines = 100;

        var error = await Should.ThrowAsync<SystemUnavailableException>(() => sweep.RunAsync("idp", source, TestStore.Cancellation));

        error.Message.ShouldContain("after 1 has an id by which it could be read on; the first has no 'log_id' that is text.");
        source.NamelessLines = 0;
        (await sweep.RunAsync("idp", source, TestStore.Cancellation)).ShouldBe(new Received(1, 0));
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
}
