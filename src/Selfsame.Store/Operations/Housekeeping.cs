using Selfsame.Store.Requests;
using Selfsame.Store.Users;

namespace Selfsame.Store.Operations;

/// <summary>Removes what has run out, a little at a time: purged users, expired sessions, links, records and counts.</summary>
public sealed class Housekeeping(StoreContext context)
{
    private static readonly TimeSpan KeptConflicts = TimeSpan.FromDays(30);
    private static readonly TimeSpan KeptAttempts = TimeSpan.FromDays(2);
    private static readonly TimeSpan KeptMails = TimeSpan.FromDays(30);
    private static readonly TimeSpan KeptWebhooks = TimeSpan.FromDays(7);
    private static readonly TimeSpan KeptUnsentWebhooks = TimeSpan.FromDays(30);

    // Longer than any sender repeats itself; a repeat after that would be looked at again and change nothing.
    private static readonly TimeSpan KeptEvents = TimeSpan.FromDays(30);

    /// <summary>One round over all tenants.</summary>
    public async Task ExecuteAsync(CancellationToken cancellation)
    {
        var now = context.Now();
        foreach (var tenant in context.Tenants.Keys)
        {
            var purge = new UserPurge(context);
            while (await purge.ExecuteAsync(tenant, cancellation) > 0)
            {
                cancellation.ThrowIfCancellationRequested();
            }
        }

        foreach (var statement in new[]
        {
            "DELETE FROM sessions WHERE expires_at <= @now",
            "DELETE FROM link_tokens WHERE expires_at <= @now",
            "DELETE FROM idempotency_records WHERE created_at <= @records",
            "DELETE FROM rate_limits WHERE window_started_at <= @attempts",
            "DELETE FROM sign_in_attempts WHERE updated_at <= @attempts",
            "DELETE FROM identifier_conflicts WHERE at <= @conflicts",
            "DELETE FROM inbox WHERE state = 'Done' AND received_at <= @events",
            "DELETE FROM mails WHERE sent_at <= @mails OR given_up_at <= @mails",
            "DELETE FROM webhook_messages WHERE sent_at <= @webhooks OR (sent_at IS NULL AND created_at <= @unsentWebhooks)",
        })
        {
            await context.Database.TransactAsync(
                transaction => transaction.ExecuteAsync(
                    statement,
                    new
                    {
                        now,
                        records = now - IdempotencyRecords.Lifetime,
                        attempts = now - KeptAttempts,
                        conflicts = now - KeptConflicts,
                        mails = now - KeptMails,
                        events = now - KeptEvents,
                        webhooks = now - KeptWebhooks,
                        unsentWebhooks = now - KeptUnsentWebhooks,
                    }),
                cancellation);
        }
    }
}
