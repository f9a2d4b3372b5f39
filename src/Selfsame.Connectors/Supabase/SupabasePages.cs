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
/// later users forward, past the end of the page just read, and where somebody signs up as well the count is as it was: so each page begins before the end of the
/// one before, whose last user must stand where they stood; else the list is read again.
/// </summary>
internal sealed class SupabasePages(string name, SupabaseApi api, SupabaseFailures failures, TimeProvider clock)
{
    private const int PageSize = 500;
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
        long total = 0;
        var shrank = false;
        JsonElement? last = null;
        for (var read = 0; ;)
        {
            // From the last user that was read: that one tells whether the list stood still.
            var (page, size) = read == 0 ? (1, PageSize) : PageWith(read - 1);
            var known = read == 0 ? 0 : read - ((page - 1) * size);
            var (users, count) = await PageAsync(page, size, filter, cancellation);
            if (last is { } user && (users.Count < known || IdOf(users[known - 1]) != IdOf(user)))
            {
                return new SupabaseList([.. accounts.Values], unreadable, Complete: false);
            }

            shrank |= count < total;
            total = count;
            var before = accounts.Count + unreadable.Count;
            foreach (var one in users.Skip(known))
            {
                read++;
                last = one;
                if (SupabaseUser.Read(one, clock.GetUtcNow()) is { } account)
                {
                    accounts.TryAdd(account.Id, account);
                }
                else
                {
                    var id = one.ValueKind == JsonValueKind.Object ? one.TextOrNull(SupabaseFields.Id) : null;
                    unreadable.Add(one.IsText() ? new UnreadableRecord($"user {read} of the list", "it has no id.") : new UnreadableRecord($"user {id ?? $"{read} of the list"}", JsonMembers.NoText));
                }
            }

            // A page without anybody new is the end, also where a server answers the same page for ever.
            if (accounts.Count + unreadable.Count == before)
            {
                return new SupabaseList([.. accounts.Values], unreadable, !shrank && accounts.Count + unreadable.Count == total);
            }
        }
    }

    /// <summary>The page, from 1, that holds the user at <paramref name="place"/>, from 0, and the most users after them: a list is cut at multiples of the size only.</summary>
    private static (int Page, int Size) PageWith(int place)
    {
        var size = Enumerable.Range(1, PageSize).MaxBy(size => size - (place % size));
        return ((place / size) + 1, size);
    }

    private static string? IdOf(JsonElement user)
        => user.ValueKind == JsonValueKind.Object && user.IsText() ? user.TextOrNull(SupabaseFields.Id) : user.GetRawText();

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
