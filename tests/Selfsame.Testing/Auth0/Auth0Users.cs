using System.Collections.Specialized;
using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Selfsame.Testing.Auth0;

/// <summary>The users of the stand-in: what the API does with them, and what people do at the tenant's own pages.</summary>
public sealed partial class Auth0Users
{
    private const string Database = "Username-Password-Authentication";
    private static readonly TimeSpan LinkLifetime = TimeSpan.FromSeconds(60);

    private readonly Auth0StandIn server;
    private readonly Lock guard = new();
    private readonly SortedDictionary<string, JsonObject> users = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ExportJob> jobs = [];
    private IReadOnlyList<JsonObject>? indexed;
    private int made;

    internal Auth0Users(Auth0StandIn server) => this.server = server;

    /// <summary>How often a job is asked for before it is completed.</summary>
    public int PollsPerJob { get; set; } = 1;

    /// <summary>Whether exports fail.</summary>
    public bool FailsExports { get; set; }

    /// <summary>Whether the files of exports are cut off.</summary>
    public bool CutsExports { get; set; }

    /// <summary>How much time passes between a job's completion and its download.</summary>
    public TimeSpan DownloadDelay { get; set; }

    /// <summary>Called with the number of each page of the list before it is read.</summary>
    public Action<int> BeforePage { get; set; } = _ => { };

    /// <summary>From now on the list and the exports show what they show now; users by id and by e-mail are always as they are.</summary>
    public void StopIndexing()
    {
        lock (guard)
        {
            indexed = [.. users.Values.Select(Copy)];
        }
    }

    /// <summary>The list and the exports have caught up.</summary>
    public void ResumeIndexing()
    {
        lock (guard)
        {
            indexed = null;
        }
    }

    /// <summary>A person signs up: the user, and the log's <c>ss</c>. A provider's users are verified where it says so, and no <c>sv</c> ever comes.</summary>
    public string SignUp(string userId, string email, bool verified = false, string? username = null)
    {
        Put(userId, email, verified, username);
        return server.Log.Add("ss", userId);
    }

    /// <summary>A person follows the link of the verification mail.</summary>
    public string Verify(string userId)
    {
        Set(userId, "email_verified", true);
        return server.Log.Add("sv", userId);
    }

    /// <summary>The person has another address, which is not verified.</summary>
    public string ChangeEmail(string userId, string email)
    {
        Set(userId, "email", email);
        Set(userId, "email_verified", false);
        return server.Log.Add("sce", userId);
    }

    /// <summary>The user is deleted.</summary>
    public string Remove(string userId)
    {
        lock (guard)
        {
            users.Remove(userId);
        }

        return server.Log.Add("sdu", userId);
    }

    /// <summary>A user, without a line in the log.</summary>
    public void Put(string userId, string email, bool verified = false, string? username = null)
    {
        var provider = userId[..userId.IndexOf('|', StringComparison.Ordinal)];
        var user = new JsonObject
        {
            ["user_id"] = userId,
            ["email"] = email,
            ["email_verified"] = verified,
            ["name"] = email,
            ["nickname"] = email.Split('@')[0],
            ["identities"] = new JsonArray(new JsonObject
            {
                ["provider"] = provider,
                ["user_id"] = userId[(provider.Length + 1)..],
                ["connection"] = provider == "auth0" ? Database : provider,
                ["isSocial"] = provider != "auth0",
            }),
        };
        if (username is not null)
        {
            user["username"] = username;
        }

        Store(user);
    }

    /// <summary>Sets a field behind the API's back; a null takes it away.</summary>
    public void Set(string userId, string field, JsonNode? value)
    {
        lock (guard)
        {
            if (value is null)
            {
                users[userId].Remove(field);
            }
            else
            {
                users[userId][field] = value;
            }
        }
    }

    internal Auth0Answer One(string id)
    {
        lock (guard)
        {
            return users.TryGetValue(id, out var user) ? new Auth0Answer(200, Copy(user)) : Auth0StandIn.Error(404, "inexistent_user", "The user does not exist.");
        }
    }

    internal Auth0Answer ByEmail(string email)
    {
        lock (guard)
        {
            return new Auth0Answer(200, new JsonArray([.. users.Values.Where(user => user["email"]?.GetValue<string>() == email).Select(Copy)]));
        }
    }

    internal Auth0Answer List(NameValueCollection query)
    {
        var (page, size) = (Number(query["page"], 0), Number(query["per_page"], 50));
        if (size > 100)
        {
            return Auth0StandIn.Error(400, "invalid_query_string", "Query validation error: 'Too large value for per_page. Maximum is 100.'");
        }

        if ((page + 1) * size > 1000)
        {
            return Auth0StandIn.Error(400, "invalid_paging", "You can only page through the first 1000 records. See https://auth0.com/docs/users/search/v3/view-search-results-by-page#limitation");
        }

        BeforePage(page);
        lock (guard)
        {
            var all = Indexed().Where(user => Matches(user, query["q"])).OrderBy(user => user["created_at"]!.GetValue<string>(), StringComparer.Ordinal).ToList();
            JsonArray some = [.. all.Skip(page * size).Take(size).Select(Copy)];
            return new Auth0Answer(200, query["include_totals"] == "true"
                ? new JsonObject { ["start"] = page * size, ["limit"] = size, ["length"] = some.Count, ["users"] = some, ["total"] = all.Count }
                : some);
        }
    }

    internal Auth0Answer Create(JsonObject body)
    {
        if (body["connection"]?.GetValue<string>() is not { } connection)
        {
            return Auth0StandIn.Error(400, "invalid_body", "Payload validation error: 'Missing required property: connection'.");
        }

        if (connection != Database)
        {
            return Auth0StandIn.Error(400, "inexistent_connection", "The connection does not exist.");
        }

        if (body["email"] is null || body["password"] is null)
        {
            return Auth0StandIn.Error(400, "invalid_body", $"Payload validation error: 'Missing required property: {(body["email"] is null ? "email" : "password")}'.");
        }

        lock (guard)
        {
            var id = $"auth0|{body["user_id"]?.GetValue<string>() ?? Guid.NewGuid().ToString("N")[..24]}";
            var email = body["email"]!.GetValue<string>().ToLowerInvariant();
            if (users.ContainsKey(id) || IsTaken("email", email, id) || (body["username"] is { } name && IsTaken("username", name.GetValue<string>(), id)))
            {
                return Auth0StandIn.Error(409, "auth0_idp_error", "The user already exists.");
            }

            var user = new JsonObject { ["user_id"] = id };
            foreach (var (field, value) in body.Where(pair => pair.Key is not ("user_id" or "connection" or "password" or "verify_email")))
            {
                user[field] = value?.DeepClone();
            }

            user["email"] = email;
            user["email_verified"] ??= false;
            user["name"] ??= email;
            user["identities"] = new JsonArray(new JsonObject { ["provider"] = "auth0", ["user_id"] = id["auth0|".Length..], ["connection"] = Database, ["isSocial"] = false });
            Store(user);
            return new Auth0Answer(201, Copy(user));
        }
    }

    internal Auth0Answer Update(string id, JsonObject body)
    {
        lock (guard)
        {
            if (!users.TryGetValue(id, out var user))
            {
                return Auth0StandIn.Error(404, "inexistent_user", "The user does not exist.");
            }

            if (body["email"] is { } email)
            {
                if (body["username"] is not null)
                {
                    return Auth0StandIn.Error(400, "operation_not_supported", "Cannot update username and email simultaneously");
                }

                if (!id.StartsWith("auth0|", StringComparison.Ordinal))
                {
                    return Auth0StandIn.Error(400, "operation_not_supported", "Cannot change email for user. The user is not a database user.");
                }

                if (IsTaken("email", email.GetValue<string>().ToLowerInvariant(), id))
                {
                    return Auth0StandIn.Error(400, "auth0_idp_error", "The specified new email already exists");
                }

                user["email_verified"] = false;
            }

            foreach (var (field, value) in body.Where(pair => pair.Key is not ("connection" or "verify_email")))
            {
                Merge(user, field, value);
            }

            return new Auth0Answer(200, Copy(user));
        }
    }

    internal Auth0Answer Delete(string id)
    {
        lock (guard)
        {
            // Idempotent: 204 for one who is not there, too.
            users.Remove(id);
            return new Auth0Answer(204, null);
        }
    }

    internal Auth0Answer Export(JsonObject body)
    {
        lock (guard)
        {
            var fields = body["fields"]!.AsArray().Select(field => field!["name"]!.GetValue<string>()).ToList();
            var lines = Indexed().Select(user => new JsonObject(user.Where(pair => fields.Contains(pair.Key)).Select(pair => KeyValuePair.Create(pair.Key, pair.Value?.DeepClone()))).ToJsonString() + "\n");
            var job = new ExportJob($"job_{jobs.Count + 1:D16}", Compressed(string.Concat(lines)));
            jobs.Add(job.Id, job);
            return new Auth0Answer(200, Describe(job, "pending"));
        }
    }

    internal Auth0Answer Job(string id)
    {
        lock (guard)
        {
            if (!jobs.TryGetValue(id, out var job))
            {
                return Auth0StandIn.Error(404, "inexistent_job", "The job does not exist.");
            }

            if (job.Polls++ < PollsPerJob)
            {
                return new Auth0Answer(200, Describe(job, "pending"));
            }

            var answer = Describe(job, FailsExports ? "failed" : "completed");
            job.Expires = server.Now + LinkLifetime - DownloadDelay;
            answer["location"] = FailsExports ? null : $"{server.Url}/exports/{job.Id}.json.gz";
            return new Auth0Answer(200, answer);
        }
    }

    internal Auth0Answer Download(HttpListenerRequest request)
    {
        lock (guard)
        {
            var job = jobs[Path.GetFileName(request.Url!.AbsolutePath).Split('.')[0]];

            // The file stands at a store whose links are signed: it takes no other proof beside.
            return request.Headers["Authorization"] is not null ? new Auth0Answer(400, new JsonObject { ["Code"] = "InvalidArgument" })
                : server.Now > job.Expires ? new Auth0Answer(403, new JsonObject { ["Code"] = "AccessDenied", ["Message"] = "Request has expired" })
                : new Auth0Answer(200, null) { File = CutsExports ? job.File[..(job.File.Length / 2)] : job.File };
        }
    }

    private void Store(JsonObject user)
    {
        lock (guard)
        {
            user["created_at"] = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero).AddSeconds(made++).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
            users[user["user_id"]!.GetValue<string>()] = user;
        }
    }

    private IEnumerable<JsonObject> Indexed() => indexed ?? (IEnumerable<JsonObject>)users.Values;

    private bool IsTaken(string field, string value, string except)
        => users.Values.Any(user => user["user_id"]!.GetValue<string>() is var id && id != except && id.StartsWith("auth0|", StringComparison.Ordinal) && user[field]?.GetValue<string>() == value);

    // Metadata is merged at its first level, and a null takes a member away; everything else is replaced.
    private static void Merge(JsonObject user, string field, JsonNode? value)
    {
        if (field is not ("app_metadata" or "user_metadata") || value is not JsonObject members)
        {
            user[field] = field == "email" ? JsonValue.Create(value!.GetValue<string>().ToLowerInvariant()) : value?.DeepClone();
            return;
        }

        var present = user[field] as JsonObject ?? [];
        foreach (var (name, member) in members)
        {
            if (member is null)
            {
                present.Remove(name);
            }
            else
            {
                present[name] = member.DeepClone();
            }
        }

        user[field] = present.DeepClone();
    }

    private static bool Matches(JsonObject user, string? query)
    {
        if (query is null)
        {
            return true;
        }

        var match = QuotedValue().Match(query);
        return match.Success && string.Equals(user[match.Groups["field"].Value]?.GetValue<string>(), match.Groups["value"].Value, StringComparison.OrdinalIgnoreCase);
    }

    private static JsonObject Describe(ExportJob job, string status)
        => new() { ["type"] = "users_export", ["status"] = status, ["format"] = "json", ["id"] = job.Id };

    private static byte[] Compressed(string text)
    {
        using var file = new MemoryStream();
        using (var zip = new GZipStream(file, CompressionLevel.Fastest))
        {
            zip.Write(Encoding.UTF8.GetBytes(text));
        }

        return file.ToArray();
    }

    private static JsonObject Copy(JsonObject user) => (JsonObject)user.DeepClone();

    private static int Number(string? text, int otherwise) => text is null ? otherwise : int.Parse(text, CultureInfo.InvariantCulture);

    [GeneratedRegex("^(?<field>[a-z_]+):\"(?<value>[^\"]*)\"$")]
    private static partial Regex QuotedValue();

    private sealed record ExportJob(string Id, byte[] File)
    {
        public int Polls { get; set; }

        public DateTimeOffset Expires { get; set; }
    }
}
