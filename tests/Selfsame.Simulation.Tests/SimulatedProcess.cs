using Microsoft.Extensions.Logging.Abstractions;
using Selfsame.Core;
using Selfsame.Store;
using Selfsame.Store.Passwords;
using Selfsame.Testing;

namespace Selfsame.Simulation.Tests;

/// <summary>One life of the server: from its start to the crash that ends it. What it had in hand dies with it; the database stays.</summary>
internal sealed class SimulatedProcess
{
    private readonly List<Action> waiting = [];
    private readonly ProcessClock clock;

    public SimulatedProcess(World world, string name)
    {
        Name = name;
        Faults = new SimulatedFaults(world, this);
        Context = new SimulatedContext(world.Scheduler);
        clock = new ProcessClock(world.Clock, Context);
        Connection = world.Disk.Connect(Faults, clock, world.StoreRandom);
        var passwords = new PlainPasswordHashing
        {
            WhileHashing = async () => await Task.Yield(),
            WhileVerifying = async () => await Task.Yield(),
        };
        Store = new StoreContext
        {
            Database = Connection.Database,
            Clock = clock,
            Random = world.StoreRandom,
            Secrets = new SecretKeys(new byte[SecretKeys.MinimumBytes], world.StoreRandom),
            Passwords = passwords,
            PasswordPolicy = new PasswordPolicy(new PasswordSettings { ToNfc = text => text.Normalize() }),
            Logger = world.Remotes?.Log ?? NullLogger.Instance,
            CrashPoints = new CrashPoints(Faults.ReachCrashPoint),
            Tenants = new Dictionary<string, TenantSettings>(StringComparer.Ordinal) { [World.Tenant] = world.Settings },
            PublicAddress = _ => new Uri("https://main.example/"),
        };
    }

    public string Name { get; }

    public SimulatedFaults Faults { get; }

    public SimulatedContext Context { get; }

    public DiskConnection Connection { get; }

    public StoreContext Store { get; }

    /// <summary>Moves this process's wall clock, as a time server or a bad one does.</summary>
    public void Skew(TimeSpan by) => clock.Skew += by;

    /// <summary>Calls this when the process dies.</summary>
    public void OnDeath(Action action) => waiting.Add(action);

    /// <summary>The end: nothing that waits in this process ever goes on.</summary>
    public void Kill()
    {
        Context.Kill();
        foreach (var action in waiting)
        {
            action();
        }
    }

    /// <summary>The world's time with this process's error; its timers die with it.</summary>
    private sealed class ProcessClock(VirtualClock world, SimulatedContext context) : TimeProvider
    {
        public TimeSpan Skew { get; set; }

        public override long TimestampFrequency => world.TimestampFrequency;

        public override DateTimeOffset GetUtcNow() => world.GetUtcNow() + Skew;

        public override long GetTimestamp() => world.GetTimestamp();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
            => world.CreateTimer(
                given => context.Run(() => callback(given), isTimer: true),
                state,
                dueTime,
                period);
    }
}
