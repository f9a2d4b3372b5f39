using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Tests.Reconciliation;

/// <summary>Several merges at the same time, where a system takes them.</summary>
public sealed class SimultaneousMergeTests
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task Merges_that_have_nothing_in_common_are_made_at_the_same_time()
    {
        var world = ThreePairs(atOnce: 3);
        var (arrived, all) = (0, new TaskCompletionSource());
        world.System.Arriving = () =>
        {
            if (++arrived == 3)
            {
                all.SetResult();
            }

            return all.Task;
        };

        (await world.ApplyAsync(await world.PlanAsync()).WaitAsync(Long)).IsComplete.ShouldBeTrue();

        world.Users.ShouldBe(["1 ann", "3 bob", "5 cid"]);
    }

    [Theory]
    [InlineData(3, 2)]
    [InlineData(2, 2)]
    [InlineData(1, 1)]
    public async Task Merges_that_share_a_row_are_made_one_after_the_other(int atOnce, int expected)
    {
        var world = ThreePairs(atOnce);
        world.System.ForeignKeys.Add(new ReferencePlace { Table = "printers", Fields = ["lender"], AccountFields = ["id"], Enforced = true });
        world.System.Refer("printers", ["id"], ("id", "shared"), ("owner", "2"), ("lender", "4"));
        var (under, most) = (0, 0);
        world.System.Arriving = async () =>
        {
            most = Math.Max(most, Interlocked.Increment(ref under));
            // Long enough for whoever may be made at the same time to arrive.
            await Task.Delay(TimeSpan.FromMilliseconds(50), TestContext.Current.CancellationToken);
            Interlocked.Decrement(ref under);
        };

        (await world.ApplyAsync(await world.PlanAsync())).IsComplete.ShouldBeTrue();

        // The pairs of ann and of bob share the printer; cid's goes with bob's.
        most.ShouldBe(expected);
        world.System.ReferringNow.ShouldContain("printers: id=shared, lender=3, owner=1");
    }

    // Of two made at once one may take a name that the other gives up a moment later.
    [Fact]
    public async Task A_merge_that_is_refused_while_others_are_made_is_sent_again_alone()
    {
        var world = ThreePairs(atOnce: 3);
        var calls = 0;
        world.System.Fault = () => ++calls == 2 ? new AlreadyExists(["username"], "It is taken.") : null;

        (await world.ApplyAsync(await world.PlanAsync())).IsComplete.ShouldBeTrue();

        world.Users.ShouldBe(["1 ann", "3 bob", "5 cid"]);
    }

    [Fact]
    public async Task Alone_a_refused_merge_stays_refused()
    {
        var world = ThreePairs(atOnce: 1);
        var calls = 0;
        world.System.Fault = () => ++calls == 2 ? new AlreadyExists(["username"], "It is taken.") : null;

        (await world.ApplyAsync(await world.PlanAsync())).Refused.ShouldContain(note => note.Message == "It is taken. Look who holds that value there and settle it, then plan again.");
    }

    [Fact]
    public async Task Killed_among_several_the_same_plan_again_ends_the_same_and_undo_restores_every_row()
    {
        var world = ThreePairs(atOnce: 3);
        var before = world.Snapshot;
        var plan = await world.PlanAsync();
        var left = 0;
        var crash = new CrashPoints(name => { if (name == ApplyCrashPoints.ChangeLeft && ++left == 2) { throw new InvalidOperationException("It died."); } });
        await Should.ThrowAsync<InvalidOperationException>(() => world.ApplyAsync(plan, crash));

        (await world.ApplyAsync(plan)).IsComplete.ShouldBeTrue();
        world.Users.ShouldBe(["1 ann", "3 bob", "5 cid"]);

        (await world.ApplyAsync(await world.PlanUndoAsync(plan.Id))).IsComplete.ShouldBeTrue();
        world.Snapshot.ShouldBe(before);
    }

    private static DuplicateWorld ThreePairs(int atOnce)
    {
        var world = new DuplicateWorld();
        world.System.SimultaneousWrites = atOnce;
        foreach (var (name, id) in new[] { ("ann", 1), ("bob", 3), ("cid", 5) })
        {
            world.Person($"{id}", name);
            world.Person($"{id + 1}", name.ToUpperInvariant(), created: 1);
            world.Owns($"printer of {name}", $"{id + 1}");
        }

        return world;
    }
}
