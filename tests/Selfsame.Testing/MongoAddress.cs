namespace Selfsame.Testing;

/// <summary>Connection strings of MongoDB (mongodb.com/docs/manual/reference/connection-string).</summary>
public static class MongoAddress
{
    /// <summary>Names a server of MongoDB for the tests.</summary>
    public const string Variable = "SELFSAME_TEST_MONGODB";

    /// <summary>A database of its own on the server that SELFSAME_TEST_MONGODB names, else on the stand-in.</summary>
    /// <param name="name">The beginning of its name.</param>
    /// <param name="replicaSet">Of which kind the stand-in is.</param>
    public static async Task<string> NewDatabaseAsync(string name, bool replicaSet)
        => WithDatabase(
            Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named ? named : (await MongoStandIn.SharedAsync(replicaSet: replicaSet)).ConnectionString,
            $"{name}_{Guid.CreateVersion7():N}");

    /// <summary>The same server with that database, options kept. Whoever signs in goes on doing so at the database where they did: the one named before, or <c>admin</c>.</summary>
    public static string WithDatabase(string server, string database)
    {
        var hosts = server.IndexOf("://", StringComparison.Ordinal) + 3;
        var end = server.IndexOfAny(['/', '?'], hosts) is var found and >= 0 ? found : server.Length;
        var question = server.IndexOf('?', end) is var at and >= 0 ? at : server.Length;
        var (before, options) = (server[end..question].Trim('/'), server[question..].TrimStart('?'));
        if (server[hosts..end].Contains('@') && !options.Contains("authSource=", StringComparison.OrdinalIgnoreCase))
        {
            options = $"{(options.Length > 0 ? $"{options}&" : "")}authSource={(before.Length > 0 ? before : "admin")}";
        }

        return $"{server[..end]}/{database}{(options.Length > 0 ? $"?{options}" : "")}";
    }
}
