using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;

namespace Selfsame.Core.Tests.Provisioning;

public sealed class ProvisioningMachineTests
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UnixEpoch;
    private static readonly AccountId Id = new("1");

    public static TheoryData<ProvisioningState, ProvisioningEvent, ProvisioningState> Transitions => new()
    {
        { ProvisioningState.Pending, new Intended(Id), ProvisioningState.Intent },
        { ProvisioningState.Intent, new Intended(Id), ProvisioningState.Intent },
        { ProvisioningState.Pending, new FoundOurs(Id), ProvisioningState.Linked },
        { ProvisioningState.Intent, new FoundOurs(Id), ProvisioningState.Linked },
        { ProvisioningState.Pending, new FoundConflict("e"), ProvisioningState.Conflict },
        { ProvisioningState.Intent, new FoundConflict("e"), ProvisioningState.Conflict },
        { ProvisioningState.Pending, new Failed("p"), ProvisioningState.Pending },
        { ProvisioningState.Intent, new Failed("p"), ProvisioningState.Intent },
        { ProvisioningState.Pending, new NotWantedYet(), ProvisioningState.Pending },
        { ProvisioningState.Pending, new UserGone(), ProvisioningState.Compensated },
        { ProvisioningState.Intent, new UserGone(), ProvisioningState.Compensating },
        { ProvisioningState.Compensating, new NothingLeft(), ProvisioningState.Compensated },
        { ProvisioningState.Compensating, new FoundConflict("e"), ProvisioningState.Conflict },
        { ProvisioningState.Conflict, new RetryAsked(), ProvisioningState.Intent },
    };

    [Theory]
    [MemberData(nameof(Transitions))]
    public void Each_event_leads_where_the_guarantees_say(ProvisioningState from, ProvisioningEvent happened, ProvisioningState to)
        => ProvisioningMachine.Next(Row(from), happened, Now, 0).State.ShouldBe(to);

    [Theory]
    [InlineData(ProvisioningState.Linked)]
    [InlineData(ProvisioningState.Conflict)]
    [InlineData(ProvisioningState.Compensated)]
    public void A_settled_row_does_not_move_by_itself(ProvisioningState state)
    {
        foreach (var happened in new ProvisioningEvent[] { new Intended(Id), new FoundOurs(Id), new Failed("p"), new UserGone(), new NothingLeft() })
        {
            Should.Throw<InvalidOperationException>(() => ProvisioningMachine.Next(Row(state), happened, Now, 0));
        }
    }

    [Fact]
    public void An_intent_never_changes_the_id_that_was_sent()
        => Should.Throw<InvalidOperationException>(() => ProvisioningMachine.Next(Row(ProvisioningState.Intent), new Intended(new AccountId("2")), Now, 0));

    [Fact]
    public void Failures_back_off_to_an_hour_at_most_and_never_below_what_the_system_asked()
    {
        var row = Row(ProvisioningState.Intent);
        var last = TimeSpan.Zero;
        for (var attempt = 0; attempt < 30; attempt++)
        {
            row = ProvisioningMachine.Next(row, new Failed("down"), Now, 0.5);
            (row.NotBefore - Now).ShouldBeGreaterThanOrEqualTo(last);
            last = row.NotBefore - Now;
        }

        last.ShouldBeLessThanOrEqualTo(TimeSpan.FromHours(1));
        ProvisioningMachine.Next(row, new Failed("throttled", TimeSpan.FromHours(2)), Now, 0.5).NotBefore.ShouldBe(Now + TimeSpan.FromHours(2));
    }

    private static ProvisioningRow Row(ProvisioningState state) => new()
    {
        User = default,
        System = "app",
        State = state,
        Epoch = 1,
        NotBefore = Now,
        TargetId = state == ProvisioningState.Pending ? null : Id,
    };
}
