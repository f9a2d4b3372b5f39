using System.Text.Json;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Supabase;

/// <summary>What reading a list came to.</summary>
/// <param name="Accounts">Each account once.</param>
/// <param name="Unreadable">Elements of the list that are no users.</param>
/// <param name="Complete">Whether the list's own count says that these are all.</param>
internal sealed record SupabaseList(IReadOnlyList<Account> Accounts, IReadOnlyList<UnreadableRecord> Unreadable, bool Complete);

/// <summary>
/// Reads the list of users page by page, the oldest first, so that who signs up meanwhile is added at the end. Who is deleted meanwhile moves all
/// later users forward, past the end of the page just read: the count tells, and the list is read again.
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
        for (var page = 1; ; page++)
        {
            var (users, count) = await PageAsync(page, filter, cancellation);
            shrank |= count < total;
            total = count;
            var before = accounts.Count + unreadable.Count;
            foreach (var user in users)
            {
                if (SupabaseUser.Read(user, clock.GetUtcNow()) is { } account)
                {
                    accounts.TryAdd(account.Id, account);
                }
                else
                {
                    unreadable.Add(new UnreadableRecord($"page {page}", "it has no id."));
                }
            }

            // A page without anybody new is the end, also where a server answers the same page for ever.
            if (accounts.Count + unreadable.Count == before)
            {
                return new SupabaseList([.. accounts.Values], unreadable, !shrank && accounts.Count + unreadable.Count == total);
            }
        }
    }

    private async Task<(IReadOnlyList<JsonElement> Users, long Total)> PageAsync(int page, string? filter, CancellationToken cancellation)
    {
        var path = $"?page={page}&per_page={PageSize}&sort=created_at%20asc{(filter is null ? "" : $"&filter={Uri.EscapeDataString(filter)}")}";
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
