using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Tests.Reconciliation;

public sealed class CirclesTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("a>b", "")]
    [InlineData("a>a", "a")]
    [InlineData("a>b b>a", "ab")]
    [InlineData("a>b b>c c>b", "bc")]
    [InlineData("b>c a>b c>b d>e e>f f>d", "bc def")]
    [InlineData("a>b b>c c>d", "")]
    public void Whoever_waits_for_the_one_who_waits_for_them_is_in_a_circle_once(string waiting, string circles)
    {
        var next = waiting.Split(' ', StringSplitOptions.RemoveEmptyEntries).ToDictionary(pair => pair[0], pair => pair[2]);

        string.Join(' ', Circles.Of(next).Select(circle => string.Concat(circle))).ShouldBe(circles);
    }

    // The ids of a whole table that are each one too low.
    [Fact]
    public void A_long_chain_and_a_long_circle_take_no_longer_than_their_length()
    {
        const int length = 1_000_000;
        Circles.Of(Enumerable.Range(0, length).ToDictionary(id => id, id => id + 1)).ShouldBeEmpty();
        Circles.Of(Enumerable.Range(0, length).ToDictionary(id => id, id => (id + 1) % length)).ShouldHaveSingleItem().Count.ShouldBe(length);
    }
}
