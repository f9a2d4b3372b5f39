namespace Selfsame.Store.Users;

/// <summary>Somebody asked for an identifier that another user has.</summary>
/// <param name="Field">The field's name; the value is not known.</param>
/// <param name="Repeats">Whether the same value came within ten seconds before: a double click or a retry, rather than two people.</param>
/// <param name="At">When.</param>
public sealed record IdentifierConflict(string Field, bool Repeats, DateTimeOffset At);

/// <summary>How often a field was in conflict.</summary>
public sealed record ConflictCount(string Field, long Repeats, long Others);

/// <summary>A page of a tenant's conflicts, newest first, and the counts of all that are kept.</summary>
public sealed record ConflictPage(IReadOnlyList<ConflictCount> Counts, IReadOnlyList<IdentifierConflict> Conflicts, int Page, int PageSize)
{
    public long Total => Counts.Sum(count => count.Repeats + count.Others);
}

/// <summary>Reads what <see cref="IdentifierConflicts"/> recorded, for administrators. Housekeeping keeps 30 days.</summary>
public static class ConflictReport
{
    /// <param name="context">The store.</param>
    /// <param name="tenant">Whose users.</param>
    /// <param name="page">From 1.</param>
    /// <param name="pageSize">Conflicts on a page.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public static Task<ConflictPage> ReadAsync(StoreContext context, string tenant, int page, int pageSize, CancellationToken cancellation)
        => context.Database.ReadAsync(
            async transaction =>
            {
                var counts = await transaction.QueryAsync<CountRow>(
                    """
                    SELECT field, sum(CASE WHEN repeats_within_10s THEN 1 ELSE 0 END) AS repeats, sum(CASE WHEN repeats_within_10s THEN 0 ELSE 1 END) AS others
                    FROM identifier_conflicts WHERE tenant = @tenant GROUP BY field ORDER BY field
                    """,
                    new { tenant });
                var conflicts = await transaction.QueryAsync<ConflictRow>(
                    "SELECT field, repeats_within_10s AS repeats, at FROM identifier_conflicts WHERE tenant = @tenant ORDER BY at DESC, id DESC LIMIT @limit OFFSET @offset",
                    new { tenant, limit = pageSize, offset = (long)(page - 1) * pageSize });
                return new ConflictPage(
                    counts.ConvertAll(row => new ConflictCount(row.Field, row.Repeats, row.Others)),
                    conflicts.ConvertAll(row => new IdentifierConflict(row.Field, row.Repeats, row.At)),
                    page,
                    pageSize);
            },
            cancellation);

    private sealed class CountRow
    {
        public string Field { get; init; } = "";

        public long Repeats { get; init; }

        public long Others { get; init; }
    }

    private sealed class ConflictRow
    {
        public string Field { get; init; } = "";

        public bool Repeats { get; init; }

        public DateTimeOffset At { get; init; }
    }
}
