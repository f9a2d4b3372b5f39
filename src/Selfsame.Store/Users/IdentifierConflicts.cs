using System.Buffers.Binary;
using System.Diagnostics.Metrics;
using Selfsame.Core.Identifiers;
using Selfsame.Databases;
using Selfsame.Store.Audit;

namespace Selfsame.Store.Users;

/// <summary>
/// Records that somebody asked for an identifier that another user has: time, field, and whether the same value came
/// within ten seconds before (a double click or a retry, rather than two people). Never the value. Every operation that gives or changes identifiers
/// calls it once its transaction was rolled back.
/// </summary>
internal static class IdentifierConflicts
{
    private static readonly TimeSpan RepeatWindow = TimeSpan.FromSeconds(10);
    private static readonly Meter Meter = new("Selfsame.Store");
    private static readonly Counter<long> Conflicts = Meter.CreateCounter<long>(
        "selfsame.identifier_conflicts", description: "Sign-ups and changes that asked for a taken identifier, by field.");

    /// <summary>Records each field.</summary>
    /// <param name="context">The store.</param>
    /// <param name="wanted">The user as it would have been.</param>
    /// <param name="fields">What of it is taken.</param>
    /// <param name="anew">Whether it would have been a new user: then one who was made a moment ago by the same request is a repeat, too.</param>
    /// <param name="actor">Who asked.</param>
    /// <param name="cancellation">Gives up.</param>
    public static async Task RecordAsync(
        StoreContext context, User wanted, IReadOnlySet<string> fields, bool anew, Actor actor, CancellationToken cancellation)
    {
        foreach (var field in fields)
        {
            await RecordOneAsync(context, new Conflict(wanted.Tenant, field, Value(wanted, field), anew), actor, cancellation);
        }
    }

    /// <summary>Records a handle, by its key, that another user has, or another account of the system that keeps the handles.</summary>
    public static Task RecordHandleAsync(StoreContext context, string tenant, string handle, Actor actor, CancellationToken cancellation)
        => RecordOneAsync(context, new Conflict(tenant, "handle", handle, Anew: false), actor, cancellation);

    private static async Task RecordOneAsync(StoreContext context, Conflict conflict, Actor actor, CancellationToken cancellation)
    {
        // Done again when the commit's answer is lost: counted twice at worst, which is better than to answer the refusal with an error.
        var repeats = await context.Database.TransactAsync(
            transaction => RecordOneAsync(context, transaction, conflict),
            _ => Task.FromResult(default(Settled<bool>)),
            cancellation);
        if (context.Tenant(conflict.Tenant).Disclosure == Disclosure.Reveal)
        {
            // Where it is hidden who is registered, a count that rises right after a request would tell: the table has it.
            Conflicts.Add(1, new KeyValuePair<string, object?>("field", conflict.Field), new KeyValuePair<string, object?>("repeat", repeats));
        }

        LogMessages.IdentifierTaken(context.Logger, conflict.Tenant, conflict.Field, repeats, actor.CorrelationId);
    }

    /// <summary>Whether the same value came a moment ago.</summary>
    private static async Task<bool> RecordOneAsync(StoreContext context, Transaction transaction, Conflict conflict)
    {
        var now = context.Now();
        var (tenant, field, value, anew) = conflict;
        var space = field switch { "phone" => "phone", "handle" or "userCode" => "handle", _ => "login" };
        var hash = context.Secrets.Hash("conflict", $"{field}\n{value}");
        if (transaction.Dialect == Dialect.PostgreSql)
        {
            // One after the other, or the two of a double click would not see each other. A count may be lost in a crash: who waits does not wait for the disk.
            await transaction.BatchAsync(new Statement($"SELECT pg_advisory_xact_lock($1), {AllOrNothing.Unflushed}", BinaryPrimitives.ReadInt64BigEndian(hash)));
        }

        return await transaction.ScalarAsync<bool>(
            """
            INSERT INTO identifier_conflicts (tenant, field, value_hash, repeats_within_10s, at)
            SELECT @tenant, @field, @hash,
              EXISTS (SELECT 1 FROM identifier_conflicts c WHERE c.tenant = @tenant AND c.value_hash = @hash AND c.at >= @since)
              OR (@anew AND EXISTS (SELECT 1 FROM identifiers i JOIN users u ON u.id = i.user_id
                         WHERE i.tenant = @tenant AND i.space = @space AND i.key = @value AND u.created_at >= @since)),
              @now
            RETURNING repeats_within_10s
            """,
            new { tenant, field, space, value, anew, hash, now, since = now - RepeatWindow });
    }

    private static string Value(User wanted, string field) => field switch
    {
        "username" => LoginName.TryParse(wanted.Username, out var login, out _) ? login.Key : "",
        "email" => EmailAddress.TryParse(wanted.Email, out var email, out _) ? email.Key : "",
        "phone" => wanted.Phone ?? "",
        "handle" => wanted.Handle ?? "",
        "userCode" => wanted.UserCode,
        _ => wanted.Uuid.ToString("D"),
    };

    /// <summary>A field whose value, by its key, is taken.</summary>
    private sealed record Conflict(string Tenant, string Field, string Value, bool Anew);
}
