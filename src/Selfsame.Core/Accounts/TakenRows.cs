using System.Text.Json.Serialization;

namespace Selfsame.Core.Accounts;

/// <summary>Rows that a system by itself deletes with an account, or takes the reference from (ON DELETE CASCADE, SET NULL, SET DEFAULT).</summary>
/// <param name="Table">The table that refers to the account, or to rows that go with it.</param>
/// <param name="Fields">The fields that refer.</param>
/// <param name="Rows">How many rows; null where that can't be told.</param>
public sealed record TakenRows(string Table, IReadOnlyList<string> Fields, int? Rows)
{
    /// <summary><c>table.field</c>, for people.</summary>
    [JsonIgnore]
    public string Place => $"{Table}.{string.Join('+', Fields)}";

    /// <summary>Why what goes along now is, or may be, more than <paramref name="planned"/>; null where it is not. Of a place that the plan could not count no more is asked than that it is known.</summary>
    public static Drifted? MoreThan(IReadOnlyList<TakenRows> planned, IReadOnlyList<TakenRows> now)
    {
        var more = now.Select(taken => taken.Beyond([.. planned.Where(place => place.Table == taken.Table && place.Fields.SequenceEqual(taken.Fields))])).OfType<string>().ToList();
        return more.Count == 0 ? null : new Drifted($"More would go along with it than the plan says: {string.Join(", ", more)}.");
    }

    /// <summary>The places at which rows go along, or may: each once.</summary>
    public static IReadOnlyList<TakenRows> Of(IEnumerable<ToldCascade> told)
        => [.. told.Select(cascade => cascade.Rows).Where(taken => taken.Rows != 0).OrderBy(taken => taken.Rows is null ? 0 : 1).DistinctBy(taken => taken.Place)];

    private string? Beyond(IReadOnlyList<TakenRows> planned)
    {
        if (planned.Any(place => place.Rows is null))
        {
            return null;
        }

        var before = planned.Sum(place => place.Rows!.Value);
        return Rows is not { } rows ? $"{Place} (how many rows can't be told, {before} in the plan)"
            : rows > before ? $"{Place} ({rows} {(rows == 1 ? "row" : "rows")}, {before} in the plan)"
            : null;
    }
}

/// <summary>Deletes accounts with what its own rules take along, and can tell before what that is, and take no more.</summary>
public interface IDeletesWithRows : IDeletesAccounts
{
    /// <summary>What would go along with each of these accounts now, place by place, also with rows that go along; nothing for an account that is not there.</summary>
    Task<IReadOnlyDictionary<AccountId, IReadOnlyList<TakenRows>>> CountTakenAsync(IReadOnlyList<AccountId> ids, CancellationToken cancellation);

    /// <summary>As <see cref="IDeletesAccounts.DeleteAsync"/>, if no place has more rows that would go along than <paramref name="atMost"/> says; else <see cref="Drifted"/>.</summary>
    Task<WriteOutcome> DeleteAsync(AccountId id, Fields precondition, IReadOnlyList<TakenRows> atMost, CancellationToken cancellation);
}
