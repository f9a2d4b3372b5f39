using Selfsame.Bench.Servers;
using Selfsame.Bench.Stores;

namespace Selfsame.Bench.Comparisons;

/// <summary>The calls of our API that are measured.</summary>
internal static class Api
{
    public const string SignUps = "/api/v1/sign-ups";
    private const string Sessions = "/api/v1/sessions";
    private const string Me = "/api/v1/me";

    public static Task SignUpAsync(ServerProcess server, string username) => server.PostAsync(SignUps, SignUpBody(username), expected: 201);

    public static object SignUpBody(string username, string? email = null)
        => new { username, email = email ?? $"{username}@example.com", password = BenchStore.Password };

    /// <summary>Signs in; the session's token.</summary>
    public static async Task<string> SignInAsync(ServerProcess server, string username)
    {
        var session = await server.PostAsync(Sessions, new { login = username, password = BenchStore.Password }, expected: 201);
        return session.GetProperty("token").GetString()!;
    }

    public static Task WhoAmIAsync(ServerProcess server, string token) => server.GetAsync(Me, token);
}
