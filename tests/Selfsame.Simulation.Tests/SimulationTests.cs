using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using Selfsame.Core.Identifiers;
using Selfsame.Simulation.Tests.Clients;
using Selfsame.Store;
using Selfsame.Store.Users;
using Selfsame.Testing;

namespace Selfsame.Simulation.Tests;

public sealed class SimulationTests(ITestOutputHelper output)
{
    private static WorldOptions Usual { get; } = new()
    {
        Clients = world =>
        {
            var seen = new PeopleSeen();
            return
            [
                .. Enumerable.Range(1, 4).Select(number => new Visitor(world, number, world.StoreRandom.NextInt32(int.MaxValue), seen)),
                new MailSender(world, world.StoreRandom.NextInt32(int.MaxValue)),
                new Administrator(world, world.StoreRandom.NextInt32(int.MaxValue)),
            ];
        },
    };

    // CASES 14: a user without account or session (better-auth#4193). SELFSAME_SEEDS says how many seeds, SELFSAME_SEED which one alone, with its trace.
    [Fact]
    public void No_seed_makes_a_person_twice_or_loses_half_of_one()
    {
        if (Number("SELFSAME_SEED") is { } single)
        {
            var outcome = World.Run(single, Usual with { CommitsBetweenChecks = 1 });
            output.WriteLine(string.Join('\n', outcome.Trace));
            ShouldBeSound(single, outcome);
            return;
        }

        var seeds = Number("SELFSAME_SEEDS") ?? TestRun.Rounds(100, 200, 20_000);
        var time = Stopwatch.StartNew();
        for (var seed = 1; seed <= seeds; seed++)
        {
            ShouldBeSound(seed, World.Run(seed, Usual));
        }

        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{seeds} seeds, {time.Elapsed.TotalMilliseconds / seeds:0.0} ms each"));
    }

    [Fact]
    public void A_seed_gives_the_same_run_every_time_and_another_seed_another()
    {
        var first = World.Run(7, Usual);
        var second = World.Run(7, Usual);

        second.Trace.ShouldBe(first.Trace);
        second.TraceHash.ShouldBe(first.TraceHash);
        World.Run(8, Usual).TraceHash.ShouldNotBe(first.TraceHash);
    }

    [Fact]
    public void The_seeds_between_them_meet_every_fault_and_every_answer()
    {
        var traces = string.Join('\n', Enumerable.Range(1, 20).SelectMany(seed => World.Run(seed, Usual).Trace));
        foreach (var word in new[]
        {
            "Created { RateLimit = , User", "IsReplay = True", "Taken {", "SignedIn {", "Refused {", "Verified {", "Changed {", "LinkInvalid {",
            "the server crashes", "the server's clock jumps", "ConnectionLostException", "CommitUnknownException", "a mail fails",
        })
        {
            traces.ShouldContain(word);
        }
    }

    [Fact]
    public void A_sign_up_that_looks_before_it_inserts_is_seen_to_make_a_person_twice()
        => FindViolations(Usual with { SignUp = LookThenInsertAsync }).ShouldContain(violation => violation.Contains("is two users") || violation.Contains("2 users of tenant main are"), "seen by the visitors or in the store");

    [Fact]
    public void A_sign_up_that_forgets_its_key_is_seen_to_refuse_its_own_retry()
        => FindViolations(Usual with { SignUp = (context, request) => new SignUp(context).ExecuteAsync(request with { Call = null }, CancellationToken.None) })
            .ShouldContain(violation => violation.Contains("was refused and made a user all the same"));

    [Fact]
    public void Work_that_leaves_the_simulations_thread_fails_the_seed()
        => FindViolations(Usual with
        {
            SignUp = async (context, request) =>
            {
                await new AnotherThread();
                return await new SignUp(context).ExecuteAsync(request, CancellationToken.None);
            },
        }).ShouldAllBe(violation => violation.Contains("A continuation ran on another thread"));

    [Fact]
    [Trait("needs", "slow")]
    public void Waiting_inside_a_transaction_for_more_than_the_database_fails_the_seed()
        => FindViolations(seeds: 2, options: Usual with
        {
            SignUp = async (context, request) =>
            {
                await context.Database.TransactAsync(async transaction =>
                {
                    await transaction.ExecuteAsync("UPDATE users SET updated_at = updated_at");
                    await Task.Yield();
                });
                return await new SignUp(context).ExecuteAsync(request, CancellationToken.None);
            },
        }).ShouldAllBe(violation => violation.Contains("left open between two steps"));

    /// <summary>How others do it: is there such a user? No: then make one.</summary>
    private static async Task<SignUpResult> LookThenInsertAsync(StoreContext context, SignUpRequest request)
    {
        EmailAddress.TryParse(request.Form.Email, out var email, out _).ShouldBeTrue();
        var found = await context.Database.ReadAsync(transaction => transaction.ScalarAsync<long>(
            "SELECT count(*) FROM identifiers WHERE space = 'login' AND key = @key", new { key = email!.Key }));
        if (found > 0)
        {
            return new SignUpResult.Taken(new HashSet<string> { "email" });
        }

        var hash = await context.Passwords.HashAsync(request.Form.Password!, CancellationToken.None);
        var uuid = context.Random.NextUuid();
        await context.Database.TransactAsync(transaction => transaction.ExecuteAsync(
            """
            INSERT INTO users (uuid, tenant, email, user_code, password_hash, locale, role, is_active, is_staff, is_superuser, version, created_at, updated_at)
            VALUES (@uuid, @tenant, @value, @code, @hash, 'en', 'observer', 1, 0, 0, 1, @now, @now);
            INSERT INTO identifiers (tenant, space, key, kinds, rule_version, user_id)
            SELECT @tenant, 'login', @key, 'email', '1', id FROM users WHERE uuid = @uuid ON CONFLICT DO NOTHING;
            INSERT INTO identifiers (tenant, space, key, kinds, rule_version, user_id)
            SELECT @tenant, 'handle', @code, 'userCode', '1', id FROM users WHERE uuid = @uuid;
            INSERT INTO audit_events (tenant, user_id, actor, event, at) SELECT @tenant, id, 'self', 'user.created', @now FROM users WHERE uuid = @uuid;
            """,
            new { uuid, tenant = request.Tenant, value = email.Value, key = email.Key, code = $"ac26{uuid:N}", hash, now = context.Now() }));
        return new SignUpResult.Created((await new UserReader(context).FindAsync(request.Tenant, uuid, CancellationToken.None))!, IsReplay: false);
    }

    private static List<string> FindViolations(WorldOptions options, int seeds = 10)
    {
        var found = Enumerable.Range(1, seeds).Select(seed => World.Run(seed, options).Violation).OfType<string>().ToList();
        found.ShouldNotBeEmpty();
        return found;
    }

    private static void ShouldBeSound(int seed, Outcome outcome)
        => outcome.Violation.ShouldBeNull($"Seed {seed}. Run it alone, with its trace: SELFSAME_SEED={seed} ./test No_seed_makes");

    internal static int? Number(string variable)
        => int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out var number) ? number : null;

    /// <summary>Comes back from another thread, before anything else happens: how busy the machine is makes no difference.</summary>
    private sealed class AnotherThread : INotifyCompletion
    {
        public bool IsCompleted => false;

        public AnotherThread GetAwaiter() => this;

        public void OnCompleted(Action continuation)
        {
            var simulation = SynchronizationContext.Current!;
            var thread = new Thread(() => simulation.Post(_ => continuation(), null));
            thread.Start();
            thread.Join();
        }

        public void GetResult()
        {
        }
    }
}
