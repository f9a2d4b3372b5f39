using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Selfsame.Databases;
using Selfsame.Store;
using Selfsame.Store.Schema;
using Selfsame.Store.Users;
using Selfsame.Testing;

namespace Selfsame.Simulation.Tests;

/// <summary>What a simulation is made of. The tests of the simulation itself put something broken in.</summary>
internal sealed record WorldOptions
{
    /// <summary>The clients that act at the same time, made anew for each run.</summary>
    public required Func<World, IReadOnlyList<Client>> Clients { get; init; }

    /// <summary>How often the whole store is looked at; what is broken stays broken, so looking at each commit only dates it better.</summary>
    public int CommitsBetweenChecks { get; init; } = 4;

    /// <summary>How a user is made.</summary>
    public Func<StoreContext, SignUpRequest, Task<SignUpResult>> SignUp { get; init; }
        = (context, request) => new SignUp(context).ExecuteAsync(request, CancellationToken.None);
}

/// <summary>What a run came to.</summary>
/// <param name="TraceHash">The same for two runs of one seed.</param>
/// <param name="Trace">What happened, in order.</param>
/// <param name="Violation">What should never have happened; null when all was well.</param>
internal sealed record Outcome(string TraceHash, IReadOnlyList<string> Trace, string? Violation);

/// <summary>
/// One run: a server that crashes and starts again on a database that stays, clients that lose their answers and ask
/// again, time that is virtual, and an order of events that follows from the seed.
/// </summary>
internal sealed class World
{
    public const string Tenant = "main";

    private const int MostSteps = 100_000;

    // Dapper compiles its readers anew for each connection string, which costs more than the whole run: names are used again.
    private static readonly ConcurrentBag<string> FreeNames = [];
    private static int names;

    private readonly WorldOptions options;
    private readonly SimulatedContext outside;
    private readonly SimulatedFaults faults;
    private readonly Database disk;
    private readonly SeededRandom chance;
    private readonly List<string> trace = [];
    private readonly HashSet<Guid> acknowledged = [];
    private readonly List<SimulatedProcess> processes = [];
    private SimulatedProcess? process;
    private int running;
    private int checkedCommits;
    private string? violation;

    private World(int seed, WorldOptions options)
    {
        this.options = options;
        DatabaseName = FreeNames.TryTake(out var name) ? name : $"simulation-{Interlocked.Increment(ref names)}";
        Clock = new VirtualClock(new DateTimeOffset(2026, 11, 21, 12, 0, 0, TimeSpan.Zero));
        Scheduler = new Scheduler(new SeededRandom(seed));
        StoreRandom = new SeededRandom(seed + 1_000_000);
        chance = new SeededRandom(seed + 2_000_000);
        faults = new SimulatedFaults(new SeededRandom(seed + 3_000_000), Crash);
        outside = new SimulatedContext(Scheduler);
        disk = SqliteDatabase.SharedInMemory(DatabaseName, new DatabaseOptions(), Clock, new SeededRandom(0));
    }

    /// <summary>No limits: the simulation asks whether people come out whole, not how many may come.</summary>
    public static TenantSettings Settings { get; } = new()
    {
        Name = Tenant,
        SignUpLimit = new RateLimit("sign-up", 0, TimeSpan.FromHours(1)),
        SignInLimit = new RateLimit("sign-in", 0, TimeSpan.FromHours(1)),
        PasswordResetLimit = new RateLimit("password-reset", 0, TimeSpan.FromHours(1)),
    };

    public Scheduler Scheduler { get; }

    public VirtualClock Clock { get; }

    public SeededRandom StoreRandom { get; }

    public string DatabaseName { get; }

    public WorldOptions Options => options;

    /// <summary>The mails that have arrived, by recipient.</summary>
    public Mailboxes Mailboxes { get; } = new();

    /// <summary>Whether clients should still begin something new.</summary>
    public bool IsQuiet => !faults.IsOn;

    /// <summary>Runs a seed to its end.</summary>
    public static Outcome Run(int seed, WorldOptions options)
    {
        var world = new World(seed, options);
        try
        {
            world.RunToEnd(seed);
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            world.violation ??= error.ToString();
        }
        finally
        {
            // All of them, those of a run that broke off as well: the database lives as long as one is open, and its name is used again.
            world.processes.ForEach(process => Complete(process.Store.Database.DisposeAsync()));
            Complete(world.disk.DisposeAsync());
            FreeNames.Add(world.DatabaseName);
        }

        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', world.trace))));
        return new Outcome(hash, world.trace, world.violation);
    }

    /// <summary>Something happened.</summary>
    public void Note(string text) => trace.Add(string.Create(CultureInfo.InvariantCulture, $"{Clock.Elapsed.TotalMilliseconds:0.000} {text}"));

    /// <summary>Something happened that must not.</summary>
    public void Violate(string text)
    {
        Note($"VIOLATION {text}");
        violation ??= text;
    }

    /// <summary>This user was told to somebody: it must be there from now on.</summary>
    public void Acknowledge(Guid uuid) => acknowledged.Add(uuid);

    /// <summary>Waits outside of the process.</summary>
    public Task DelayAsync(int milliseconds) => Task.Delay(TimeSpan.FromMilliseconds(milliseconds), Clock);

    /// <summary>
    /// Asks the server. A <see cref="ConnectionLostException"/> means that it died, or is not up: what was asked may or
    /// may not have happened.
    /// </summary>
    public async Task<T> CallAsync<T>(Func<StoreContext, Task<T>> operation)
    {
        if (process is not { } asked)
        {
            throw new ConnectionLostException();
        }

        var answer = new TaskCompletionSource<T>();
        asked.OnDeath(() => answer.TrySetException(new ConnectionLostException()));
        asked.Context.Post(_ => ServeAsync(asked, operation, answer), null);
        return await answer.Task;
    }

    /// <summary>Reads the database as it is committed, past the server. Reading never waits.</summary>
    public T Inspect<T>(Func<Transaction, Task<T>> read)
    {
        var task = disk.ReadAsync(read);
        return task.IsCompleted
            ? task.GetAwaiter().GetResult()
            : throw new InvalidOperationException("A transaction was left open between two steps: something in it waited for more than the database.");
    }

    internal void ReachCrashPoint(string name) => faults.CrashOneIn(200);

    private static void Complete(ValueTask task) => task.AsTask().GetAwaiter().GetResult();

    private void RunToEnd(int seed)
    {
        Note($"seed {seed}");
        Complete(new ValueTask(StoreSchema.MigrateAsync(disk)));
        Start();
        foreach (var client in options.Clients(this))
        {
            running++;
            outside.Post(_ => FinishAsync(client.RunAsync()), null);
        }

        outside.Post(_ => FinishAsync(DisturbAsync()), null);
        running++;
        Pump();
        Check();
        foreach (var uuid in acknowledged.Where(uuid => Inspect(transaction => transaction.ScalarAsync<long>(
            "SELECT count(*) FROM users u WHERE u.uuid = @uuid AND (u.email_verified_at IS NOT NULL OR EXISTS (SELECT 1 FROM mails m WHERE m.user_id = u.id))",
            new { uuid })) != 1))
        {
            Violate($"The acknowledged user {uuid} is gone, or has no mail.");
        }
    }

    private void Pump()
    {
        while (running > 0 && violation is null)
        {
            if (Scheduler.Steps > MostSteps)
            {
                throw new InvalidOperationException("The run does not come to an end.");
            }

            // Mostly time passes when nothing else is left to do; sometimes a timer is faster.
            var moved = chance.OneIn(8) ? Clock.FireNext() || Scheduler.RunOne() : Scheduler.RunOne() || Clock.FireNext();
            // Work on another thread is given the time to come back, so that what has left is told from what never comes.
            if (!moved)
            {
                SpinWait.SpinUntil(() => Scheduler.Escape is not null, TimeSpan.FromSeconds(5));
            }

            if (Scheduler.Escape is { } escape)
            {
                throw new InvalidOperationException($"A continuation ran on another thread:\n{escape}");
            }

            if (!moved)
            {
                throw new InvalidOperationException($"{running} clients wait for something that never comes.");
            }

            if (faults.Commits >= checkedCommits + options.CommitsBetweenChecks)
            {
                checkedCommits = faults.Commits;
                Check();
            }
        }
    }

    private void Check()
    {
        var task = StoreInvariants.FindAsync(disk);
        if (!task.IsCompleted)
        {
            throw new InvalidOperationException("A transaction was left open between two steps: something in it waited for more than the database.");
        }

        foreach (var broken in task.GetAwaiter().GetResult())
        {
            Violate(broken);
        }
    }

    /// <summary>The world's own doing: now and then a clock jumps, or the machine loses its power. After a while it leaves the clients in peace.</summary>
    private async Task DisturbAsync()
    {
        for (var time = 0; time < 10; time++)
        {
            await DelayAsync(1 + chance.NextInt32(300));
            if (chance.OneIn(3) && process is not null)
            {
                var jump = TimeSpan.FromSeconds(chance.NextInt32(600) - 300);
                Note($"the server's clock jumps by {jump}");
                process.Skew(jump);
            }
            else if (chance.OneIn(4))
            {
                Crash();
            }
        }

        faults.IsOn = false;
        Note("the faults end");
    }

    private void Crash()
    {
        if (process is not { } dying)
        {
            return;
        }

        Note("the server crashes");
        process = null;
        dying.Kill();
        outside.Post(_ => FinishAsync(RestartAsync()), null);
        running++;
    }

    private async Task RestartAsync()
    {
        await DelayAsync(1 + chance.NextInt32(100));

        // Its open transactions, if broken code left one, end with it, as a database ends those of a dead client.
        await processes[^1].Store.Database.DisposeAsync();
        Start();
        Note("the server starts");
    }

    private void Start()
    {
        process = new SimulatedProcess(this, faults);
        processes.Add(process);
    }

    private static async void ServeAsync<T>(SimulatedProcess serving, Func<StoreContext, Task<T>> operation, TaskCompletionSource<T> answer)
    {
        try
        {
            var value = await operation(serving.Store);
            answer.TrySetResult(value);
        }
        catch (CrashException)
        {
            answer.TrySetException(new ConnectionLostException());
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            answer.TrySetException(error);
        }
    }

    private async void FinishAsync(Task task)
    {
        try
        {
            await task;
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            Violate(error.ToString());
        }

        running--;
    }
}
