using Selfsame.Cli.Views;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Commands;

public sealed class PacedProgressTests
{
    [Fact]
    public void What_goes_on_is_told_once_a_second_and_once_per_step_and_not_more_often()
    {
        var clock = new ManualClock();
        using var output = new StringWriter { NewLine = "\n" };
        var progress = new PacedProgress(output, clock, 1000, made => $"{made} of 5000 changes");

        // Slow: one change in 400 ms.
        for (var made = 1; made <= 6; made++)
        {
            clock.Advance(TimeSpan.FromMilliseconds(400));
            progress.Report(made);
        }

        // Fast: all the others in no time, and the last number twice.
        for (var made = 7; made <= 2500; made++)
        {
            progress.Report(made);
        }

        clock.Advance(TimeSpan.FromSeconds(2));
        progress.Report(2500);
        progress.Report(2500);

        output.ToString().ShouldBe("3 of 5000 changes\n6 of 5000 changes\n1006 of 5000 changes\n2006 of 5000 changes\n2500 of 5000 changes\n");
    }
}
