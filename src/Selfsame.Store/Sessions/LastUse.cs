using System.Data.Common;
using Selfsame.Databases;

namespace Selfsame.Store.Sessions;

/// <summary>Notes when a session or a token was used last: of interest, and never worth failing or holding up the call that uses it.</summary>
internal static class LastUse
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    public static async Task NoteAsync(StoreContext context, string statement, object parameters, CancellationToken cancellation)
    {
        // While somebody else writes (a plan that is applied, a backup) the note waits; the next use writes it.
        using var patience = new CancellationTokenSource(Patience, context.Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellation);
        try
        {
            await context.Database.TransactAsync(transaction => transaction.ExecuteAsync(statement, parameters), either.Token);
        }
        catch (Exception exception) when (exception is DatabaseException or DbException || (exception is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            LogMessages.UseNotNoted(context.Logger, exception);
        }
    }
}
