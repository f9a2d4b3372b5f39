using Selfsame.Databases;
using Selfsame.Store.Requests;
using Selfsame.Store.Sessions;
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

    /// <summary>So many rows of a table go in one transaction: other writers wait for no more than that.</summary>
    private const int Portion = 5000;

    private static readonly IReadOnlyList<(string Table, string HasRunOut)> Tables =
    [
        ("sessions", "expires_at <= @now"),
        ("link_tokens", "expires_at <= @now"),
        ("idempotency_records", "created_at <= @records"),
        ("rate_limits", "window_started_at <= @attempts"),
        ("sign_in_attempts", "updated_at <= @attempts"),
        ("known_sources", "last_success_at <= @known"),
        ("identifier_conflicts", "at <= @conflicts"),
        ("inbox", "state = 'Done' AND received_at <= @events"),
        ("mails", "sent_at <= @mails"),
        ("mails", "given_up_at <= @mails"),
        ("webhook_messages", "sent_at <= @webhooks"),
        ("webhook_messages", "sent_at IS NULL AND created_at <= @unsentWebhooks"),
    ];

    /// <summary>One round over all tenants and tables. What fails is named at the end, when all others are done: it must not starve them.</summary>
    public async Task ExecuteAsync(CancellationToken cancellation)
    {
        var failures = new List<(string What, Exception Exception)>();
        var now = context.Now();
        foreach (var tenant in context.Tenants.Keys)
        {
            await TryAsync($"deleted users of {tenant}", () => new UserPurge(context).ExecuteAsync(tenant, cancellation));
        }

        foreach (var (table, hasRunOut) in Tables)
        {
            await TryAsync(table, () => DeletePortionAsync(table, hasRunOut, now, cancellation));
        }

        if (failures.Count > 0)
        {
            throw new AggregateException(
                $"Not cleaned: {string.Join(", ", failures.Select(failure => failure.What))}.", failures.Select(failure => failure.Exception));
        }

        async Task TryAsync(string what, Func<Task<int>> work)
        {
            try
            {
                while (await work() > 0)
                {
                    cancellation.ThrowIfCancellationRequested();
                }
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                failures.Add((what, exception));
            }
        }
    }

    private Task<int> DeletePortionAsync(string table, string hasRunOut, DateTimeOffset now, CancellationToken cancellation)
    {
        // The physical address of a row is the one that every table has.
        var portion = context.Database.Dialect == Dialect.PostgreSql
            ? $"ctid = ANY (ARRAY (SELECT ctid FROM {table} WHERE {hasRunOut} LIMIT {Portion}))"
            : $"rowid IN (SELECT rowid FROM {table} WHERE {hasRunOut} LIMIT {Portion})";
        return context.Database.TransactAsync(
            transaction => transaction.ExecuteAsync(
                $"DELETE FROM {table} WHERE {portion}",
                new
                {
                    now,
                    records = now - IdempotencyRecords.Lifetime,
                    attempts = now - KeptAttempts,
                    known = now - KnownSources.KnownFor,
                    conflicts = now - KeptConflicts,
                    mails = now - KeptMails,
                    events = now - KeptEvents,
                    webhooks = now - KeptWebhooks,
                    unsentWebhooks = now - KeptUnsentWebhooks,
                }),
            cancellation);
    }
}
