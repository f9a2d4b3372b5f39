using System.Diagnostics.Metrics;
using Selfsame.Core.Identifiers;
using Selfsame.Databases;

namespace Selfsame.Store.Users;

/// <summary>
/// Records that somebody asked for an identifier that another user has: time, field, and whether the same value came
/// within ten seconds before (a double click or a retry, rather than two people). Never the value.
/// </summary>
internal static class IdentifierConflicts
{
    private static readonly TimeSpan RepeatWindow = TimeSpan.FromSeconds(10);
    private static readonly Meter Meter = new("Selfsame.Store");
    private static readonly Counter<long> Conflicts = Meter.CreateCounter<long>(
        "selfsame.identifier_conflicts", description: "Sign-ups refused because an identifier is taken, by field.");

    /// <summary>Records each field; those whose present holder is deleted and can still be restored (CASES 8).</summary>
    public static async Task<IReadOnlySet<string>> RecordAsync(
        StoreContext context, SignUpRequest request, NewUser candidate, IReadOnlySet<string> fields, CancellationToken cancellation)
    {
        var heldByDeleted = new HashSet<string>(StringComparer.Ordinal);
        foreach (var field in fields)
        {
            // Done again when the commit's answer is lost: counted twice at worst, which is better than to answer the refusal with an error.
            var (repeats, isDeleted) = await context.Database.TransactAsync(
                transaction => RecordOneAsync(context, transaction, request.Tenant, field, Value(candidate, field)),
                _ => Task.FromResult(default(Settled<(bool, bool)>)),
                cancellation);
            if (context.Tenant(request.Tenant).Disclosure == Disclosure.Reveal)
            {
                // Where it is hidden who is registered, a count that rises right after a sign-up would tell: the table has it.
                Conflicts.Add(1, new KeyValuePair<string, object?>("field", field), new KeyValuePair<string, object?>("repeat", repeats));
            }

            LogMessages.IdentifierTaken(context.Logger, request.Tenant, field, repeats, request.Actor.CorrelationId);
            if (isDeleted)
            {
                heldByDeleted.Add(field);
            }
        }

        return heldByDeleted;
    }

    private static async Task<(bool Repeats, bool HolderIsDeleted)> RecordOneAsync(StoreContext context, Transaction transaction, string tenant, string field, string value)
    {
        var now = context.Now();
        var space = field == "phone" ? "phone" : "login";
        var repeats = await transaction.ScalarAsync<bool>(
            """
            INSERT INTO identifier_conflicts (tenant, field, value_hash, repeats_within_10s, at)
            SELECT @tenant, @field, @hash,
              EXISTS (SELECT 1 FROM identifier_conflicts c WHERE c.tenant = @tenant AND c.value_hash = @hash AND c.at >= @since)
              OR EXISTS (SELECT 1 FROM identifiers i JOIN users u ON u.id = i.user_id
                         WHERE i.tenant = @tenant AND i.space = @space AND i.key = @value AND u.created_at >= @since),
              @now
            RETURNING repeats_within_10s
            """,
            new { tenant, field, space, value, hash = context.Secrets.Hash("conflict", $"{field}\n{value}"), now, since = now - RepeatWindow });
        var deleted = await transaction.ScalarAsync<long>(
            """
            SELECT count(*) FROM identifiers i JOIN users u ON u.id = i.user_id
            WHERE i.tenant = @tenant AND i.space = @space AND i.key = @value AND u.deleted_at IS NOT NULL
            """,
            new { tenant, space, value });
        return (repeats, deleted > 0);
    }

    private static string Value(NewUser candidate, string field) => field switch
    {
        "username" => LoginName.TryParse(candidate.User.Username, out var login, out _) ? login.Key : "",
        "email" => candidate.Email?.Key ?? "",
        "phone" => candidate.Phone?.Key ?? "",
        _ => "",
    };
}
