using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Testing;

namespace Selfsame.Simulation.Tests.Remotes;

/// <summary>
/// What lies between a server and a connected system: it delays, loses, doubles and reorders, and the system itself may be busy or lag.
/// A request arrives within the time that a call may take or never, also when its sender has died or sleeps: that is what leases rely on.
/// </summary>
internal sealed class Network(World world, SeededRandom random)
{
    // Less than Provisioner.CallTimeout: what comes later is a request that was lost.
    private const int LongestWay = 19_000;

    // A connector's own patience: who gives a call less than this, as the provisioner, has turned away before.
    private static readonly TimeSpan ConnectorLimit = TimeSpan.FromSeconds(30);

    private static readonly Fault[] ReadFaults = [Fault.RequestLost, Fault.AnswerLost, Fault.Reordered, Fault.Throttled, Fault.Unavailable];
    private static readonly Fault[] WriteFaults
        = [Fault.RequestLost, Fault.AnswerLost, Fault.AnswerLost, Fault.NoAnswerInTime, Fault.Duplicated, Fault.Reordered, Fault.Throttled, Fault.Unavailable];

    /// <summary>A question that must be answered from the primary, or with <paramref name="mayLag"/> one that a replica may answer.</summary>
    /// <param name="remote">Whom.</param>
    /// <param name="about">Ids or e-mails of whom the question is.</param>
    /// <param name="answer">What the system answers, by how old what it sees is.</param>
    /// <param name="mayLag">Whether it may see what was.</param>
    /// <param name="cancellation">Gives up waiting.</param>
    public async Task<T> ReadAsync<T>(RemoteAccounts remote, IEnumerable<string> about, Func<TimeSpan, T> answer, bool mayLag, CancellationToken cancellation)
    {
        var fault = Choose(mayLag ? [.. ReadFaults, Fault.LaggingRead, Fault.LaggingRead] : ReadFaults, remote, about);
        var lag = fault == Fault.LaggingRead ? TimeSpan.FromMilliseconds(random.NextInt32(60_000)) : TimeSpan.Zero;
        if (fault is Fault.Throttled or Fault.Unavailable)
        {
            await WayAsync(null);
            throw fault == Fault.Throttled
                ? new SystemUnavailableException($"'{remote.Name}' answers 429.") { RetryAfter = TimeSpan.FromSeconds(random.NextInt32(60)) }
                : new SystemUnavailableException($"'{remote.Name}' answers 503.");
        }

        return await SendAsync(fault, () => answer(lag), () => throw new SystemUnavailableException($"The connection to '{remote.Name}' broke."), cancellation);
    }

    /// <summary>A change that is asked for.</summary>
    /// <param name="remote">Whom.</param>
    /// <param name="about">Id or e-mail of whom it is about.</param>
    /// <param name="write">What the system does when it arrives.</param>
    /// <param name="instead">What the connector answers where the system did not.</param>
    /// <param name="cancellation">Gives up waiting.</param>
    public async Task<T> WriteAsync<T>(RemoteAccounts remote, string about, Func<T> write, Func<WriteOutcome, T> instead, CancellationToken cancellation)
    {
        var fault = Choose(WriteFaults, remote, [about]);
        if (fault is Fault.Throttled or Fault.Unavailable)
        {
            await WayAsync(null);
            return instead(fault == Fault.Throttled ? new Throttled(TimeSpan.FromSeconds(random.NextInt32(60))) : new Unavailable($"'{remote.Name}' answers 503."));
        }

        return await SendAsync(fault, write, () => instead(new Unknown($"The connection to '{remote.Name}' broke.")), cancellation);
    }

    private async Task<T> SendAsync<T>(Fault? fault, Func<T> serve, Func<T> broken, CancellationToken cancellation)
    {
        var answer = new TaskCompletionSource<T>();
        world.Outside(() => CarryAsync(fault, serve, broken, answer));
        await using var registration = cancellation.Register(() => answer.TrySetCanceled(cancellation));
        return await answer.Task;
    }

    private async Task CarryAsync<T>(Fault? fault, Func<T> serve, Func<T> broken, TaskCompletionSource<T> answer)
    {
        await WayAsync(fault);
        var arrives = fault != Fault.RequestLost && (fault != Fault.NoAnswerInTime || random.OneIn(2));
        var served = arrives ? serve() : default;
        if (fault == Fault.Duplicated)
        {
            // Something on the way sends it again, and passes the second answer on.
            await WayAsync(null);
            served = serve();
        }

        await (fault == Fault.NoAnswerInTime ? Task.Delay(ConnectorLimit, world.Clock) : WayAsync(null));
        if (fault is Fault.RequestLost or Fault.AnswerLost or Fault.NoAnswerInTime)
        {
            try
            {
                answer.TrySetResult(broken());
            }
            catch (SystemUnavailableException exception)
            {
                answer.TrySetException(exception);
            }
        }
        else
        {
            answer.TrySetResult(served!);
        }
    }

    private Task WayAsync(Fault? fault)
        => Task.Delay(TimeSpan.FromMilliseconds(fault is Fault.Reordered or Fault.NoAnswerInTime ? 1_000 + random.NextInt32(LongestWay - 1_000) : 1 + random.NextInt32(200)), world.Clock);

    private Fault? Choose(IReadOnlyList<Fault> faults, RemoteAccounts remote, IEnumerable<string> about)
    {
        if (world.IsQuiet || !random.OneIn(faults == WriteFaults ? 3 : 6))
        {
            return null;
        }

        var fault = random.Pick(faults);
        foreach (var state in about.Select(who => world.Remotes!.StateOf(remote.Name, who)).OfType<ProvisioningState>().Distinct())
        {
            world.Coverage.Count(fault, state);
        }

        world.Note($"{remote.Name}: {fault}");
        return fault;
    }
}
