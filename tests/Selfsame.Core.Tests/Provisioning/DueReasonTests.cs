using Selfsame.Core.Provisioning;

namespace Selfsame.Core.Tests.Provisioning;

/// <summary>One text says why a row is due: whoever asks takes nothing away of what it has done.</summary>
public sealed class DueReasonTests
{
    private const string Ordinary = "It changed.";

    private static readonly string[] Asked
        = [Ordinary, "The user changed.", LookAgain.OfChain, LookAgain.OfRetry, LookAgain.OfPlan, LookAgain.OfLateWrite, UpdateUnanswered.Reason, UpdateUnanswered.AskedToRetry];

    private static readonly string?[] Due
        = [null, .. Asked, LookAgain.OfChainInConflict, FoundOursOlder.Reason, UpdateLeaves.Reason, UpdateUnanswered.Late, UpdateUnanswered.AskedByChain];

    public static TheoryData<string?, string> All => [.. from due in Due from reason in Asked select (due, reason)];

    [Theory]
    [MemberData(nameof(All))]
    public void Of_two_reasons_everything_is_done_that_one_of_them_wants(string? due, string reason)
    {
        var after = DueReason.AfterAsking(due, reason);

        DueReason.MayBeOlder(after).ShouldBe(DueReason.MayBeOlder(due) || DueReason.MayBeOlder(reason));
        DueReason.IsRetry(after).ShouldBe(DueReason.IsRetry(due) || DueReason.IsRetry(reason));
        DueReason.IsNews(after).ShouldBe(DueReason.IsNews(due) || DueReason.IsNews(reason));
        (DueReason.IsUnanswered(after) || !(due == UpdateUnanswered.Late || DueReason.IsUnanswered(due) || DueReason.IsUnanswered(reason))).ShouldBeTrue();
    }

    [Theory]
    [InlineData(Ordinary, "The user changed.", "The user changed.")]
    [InlineData(LookAgain.OfPlan, Ordinary, LookAgain.OfPlan)]
    [InlineData(LookAgain.OfPlan, LookAgain.OfRetry, UpdateUnanswered.AskedToRetry)]
    [InlineData(UpdateUnanswered.Late, LookAgain.OfPlan, UpdateUnanswered.Reason)]
    [InlineData(UpdateUnanswered.Late, LookAgain.OfRetry, UpdateUnanswered.AskedToRetry)]
    [InlineData(UpdateUnanswered.Late, LookAgain.OfChain, UpdateUnanswered.AskedByChain)]
    [InlineData(UpdateUnanswered.AskedByChain, Ordinary, UpdateUnanswered.Reason)]
    public void What_both_want_is_said_in_one_text(string due, string reason, string after) => DueReason.AfterAsking(due, reason).ShouldBe(after);

    [Fact]
    public void Who_holds_a_row_that_was_asked_about_asks_again_for_what_must_not_be_forgotten()
    {
        foreach (var kept in new[] { LookAgain.OfPlan, LookAgain.OfRetry, UpdateUnanswered.Reason, UpdateUnanswered.AskedToRetry })
        {
            DueReason.Meanwhile(kept).Reason.ShouldBe(kept);
        }

        DueReason.IsNews(DueReason.Meanwhile(UpdateUnanswered.Late).Reason).ShouldBeTrue();
        DueReason.IsRetry(DueReason.Meanwhile(Ordinary).Reason).ShouldBeFalse();
    }
}
