using Microsoft.Data.Sqlite;

namespace Selfsame.EndToEnd.Tests.Api;

/// <summary>A backup or a shell holds the lock of the server's SQLite file.</summary>
public sealed class LockedFileTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    [Fact]
    public async Task Every_change_is_refused_in_time_with_when_to_try_again_and_the_server_says_that_it_is_not_ready()
    {
        await using var server = await RunningServer.StartAsync();
        var caller = server.Anonymous();
        (await caller.GetAsync("/readyz")).ShouldHaveStatus(200);
        await using (await LockAsync(server.DatabaseFile))
        {
            var keyed = Enumerable.Range(0, 10).Select(_ => SignUpAsync("keyed", ("Idempotency-Key", "one"))).ToList();
            var plain = Enumerable.Range(0, 10).Select(number => SignUpAsync($"plain{number}")).ToList();
            foreach (var answer in await Task.WhenAll(keyed).WaitAsync(Patience, TestContext.Current.CancellationToken))
            {
                answer.ShouldBeProblem(409, "request-in-progress");
                answer.RetryAfter.ShouldBeGreaterThan(0);
            }

            foreach (var answer in await Task.WhenAll(plain).WaitAsync(Patience, TestContext.Current.CancellationToken))
            {
                answer.ShouldBeProblem(503, "busy");
                answer.RetryAfter.ShouldBeGreaterThan(0);
            }

            (await caller.GetAsync("/readyz").WaitAsync(Patience, TestContext.Current.CancellationToken)).ShouldBeProblem(503, "not-ready");
            (await caller.GetAsync("/healthz")).ShouldHaveStatus(200);
        }

        (await SignUpAsync("keyed", ("Idempotency-Key", "one"))).ShouldHaveStatus(201);
        (await caller.GetAsync("/readyz")).ShouldHaveStatus(200);

        Task<ApiAnswer> SignUpAsync(string name, params (string Name, string Value)[] headers)
            => caller.PostAsync("/api/v1/sign-ups", new { email = $"{name}@example.com", password = RunningServer.Password }, headers);
    }

    /// <summary>Holds the file's lock until disposed.</summary>
    private static async Task<SqliteConnection> LockAsync(string file)
    {
        var connection = new SqliteConnection($"Data Source={file};Pooling=False");
        await connection.OpenAsync();
        await using var begin = connection.CreateCommand();
        begin.CommandText = "BEGIN IMMEDIATE";
        await begin.ExecuteNonQueryAsync();
        return connection;
    }
}
