using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.EndToEnd.Tests.Api;
using Selfsame.Server.Hosting;
using Selfsame.Server.Reconciliation;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Reconciliation;

/// <summary>Leases are kept by each node's own clock: the doctor compares it with the one that all nodes see.</summary>
[Trait("needs", "postgresql")]
public sealed class DoctorClockTests
{
    [Theory]
    [InlineData(0, ProbeAnswer.Yes, "within")]
    [InlineData(5, ProbeAnswer.No, "300 s ahead of the database's")]
    [InlineData(-5, ProbeAnswer.No, "300 s behind the database's")]
    public async Task The_doctor_tells_how_far_a_nodes_clock_is_from_the_databases(int minutes, ProbeAnswer expected, string told)
    {
        using var folder = new TemporaryFolder();
        await using var server = await RunningServer.StartOnPostgreSqlAsync();
        var store = server.Context with { Clock = new OtherClock(TimeSpan.FromMinutes(minutes)) };
        var topology = new TopologyReader(ConfigFile.Connectors, _ => null).Read("systems: { users: { connector: selfsame } }").Topology.ShouldNotBeNull();
        await using var systems = await ConnectedSystems.OpenAsync(topology, store, Patience.OfService, CancellationToken.None);

        var examinations = await new Doctor(systems, store, new ServerOptions { DataFolder = folder["data"] }, hasSecretVariable: true).ExamineAsync(filter: null, CancellationToken.None);

        var clock = examinations.Single(examination => examination is { Area: "store", Name: "clock" });
        clock.Answer.ShouldBe(expected);
        clock.Detail.ShouldContain(told);
    }

    private sealed class OtherClock(TimeSpan ahead) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + ahead;
    }
}
