using System.Security.Cryptography;
using Selfsame.Databases;

namespace Selfsame.Store.Mail;

/// <summary>A mail on loan to a sender.</summary>
public sealed record QueuedMail(Guid Uuid, MailText Text, int Attempt, DateTimeOffset CreatedAt);

/// <summary>
/// Mails are queued in the transaction that causes them and leave after it: each at least once, never one for a
/// change that was rolled back (CASES 15). Their text, which holds links, is encrypted and wiped once sent.
/// </summary>
public sealed class MailOutbox(StoreContext context)
{
    internal const string Purpose = "mail";
    private static readonly TimeSpan FirstDelay = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromHours(1);

    /// <summary>Over nearly three days, as a mail server that broke on a Friday is mended on Monday.</summary>
    public static int MostAttempts { get; } = 80;

    /// <summary>How long a sender has for the mails that it took on loan.</summary>
    public static TimeSpan Lease { get; } = TimeSpan.FromMinutes(2);

    /// <summary>For a batch that has just inserted the user of <paramref name="userUuid"/>.</summary>
    internal static Statement InsertByUuid(StoreContext context, Guid userUuid, string tenant, MailText text, DateTimeOffset now)
        => new(
            """
            INSERT INTO mails (uuid, tenant, user_id, recipient, subject, body, attempts, not_before, created_at)
            VALUES ($2, $3, (SELECT id FROM users WHERE uuid = $1), $4, $5, $6, 0, $7, $7)
            """,
            userUuid, context.Random.NextUuid(), tenant, text.Recipient, text.Subject, Seal(context, text), now);

    internal static byte[] Seal(StoreContext context, MailText text) => context.Secrets.Protect(Purpose, text.Body);

    internal static Task QueueAsync(StoreContext context, Transaction transaction, string tenant, long? userId, MailText text, DateTimeOffset now)
        => transaction.ExecuteAsync(
            """
            INSERT INTO mails (uuid, tenant, user_id, recipient, subject, body, attempts, not_before, created_at)
            VALUES (@uuid, @tenant, @userId, @recipient, @subject, @body, 0, @now, @now)
            """,
            new
            {
                uuid = context.Random.NextUuid(),
                tenant,
                userId,
                recipient = text.Recipient,
                subject = text.Subject,
                body = Seal(context, text),
                now,
            });

    /// <summary>Takes due mails on loan; a sender that dies leaves them due again when the loan ends.</summary>
    public async Task<List<QueuedMail>> LeaseAsync(int most, CancellationToken cancellation)
    {
        var mails = new List<QueuedMail>();
        foreach (var row in await TakeAsync(most, cancellation))
        {
            var mail = new QueuedMail(row.Uuid, new MailText(row.Recipient, row.Subject, ""), (int)row.Attempts, row.CreatedAt);
            try
            {
                mails.Add(mail with { Text = mail.Text with { Body = context.Secrets.Unprotect(Purpose, row.Body) } });
            }
            catch (CryptographicException)
            {
                // Its own failure, or it would hold up all others. Not for good: another server, or the secret of then, may open it.
                await MarkFailedAsync(mail, "This mail was protected with another secret than this server has.", permanent: false, cancellation);
            }
        }

        return mails;
    }

    private Task<List<MailRow>> TakeAsync(int most, CancellationToken cancellation)
        => context.Database.TransactAsync(
            transaction =>
            {
                var now = context.Now();
                var skipLocked = transaction.Dialect == Dialect.PostgreSql ? "FOR UPDATE SKIP LOCKED" : "";
                return transaction.QueryAsync<MailRow>(
                    $"""
                    UPDATE mails SET leased_until = @until, attempts = attempts + 1
                    WHERE id IN (
                      SELECT id FROM mails
                      WHERE sent_at IS NULL AND given_up_at IS NULL AND not_before <= @now AND (leased_until IS NULL OR leased_until <= @now)
                      ORDER BY not_before LIMIT @most {skipLocked})
                    RETURNING uuid, recipient, subject, body, attempts, created_at
                    """,
                    new { now, until = now + Lease, most });
            },
            cancellation);

    /// <summary>Ends the loan of mails that were not tried: that was no attempt. One that another sender has on loan by now stays its.</summary>
    public Task GiveBackAsync(IEnumerable<QueuedMail> mails, CancellationToken cancellation)
    {
        var returns = mails.OrderBy(mail => mail.Uuid).Select(mail => new Statement(
            "UPDATE mails SET attempts = attempts - 1, leased_until = NULL WHERE uuid = $1 AND attempts = $2 AND sent_at IS NULL AND given_up_at IS NULL",
            mail.Uuid, (long)mail.Attempt)).ToList();
        return returns.Count == 0 ? Task.CompletedTask : context.Database.TransactAsync(transaction => transaction.BatchAsync(returns), cancellation);
    }

    /// <summary>The receiving server has taken these mails: their texts are wiped, in one transaction.</summary>
    public Task MarkSentAsync(IReadOnlyCollection<Guid> uuids, CancellationToken cancellation)
    {
        // In one order: two senders whose loans overlap wait for each other, but never in a circle.
        var (sent, now) = (uuids.Order().ToList(), context.Now());
        var marks = context.Database.Dialect == Dialect.PostgreSql
            ? [MarkAllSent(sent, now)]
            : sent.ConvertAll(uuid => new Statement(
                "UPDATE mails SET sent_at = $2, body = $3, leased_until = NULL, last_error = NULL WHERE uuid = $1", uuid, now, Array.Empty<byte>()));
        return context.Database.TransactAsync(marks, _ => 0, cancellation);
    }

    /// <summary>One statement, in PostgreSQL a fraction of as many as there are mails. Its rows are locked in the order of their uuids.</summary>
    private static Statement MarkAllSent(List<Guid> uuids, DateTimeOffset now) => new(
        """
        UPDATE mails SET sent_at = $2, body = $3, leased_until = NULL, last_error = NULL
        FROM (SELECT id FROM mails WHERE uuid = ANY (CAST(string_to_array($1, ',') AS uuid[])) ORDER BY uuid FOR UPDATE) sent
        WHERE mails.id = sent.id
        """,
        string.Join(',', uuids), now, Array.Empty<byte>());

    /// <summary>Keeps the mail for a later try, or gives it up after the last one; the error is shown to administrators. Another sender's later attempt is not touched.</summary>
    public Task MarkFailedAsync(QueuedMail mail, string error, bool permanent, CancellationToken cancellation)
    {
        var now = context.Now();
        var delay = FirstDelay * Math.Pow(2, Math.Min(mail.Attempt - 1, 20));
        var notBefore = now + (delay < LongestDelay ? delay : LongestDelay);
        DateTimeOffset? givenUp = permanent || mail.Attempt >= MostAttempts ? now : null;
        return context.Database.TransactAsync(
            transaction => transaction.ExecuteAsync(
                """
                UPDATE mails SET not_before = @notBefore, leased_until = NULL, last_error = @error, given_up_at = @givenUp
                WHERE uuid = @Uuid AND attempts = @Attempt AND sent_at IS NULL
                """,
                new { notBefore, error, givenUp, mail.Uuid, mail.Attempt }),
            cancellation);
    }

    /// <summary>Makes all mails of a tenant that were not sent due at once, what was given up, too; how many those are.</summary>
    public Task<int> RetryAsync(string tenant, CancellationToken cancellation)
        => context.Database.TransactAsync(
            transaction => transaction.ExecuteAsync(
                """
                UPDATE mails SET attempts = 0, given_up_at = NULL, not_before = @now
                WHERE tenant = @tenant AND sent_at IS NULL AND (leased_until IS NULL OR leased_until <= @now)
                """,
                new { now = context.Now(), tenant }),
            // A lost commit answer: asked once more, which makes due what is due already.
            _ => Task.FromResult(default(Settled<int>)),
            cancellation);

    private sealed class MailRow
    {
        public Guid Uuid { get; init; }

        public string Recipient { get; init; } = "";

        public string Subject { get; init; } = "";

        public byte[] Body { get; init; } = [];

        public long Attempts { get; init; }

        public DateTimeOffset CreatedAt { get; init; }
    }
}
