using Selfsame.Core.Accounts;
using Selfsame.Testing;

namespace Selfsame.Simulation.Tests.Remotes;

/// <summary>Where people sign up by themselves: its accounts, and the log of what happened to them, as Auth0's.</summary>
internal sealed class IdentityProvider(RemoteAccounts accounts, VirtualClock clock)
{
    private readonly List<SystemEvent> log = [];

    public RemoteAccounts Accounts => accounts;

    public IReadOnlyList<SystemEvent> Log => log;

    /// <summary>Somebody did something; what the log then says.</summary>
    public SystemEvent Record(string type, AccountId account)
    {
        var happened = new SystemEvent { Id = $"log{log.Count:0000}", Type = type, Account = account, Occurred = clock.GetUtcNow(), ProvesEmail = type == "sv" };
        log.Add(happened);
        return happened;
    }
}

/// <summary>A server's way to the provider. Webhooks do not come through it: they go to the inbox as events that were read.</summary>
internal sealed class ProviderConnector(IdentityProvider provider, Network network) : RemoteConnector(provider.Accounts, network), IReportsEvents
{
    private const int PageSize = 5;

    public override Task<SystemFacts> DescribeAsync(CancellationToken cancellation)
        => Task.FromResult(new SystemFacts { TakesChosenId = false, AtomicPreconditions = true });

    public EventReading ReadBody(ReadOnlyMemory<byte> body) => new UnreadableEvents("Bodies do not come here.");

    public Task<EventPage> ReadEventsAsync(string? checkpoint, DateTimeOffset since, CancellationToken cancellation)
        => Network.ReadAsync(
            Remote,
            [],
            _ =>
            {
                var log = provider.Log;
                var first = checkpoint is null ? log.TakeWhile(one => one.Occurred < since).Count() : log.TakeWhile(one => string.CompareOrdinal(one.Id, checkpoint) <= 0).Count();
                var page = log.Skip(first).Take(PageSize).ToList();
                return new EventPage(page, page.Count > 0 ? page[^1].Id : checkpoint, first + page.Count == log.Count);
            },
            mayLag: false,
            cancellation);

    public Task<EventDelivery> DescribeDeliveryAsync(CancellationToken cancellation) => Task.FromResult(new EventDelivery([], null));
}
