using System.Security.Cryptography;
using System.Text;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Store;
using Selfsame.Store.Inbox;

namespace Selfsame.Server.Reconciliation;

/// <summary>Looks at how a system's events reach us: the token, the stream at its end, the last event, the clocks.</summary>
internal sealed class WebhookExaminations(StoreContext store, Topology topology)
{
    private static readonly TimeSpan TolerableSkew = TimeSpan.FromSeconds(30);

    public async Task<IReadOnlyList<Examination>> ExamineAsync(SystemConfig config, IConnectedSystem system, CancellationToken cancellation)
    {
        if (system is not IReportsEvents reporting || topology.ProvisionedFrom(config.Name).Count == 0)
        {
            return [];
        }

        if (config.HookToken is not { } token)
        {
            return [new Examination(config.Name, "webhook", ProbeAnswer.No, "no 'hook' in the config, so that changes are found by audits only", "Add 'hook: { token: ${NAME} }', and a log stream with that token.")];
        }

        var found = new List<Examination>();
        try
        {
            var delivery = await reporting.DescribeDeliveryAsync(cancellation);
            found.Add(Stream(config, token, delivery.Streams));
            found.Add(Clock(config, delivery.ClockAhead));
        }
        catch (SystemUnavailableException exception)
        {
            found.Add(new Examination(config.Name, "webhook stream", ProbeAnswer.Unknown, exception.Message, "Grant the scope that reads log streams."));
        }

        found.Add(LastEvent(config, (await new InboxReports(store).ReadAsync(cancellation)).FirstOrDefault(report => report.System == config.Name)));
        return found;
    }

    private Examination Stream(SystemConfig config, string token, IReadOnlyList<EventStream> streams)
    {
        const string name = "webhook stream";
        var path = $"/hooks/{config.Name}";
        var hosts = Hosts(config.Tenant);
        var leading = new List<(EventStream Stream, Uri Address)>();
        foreach (var stream in streams)
        {
            if (Uri.TryCreate(stream.Endpoint, UriKind.Absolute, out var address) && address.AbsolutePath.EndsWith(path, StringComparison.Ordinal))
            {
                leading.Add((stream, address));
            }
        }

        var ours = leading.Where(pair => hosts.Count == 0 || hosts.Exists(host => IsHost(pair.Address, host))).Select(pair => pair.Stream).ToList();
        var matching = ours.Where(stream => IsSame(stream.Authorization, token)).ToList();
        var make = $"Make a custom webhook stream to https://{hosts.FirstOrDefault("YOUR-HOST")}{path} with the token of 'hook' as its Authorization Token";
        return (ours, matching) switch
        {
            ([], _) when leading is [var elsewhere, ..] => new Examination(
                config.Name, name, ProbeAnswer.No, $"the stream '{elsewhere.Stream.Name}' leads to {elsewhere.Address.Authority}, which is no host of the config's tenants",
                $"{make}; if {elsewhere.Address.Host} is this service, too, add it to the tenant's 'hosts'."),
            ([], _) => new Examination(config.Name, name, ProbeAnswer.No, $"no log stream leads to {path}", $"{make}."),
            (_, []) => new Examination(config.Name, name, ProbeAnswer.No, $"the stream '{ours[0].Name}' sends another token than the config's", "Give both the same token: what it sends now is refused with 401."),
            _ when matching.Find(stream => stream.Active) is { } active => new Examination(config.Name, name, ProbeAnswer.Yes, $"'{active.Name}' is active, and its token is the config's"),
            _ => new Examination(config.Name, name, ProbeAnswer.No, $"the stream '{matching[0].Name}' is {matching[0].Status}", "Activate it: it was stopped, or paused because its deliveries failed for days."),
        };
    }

    /// <summary>The hosts under which the config says that people reach us, those of one tenant first; none where it does not say.</summary>
    private List<string> Hosts(string first)
        => [.. topology.Tenants.OrderBy(tenant => tenant.Key != first).Select(tenant => tenant.Value)
            .SelectMany(tenant => tenant.PublicUrl is { } address ? tenant.Hosts.Prepend(address.IdnHost) : tenant.Hosts)];

    private static bool IsHost(Uri address, string host)
        => string.Equals(address.IdnHost, host, StringComparison.OrdinalIgnoreCase) || string.Equals(address.Host, host, StringComparison.OrdinalIgnoreCase);

    private static Examination Clock(SystemConfig config, TimeSpan? ahead) => ahead switch
    {
        null => new Examination(config.Name, "clock", ProbeAnswer.Unknown, "it does not tell the time"),
        { } skew when skew.Duration() > TolerableSkew => new Examination(
            config.Name, "clock", ProbeAnswer.No, $"it is {Math.Abs(skew.TotalSeconds):0} s {(skew > TimeSpan.Zero ? "ahead of" : "behind")} this machine's", "Set this machine's clock by NTP."),
        { } skew => new Examination(config.Name, "clock", ProbeAnswer.Yes, $"within {Math.Ceiling(skew.Duration().TotalSeconds):0} s of this machine's"),
    };

    private Examination LastEvent(SystemConfig config, InboxReport? report)
    {
        const string name = "last event";
        if (report?.LastReceived is not { } last)
        {
            return new Examination(config.Name, name, ProbeAnswer.Unknown, "none yet", "Sign up once, or send a test from the log stream's page.");
        }

        var seen = $"{Age(store.Now() - last)} ago; {report.Types.Values.Sum()} kept, {report.Waiting} waiting";
        return report.Failing == 0
            ? new Examination(config.Name, name, ProbeAnswer.Yes, seen)
            : new Examination(config.Name, name, ProbeAnswer.No, $"{seen}, of which {report.Failing} failed: {report.LastProblem}", "They are tried again by themselves once the reason is gone.");
    }

    private static string Age(TimeSpan age) => age < TimeSpan.FromMinutes(2) ? $"{Math.Max(0, age.TotalSeconds):0} s" : age < TimeSpan.FromHours(2) ? $"{age.TotalMinutes:0} min" : $"{age.TotalHours:0} h";

    private static bool IsSame(string left, string right)
        => CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(left)), SHA256.HashData(Encoding.UTF8.GetBytes(right)));
}
