using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Simulation.Tests.Remotes.Services;
using Selfsame.Testing;

namespace Selfsame.Simulation.Tests.Remotes;

/// <summary>
/// What lies between a server and a connected system: it delays, loses, doubles and reorders, and the system itself may be busy or lag.
/// What belongs to a call that changes something arrives within the time that the call may take or never, also when its sender has died or sleeps: that is what
/// leases rely on.
/// </summary>
internal sealed class Network(World world, SeededRandom random)
{
    private const int LongestWay = 19_000;
    private const int LongestLag = 60_000;

    // A call's last request has this much less, so that one which comes twice comes within its time as well.
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(1);

    // A model's connector has a patience of its own: who gives a call less than this, as the provisioner, has turned away before.
    private static readonly TimeSpan ConnectorLimit = TimeSpan.FromSeconds(30);

    private static readonly Fault[] ReadFaults
        = [Fault.RequestLost, Fault.AnswerLost, Fault.NoAnswerInTime, Fault.Duplicated, Fault.Reordered, Fault.Throttled, Fault.Unavailable];

    private static readonly Fault[] LaggingFaults = [.. ReadFaults, Fault.LaggingRead, Fault.LaggingRead, Fault.LaggingRead];

    private static readonly Fault[] WriteFaults
        = [Fault.RequestLost, Fault.AnswerLost, Fault.AnswerLost, Fault.NoAnswerInTime, Fault.Duplicated, Fault.Reordered, Fault.Throttled, Fault.Unavailable];

    private readonly AsyncLocal<TimeSpan?> callEnds = new();

    /// <summary>How old what a system answers may be.</summary>
    public static TimeSpan MostLag { get; } = TimeSpan.FromMilliseconds(LongestLag);

    /// <summary>A call that changes something: its requests arrive before its end, or never.</summary>
    public async Task<T> CallAsync<T>(Func<Task<T>> call)
    {
        callEnds.Value = world.Clock.Elapsed + Provisioner.CallTimeout - Margin;
        return await call();
    }

    /// <summary>A request of a connector to its service over HTTP.</summary>
    /// <param name="service">Which.</param>
    /// <param name="request">It.</param>
    /// <param name="about">The states of the rows that it is about.</param>
    /// <param name="cancellation">Gives up waiting.</param>
    public async Task<ServiceAnswer> ExchangeAsync(HttpService service, ServiceRequest request, IReadOnlyList<ProvisioningState> about, CancellationToken cancellation)
    {
        world.Remotes!.NoteSent(request);
        var changes = service.Changes(request);
        // Hardly anything is asked about a row on which nobody works: that mostly goes wrong.
        var oneIn = about.Any(Coverage.IsSettled) && !random.OneIn(4) ? 1 : changes ? 4 : 12;
        var fault = Choose(changes ? WriteFaults : service.MayLag(request) ? LaggingFaults : ReadFaults, oneIn, service.RowsOf, () => about);
        if (fault == Fault.RequestLost && random.OneIn(2))
        {
            throw new HttpRequestException(HttpRequestError.ConnectionError, "Nobody listens there.");
        }

        var answer = new TaskCompletionSource<ServiceAnswer>();
        var ends = callEnds.Value ?? TimeSpan.MaxValue;
        world.Outside(() => CarryAsync(fault, service.Creates(request), ends, () => Serve(service, request, fault), () => Broken(answer), answer));
        await using var registration = cancellation.Register(() => answer.TrySetCanceled(cancellation));
        return await answer.Task;
    }

    /// <summary>A question to a model that must be answered from the primary, or with <paramref name="mayLag"/> one that a replica may answer.</summary>
    /// <param name="remote">Whom.</param>
    /// <param name="about">Ids or e-mails of whom the question is.</param>
    /// <param name="answer">What the system answers, by how old what it sees is.</param>
    /// <param name="mayLag">Whether it may see what was.</param>
    /// <param name="cancellation">Gives up waiting.</param>
    public async Task<T> ReadAsync<T>(RemoteAccounts remote, IEnumerable<string> about, Func<TimeSpan, T> answer, bool mayLag, CancellationToken cancellation)
    {
        var fault = Choose(mayLag ? LaggingFaults : ReadFaults, 6, remote.Name, () => StatesOf(remote.Name, about));
        var lag = LagOf(fault);
        if (fault is Fault.Throttled or Fault.Unavailable)
        {
            await WayAsync(null, TimeSpan.MaxValue);
            throw fault == Fault.Throttled
                ? new SystemUnavailableException($"'{remote.Name}' answers 429.") { RetryAfter = Wait() }
                : new SystemUnavailableException($"'{remote.Name}' answers 503.");
        }

        return await SendAsync(fault, creates: false, () => answer(lag), () => throw new SystemUnavailableException($"The connection to '{remote.Name}' broke."), cancellation);
    }

    /// <summary>A change that a model is asked for.</summary>
    /// <param name="remote">Whom.</param>
    /// <param name="about">Id or e-mail of whom it is about.</param>
    /// <param name="creates">Whether that makes an account.</param>
    /// <param name="write">What the system does when it arrives.</param>
    /// <param name="instead">What the connector answers where the system did not.</param>
    /// <param name="cancellation">Gives up waiting.</param>
    public async Task<T> WriteAsync<T>(RemoteAccounts remote, string about, bool creates, Func<T> write, Func<WriteOutcome, T> instead, CancellationToken cancellation)
    {
        var fault = Choose(WriteFaults, 3, remote.Name, () => StatesOf(remote.Name, [about]));
        if (fault is Fault.Throttled or Fault.Unavailable)
        {
            await WayAsync(null, TimeSpan.MaxValue);
            return instead(fault == Fault.Throttled ? new Throttled(Wait()) : new Unavailable($"'{remote.Name}' answers 503."));
        }

        return await SendAsync(fault, creates, write, () => instead(new Unknown($"The connection to '{remote.Name}' broke.")), cancellation);
    }

    /// <summary>The states of the rows that are about these ids, addresses or handles; none when nothing happens to them any more.</summary>
    public IReadOnlyList<ProvisioningState> StatesOf(string system, IEnumerable<string> about)
        => world.IsQuiet ? [] : world.Remotes!.StatesOf(system, [.. about]);

    /// <summary>What the service makes of a request that arrives.</summary>
    private ServiceAnswer Serve(HttpService service, ServiceRequest request, Fault? fault)
    {
        switch (fault)
        {
            case Fault.Throttled:
                return service.TooMany(request, Wait());
            case Fault.Unavailable:
                // A proxy, or the service after it has written, may fail for a request that was carried out.
                if (service.Changes(request) && random.OneIn(2))
                {
                    service.Answer(request, TimeSpan.Zero);
                }

                return service.Broken(request, random.NextInt32(3));
            default:
                return service.Answer(request, LagOf(fault));
        }
    }

    private static void Broken(TaskCompletionSource<ServiceAnswer> answer)
        => answer.TrySetException(new HttpRequestException(HttpRequestError.ResponseEnded, "The connection broke."));

    private async Task<T> SendAsync<T>(Fault? fault, bool creates, Func<T> serve, Func<T> broken, CancellationToken cancellation)
    {
        var answer = new TaskCompletionSource<T>();
        world.Outside(() => CarryAsync(fault, creates, TimeSpan.MaxValue, serve, () => Break(broken, answer), answer));
        await using var registration = cancellation.Register(() => answer.TrySetCanceled(cancellation));
        return await answer.Task;
    }

    private static void Break<T>(Func<T> broken, TaskCompletionSource<T> answer)
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

    private async Task CarryAsync<T>(Fault? fault, bool creates, TimeSpan ends, Func<T> serve, Action broken, TaskCompletionSource<T> answer)
    {
        if (creates && fault == Fault.AnswerLost && random.OneIn(2))
        {
            // Who asked learns that the connection broke, and the account is still being made.
            await WayAsync(null, ends);
            broken();
            await WayAsync(Fault.Reordered, ends);
            serve();
            return;
        }

        await WayAsync(fault, ends);
        var arrives = fault != Fault.RequestLost && (fault != Fault.NoAnswerInTime || random.OneIn(2));
        var served = arrives ? serve() : default;
        if (fault == Fault.Duplicated)
        {
            // Something on the way sends it again, and passes the second answer on.
            await WayAsync(null, ends);
            served = serve();
        }

        await (fault == Fault.NoAnswerInTime ? Task.Delay(ConnectorLimit, world.Clock) : WayAsync(null, TimeSpan.MaxValue));
        if (fault is Fault.RequestLost or Fault.AnswerLost or Fault.NoAnswerInTime)
        {
            broken();
        }
        else
        {
            answer.TrySetResult(served!);
        }
    }

    /// <summary>A way takes moments, or long; who woke after the end of the call sends all the same, and nothing holds that up.</summary>
    private Task WayAsync(Fault? fault, TimeSpan ends)
    {
        var moment = TimeSpan.FromMilliseconds(1 + random.NextInt32(200));
        var way = fault is Fault.Reordered or Fault.NoAnswerInTime ? TimeSpan.FromMilliseconds(1_000 + random.NextInt32(LongestWay - 1_000)) : moment;
        var left = ends - world.Clock.Elapsed;
        return Task.Delay(way <= left ? way : left > moment ? left : moment, world.Clock);
    }

    private TimeSpan Wait() => TimeSpan.FromSeconds(random.NextInt32(60));

    private TimeSpan LagOf(Fault? fault) => fault == Fault.LaggingRead ? TimeSpan.FromMilliseconds(random.NextInt32(LongestLag)) : TimeSpan.Zero;

    private Fault? Choose(IReadOnlyList<Fault> faults, int oneIn, string system, Func<IReadOnlyList<ProvisioningState>> about)
    {
        if (world.IsQuiet || !random.OneIn(oneIn))
        {
            return null;
        }

        var fault = random.Pick(faults);
        foreach (var state in about())
        {
            world.Coverage.Count(fault, state);
        }

        world.Note($"{system}: {fault}");
        return fault;
    }
}
