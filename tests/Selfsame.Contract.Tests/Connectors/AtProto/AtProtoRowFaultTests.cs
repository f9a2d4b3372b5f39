using System.Net;
using Microsoft.Data.Sqlite;
using Selfsame.Connectors.AtProto;
using Selfsame.Connectors.Sqlite;
using Selfsame.Contract.Tests.Store;
using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Core.Reconciliation;
using Selfsame.Store;
using Selfsame.Store.Audit;
using Selfsame.Store.Provisioning;
using Selfsame.Store.Runs;
using Selfsame.Store.Users;
using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Connectors.AtProto;

/// <summary>What is wrong with a PDS, or with the way to it.</summary>
public enum PdsTrouble
{
    WrongCertificate,
    ClosesHalfWay,
    UnservedDomain,
    SomebodyElsesDid,
}

/// <summary>What comes between the service and a real PDS, as it stands in the row of a sign-up, beside a system that is well.</summary>
[Trait("needs", "pds")]
public sealed class AtProtoRowFaultTests : AtProtoServer
{
    private readonly TemporaryFolder folder = new();
    private TestStore store = null!;
    private SqliteSystem app = null!;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        store = await TestStore.CreateAsync(Backend.SqliteMemory, new TestStoreOptions { Tenant = TestStore.Unlimited with { ProvisionTo = ["app", "pds"] } });
        Sql("CREATE TABLE members (id text PRIMARY KEY, mail text UNIQUE)");
        app = new SqliteSystem(Config("app", AppMapping) with
        {
            Settings = new Dictionary<string, string> { ["connection"] = folder["app.db"], ["table"] = "members" },
        });
    }

    public override async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        await store.DisposeAsync();
        folder.Dispose();
        await base.DisposeAsync();
    }

    [Theory]
    [InlineData(PdsTrouble.WrongCertificate, "certificate", ProvisioningState.Pending)]
    [InlineData(PdsTrouble.ClosesHalfWay, "broke the connection off", ProvisioningState.Pending)]
    [InlineData(PdsTrouble.UnservedDomain, "other.example.com", ProvisioningState.Pending)]
    [InlineData(PdsTrouble.SomebodyElsesDid, "did:plc:", ProvisioningState.Conflict)]
    public async Task It_is_told_in_the_row_delays_no_other_system_and_loses_nothing(PdsTrouble trouble, string problem, ProvisioningState state)
    {
        var other = await MadeAsync(NewName());
        var user = await store.CreateVerifiedAsync("anna", $"{NewName()}@example.org");
        // The codes of this store are the same every time, and those of the shared PDS are others'.
        var handle = NewName();
        (await new UserAdministration(store.Context).SetHandleAsync(TestStore.Tenant, user.Uuid, handle, null, Actor.CommandLine, TestStore.Cancellation))
            .ShouldBeOfType<UserChangeResult.Changed>();
        await using var server = trouble == PdsTrouble.WrongCertificate ? await BrokenServer.WithItsOwnCertificateAsync() : await BrokenServer.ClosingHalfWayAsync();
        await using var broken = trouble switch
        {
            PdsTrouble.UnservedDomain => Open(domain: "other.example.com"),
            PdsTrouble.SomebodyElsesDid => Open(http: new HttpMessageInvoker(Faults)),
            _ => Open(server.Url),
        };
        if (trouble == PdsTrouble.SomebodyElsesDid)
        {
            Faults.ReplaceNext("createAccount", HttpStatusCode.OK, $$"""{"did": "{{other}}", "handle": "{{handle}}.{{PersonalDataServer.HandleDomain}}"}""");
        }

        await NewProvisioner(broken).RunOnceAsync(TestStore.Cancellation);

        // One round: the well system's row is whole, whatever becomes of the other.
        var rows = await RowsAsync(user);
        (rows["app"].State, rows["app"].Problem, rows["app"].DueBecause).ShouldBe((ProvisioningState.Linked, null, null));
        Sql("SELECT id FROM members").ShouldBe([user.Uuid.ToString()]);
        rows["pds"].State.ShouldBe(state);
        rows["pds"].Problem.ShouldNotBeNull().ShouldContain(problem);
        rows["pds"].Problem!.ShouldNotContain(PersonalDataServer.AdminPassword);
        rows["pds"].TargetId.ShouldBeNull();

        // Once it is mended, the row goes on where it was: by itself, or when an administrator asks.
        store.Clock.Advance(TimeSpan.FromHours(1));
        await Rows().RetryAsync(rows["pds"].Key, TestStore.Cancellation);
        await NewProvisioner(System).RunOnceAsync(TestStore.Cancellation);
        await NewProvisioner(System).RunOnceAsync(TestStore.Cancellation);
        var mended = (await RowsAsync(user))["pds"];
        (mended.State, mended.Problem).ShouldBe((ProvisioningState.Linked, null));
        mended.TargetId.ShouldNotBe(other);
        (await PresentAsync(mended.TargetId!)).Identifiers[IdentifierKind.Handle].ShouldBe(handle);
    }

    private static AccountMapping AppMapping { get; } = new() { Id = ["id"], Identifiers = new Dictionary<IdentifierKind, string> { [IdentifierKind.Email] = "mail" } };

    private Provisioner NewProvisioner(AtProtoSystem pds) => new(new ProvisionerParts
    {
        Topology = new Topology
        {
            Systems = new Dictionary<string, SystemConfig>
            {
                ["users"] = Config("users", SelfsameConnector.Kind.FixedMapping!),
                ["app"] = Config("app", AppMapping),
                ["pds"] = Config("pds", AtProtoSystem.Kind.FixedMapping!),
            },
            Rules =
            [
                new ReconcileRule { Source = "users", Target = "app", Correlate = [CorrelationRule.ById], Missing = MissingAction.CreateInTarget },
                new ReconcileRule
                {
                    Source = "users",
                    Target = "pds",
                    When = AccountMapping.EmailVerified,
                    Correlate = [new CorrelationRule(null, "did")],
                    Missing = MissingAction.CreateInTarget,
                    Handle = HandleTemplate.Parse("{handle|code}"),
                },
            ],
            Tenants = new Dictionary<string, TenantConfig>(),
            Fingerprint = "",
        },
        Systems = new Dictionary<string, IConnectedSystem> { ["users"] = new SelfsameConnector(store.Context, TestStore.Tenant), ["app"] = app, ["pds"] = pds },
        Rows = Rows(),
        Keying = IdentifierKeys.TryKey,
        Clock = store.Clock,
        Random = store.Context.Random,
        Unforeseen = (_, exception) => throw exception,
    });

    private ProvisioningRows Rows() => new(store.Database, store.Context.Secrets, store.Clock, LeaseHolder.Current);

    private async Task<Dictionary<string, ProvisioningRow>> RowsAsync(User user)
        => (await new ProvisioningReports(store.Database, store.Clock).OfAccountAsync("users", new AccountId(user.Uuid.ToString()), TestStore.Cancellation))
            .ToDictionary(status => status.Row.Key.System, status => status.Row);

    private static SystemConfig Config(string name, AccountMapping mapping)
        => new() { Name = name, Connector = "", Settings = new Dictionary<string, string>(), Mapping = mapping };

    private List<string> Sql(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={folder["app.db"]};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        using var reader = command.ExecuteReader();
        var rows = new List<string>();
        while (reader.Read())
        {
            rows.Add(reader.GetString(0));
        }

        return rows;
    }
}
