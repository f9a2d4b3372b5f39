using Selfsame.Core.Accounts;
using Selfsame.Store;
using Selfsame.Store.Inbox;

namespace Selfsame.EndToEnd.Tests.Reconciliation;

/// <summary>Events whose accounts could not be read, in a server whose config connects nothing, so that nobody works on them.</summary>
internal static class FailingEvents
{
    public static async Task AddAsync(StoreContext context, string system, int count, string problem)
    {
        var events = Enumerable.Range(1, count).Select(number => new SystemEvent { Id = $"{number}", Type = "ss", Account = new AccountId($"auth0|{number}") });
        await new EventInbox(context).ReceiveAsync(system, [.. events], "correlation", CancellationToken.None);
        await context.Database.TransactAsync(transaction => transaction.ExecuteAsync(
            "UPDATE inbox SET outcome = @problem, attempts = 3, not_before = @later WHERE system = @system", new { system, problem, later = context.Now().AddMinutes(5) }));
    }

    /// <summary>How many of them are due.</summary>
    public static Task<long> CountDueAsync(StoreContext context)
        => context.Database.ReadAsync(transaction => transaction.ScalarAsync<long>("SELECT count(*) FROM inbox WHERE not_before <= @now", new { now = context.Now() }));
}
