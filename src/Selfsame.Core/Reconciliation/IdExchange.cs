using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>
/// Accounts that have each other's ids take their own: the first steps aside under a free id, each of the others takes the id that is free then, and the first the
/// last of them; with each goes what refers to it. Pure.
/// </summary>
internal sealed class IdExchange(string accountsTable, AccountMapping mapping, IReadOnlyList<ReferencePlace> places, IEnumerable<ReferringRow> referring)
{
    private readonly ReferenceMoves moves = new(accountsTable, mapping);
    private readonly List<RowWrite> writes = [];
    private readonly List<NoReferenceLeft> noneLeft = [];
    private List<ReferringRow> rows = [.. referring];
    private string? hindrance;

    /// <param name="change">The planned change.</param>
    /// <param name="circle">Its accounts as they are now, in its order.</param>
    /// <param name="free">An id that nobody has.</param>
    public ExpandedChange Of(Change change, IReadOnlyList<Account> circle, Fields free)
    {
        var ids = circle.Select(account => account.Id).ToHashSet();
        if (rows.Find(row => row.Place.Table == accountsTable && AccountId.FromRecord(row.Row, mapping.Id) is { } own && ids.Contains(own)) is { } among)
        {
            return new ExpandedChange([], []) { Hindrance = $"One of those who would exchange their ids refers to itself or to another of them by {among.Place}. Exchange these ids in the application." };
        }

        var others = change.Exchanged!.Zip(circle.Skip(1)).Reverse();
        var aside = Move(circle[0], free, change.Precondition);
        foreach (var (other, account) in others)
        {
            Move(account, other.After, other.Precondition);
        }

        Move(aside, change.After, change.Precondition);
        return new ExpandedChange(writes, noneLeft) { Hindrance = hindrance };
    }

    /// <summary>What is said where no id can be made by way of which accounts could exchange theirs.</summary>
    public static string LacksFreeId(Change change) => $"No free id like {change.Account} can be made, by way of which they could exchange theirs. Do it in the application.";

    /// <summary>An id in the form of another, different for each <paramref name="seed"/>; null where that form is not known.</summary>
    public static FieldValue? IdLike(FieldValue id, string seed)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(seed));

        // As high as a column of four bytes takes, where hardly any table counts.
        var number = 2_000_000_000 + (BitConverter.ToUInt32(hash) % 140_000_000);
        return (id.Raw, id.AsNative) switch
        {
            (long, _) => FieldValue.Integer(number),
            (double, _) => FieldValue.Number(number),
            (string text, var native) => Like(text) is not { } like ? native is null ? FieldValue.Text($"selfsame-{Convert.ToHexStringLower(hash)[..16]}") : null
                : native is null ? FieldValue.Text(like)
                : FieldValue.Native(native.Type, like),
            _ => null,
        };

        string? Like(string text) => Guid.TryParseExact(text, "D", out _) ? new Guid(hash.AsSpan(0, 16)).ToString("D")
            : text.Length == 24 && text.All(char.IsAsciiHexDigitLower) ? Convert.ToHexStringLower(hash)[..24]
            : text.All(char.IsAsciiDigit) ? number.ToString(CultureInfo.InvariantCulture)
            : null;
    }

    private Account Move(Account account, Fields to, Fields precondition)
    {
        // Only with what tells the accounts apart can it be seen whether this was made: two who exchange their ids have the same ids afterwards.
        var known = account.Record.OrMissing(precondition.Keys);
        var renewed = mapping.ToAccount(account.Record.With(to))!;
        var moved = moves.Of([.. rows.Where(row => row.Account.Equals(account.Id))], new HashSet<AccountId> { account.Id }, renewed, Fields.Empty);
        hindrance ??= moved.Hindrance;
        writes.Add(new RowWrite { Table = accountsTable, Action = RowAction.Update, Key = account.Record.Only(mapping.Id), Before = known, After = known.With(to) });
        writes.AddRange(moved.Writes);
        noneLeft.AddRange(from place in places
                          where place.AccountFields.Any(to.ContainsKey)
                          let values = place.AccountFields.Select(account.Record.ValueOrNull).ToList()
                          where values.All(value => !value.IsNull)
                          select new NoReferenceLeft(place, values) { AfterWrites = writes.Count });
        var written = moved.Writes.ToDictionary(write => (write.Table, write.Key));
        rows = [.. rows.Select(row => row with { Account = row.Account.Equals(account.Id) ? renewed.Id : row.Account } is var same && written.TryGetValue((row.Place.Table, row.Key), out var write)
            ? same with { Key = write.KeyAfter, Row = row.Row.With(write.After) } : same)];
        return renewed;
    }
}
