using Selfsame.Core.Webhooks;
using Selfsame.Store;
using Selfsame.Store.Audit;
using Selfsame.Store.Sessions;
using Selfsame.Store.Users;
using Selfsame.Store.Webhooks;
using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Store;

/// <summary>In PostgreSQL a sign-up and a sign-in that nothing speaks against are one round trip each, which decides by itself whether it stays (decision 0140).</summary>
[Trait("needs", "postgresql")]
public sealed class AtOnceTests
{
    private static readonly TenantSettings Everything = TestStore.Unlimited with
    {
        ProvisionTo = ["app", "crm"],
        SignUpLimit = new RateLimit("sign-up", 3, TimeSpan.FromHours(1)),
        SignInLimit = new RateLimit("sign-in", 3, TimeSpan.FromHours(1)),
    };

    [Fact]
    public async Task What_stays_is_sent_with_its_commit_and_logs_no_error_and_a_refusal_finds_out_why()
    {
        await using var server = await PostgresServer.StartAsync();
        await using var store = await TestStore.CreateAsync(Backend.PostgreSql, new TestStoreOptions { Server = server, Tenant = Everything });
        await store.QueryAsync<string>("ALTER SYSTEM SET log_statement = 'all'");
        await store.QueryAsync<string>("SELECT 'x' FROM pg_reload_conf()");
        // Each server process reads the setting when the signal reaches it, some time after the server has logged that it changed.
        await UntilAsync(async () =>
        {
            await store.QueryAsync<string>("SELECT 'is it logged'");
            return server.Log.Contains("'is it logged'", StringComparison.Ordinal);
        });

        var made = await LogOfAsync(server, store, async () => (await store.SignUpAsync(Full("anna"))).ShouldBeOfType<SignUpResult.Created>());
        made.ShouldContain("INSERT INTO users");
        made.ShouldNotContain("BEGIN");
        made.ShouldNotContain("ERROR");

        var refused = await LogOfAsync(
            server, store, async () => (await store.SignUpAsync(Full("anna") with { Call = TestStore.Call("another") })).ShouldBeOfType<SignUpResult.Taken>().Fields.ShouldBe(["username", "email"], ignoreOrder: true));
        refused.ShouldContain("Selfsame undoes this to find out why it is refused: free");

        await store.SignedInAsync("anna", origin: TestStore.From("192.0.2.1", "browser"));
        var signedIn = await LogOfAsync(server, store, () => store.SignedInAsync("anna", origin: TestStore.From("192.0.2.1", "browser")));
        signedIn.ShouldContain("INSERT INTO sessions");
        signedIn.ShouldNotContain("BEGIN");
        signedIn.ShouldNotContain("ERROR");
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task It_writes_what_the_transaction_of_SQLite_writes()
    {
        var webhooks = new[] { new WebhookSubscription("crm", TestStore.Tenant, [WebhookEvents.UserCreated]), new WebhookSubscription("audit", TestStore.Tenant, [WebhookEvents.UserCreated]) };
        var rows = new List<string>();
        foreach (var backend in new[] { Backend.PostgreSql, Backend.SqliteMemory })
        {
            await using var store = await TestStore.CreateAsync(backend, new TestStoreOptions { Tenant = Everything, Webhooks = webhooks });
            var created = (await store.SignUpAsync(Full("anna"))).ShouldBeOfType<SignUpResult.Created>();
            (await store.ReadAsync(created.User.Uuid)).ShouldBe(created.User);
            created.RateLimit.ShouldNotBeNull().Remaining.ShouldBe(2);
            (await store.SignUpAsync(Full("anna"))).ShouldBeOfType<SignUpResult.Created>().IsReplay.ShouldBeTrue();
            rows.Add(string.Join('\n', await RowsAsync(store)));
            await store.CheckInvariantsAsync();
        }

        rows[0].ShouldBe(rows[1]);
        rows[0].ShouldContain("provisioning 2\n");
    }

    [Fact]
    public async Task Nobody_goes_past_the_limit_by_asking_at_once_and_the_refused_write_nothing()
    {
        await using var store = await TestStore.CreateAsync(Backend.PostgreSql, new TestStoreOptions { Tenant = Everything });

        var results = await TestStore.InParallelAsync(12, index => store.SignUpAsync(Full($"user-{index}") with { Call = TestStore.Call($"k{index}") }));

        results.OfType<SignUpResult.Created>().Count().ShouldBe(3);
        results.OfType<SignUpResult.LimitReached>().Count().ShouldBe(9);
        (await store.CountAsync("users")).ShouldBe(3);
        (await store.CountAsync("idempotency_records")).ShouldBe(3);
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task Nobody_tries_more_passwords_than_the_limit_by_asking_at_once_from_a_known_source()
    {
        await using var store = await TestStore.CreateAsync(Backend.PostgreSql, new TestStoreOptions { Tenant = Everything });
        var known = TestStore.From("192.0.2.1");
        await store.SignUpAsync(Full("anna"));
        (await store.SignedInAsync("anna", origin: known)).RateLimit.ShouldNotBeNull().Remaining.ShouldBe(3);

        var results = await TestStore.InParallelAsync(12, _ => store.SignInAsync("anna", "wrong", known));

        results.OfType<SignInResult.Refused>().Select(refused => refused.RateLimit!.Remaining).Order().ShouldBe([0, 1, 2]);
        results.OfType<SignInResult.TryLater>().Count().ShouldBe(9);
    }

    // The row of a network is everybody's who comes from there: who holds it on the way to the disk lets the others wait.
    [Fact]
    public async Task Counts_of_attempts_do_not_wait_for_the_disk_and_what_they_let_in_does()
    {
        await using var store = await TestStore.CreateAsync(Backend.PostgreSql, new TestStoreOptions { Tenant = Everything });
        var known = TestStore.From("192.0.2.1");
        await store.SignUpAsync(Full("anna"));
        var token = await store.TakeTokenAsync("anna@example.org", "Confirm");
        await store.ExecuteAsync(
            """
            CREATE TABLE commits (what text, flushed text);
            CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
              'BEGIN INSERT INTO commits VALUES (TG_TABLE_NAME, current_setting(''synchronous_commit'')); RETURN NULL; END';
            CREATE CONSTRAINT TRIGGER note AFTER INSERT OR UPDATE ON rate_limits DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note();
            CREATE CONSTRAINT TRIGGER note AFTER INSERT OR UPDATE ON users DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note();
            """);

        var proof = new VerificationProof { Password = TestStore.Password, Origin = known };
        (await new EmailVerification(store.Context).VerifyAsync(TestStore.Tenant, token, proof, Actor.Self, TestStore.Cancellation)).ShouldBeOfType<VerificationResult.Verified>();
        (await store.SignInAsync("anna", "wrong", known)).ShouldBeOfType<SignInResult.Refused>();

        // The claim and its return, then the verification, then the claim of the wrong one.
        (await store.QueryAsync<string>("SELECT what || ' ' || flushed FROM commits"))
            .ShouldBe(["rate_limits off", "rate_limits off", "users on", "rate_limits off"]);
        (await store.QueryAsync<string>("SHOW synchronous_commit")).ShouldBe(["on"], "no connection keeps it");
        (await store.QueryAsync<long>("SELECT used FROM rate_limits WHERE name = 'sign-in'")).ShouldBe([1]);
    }

    /// <summary>A sign-up that has rows of every kind.</summary>
    private static SignUpRequest Full(string name) => TestStore.Request(name, $"{name}@example.org") with
    {
        Call = TestStore.Call("k1"),
        RateLimitSubject = "192.0.2.1",
        Browser = [1, 2, 3],
        Origin = TestStore.From("192.0.2.1", "browser"),
    };

    private static async Task<List<string>> RowsAsync(TestStore store)
    {
        string[] tables =
        [
            "users", "identifiers", "lookalikes", "link_tokens", "mails", "known_sources", "audit_events", "idempotency_records", "rate_limits", "provisioning", "provisioning_events",
            "webhook_messages",
        ];
        var rows = new List<string>();
        foreach (var table in tables)
        {
            rows.Add($"{table} {await store.CountAsync(table)}");
        }

        rows.AddRange(await store.QueryAsync<string>("SELECT space || ' ' || kinds FROM identifiers ORDER BY space, kinds"));
        rows.AddRange(await store.QueryAsync<string>("SELECT system || ' ' || state || ' ' || lane FROM provisioning ORDER BY system"));
        return rows;
    }

    /// <summary>What the server logs of the work: two marks, which it logs too, stand around it.</summary>
    private static async Task<string> LogOfAsync(PostgresServer server, TestStore store, Func<Task> work)
    {
        var (before, after) = ($"'before-{Guid.NewGuid():N}'", $"'after-{Guid.NewGuid():N}'");
        await store.QueryAsync<string>($"SELECT {before}");
        await work();
        await store.QueryAsync<string>($"SELECT {after}");
        var log = "";
        await UntilAsync(() =>
        {
            log = server.Log;
            return Task.FromResult(log.Contains(after, StringComparison.Ordinal));
        });
        return log[log.IndexOf(before, StringComparison.Ordinal)..log.IndexOf(after, StringComparison.Ordinal)];
    }

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        for (var tries = 0; !await condition(); tries++)
        {
            tries.ShouldBeLessThan(600, "The server's log does not say it.");
            await Task.Delay(100, TestStore.Cancellation);
        }
    }
}
