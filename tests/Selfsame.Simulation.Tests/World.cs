using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Selfsame.Databases;
using Selfsame.Simulation.Tests.Remotes;
using Selfsame.Store;
using Selfsame.Store.Users;
using Selfsame.Testing;

namespace Selfsame.Simulation.Tests;

/// <summary>What a simulation is made of. The tests of the simulation itself put something broken in.</summary>
internal sealed record WorldOptions
{
    /// <summary>The clients that act at the same time, made anew for each run.</summary>
    public required Func<World, IReadOnlyList<Client>> Clients { get; init; }

    /// <summary>How many servers work on the one database.</summary>
    public int Nodes { get; init; } = 1;

    /// <summary>By how much everything that waits waits longer; what takes minutes in life, as provisioning, wants a larger one.</summary>
    public int TimeScale { get; init; } = 1;

    /// <summary>The connected systems around the servers; null where there are none.</summary>
    public RemoteOptions? Remotes { get; init; }

    /// <summary>How often the whole store is looked at; what is broken stays broken, so looking at each commit only dates it better.</summary>
    public int CommitsBetweenChecks { get; init; } = 4;

    /// <summary>How a user is made.</summary>
    public Func<StoreContext, SignUpRequest, Task<SignUpResult>> SignUp { get; init; }
        = (context, request) => new SignUp(context).ExecuteAsync(request, CancellationToken.None);
}

/// <summary>What a run came to.</summary>
/// <param name="TraceHash">The same for two runs of one seed.</param>
/// <param name="Trace">What happened, in order.</param>
/// <param name="Violations">What should never have happened, in the order in which it was seen: one mistake often shows in several ways.</param>
/// <param name="Coverage">Which faults met which states.</param>
internal sealed record Outcome(string TraceHash, IReadOnlyList<string> Trace, IReadOnlyList<string> Violations, Coverage Coverage)
{
    /// <summary>The first violation; null when all was well.</summary>
    public string? Violation => Violations.Count > 0 ? Violations[0] : null;
}

/// <summary>
/// One run: servers that crash, sleep and start again on a database that stays, clients that lose their answers and ask
/// again, time that is virtual, and an order of events that follows from the seed.
/// </summary>
internal sealed class World
{
    public const string Tenant = "main";

    private const int MostSteps = 200_000;

    // With the time scale of provisioning 900 s: a lease lasts 120 s, an event's loan 300 s.
    private const int LongestPause = 9_000;

    private static readonly TimeSpan Moment = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan MostSkew = TimeSpan.FromMinutes(5);

    private readonly WorldOptions options;
    private readonly SimulatedContext outside;
    private readonly SeededRandom chance;
    private readonly List<string> trace = [];
    private readonly HashSet<Guid> acknowledged = [];
    private readonly HashSet<Guid> purgeable = [];
    private readonly SimulatedProcess?[] nodes;
    private int lives;
    private int running;
    private int commits;
    private int checkedCommits;
    private bool faultsAreOver;
    private readonly List<string> violations = [];

    private World(int seed, WorldOptions options)
    {
        this.options = options;
        Clock = new VirtualClock(new DateTimeOffset(2026, 11, 21, 12, 0, 0, TimeSpan.Zero));
        Scheduler = new Scheduler(new SeededRandom(seed));
        StoreRandom = new SeededRandom(seed + 1_000_000);
        chance = new SeededRandom(seed + 2_000_000);
        FaultRandom = new SeededRandom(seed + 3_000_000);
        nodes = new SimulatedProcess?[options.Nodes];
        outside = new SimulatedContext(Scheduler);
        Remotes = options.Remotes is { } remotes ? new RemoteSystems(this, remotes, seed) : null;
    }

    public TenantSettings Settings => Remotes is null ? Unlimited : Unlimited with
    {
        UserSystem = RemoteSystems.Users,
        ProvisionTo = [RemoteSystems.Auth, RemoteSystems.Pds],
        DeletePurgedIn = Remotes.Topology.DeletedWith(RemoteSystems.Users),
    };

    /// <summary>No limits: the simulation asks whether people come out whole, not how many may come.</summary>
    private static TenantSettings Unlimited { get; } = new()
    {
        Name = Tenant,
        SignUpLimit = new RateLimit("sign-up", 0, TimeSpan.FromHours(1)),
        SignUpAttemptLimit = new RateLimit("sign-up-attempts", 0, TimeSpan.FromHours(1)),
        SignInLimit = new RateLimit("sign-in", 0, TimeSpan.FromHours(1)),
        PasswordResetLimit = new RateLimit("password-reset", 0, TimeSpan.FromHours(1)),
        HandleChangeLimit = new RateLimit("handle-changes", 0, TimeSpan.FromHours(1)),
        DeletionGracePeriod = TimeSpan.FromSeconds(30),
    };

    public Scheduler Scheduler { get; }

    public VirtualClock Clock { get; }

    public SeededRandom StoreRandom { get; }

    public SeededRandom FaultRandom { get; }

    /// <summary>The connected systems, where the run has some.</summary>
    public RemoteSystems? Remotes { get; }

    public Coverage Coverage { get; } = new();

    /// <summary>What the servers store on.</summary>
    public Disk Disk { get; } = Disk.Take();

    public WorldOptions Options => options;

    /// <summary>The mails that have arrived, by recipient.</summary>
    public Mailboxes Mailboxes { get; } = new();

    /// <summary>Whether clients should still begin something new.</summary>
    public bool IsQuiet => faultsAreOver;

    /// <summary>Whether one client alone is not at its end.</summary>
    public bool IsLast => running == 1;

    /// <summary>The servers that are up.</summary>
    public IEnumerable<SimulatedProcess> Nodes => nodes.OfType<SimulatedProcess>();

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
            world.violations.Add(error.ToString());
        }

        if (world.violations.Count == 0)
        {
            world.Disk.Release();
        }
        else
        {
            world.Disk.Destroy();
        }

        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', world.trace))));
        return new Outcome(hash, world.trace, world.violations, world.Coverage);
    }

    /// <summary>Something happened.</summary>
    public void Note(string text) => trace.Add(string.Create(CultureInfo.InvariantCulture, $"{Clock.Elapsed.TotalMilliseconds:0.000} {text}"));

    /// <summary>Something happened that must not.</summary>
    public void Violate(string text)
    {
        Note($"VIOLATION {text}");
        violations.Add(text);
    }

    /// <summary>This user was told to somebody: it must be there from now on.</summary>
    public void Acknowledge(Guid uuid) => acknowledged.Add(uuid);

    /// <summary>These users are deleted, and a purge begins: they may cease to exist.</summary>
    public void NotePurgeable(IEnumerable<Guid> uuids)
    {
        Purges++;
        purgeable.UnionWith(uuids);
    }

    /// <summary>How many purges have begun.</summary>
    public int Purges { get; private set; }

    /// <summary>Whether this user was purged, as far as purges may have gone.</summary>
    public bool IsPurged(Guid uuid)
        => purgeable.Contains(uuid) && Inspect(transaction => transaction.ScalarAsync<long>("SELECT count(*) FROM users WHERE uuid = @uuid", new { uuid })) == 0;

    /// <summary>Waits outside of the process.</summary>
    public Task DelayAsync(int milliseconds) => Task.Delay(TimeSpan.FromMilliseconds((long)milliseconds * options.TimeScale), Clock);

    /// <summary>Does something that is no server's doing, as a network's, at the world's own time.</summary>
    public void Outside(Func<Task> work) => outside.Post(_ => BeginOutside(work), null);

    /// <summary>A transaction was committed.</summary>
    public void CountCommit() => commits++;

    /// <summary>
    /// Asks a server. A <see cref="ConnectionLostException"/> means that it died, or that none is up: what was asked may or
    /// may not have happened.
    /// </summary>
    public async Task<T> CallAsync<T>(Func<StoreContext, Task<T>> operation)
    {
        var awake = Nodes.Where(node => !node.Context.IsPaused).ToList();
        if (awake.Count == 0)
        {
            throw new ConnectionLostException();
        }

        var asked = awake.Count == 1 ? awake[0] : chance.Pick(awake);

        var answer = new TaskCompletionSource<T>();
        asked.OnDeath(() => answer.TrySetException(new ConnectionLostException()));
        asked.Context.Post(_ => ServeAsync(asked, operation, answer), null);
        return await answer.Task;
    }

    /// <summary>Reads the database as it is committed, past the server. Reading never waits.</summary>
    public T Inspect<T>(Func<Transaction, Task<T>> read) => Disk.Read(database => database.ReadAsync(read));

    private void RunToEnd(int seed)
    {
        Note($"seed {seed}");
        for (var node = 0; node < nodes.Length; node++)
        {
            Start(node);
        }

        foreach (var client in options.Clients(this))
        {
            running++;
            outside.Post(_ => FinishAsync(client.RunAsync()), null);
        }

        outside.Post(_ => FinishAsync(DisturbAsync()), null);
        running++;
        Pump();
        Check();
        foreach (var broken in Remotes?.FindUnfinished(acknowledged) ?? [])
        {
            Violate(broken);
        }

        foreach (var uuid in acknowledged.Where(uuid => !IsPurged(uuid)).Where(uuid => Inspect(transaction => transaction.ScalarAsync<long>(
            "SELECT count(*) FROM users u WHERE u.uuid = @uuid AND (u.email_verified_at IS NOT NULL OR EXISTS (SELECT 1 FROM mails m WHERE m.user_id = u.id))",
            new { uuid })) != 1))
        {
            Violate($"The acknowledged user {uuid} is gone, or has no mail.");
        }
    }

    private void Pump()
    {
        while (running > 0 && violations.Count == 0)
        {
            if (Scheduler.Steps > MostSteps)
            {
                throw new InvalidOperationException($"The run does not come to an end: {running} clients are not at theirs.");
            }

            // Mostly time passes when nothing else is left to do; sometimes a timer is faster, and rarely a process is so slow that one which is far away is.
            var moved = (chance.OneIn(8) && Clock.FireNextWithin(faultsAreOver || !chance.OneIn(8) ? Moment : TimeSpan.MaxValue)) || Scheduler.RunOne() || Clock.FireNext();
            if (Scheduler.Escape is { } escape)
            {
                throw new InvalidOperationException($"A continuation ran on another thread:\n{escape}");
            }

            if (!moved)
            {
                throw new InvalidOperationException($"{running} clients wait for something that never comes, or that another thread has in hand.");
            }

            if (commits >= checkedCommits + options.CommitsBetweenChecks)
            {
                checkedCommits = commits;
                Check();
            }
            else if (Remotes?.FindViolationsOfTouched().FirstOrDefault() is { } broken)
            {
                Violate(broken);
            }
        }
    }

    private void Check()
    {
        foreach (var broken in Disk.Read(database => StoreInvariants.FindAsync(database, purgeable)).Concat(Remotes?.FindViolations() ?? []))
        {
            Violate(broken);
        }
    }

    /// <summary>
    /// The world's own doing: now and then a clock jumps, a server is paused, or its machine loses its power. After a while it leaves
    /// the clients in peace.
    /// </summary>
    private async Task DisturbAsync()
    {
        for (var time = 0; time < 10; time++)
        {
            await NextDisturbanceAsync();
            var node = nodes.Length == 1 ? nodes[0] : Nodes.FirstOrDefault(IsAboutSettled) ?? chance.Pick(nodes);
            if (node is null)
            {
                continue;
            }

            if (chance.OneIn(3))
            {
                var jump = NextSkew();
                Note($"{node.Name}'s clock jumps by {jump}");
                CountHeld(Fault.ClockJump, node);
                node.Skew(jump);
            }
            else if (chance.OneIn(4))
            {
                Crash(node);
            }
            else if (nodes.Length > 1)
            {
                Outside(() => PauseAsync(node));
            }
        }

        faultsAreOver = true;
        Note("the faults end");
    }

    /// <summary>A while, or less where a server asks about somebody on whose row nobody works.</summary>
    private async Task NextDisturbanceAsync()
    {
        var parts = Remotes is null ? 1 : 3;
        for (var part = 0; part < parts && (part == 0 || !Nodes.Any(IsAboutSettled)); part++)
        {
            await DelayAsync(1 + chance.NextInt32(300 / parts));
        }
    }

    /// <summary>A server that stands still, often for longer than its leases last, and does not know it.</summary>
    private async Task PauseAsync(SimulatedProcess node)
    {
        if (!node.Context.IsPaused)
        {
            Note($"{node.Name} is paused");
            CountHeld(Fault.Pause, node);
            node.Context.Pause();
            await DelayAsync(chance.NextInt32(LongestPause));
            Note($"{node.Name} wakes");
            node.Context.Resume();
        }
    }

    /// <summary>Ends a server's life; it starts again after a while.</summary>
    internal void Crash(SimulatedProcess dying)
    {
        if (dying.Context.IsDead)
        {
            return;
        }

        Note($"{dying.Name} crashes");
        CountHeld(Fault.Crash, dying);
        var node = Array.IndexOf(nodes, dying);
        nodes[node] = null;
        dying.Kill();
        outside.Post(_ => FinishAsync(RestartAsync(dying, node)), null);
        running++;
    }

    /// <summary>Whether a server asks a system about somebody on whose row nobody works: that is rare, and so met where it is.</summary>
    private bool IsAboutSettled(SimulatedProcess node) => !node.Context.IsPaused && Remotes?.HeldBy(node).Any(Coverage.IsSettled) == true;

    private TimeSpan NextSkew() => TimeSpan.FromSeconds(chance.NextInt32(2 * (int)MostSkew.TotalSeconds) - MostSkew.TotalSeconds);

    private void CountHeld(Fault fault, SimulatedProcess node)
    {
        foreach (var state in Remotes?.HeldBy(node) ?? [])
        {
            Coverage.Count(fault, state);
        }
    }

    private async Task RestartAsync(SimulatedProcess died, int node)
    {
        await DelayAsync(1 + chance.NextInt32(100));
        Disk.Disconnect(died.Connection);
        Start(node);
        Note($"{nodes[node]!.Name} starts");
    }

    private void Start(int node)
    {
        var process = new SimulatedProcess(this, nodes.Length == 1 ? "the server" : $"server {node + 1}");
        nodes[node] = process;
        if (Remotes is not null && chance.OneIn(3))
        {
            // Its clock was never right.
            process.Skew(NextSkew());
        }

        Remotes?.Start(process, ++lives);
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

    private async void BeginOutside(Func<Task> work) => await ReportAsync(work());

    private async void FinishAsync(Task task)
    {
        await ReportAsync(task);
        running--;
    }

    private async Task ReportAsync(Task task)
    {
        try
        {
            await task;
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            Violate(error.ToString());
        }
    }
}
