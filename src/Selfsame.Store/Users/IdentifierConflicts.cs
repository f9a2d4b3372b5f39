using System.Diagnostics.Metrics;
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

    public static async Task RecordAsync(
        StoreContext context, SignUpRequest request, NewUser candidate, IReadOnlySet<string> fields, CancellationToken cancellation)
    {
        foreach (var field in fields)
        {
            // Only a count: whether it is there after a lost commit answer does not matter enough to turn the refusal into an error.
            var repeats = await context.Database.TransactAsync(
                transaction => RecordOneAsync(context, transaction, request.Tenant, field, Value(candidate, field)),
                _ => Task.FromResult(new Settled<bool>(true, false)),
                cancellation);
            Conflicts.Add(1, new KeyValuePair<string, object?>("field", field), new KeyValuePair<string, object?>("repeat", repeats));
            LogMessages.IdentifierTaken(context.Logger, request.Tenant, field, repeats, request.Actor.CorrelationId);
        }
    }

    private static async Task<bool> RecordOneAsync(StoreContext context, Transaction transaction, string tenant, string field, string value)
    {
        var now = context.Now();
        return await transaction.ScalarAsync<bool>(
            """
            INSERT INTO identifier_conflicts (tenant, field, value_hash, repeats_within_10s, at)
            SELECT @tenant, @field, @hash,
              EXISTS (SELECT 1 FROM identifier_conflicts c WHERE c.tenant = @tenant AND c.value_hash = @hash AND c.at >= @since)
              OR EXISTS (SELECT 1 FROM identifiers i JOIN users u ON u.id = i.user_id
                         WHERE i.tenant = @tenant AND i.key = @value AND u.created_at >= @since),
              @now
            RETURNING repeats_within_10s
            """,
            new { tenant, field, value, hash = context.Secrets.Hash("conflict", $"{field}\n{value}"), now, since = now - RepeatWindow });
    }

    private static string Value(NewUser candidate, string field) => field switch
    {
        "username" => candidate.Username?.Key ?? candidate.User.Username ?? "",
        "email" => candidate.Email?.Key ?? "",
        "phone" => candidate.Phone?.Key ?? "",
        _ => "",
    };
}
