using Selfsame.Core.Accounts;

namespace Selfsame.Store.Inbox;

/// <summary>Reads a system's log from the last checkpoint and puts what it finds into the inbox: a webhook that was lost is found, the others are repeats.</summary>
public sealed class InboxSweep(StoreContext context)
{
    /// <summary>So far back the first sweep looks, and so far before the last one a sweep whose checkpoint the log no longer knows; what is older is left to audits.</summary>
    public static readonly TimeSpan FirstLook = TimeSpan.FromHours(1);

    private const int MostPages = 100;

    /// <summary>
    /// One sweep to the end of the log, or as far as is reasonable at once; what was new. None while the system asked to be left alone. Throws <see cref="SystemUnavailableException"/>.
    /// </summary>
    public async Task<Received> RunAsync(string name, IReportsEvents system, CancellationToken cancellation)
    {
        var inbox = new EventInbox(context);
        if (await inbox.PausedForAsync(name, cancellation) > TimeSpan.Zero)
        {
            return new Received(0, 0);
        }

        try
        {
            return await SweepAsync(inbox, name, system, cancellation);
        }
        catch (SystemUnavailableException exception) when (exception.RetryAfter is { } pause)
        {
            await inbox.PauseAsync(name, pause, cancellation);
            throw;
        }
    }

    private async Task<Received> SweepAsync(EventInbox inbox, string name, IReportsEvents system, CancellationToken cancellation)
    {
        var correlationId = context.Random.NextToken(12);
        var (found, repeats, unreadable) = (0, 0, 0);
        string? problem = null;
        var isStuck = false;
        var (checkpoint, sweptAt) = await inbox.CheckpointAsync(name, cancellation);
        // Where the log no longer knows the checkpoint, in a quiet tenant that of an old event, what came since the last sweep is in the log still.
        var since = (sweptAt < context.Now() ? sweptAt.Value : context.Now()) - FirstLook;
        for (var pages = 0; pages < MostPages; pages++)
        {
            var from = checkpoint;
            var page = await UnforeseenAnswers.ReadAsync(name, () => system.ReadEventsAsync(from, since, cancellation));
            var received = await inbox.ReceiveAsync(name, page, correlationId, cancellation);
            (found, repeats, unreadable) = (found + received.New, repeats + received.Repeats, unreadable + page.Unreadable);
            problem ??= page.Problem;
            isStuck = !page.Complete && page.Checkpoint == checkpoint;
            if (page.Complete || isStuck)
            {
                break;
            }

            checkpoint = page.Checkpoint;
        }

        if (found > 0)
        {
            LogMessages.EventsFound(context.Logger, name, found, correlationId);
        }

        if (unreadable > 0)
        {
            LogMessages.EventsUnreadable(context.Logger, name, unreadable, problem, correlationId);
        }

        // Nothing names the place after which to read on.
        return !isStuck ? new Received(found, repeats) { Unreadable = unreadable }
            : throw new SystemUnavailableException(
                $"No line of the page of its log after {checkpoint ?? "its beginning"} has an id by which it could be read on; the first {problem ?? "is the one that was read before."} "
                + "What comes after them is not found until the log no longer holds them, but by webhooks and by 'selfsame audit'.")
            { Answered = true };
    }
}
