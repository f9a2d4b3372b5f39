using Selfsame.Server.Api;
using Selfsame.Store;

namespace Selfsame.Server.Pages;

/// <summary>
/// Holds a page's answer to the same steps as the API's, counted from when the page was made, so that its time does
/// not tell what was found (CASES 31).
/// </summary>
internal sealed class AnswerTime(StoreContext context)
{
    private readonly long started = context.Clock.GetTimestamp();

    public Task RoundUpAsync(CancellationToken cancellation) => AnswerGrid.HoldAsync(context.Clock, started, cancellation);
}
