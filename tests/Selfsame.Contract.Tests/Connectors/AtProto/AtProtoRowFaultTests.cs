using System.Net;
using System.Text;
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
    AnswersHtml,
    Hangs,
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
    [InlineData(PdsTrouble.WrongCertificate, "certificate", ProvisioningState.Intent)]
    [InlineData(PdsTrouble.ClosesHalfWay, "broke the connection off", ProvisioningState.Intent)]
    [InlineData(PdsTrouble.AnswersHtml, "nothing that a PDS says", ProvisioningState.Intent)]
    [InlineData(PdsTrouble.Hangs, "did not answer within", ProvisioningState.Intent)]
    [InlineData(PdsTrouble.UnservedDomain, "other.example.com", ProvisioningState.Pending)]
    [InlineData(PdsTrouble.SomebodyElsesDid, "did:plc:", ProvisioningState.Conflict)]
    public async Task It_is_told_in_the_row_delays_nobody_else_and_loses_nothing(PdsTrouble trouble, string problem, ProvisioningState state)
    {
        var other = await MadeAsync(NewName());
        var (user, handle) = await SignUpAsync("anna");
        var (neighbour, neighboursHandle) = await SignUpAsync("bert");
        await using var server = trouble switch
        {
            PdsTrouble.WrongCertificate => await BrokenServer.WithItsOwnCertificateAsync(),
            PdsTrouble.ClosesHalfWay => await BrokenServer.ClosingHalfWayAsync(),
            PdsTrouble.AnswersHtml => await BrokenServer.AnsweringHtmlAsync(),
            PdsTrouble.Hangs => await BrokenServer.HangingAsync(),
            _ => null,
        };
        var limits = new HeldClock();
        await using var broken = Open(
            domain: trouble == PdsTrouble.UnservedDomain ? "other.example.com" : PersonalDataServer.HandleDomain,
            http: new HttpMessageInvoker(new OnOnesWay([handle, user.Email!], server is null ? null : new Uri(server.Url), Answer)),
            clock: limits);

        var round = NewProvisioner(broken).RunOnceAsync(TestStore.Cancellation);

        // In the same round, and while the one still waits: the neighbour has an account of the same PDS.
        if (trouble != PdsTrouble.UnservedDomain)
        {
            await UntilAsync(async () => (await RowsAsync(neighbour))["pds"].State == ProvisioningState.Linked);
            (trouble == PdsTrouble.Hangs && round.IsCompleted).ShouldBeFalse();
            await ShouldBeWholeAsync(neighbour, neighboursHandle);
        }

        if (trouble == PdsTrouble.Hangs)
        {
            await UntilAsync(() =>
            {
                limits.End();
                return Task.FromResult(round.IsCompleted);
            });
        }

        await round;

        // One round: the well system's rows are whole, whatever becomes of the other.
        var rows = await RowsAsync(user);
        (rows["app"].State, rows["app"].Problem, rows["app"].DueBecause).ShouldBe((ProvisioningState.Linked, null, null));
        Sql("SELECT id FROM members").ShouldBe([user.Uuid.ToString(), neighbour.Uuid.ToString()], ignoreOrder: true);
        rows["pds"].Problem.ShouldNotBeNull().ShouldContain(problem);
        rows["pds"].State.ShouldBe(state);
        rows["pds"].Problem!.ShouldNotContain(PersonalDataServer.AdminPassword);
        rows["pds"].TargetId.ShouldBeNull();

        // Once it is mended, the row goes on where it was: by itself, or when an administrator asks.
        store.Clock.Advance(TimeSpan.FromHours(1));
        await Rows().RetryAsync(rows["pds"].Key, TestStore.Cancellation);
        await NewProvisioner(System).RunOnceAsync(TestStore.Cancellation);
        await NewProvisioner(System).RunOnceAsync(TestStore.Cancellation);
        (await ShouldBeWholeAsync(user, handle)).ShouldNotBe(other);
        await ShouldBeWholeAsync(neighbour, neighboursHandle);

        HttpResponseMessage? Answer(HttpRequestMessage request) => trouble == PdsTrouble.SomebodyElsesDid && request.RequestUri!.AbsolutePath.EndsWith("createAccount", StringComparison.Ordinal)
            ? new(HttpStatusCode.OK) { Content = new StringContent($$"""{"did": "{{other}}", "handle": "{{handle}}.{{PersonalDataServer.HandleDomain}}"}""", Encoding.UTF8, "application/json") }
            : null;
    }

    // Nothing is known of it then, so that nothing was begun.
    [Theory]
    [InlineData(PdsTrouble.WrongCertificate, "certificate")]
    [InlineData(PdsTrouble.ClosesHalfWay, "broke the connection off")]
    public async Task A_PDS_that_is_so_to_everybody_holds_no_other_system_up(PdsTrouble trouble, string problem)
    {
        var (user, handle) = await SignUpAsync("anna");
        await using var server = trouble == PdsTrouble.WrongCertificate ? await BrokenServer.WithItsOwnCertificateAsync() : await BrokenServer.ClosingHalfWayAsync();
        await using var broken = Open(server.Url);

        await NewProvisioner(broken).RunOnceAsync(TestStore.Cancellation);

        var rows = await RowsAsync(user);
        rows["app"].State.ShouldBe(ProvisioningState.Linked);
        rows["pds"].State.ShouldBe(ProvisioningState.Pending);
        rows["pds"].Problem.ShouldNotBeNull().ShouldContain(problem);
        rows["pds"].Problem!.ShouldNotContain(PersonalDataServer.AdminPassword);
        store.Clock.Advance(TimeSpan.FromHours(1));
        await NewProvisioner(System).RunOnceAsync(TestStore.Cancellation);
        await ShouldBeWholeAsync(user, handle);
    }

    /// <summary>Somebody who is to have an account of the PDS under a handle of their own.</summary>
    private async Task<(User User, string Handle)> SignUpAsync(string username)
    {
        var user = await store.CreateVerifiedAsync(username, $"{NewName()}@example.org");
        // The codes of this store are the same every time, and those of the shared PDS are others'.
        var handle = NewName();
        (await new UserAdministration(store.Context).SetHandleAsync(TestStore.Tenant, user.Uuid, handle, null, Actor.CommandLine, TestStore.Cancellation))
            .ShouldBeOfType<UserChangeResult.Changed>();
        return (user, handle);
    }

    private async Task<AccountId> ShouldBeWholeAsync(User user, string handle)
    {
        var row = (await RowsAsync(user))["pds"];
        (row.State, row.Problem).ShouldBe((ProvisioningState.Linked, null));
        (await PresentAsync(row.TargetId!)).Identifiers[IdentifierKind.Handle].ShouldBe(handle);
        return row.TargetId!;
    }

    private static async Task UntilAsync(Func<Task<bool>> isSo)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        while (!await isSo())
        {
            await Task.Delay(20, patience.Token);
        }
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

    private List<string> Sql(string sql) => OtherProgram.Sql(folder["app.db"], sql);

    /// <summary>Does something to what is asked about one person: leads it to another server, or answers in place of the PDS, which has it all the same.</summary>
    /// <param name="about">What names the person.</param>
    /// <param name="to">Where it goes instead; null for the PDS.</param>
    /// <param name="answer">What is answered instead; null for what is answered.</param>
    private sealed class OnOnesWay(IReadOnlyList<string> about, Uri? to, Func<HttpRequestMessage, HttpResponseMessage?> answer)
        : DelegatingHandler(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false })
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var said = request.RequestUri!.PathAndQuery + (request.Content is { } content ? await content.ReadAsStringAsync(cancellationToken) : "");
            if (!about.Any(name => said.Contains(name, StringComparison.Ordinal)))
            {
                return await base.SendAsync(request, cancellationToken);
            }

            request.RequestUri = to is null ? request.RequestUri : new Uri(to, request.RequestUri.PathAndQuery);
            var response = await base.SendAsync(request, cancellationToken);
            if (answer(request) is not { } instead)
            {
                return response;
            }

            response.Dispose();
            return instead;
        }
    }

    /// <summary>A clock whose time limits end when a test says so.</summary>
    private sealed class HeldClock : TimeProvider
    {
        private readonly List<ITimer> timers = [];

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = System.CreateTimer(callback, state, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            lock (timers)
            {
                timers.Add(timer);
            }

            return timer;
        }

        /// <summary>Ends those that run; one that was given up ends nothing.</summary>
        public void End()
        {
            lock (timers)
            {
                timers.ForEach(timer => timer.Change(TimeSpan.Zero, Timeout.InfiniteTimeSpan));
                timers.Clear();
            }
        }
    }
}
