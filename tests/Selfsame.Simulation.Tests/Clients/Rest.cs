namespace Selfsame.Simulation.Tests.Clients;

/// <summary>Waits until everybody is done and the noise is over, and then until no row, no event and no change of a handle is left to be worked on.</summary>
internal sealed class Rest(World world) : Client(world, "rest", 0)
{
    private const int MostRounds = 200;

    public override async Task RunAsync()
    {
        while (!World.IsQuiet || !World.IsLast)
        {
            await World.DelayAsync(300);
        }

        // The servers sweep once more, for what was lost on the way to the inbox.
        await Task.Delay(TimeSpan.FromMinutes(1), World.Clock);
        World.Remotes!.Wake();
        await Task.Delay(TimeSpan.FromMinutes(1), World.Clock);
        for (var round = 0; round < MostRounds; round++)
        {
            if (Next() is not { } next)
            {
                return;
            }

            // Whoever's clock is ahead may begin.
            var wait = next - World.Nodes.Max(node => node.Store.Clock.GetUtcNow());
            await Task.Delay(wait > TimeSpan.FromSeconds(1) ? wait : TimeSpan.FromSeconds(1), World.Clock);
            World.Remotes!.Wake();
            await Task.Delay(TimeSpan.FromSeconds(5), World.Clock);
        }

        World.Violate("The provisioning does not come to rest.");
    }

    // What is not wanted yet is looked at again after an hour; what a node whose clock was ahead asked for is due within minutes.
    private static readonly TimeSpan MostSkew = TimeSpan.FromMinutes(30);

    /// <summary>When the next of them may be worked on; null when none is to be. What the config does not want yet, and has no problem, waits for nothing.</summary>
    private DateTimeOffset? Next()
        => World.Inspect(transaction => transaction.ScalarAsync<DateTimeOffset?>(
            """
            SELECT min(next) FROM (
            SELECT CASE WHEN leased_until > not_before THEN leased_until ELSE not_before END AS next FROM inbox WHERE state = 'Waiting' UNION ALL
            SELECT CASE WHEN leased_until > not_before THEN leased_until ELSE not_before END FROM handle_changes WHERE NOT refused UNION ALL
            SELECT CASE WHEN leased_until > not_before THEN leased_until ELSE not_before END FROM provisioning
            WHERE (state IN ('Pending', 'Intent', 'Compensating') AND NOT (state = 'Pending' AND attempts = 0 AND problem IS NULL AND epoch > 0 AND leased_until IS NULL AND not_before > @soon))
              OR due_because IS NOT NULL)
            """,
            new { soon = World.Nodes.Max(node => node.Store.Clock.GetUtcNow()) + MostSkew }));
}
