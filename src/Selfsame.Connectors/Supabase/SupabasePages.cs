using System.Text.Json;
using Selfsame.Connectors.Http;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Supabase;

/// <summary>What reading a list came to.</summary>
/// <param name="Accounts">Each account once.</param>
/// <param name="Unreadable">Elements of the list that are no users.</param>
/// <param name="Complete">Whether the list's own count says that these are all.</param>
internal sealed record SupabaseList(IReadOnlyList<Account> Accounts, IReadOnlyList<UnreadableRecord> Unreadable, bool Complete);

/// <summary>
/// Reads the list of users page by page, the oldest first, so that who signs up meanwhile is added at the end. Who is deleted meanwhile moves all
/// later users forward, past the end of the page just read, and where somebody signs up as well the count is as it was: so each page begins before the end of
/// what was read, whose last users must stand where they stood; else the list is read again. Supabase Auth sorts by the time of the sign-up alone, and users of one instant (an import)
/// stand in another order on each page: so what was read ends only between two instants, and a page grows until it holds all users of one.
/// </summary>
internal sealed class SupabasePages(string name, SupabaseApi api, SupabaseFailures failures, TimeProvider clock)
{
    private const int PageSize = 500;

    // What a page of users with a little metadata has room for in the largest answer that is taken.
    private const int LargestPage = 16_000;
    private const int Attempts = 3;

    /// <summary>Everybody, or with a <paramref name="filter"/> those whose address or full name holds it.</summary>
    public async Task<SupabaseList> ReadAsync(string? filter, CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            var list = await ReadOnceAsync(filter, cancellation);
            if (list.Complete || attempt == Attempts)
            {
                return list;
            }
        }
    }

    private async Task<SupabaseList> ReadOnceAsync(string? filter, CancellationToken cancellation)
    {
        var accounts = new Dictionary<AccountId, Account>();
        var unreadable = new List<UnreadableRecord>();
        var (total, shrank, limit, read) = (0L, false, PageSize, 0);
        HashSet<string> last = [];
        while (true)
        {
            // From the users of the last instant that was read: they tell whether the list stood still.
            var (page, size) = PageWith(read - last.Count, last.Count, limit);
            var known = read - ((page - 1) * size);
            var (users, count) = await PageAsync(page, size, filter, cancellation);
            if (users.Count < known || !last.SetEquals(users.Take(known).Skip(known - last.Count).Select(IdOf)))
            {
                return new SupabaseList([.. accounts.Values], unreadable, Complete: false);
            }

            shrank |= count < total;
            total = count;
            var end = users.Count < size ? users.Count : StartOfLastInstant(users);
            if (users.Count > known && end <= known)
            {
                // All that is new has one instant, of which the next page may have more.
                limit = Larger(Math.Max(limit, size), users[^1]);
                continue;
            }

            var before = accounts.Count + unreadable.Count;
            foreach (var user in users.Take(end).Skip(known))
            {
                read++;
                Add(user, read, accounts, unreadable);
            }

            // A page without anybody new is the end, also where a server answers the same page for ever.
            if (accounts.Count + unreadable.Count == before)
            {
                return new SupabaseList([.. accounts.Values], unreadable, !shrank && accounts.Count + unreadable.Count == total);
            }

            limit = PageSize;
            last = [.. users.Take(end).Skip(StartOfLastInstant(users.Take(end).ToList())).Select(IdOf)];
        }
    }

    private void Add(JsonElement user, int number, Dictionary<AccountId, Account> accounts, List<UnreadableRecord> unreadable)
    {
        if (SupabaseUser.Read(user, clock.GetUtcNow()) is { } account)
        {
            accounts.TryAdd(account.Id, account);
            return;
        }

        var id = user.ValueKind == JsonValueKind.Object ? user.TextOrNull(SupabaseFields.Id) : null;
        unreadable.Add(user.IsText() ? new UnreadableRecord($"user {number} of the list", "it has no id.") : new UnreadableRecord($"user {id ?? $"{number} of the list"}", JsonMembers.NoText));
    }

    private int Larger(int size, JsonElement user) => size < LargestPage ? Math.Min(size * 2, LargestPage) : throw new SystemUnavailableException(
        $"'{name}' has more than {LargestPage} users of one instant ({InstantOf(user)}). Supabase Auth sorts its list by that alone, so that nothing tells where a page of it ends. "
        + "Give them instants of their own in the database: UPDATE auth.users SET created_at = created_at + random() * interval '1 minute' WHERE created_at = that instant.");

    /// <summary>
    /// The page, from 1, that holds <paramref name="known"/> users from <paramref name="place"/> on, from 0, and the most after them: a list is cut at multiples of the size only.
    /// </summary>
    private static (int Page, int Size) PageWith(int place, int known, int limit)
    {
        for (; ; limit *= 2)
        {
            var size = Enumerable.Range(1, limit).MaxBy(size => size - (place % size));
            if (size - (place % size) > known)
            {
                return ((place / size) + 1, size);
            }
        }
    }

    /// <summary>Where in the page those begin who have the last one's instant.</summary>
    private static int StartOfLastInstant(IReadOnlyList<JsonElement> users)
    {
        var start = users.Count;
        while (start > 0 && InstantOf(users[start - 1]) == InstantOf(users[^1]))
        {
            start--;
        }

        return start;
    }

    private static string? InstantOf(JsonElement user)
        => user.ValueKind == JsonValueKind.Object && user.TryGetProperty(SupabaseFields.CreatedAt, out var instant) ? instant.GetRawText() : null;

    private static string IdOf(JsonElement user)
        => (user.ValueKind == JsonValueKind.Object && user.IsText() ? user.TextOrNull(SupabaseFields.Id) : null) ?? user.GetRawText();

    private async Task<(IReadOnlyList<JsonElement> Users, long Total)> PageAsync(int page, int size, string? filter, CancellationToken cancellation)
    {
        var path = $"?page={page}&per_page={size}&sort=created_at%20asc{(filter is null ? "" : $"&filter={Uri.EscapeDataString(filter)}")}";
        var reply = await api.ReadAsync(path, cancellation);
        if (reply is not Answer { IsSuccess: true, Body: { ValueKind: JsonValueKind.Object } body } answer
            || !body.TryGetProperty("users", out var users)
            || users.ValueKind is not (JsonValueKind.Array or JsonValueKind.Null))
        {
            throw failures.Unreadable(reply);
        }

        return answer.Total is { } total
            ? (users.ValueKind == JsonValueKind.Null ? [] : [.. users.EnumerateArray()], total)
            : throw new SystemUnavailableException($"'{name}' answers a list without X-Total-Count, so that its end can't be told. Let the proxy before it pass that header on.");
    }
}
