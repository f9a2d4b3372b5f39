using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Core.Reconciliation;
using Selfsame.Testing;

namespace Selfsame.Core.Tests.Provisioning;

/// <summary>Linked accounts follow: changes, disabling, restoring; and the guard on disabling.</summary>
public sealed class FollowingTests
{
    private PasswordBench bench = new();

    [Fact]
    public async Task A_changed_address_reaches_the_linked_account()
    {
        await LinkAsync();
        bench.App.Put([.. PasswordBench.Person("1", "ann").Where(field => field.Item1 != "email"), ("email", "new@example.org")]);

        await AskAsync();

        bench.Rows.Only.State.ShouldBe(ProvisioningState.Linked);
        bench.Pds.Records.Single()["email"].AsText.ShouldBe("new@example.org");
    }

    [Fact]
    public async Task Who_is_disabled_is_disabled_also_where_a_changed_address_is_refused()
    {
        await LinkAsync();
        bench.Pds.RefusedEmails.Add("new@example.org");
        bench.App.Put([.. PasswordBench.Person("1", "ann", active: false).Where(field => field.Item1 != "email"), ("email", "new@example.org")]);

        await AskAsync();

        bench.Pds.Records.Single()["active"].ShouldBe(FieldValue.Boolean(false));
        bench.Pds.Records.Single()["email"].AsText.ShouldBe("1@example.org");
        bench.Rows.Only.State.ShouldBe(ProvisioningState.Conflict);
    }

    [Fact]
    public async Task The_second_update_leaves_only_while_the_lease_outlasts_it_too()
    {
        await LinkAsync();
        bench.Pds.RefusedEmails.Add("new@example.org");
        bench.App.Put([.. PasswordBench.Person("1", "ann", active: false).Where(field => field.Item1 != "email"), ("email", "new@example.org")]);
        var (clock, updates) = (new MovedClock(), 0);
        bench.Pds.BeforeUpdate = () =>
        {
            updates++;
            clock.Ahead += TimeSpan.FromSeconds(110);
        };
        bench.Rows.Ask();

        await Provisioner(bench.Topology, bench.Systems, clock).RunOnceAsync(CancellationToken.None);

        updates.ShouldBe(1);
        bench.Pds.Records.Single()["active"].ShouldBe(FieldValue.Boolean(true));
        clock.Ahead = TimeSpan.Zero;
        bench.Pds.BeforeUpdate = () => { };
        await bench.RunAsync();
        bench.Pds.Records.Single()["active"].ShouldBe(FieldValue.Boolean(false));
    }

    [Fact]
    public async Task Where_drift_is_only_reported_attributes_stay_and_disabling_follows_all_the_same()
    {
        bench = new PasswordBench(rule => rule with { Drifted = DriftedAction.Report });
        await LinkAsync();
        bench.App.Put([.. PasswordBench.Person("1", "ann", active: false).Where(field => field.Item1 != "email"), ("email", "new@example.org")]);

        await AskAsync();

        bench.Rows.Only.State.ShouldBe(ProvisioningState.Compensated);
        bench.Pds.Records.Single()["active"].ShouldBe(FieldValue.Boolean(false));
        bench.Pds.Records.Single()["email"].AsText.ShouldBe("1@example.org");
    }

    [Fact]
    public async Task Who_is_gone_is_disabled_never_deleted_and_enabled_again_when_restored()
    {
        await LinkAsync();
        bench.App.Remove("1");
        await AskAsync();
        bench.Rows.Only.State.ShouldBe(ProvisioningState.Compensated);
        bench.Pds.Records.Single()["active"].ShouldBe(FieldValue.Boolean(false));
        bench.App.Put(PasswordBench.Person("1", "ann"));

        await AskAsync();

        bench.Rows.Only.State.ShouldBe(ProvisioningState.Linked);
        bench.Pds.Records.Single()["active"].ShouldBe(FieldValue.Boolean(true));
        bench.Pds.Creations.ShouldBe(1);
    }

    // A moderator's takedown is not the service's to take back.
    [Fact]
    public async Task What_somebody_else_disabled_stays_disabled()
    {
        bench = new PasswordBench(rule => rule with { Drifted = DriftedAction.Report });
        await LinkAsync();
        bench.Pds.Set(bench.Rows.Only.TargetId!, "active", false);

        await AskAsync();

        bench.Rows.Only.State.ShouldBe(ProvisioningState.Linked);
        bench.Pds.Records.Single()["active"].ShouldBe(FieldValue.Boolean(false));
    }

    [Fact]
    public async Task No_more_are_disabled_within_an_hour_than_the_guard_allows_and_who_waits_says_so()
    {
        bench = new PasswordBench(guards: new Guards { MaxDisablesPerHour = 0 });
        await LinkAsync();
        bench.App.Remove("1");

        await AskAsync();

        bench.Rows.Only.State.ShouldBe(ProvisioningState.Linked);
        bench.Rows.Only.DueBecause.ShouldNotBeNull();
        bench.Rows.Only.Problem!.ShouldContain("maxDisablesPerHour");
        bench.Pds.Records.Single()["active"].ShouldBe(FieldValue.Boolean(true));
    }

    [Theory]
    [InlineData(ProvisioningCrashPoints.Claimed)]
    [InlineData(ProvisioningCrashPoints.DisablingDurable)]
    [InlineData(ProvisioningCrashPoints.UpdateLeft)]
    [InlineData(ProvisioningCrashPoints.OutcomeDurable)]
    public async Task A_disabling_that_crashes_anywhere_is_finished_and_counted_once(string point)
    {
        await LinkAsync();
        bench.App.Remove("1");
        bench.Rows.Ask();
        await Should.ThrowAsync<Crash>(bench.RunAsync(new CrashPoints(name =>
        {
            if (name == point)
            {
                throw new Crash();
            }
        })));

        await bench.RunAsync();

        bench.Rows.Only.State.ShouldBe(ProvisioningState.Compensated);
        bench.Rows.Disablings.ShouldBe(1);
    }

    [Fact]
    public async Task A_user_who_is_back_before_the_disabling_was_done_stays_active()
    {
        await LinkAsync();
        bench.App.Remove("1");
        bench.Rows.Ask();
        await Should.ThrowAsync<Crash>(bench.RunAsync(new CrashPoints(name =>
        {
            if (name == ProvisioningCrashPoints.UpdateLeft)
            {
                throw new Crash();
            }
        })));
        bench.App.Put(PasswordBench.Person("1", "ann"));

        await bench.RunAsync();

        bench.Rows.Only.State.ShouldBe(ProvisioningState.Linked);
        bench.Pds.Records.Single()["active"].ShouldBe(FieldValue.Boolean(true));
    }

    // Whoever reads before a change and writes after it must not have the last word.
    [Fact]
    public async Task What_is_changed_while_it_is_written_is_read_again_and_converges()
    {
        await LinkAsync();
        Address("second@example.org");
        bench.Rows.Ask();
        var changes = 0;

        await bench.RunAsync(new CrashPoints(name =>
        {
            if (name == ProvisioningCrashPoints.UpdateLeft && changes++ == 0)
            {
                Address("third@example.org");
            }
        }));

        bench.Pds.Records.Single()["email"].AsText.ShouldBe("third@example.org");
        bench.Rows.Only.State.ShouldBe(ProvisioningState.Linked);
        bench.Rows.Only.DueBecause.ShouldBeNull();
    }

    // It slept past its lease with the call about to leave: the other holder had looked before it arrived.
    [Fact]
    public async Task Who_lost_the_row_and_writes_last_has_it_looked_at_again()
    {
        bench = new PasswordBench(rule => rule with { Drifted = DriftedAction.Report });
        await LinkAsync();
        bench.App.Remove("1");
        bench.Rows.Ask();
        var slept = false;

        await bench.RunAsync(new CrashPoints(name =>
        {
            if (name == ProvisioningCrashPoints.DisablingDurable && !slept)
            {
                slept = true;
                bench.App.Put(PasswordBench.Person("1", "ann"));
                bench.RunAsync().IsCompletedSuccessfully.ShouldBeTrue();
                bench.Rows.Only.State.ShouldBe(ProvisioningState.Linked);
            }
        }));
        bench.Pds.Records.Single()["active"].ShouldBe(FieldValue.Boolean(false));

        await bench.RunAsync();

        bench.Rows.Only.State.ShouldBe(ProvisioningState.Linked);
        bench.Pds.Records.Single()["active"].ShouldBe(FieldValue.Boolean(true));
    }

    // The plan was read while it waited, and the account of the source went back meanwhile: all that the plan requires of the target still holds.
    [Fact]
    public async Task What_a_plan_made_of_an_older_source_is_looked_at_again()
    {
        await LinkAsync();
        Address("second@example.org");
        var plan = await bench.PlanAsync(1);
        Address("1@example.org");

        (await bench.ApplyAsync(plan)).Applied.ShouldBe(1);
        bench.Pds.Records.Single()["email"].AsText.ShouldBe("second@example.org");
        await bench.RunAsync();

        bench.Pds.Records.Single()["email"].AsText.ShouldBe("1@example.org");
    }

    [Fact]
    public async Task What_a_plan_disabled_of_an_older_source_the_service_enables()
    {
        await LinkAsync();
        bench.App.Put(PasswordBench.Person("1", "ann", active: false));
        var plan = await bench.PlanAsync(1);
        bench.App.Put(PasswordBench.Person("1", "ann"));

        (await bench.ApplyAsync(plan)).Applied.ShouldBe(1);
        bench.Rows.Only.Disabled.ShouldBeTrue();
        await bench.RunAsync();

        bench.Rows.Only.State.ShouldBe(ProvisioningState.Linked);
        bench.Pds.Records.Single()["active"].ShouldBe(FieldValue.Boolean(true));
    }

    [Fact]
    public async Task What_an_undo_put_back_stays_until_its_source_changes()
    {
        await LinkAsync();
        Address("second@example.org");
        var plan = await bench.PlanAsync(1);
        await bench.ApplyAsync(plan);
        await bench.RunAsync();

        (await bench.ApplyAsync(await bench.PlanUndoAsync(plan.Id, 2))).Applied.ShouldBe(1);
        await bench.RunAsync();

        bench.Pds.Records.Single()["email"].AsText.ShouldBe("1@example.org");
    }

    [Fact]
    public async Task One_slow_system_delays_no_other()
    {
        bench.Idp.Put(PasswordBench.Person("7", "ann"));
        bench.SignUp("1");
        bench.Rows.Only = InMemoryRows.New(new ProvisioningKey("idp", new AccountId("7"), "app"));
        var release = new TaskCompletionSource();
        // The slow one comes first: one lane after the other would wait for it.
        var provisioner = Provisioner(
            bench.Topology with { Rules = [.. bench.Topology.Rules.Reverse()] },
            new Dictionary<string, IConnectedSystem> { ["idp"] = bench.Idp, ["app"] = bench.App, ["pds"] = new SlowSystem(bench.Pds, () => release.Task) },
            TimeProvider.System);

        var round = provisioner.RunOnceAsync(CancellationToken.None);

        round.IsCompleted.ShouldBeFalse();
        bench.Rows.All.Single(row => row.Key.Source == "idp").State.ShouldBe(ProvisioningState.Linked);
        release.SetResult();
        await round;
    }

    [Fact]
    public async Task A_slow_row_holds_up_nothing_but_its_own_place()
    {
        bench = new PasswordBench { Rows = new InMemoryRows { KeepsLeases = true } };
        var clock = new VirtualClock(DateTimeOffset.UnixEpoch);
        var release = new TaskCompletionSource();
        var asked = 0;
        for (var number = 0; number < 8; number++)
        {
            bench.SignUp($"{number}");
        }

        var slow = new SlowSystem(bench.Pds, () => asked++ == 0 ? release.Task : Task.CompletedTask);
        var provisioner = Provisioner(bench.Topology, new Dictionary<string, IConnectedSystem> { ["app"] = bench.App, ["pds"] = slow, ["idp"] = bench.Idp }, clock);
        using var stop = new CancellationTokenSource();

        var running = provisioner.Lanes.Single(lane => lane.System == "pds").RunAsync(TimeSpan.FromSeconds(1), _ => { }, stop.Token);

        // The other three places did the other seven. Nothing can be made in this system, which is as good an end here as any.
        while (bench.Rows.All.Count(row => row.State != ProvisioningState.Pending) < 7)
        {
            clock.FireNext().ShouldBeTrue();
        }

        bench.Rows.All.Count(row => row.State == ProvisioningState.Pending).ShouldBe(1);
        release.SetResult();
        await stop.CancelAsync();
        await running;
    }

    [Fact]
    public async Task A_place_takes_its_next_row_with_the_one_that_it_gives_back_except_where_it_is_the_backfills_turn()
    {
        bench = new PasswordBench { Rows = new InMemoryRows { KeepsLeases = true } };
        var clock = new VirtualClock(DateTimeOffset.UnixEpoch);
        for (var number = 0; number < 40; number++)
        {
            bench.SignUp($"{number}");
        }

        using var stop = new CancellationTokenSource();
        var running = Lane(clock).RunAsync(TimeSpan.FromSeconds(1), _ => { }, stop.Token);
        while (bench.Rows.All.Any(row => row.State == ProvisioningState.Pending))
        {
            clock.FireNext().ShouldBeTrue();
        }

        await stop.CancelAsync();
        await running;
        bench.Rows.HandedOver.ShouldBeGreaterThanOrEqualTo(24);
        bench.Rows.All.Count(row => bench.Rows.IsHeld(row.Key)).ShouldBe(0);
    }

    [Fact]
    public async Task What_was_taken_with_a_row_that_was_given_back_is_given_back_too_when_the_work_ends()
    {
        bench = new PasswordBench { Rows = new InMemoryRows { KeepsLeases = true } };
        for (var number = 0; number < 8; number++)
        {
            bench.SignUp($"{number}");
        }

        using var stop = new CancellationTokenSource();
        bench.Rows.GivenBack = stop.Cancel;

        await Lane(new VirtualClock(DateTimeOffset.UnixEpoch)).RunAsync(TimeSpan.FromSeconds(1), _ => { }, stop.Token);

        bench.Rows.HandedOver.ShouldBeGreaterThan(0);
        bench.Rows.All.Count(row => row.State == ProvisioningState.Pending).ShouldBeGreaterThan(0);
        bench.Rows.All.Count(row => bench.Rows.IsHeld(row.Key)).ShouldBe(0);
    }

    [Fact]
    public async Task Places_that_give_rows_back_in_the_same_moment_do_not_step_over_the_backfills_turn()
    {
        bench = new PasswordBench { Rows = new InMemoryRows { KeepsLeases = true } };
        for (var number = 0; number < 8; number++)
        {
            bench.SignUp($"{number}");
        }

        var lane = Lane(new VirtualClock(DateTimeOffset.UnixEpoch));
        await lane.RunOnceAsync(CancellationToken.None);
        var row = bench.Rows.All.First() with { Lane = ProvisioningLane.Interactive };

        // Four were claimed, and the eighth is the backfill's: of those that ask before anybody was answered the fourth gets nothing, nor who comes after.
        var wanted = Enumerable.Range(0, 5).Select(_ => lane.NextAfter(row, CancellationToken.None)).ToList();

        wanted.Select(claim => claim?.Backfill).ShouldBe([0, 0, 0, null, null]);
    }

    private SystemLane Lane(VirtualClock clock)
        => Provisioner(bench.Topology, new Dictionary<string, IConnectedSystem> { ["app"] = bench.App, ["pds"] = bench.Pds, ["idp"] = bench.Idp }, clock)
            .Lanes.Single(lane => lane.System == "pds");

    private void Address(string email)
        => bench.App.Put([.. PasswordBench.Person("1", "ann").Where(field => field.Item1 != "email"), ("email", email)]);

    private async Task LinkAsync()
    {
        bench.SignUp("1", "ann");
        await bench.RunAsync();
        bench.Rows.Only.State.ShouldBe(ProvisioningState.Linked);
    }

    private async Task AskAsync()
    {
        bench.Rows.Ask();
        await bench.RunAsync();
    }

    private Provisioner Provisioner(Topology topology, IReadOnlyDictionary<string, IConnectedSystem> systems, TimeProvider clock) => new(new ProvisionerParts
    {
        Topology = topology,
        Systems = systems,
        Rows = bench.Rows,
        Keying = IdentifierKeys.TryKey,
        Clock = clock,
        Random = RandomSource.System,
        Unforeseen = (_, exception) => throw exception,
    });

    /// <summary>The real one, so much later.</summary>
    private sealed class MovedClock : TimeProvider
    {
        public TimeSpan Ahead { get; set; }

        public override long GetTimestamp() => base.GetTimestamp() + (long)(Ahead.TotalSeconds * TimestampFrequency);
    }

    /// <summary>Answers a question about its accounts when it is let.</summary>
    private sealed class SlowSystem(PasswordSystem system, Func<Task> release) : IReadsAccountsById
    {
        public AccountMapping Mapping => system.Mapping;

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;

        public Task<SystemFacts> DescribeAsync(CancellationToken cancellation) => system.DescribeAsync(cancellation);

        public async Task<IReadOnlyList<Account>> ReadByIdAsync(IReadOnlyList<AccountId> ids, CancellationToken cancellation)
        {
            await release();
            return await system.ReadByIdAsync(ids, cancellation);
        }
    }
}
