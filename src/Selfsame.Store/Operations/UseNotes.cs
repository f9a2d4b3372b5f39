using System.Data.Common;
using Selfsame.Databases;

namespace Selfsame.Store.Operations;

/// <summary>Notes that something was used: nice to know, and never a reason to refuse or hold up whoever used it.</summary>
internal static class UseNotes
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>Writes a note, unless the database is busy just now: then the next use writes it.</summary>
    public static async Task WriteAsync(StoreContext context, string update, object parameters)
    {
        using var patience = new CancellationTokenSource(Patience, context.Clock);
        try
        {
            await context.Database.TransactAsync(transaction => transaction.ExecuteAsync(update, parameters), patience.Token);
        }
        catch (Exception exception) when (exception is DatabaseException or DbException or OperationCanceledException)
        {
            LogMessages.UseNotNoted(context.Logger, exception.Message);
        }
    }
}
