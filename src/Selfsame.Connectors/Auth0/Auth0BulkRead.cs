using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Selfsame.Connectors.Http;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Auth0;

/// <summary>What reading everybody came to.</summary>
/// <param name="Accounts">Each account once.</param>
/// <param name="Unreadable">What is no user.</param>
/// <param name="Complete">Whether Auth0 itself says that these are all.</param>
internal sealed record Auth0Everybody(IReadOnlyList<Account> Accounts, IReadOnlyList<UnreadableRecord> Unreadable, bool Complete);

/// <summary>
/// Reads everybody: by pages, of which Auth0 gives no more than 1000 users; by an export job where there are more. Both lag behind by up to some
/// seconds: whoever seems missing is looked for by id before anything is concluded.
/// </summary>
internal sealed class Auth0BulkRead(string name, Auth0Api api, Auth0Failures failures, TimeProvider clock)
{
    private const int PageSize = 100;
    private const int MostByPages = 1000;
    private const int Attempts = 3;
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LongestJob = TimeSpan.FromMinutes(30);

    public async Task<Auth0Everybody> ReadAsync(CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            var read = await PagesAsync(cancellation) ?? await ExportAsync(cancellation);
            if (read.Complete || attempt == Attempts)
            {
                return read;
            }
        }
    }

    // The oldest first, so that who signs up meanwhile comes at the end. Who is deleted meanwhile moves the others forward: the total tells, or where somebody signs up
    // as well, that the last user of the page before stands elsewhere by then. Null: too many.
    private async Task<Auth0Everybody?> PagesAsync(CancellationToken cancellation)
    {
        var found = new Found();
        var (total, shrank) = (0L, false);
        JsonElement last = default;
        for (var page = 0; ; page++)
        {
            if (await PageAsync(page, PageSize, cancellation) is not var (users, count) || count > MostByPages)
            {
                return null;
            }

            if (page > 0 && !(await PageAsync((page * PageSize) - 1, 1, cancellation) is ([var standing], _) && IdOf(standing) == IdOf(last)))
            {
                return found.Read(complete: false);
            }

            shrank |= count < total;
            total = count;
            foreach (var user in users)
            {
                found.Add(user, $"page {page}");
            }

            if (users.Count == 0 || (page + 1) * PageSize >= total)
            {
                return found.Read(!shrank && found.Count == total);
            }

            last = users[^1];
        }
    }

    private static string? IdOf(JsonElement user)
        => user.ValueKind == JsonValueKind.Object && user.IsText() ? user.TextOrNull(Auth0Fields.Id) : user.GetRawText();

    /// <summary>One page, from 0; null where Auth0 does not page so far.</summary>
    private async Task<(IReadOnlyList<JsonElement> Users, long Total)?> PageAsync(int page, int size, CancellationToken cancellation)
    {
        var reply = await api.ReadAsync($"users?page={page}&per_page={size}&include_totals=true&sort=created_at%3A1", cancellation);
        if (reply is Answer { Code: "invalid_paging" })
        {
            return null;
        }

        return reply is Answer { IsSuccess: true, Body: { ValueKind: JsonValueKind.Object } body }
            && body.TryGetProperty("users", out var users) && users.ValueKind == JsonValueKind.Array
            && body.TryGetProperty("total", out var told) && told.TryGetInt64(out var count)
            ? ([.. users.EnumerateArray()], count)
            : throw failures.Unreadable(reply);
    }

    private async Task<Auth0Everybody> ExportAsync(CancellationToken cancellation)
    {
        var fields = new JsonArray([.. Auth0Fields.Told.Select(field => new JsonObject { ["name"] = field })]);
        var started = await api.SendAsync(HttpMethod.Post, "jobs/users-exports", new JsonObject { ["format"] = "json", ["fields"] = fields }, cancellation);
        if (started is not Answer { IsSuccess: true } answer || answer.Text("id") is not { Length: > 0 } job)
        {
            throw failures.Unreadable(started);
        }

        for (var attempt = 1; attempt <= Attempts; attempt++)
        {
            // A link is good for 60 s; each look at the job gives a new one.
            var link = await CompletedAsync(job, cancellation);
            if (await api.DownloadAsync(link, cancellation) is { } file && Unpacked(file) is { } lines)
            {
                return Read(lines);
            }
        }

        throw new SystemUnavailableException($"'{name}': the file of the export job {job} could not be downloaded whole, {Attempts} times. Run it again.");
    }

    private async Task<Uri> CompletedAsync(string job, CancellationToken cancellation)
    {
        var started = clock.GetTimestamp();
        for (var pause = FirstPause; clock.GetElapsedTime(started) < LongestJob; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            var reply = await api.ReadAsync($"jobs/{Uri.EscapeDataString(job)}", cancellation);
            switch ((reply as Answer)?.Text("status"))
            {
                case "completed" when Uri.TryCreate(((Answer)reply).Text("location"), UriKind.Absolute, out var link) && link.Scheme is "https" or "http":
                    return link;
                case "pending" or "processing":
                    await Task.Delay(pause, clock, cancellation);
                    break;
                case "failed":
                    throw new SystemUnavailableException($"'{name}': the export job {job} failed. Run it again; if it fails again, export once by hand in the dashboard to see why.");
                default:
                    throw failures.Unreadable(reply);
            }
        }

        throw new SystemUnavailableException($"'{name}': the export job {job} was not done within {LongestJob.TotalMinutes} minutes. Run it again when the tenant is less busy.");
    }

    // A gzip file ends with the size of what it holds (RFC 1952, section 2.3.1): a file that is cut off must not look like a small tenant.
    private static string? Unpacked(byte[] file)
    {
        try
        {
            using var zip = new GZipStream(new MemoryStream(file), CompressionMode.Decompress);
            using var text = new MemoryStream();
            zip.CopyTo(text);
            var whole = file.Length >= sizeof(uint) && BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(file.Length - sizeof(uint))) == (uint)text.Length;
            return whole ? Encoding.UTF8.GetString(text.GetBuffer(), 0, (int)text.Length) : null;
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }

    private static Auth0Everybody Read(string lines)
    {
        var found = new Found();
        var number = 0;
        foreach (var line in lines.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            number++;
            try
            {
                using var user = JsonDocument.Parse(line);
                found.Add(user.RootElement, $"line {number} of the export");
            }
            catch (JsonException)
            {
                found.AddUnreadable($"line {number} of the export", "it is not JSON.");
            }
        }

        return found.Read(complete: true);
    }

    private sealed class Found
    {
        private readonly Dictionary<AccountId, Account> accounts = [];
        private readonly List<UnreadableRecord> unreadable = [];

        public long Count => accounts.Count + unreadable.Count;

        public void Add(JsonElement user, string where)
        {
            if (Auth0User.Read(user) is { } account)
            {
                accounts.TryAdd(account.Id, account);
            }
            else if (user.IsText())
            {
                AddUnreadable(where, "it has no user_id.");
            }
            else
            {
                AddUnreadable(user.ValueKind == JsonValueKind.Object && user.TextOrNull(Auth0Fields.Id) is { } id ? $"user {id}" : where, JsonMembers.NoText);
            }
        }

        public void AddUnreadable(string where, string problem) => unreadable.Add(new UnreadableRecord(where, problem));

        public Auth0Everybody Read(bool complete) => new([.. accounts.Values], unreadable, complete);
    }
}
