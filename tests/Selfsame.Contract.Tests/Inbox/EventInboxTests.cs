using Selfsame.Contract.Tests.Store;
using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Core.Reconciliation;
using Selfsame.Store;
using Selfsame.Store.Inbox;
using Selfsame.Store.Operations;
using Selfsame.Store.Provisioning;
using Selfsame.Store.Runs;

namespace Selfsame.Contract.Tests.Inbox;

public sealed class EventInboxOnSqliteFileTests() : EventInboxTests(Backend.SqliteFile);

public sealed class EventInboxInSqliteMemoryTests() : EventInboxTests(Backend.SqliteMemory);

[Trait("needs", "postgresql")]
public sealed class EventInboxOnPostgreSqlTests() : EventInboxTests(Backend.PostgreSql);

/// <summary>What is promised of events, whatever brings them: they are hints, and none is lost or counts twice.</summary>
public abstract partial class EventInboxTests(Backend backend)
{
    private static readonly AccountId Ann = new("auth0|ann");

    // CASES 16: the creation event arrives two or three times (firebase/firebase-functions#62).
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

    // CASES 16: out of order, or for a user who is gone.
    [Theory]
    [InlineData("ss")]
    [InlineData("sv")]
    [InlineData("sce")]
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

        (await new EventInbox(store.Context).CheckpointAsync("idp", TestStore.Cancellation)).Checkpoint.ShouldBe("26");
        (await store.CountAsync("inbox")).ShouldBe(26);
    }

    [Fact]
    public async Task Where_the_log_knows_its_checkpoint_no_longer_a_sweep_goes_back_behind_the_last_one()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var source = new Accounts { Present = { Ann }, Log = [Event("1", "ss", Ann)] };
        var sweep = new InboxSweep(store.Context);
        await sweep.RunAsync("idp", source, TestStore.Cancellation);
        var last = store.Context.Now();
        store.Clock.Advance(TimeSpan.FromDays(2));

        await sweep.RunAsync("idp", source, TestStore.Cancellation);

        source.ReadSince.ShouldBe(last - InboxSweep.FirstLook);
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
        if (target is not null)
        {
            systems.Add("app", target);
        }

        return await new InboxWork(context, topology, systems).RunOnceAsync(TestStore.Cancellation);
    }
}
