using Selfsame.Connectors.Sqlite;
using Selfsame.Contract.Tests.Store;
using Selfsame.Core;
using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Core.Reconciliation;
using Selfsame.Store;
using Selfsame.Store.Audit;
using Selfsame.Store.Provisioning;
using Selfsame.Store.Runs;
using Selfsame.Store.Users;
using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Provisioning;

/// <summary>Our own users and a table elsewhere, from the operation on the user to the row in the table, by one node and by several.</summary>
public abstract partial class UsersFollowContract(Backend backend) : IAsyncLifetime
{
    private readonly TemporaryFolder folder = new();
    private TestStore store = null!;
    private UserAdministration administration = null!;
    private SqliteSystem app = null!;
    private readonly List<(ProvisioningState State, string? CorrelationId)> concluded = [];
    private OrphanAction orphans = OrphanAction.Report;

    public async ValueTask InitializeAsync()
    {
        store = await TestStore.CreateAsync(backend, new TestStoreOptions { Tenant = TestStore.Unlimited with { ProvisionTo = ["app"] } });
        administration = new UserAdministration(store.Context);
        Sql("CREATE TABLE members (id text PRIMARY KEY, login text UNIQUE, mail text UNIQUE, first text, is_active integer NOT NULL)");
        app = new SqliteSystem(Config("app", SqliteMapping) with
        {
            Settings = new Dictionary<string, string> { ["connection"] = folder["app.db"], ["table"] = "members" },
        });
    }

    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        await store.DisposeAsync();
        folder.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Every_change_of_a_user_makes_their_rows_due_in_its_own_transaction()
    {
        var user = await LinkedAsync();
        (string What, Func<Task> Change)[] changes =
        [
            ("a name", () => administration.ChangeAsync(TestStore.Tenant, user.Uuid, new UserChange { FirstName = new Change<string>(true, "Ann") }, null, Actor.CommandLine, TestStore.Cancellation)),
            ("an address", () => administration.ChangeAsync(TestStore.Tenant, user.Uuid, new UserChange { Email = new Change<string>(true, "new@example.org") }, null, Actor.CommandLine, TestStore.Cancellation)),
            ("a handle", () => administration.SetHandleAsync(TestStore.Tenant, user.Uuid, "ann", null, Actor.CommandLine, TestStore.Cancellation)),
            ("disabled", () => SetActiveAsync(user, false)),
            ("enabled", () => SetActiveAsync(user, true)),
            ("deleted", () => administration.DeleteAsync(TestStore.Tenant, user.Uuid, null, Actor.CommandLine, TestStore.Cancellation)),
            ("restored", () => administration.RestoreAsync(TestStore.Tenant, user.Uuid, null, Actor.CommandLine, TestStore.Cancellation)),
            ("proved", () => ProveAsync(user)),
        ];
        foreach (var (what, change) in changes)
        {
            await change();
            (await RowAsync(user)).DueBecause.ShouldNotBeNull(what);
            await store.ExecuteAsync("UPDATE provisioning SET due_because = NULL");
        }

        // What is rolled back made nothing due.
        await store.CreateAsync("taken", "taken@example.org");
        (await administration.ChangeAsync(TestStore.Tenant, user.Uuid, new UserChange { Username = new Change<string>(true, "taken") }, null, Actor.CommandLine, TestStore.Cancellation))
            .ShouldBeOfType<UserChangeResult.Taken>();
        (await RowAsync(user)).DueBecause.ShouldBeNull();
    }

    [Fact]
    public async Task The_id_of_the_request_stands_in_each_line_that_goes_back_to_it()
    {
        var form = new SignUpForm { Username = "anna", Email = "anna@example.org", Password = TestStore.Password };
        var request = new SignUpRequest { Tenant = TestStore.Tenant, Form = form, Actor = Actor.Self with { CorrelationId = "signing-up" } };
        var user = (await new SignUp(store.Context).ExecuteAsync(request, TestStore.Cancellation)).ShouldBeOfType<SignUpResult.Created>().User;
        await RunAsync();
        var change = new UserChange { FirstName = new Change<string>(true, "Ann") };
        await administration.ChangeAsync(TestStore.Tenant, user.Uuid, change, null, Actor.Self with { CorrelationId = "changing" }, TestStore.Cancellation);
        await RunAsync();

        (await StatusAsync(user)).History.Select(line => (line.State, line.CorrelationId)).ShouldBe(
        [
            (ProvisioningState.Pending, "signing-up"), (ProvisioningState.Intent, "signing-up"), (ProvisioningState.Linked, "signing-up"),
            (ProvisioningState.Linked, "changing"), (ProvisioningState.Linked, "changing"),
        ]);
        concluded.ShouldBe([(ProvisioningState.Linked, "signing-up"), (ProvisioningState.Linked, "changing")]);
    }

    [Fact]
    public async Task A_changed_disabled_enabled_deleted_and_restored_user_is_followed()
    {
        var user = await LinkedAsync();
        await administration.ChangeAsync(TestStore.Tenant, user.Uuid, new UserChange { FirstName = new Change<string>(true, "Ann") }, null, Actor.CommandLine, TestStore.Cancellation);
        await RunAsync();
        Members().ShouldBe(["anna|anna@example.org|Ann|1"]);

        await SetActiveAsync(user, false);
        await RunAsync();
        Members().ShouldBe(["anna|anna@example.org|Ann|0"]);
        (await RowAsync(user)).State.ShouldBe(ProvisioningState.Compensated);
        await SetActiveAsync(user, true);
        await RunAsync();
        Members().ShouldBe(["anna|anna@example.org|Ann|1"]);
        (await RowAsync(user)).State.ShouldBe(ProvisioningState.Linked);

        await administration.DeleteAsync(TestStore.Tenant, user.Uuid, null, Actor.CommandLine, TestStore.Cancellation);
        await RunAsync();
        Members().ShouldBe(["anna|anna@example.org|Ann|0"]);
        await administration.RestoreAsync(TestStore.Tenant, user.Uuid, null, Actor.CommandLine, TestStore.Cancellation);
        await RunAsync();
        Members().ShouldBe(["anna|anna@example.org|Ann|1"]);
    }

    // The node died with the creation on its way; then the user is changed once more, which is no reason to hold that it got lost.
    [Fact]
    public async Task A_change_during_the_wait_for_a_creation_has_it_looked_at_and_does_not_end_the_wait()
    {
        var user = await store.CreateAsync("anna", "anna@example.org");
        await Should.ThrowAsync<InvalidOperationException>(() => Provisioner(LeaseHolder.Current, new CrashPoints(name =>
        {
            if (name == ProvisioningCrashPoints.IntentDurable)
            {
                throw new InvalidOperationException("A crash of the test.");
            }
        })).RunOnceAsync(TestStore.Cancellation));
        Sleep(3);
        await administration.DeleteAsync(TestStore.Tenant, user.Uuid, null, Actor.CommandLine, TestStore.Cancellation);
        await RunAsync();
        (await RowAsync(user)).DueBecause.ShouldBe(MayStillArrive.Reason);

        Sleep(1);
        await store.Database.TransactAsync(transaction => ProvisioningRows.RequeueAsync(transaction, "users", new AccountId(user.Uuid.ToString()), "An event.", store.Clock.GetUtcNow()));
        await RunAsync();
        Sql($"INSERT INTO members (id, login, mail, is_active) VALUES ('{user.Uuid}', 'anna', 'anna@example.org', 1)");
        Sleep(5);
        await RunAsync();
        (await RowAsync(user)).State.ShouldBe(ProvisioningState.Compensating);
        Sleep(1);
        await RunAsync();

        (await RowAsync(user)).State.ShouldBe(ProvisioningState.Compensated);
        Members().ShouldBe(["anna|anna@example.org||0"]);

        void Sleep(int minutes) => store.Clock.Advance(TimeSpan.FromMinutes(minutes));
    }

    // A mistake that disables everybody here must not do so everywhere within the hour.
    [Fact]
    public async Task More_disabled_users_than_the_guard_allows_wait_and_follow_when_the_hour_is_over()
    {
        var users = new List<User>();
        foreach (var name in new[] { "anna", "bert", "carl" })
        {
            users.Add(await store.CreateAsync(name, $"{name}@example.org"));
        }

        await RunAsync();
        foreach (var user in users)
        {
            await SetActiveAsync(user, false);
        }

        await RunAsync(most: 2);
        Sql("SELECT count(*) FROM members WHERE is_active = 0").ShouldBe(["2"]);
        (await new ProvisioningReports(store.Database, store.Clock).SummariseAsync(TestStore.Cancellation)).Single().LastProblem!.ShouldContain("maxDisablesPerHour");
        await RunAsync(most: 2);
        Sql("SELECT count(*) FROM members WHERE is_active = 0").ShouldBe(["2"]);

        store.Clock.Advance(TimeSpan.FromHours(1));
        await RunAsync(most: 2);
        Sql("SELECT count(*) FROM members WHERE is_active = 0").ShouldBe(["3"]);
    }

    [Theory]
    [InlineData(ProvisioningCrashPoints.Claimed)]
    [InlineData(ProvisioningCrashPoints.IntentDurable)]
    [InlineData(ProvisioningCrashPoints.CreateLeft)]
    public async Task A_node_that_is_paused_past_its_lease_changes_nothing_when_it_wakes(string point)
    {
        var user = await store.CreateAsync("anna", "anna@example.org");
        ProvisioningStatus? byTheOther = null;
        var zombie = Provisioner(LeaseHolder.Current with { ProcessId = 1 }, new CrashPoints(name =>
        {
            if (name == point && byTheOther is null)
            {
                store.Clock.Advance(TimeSpan.FromMinutes(3));
                Provisioner(LeaseHolder.Current).RunOnceAsync(TestStore.Cancellation).GetAwaiter().GetResult().ShouldBe(1);
                byTheOther = StatusAsync(user).GetAwaiter().GetResult();
                // Whatever is written from here on has another time.
                store.Clock.Advance(TimeSpan.FromSeconds(1));
            }
        }));

        await zombie.RunOnceAsync(TestStore.Cancellation);

        byTheOther!.Row.State.ShouldBe(ProvisioningState.Linked);
        var afterwards = await StatusAsync(user);
        (afterwards.Row, afterwards.Updated).ShouldBe((byTheOther.Row, byTheOther.Updated));
        Members().ShouldBe(["anna|anna@example.org||1"]);
    }

    [Fact]
    public async Task A_paused_node_that_wakes_does_not_disable_who_was_restored_meanwhile()
    {
        var user = await LinkedAsync();
        await SetActiveAsync(user, false);
        var woken = false;
        var zombie = Provisioner(LeaseHolder.Current with { ProcessId = 1 }, new CrashPoints(name =>
        {
            if (name == ProvisioningCrashPoints.DisablingDurable && !woken)
            {
                woken = true;
                store.Clock.Advance(TimeSpan.FromMinutes(3));
                SetActiveAsync(user, true).GetAwaiter().GetResult();
                Provisioner(LeaseHolder.Current).RunOnceAsync(TestStore.Cancellation).GetAwaiter().GetResult();
            }
        }));

        await zombie.RunOnceAsync(TestStore.Cancellation);

        woken.ShouldBeTrue();
        Members().ShouldBe(["anna|anna@example.org||1"]);
        (await RowAsync(user)).State.ShouldBe(ProvisioningState.Linked);
    }

    [Fact]
    public async Task Two_nodes_share_the_work_and_nobody_is_made_twice()
    {
        for (var number = 0; number < 20; number++)
        {
            await store.CreateAsync($"person{number}", $"person{number}@example.org");
        }

        var nodes = new[] { Provisioner(LeaseHolder.Current), Provisioner(LeaseHolder.Current with { ProcessId = 1 }) };
        var done = 0;
        while (done < 20)
        {
            var worked = (await Task.WhenAll(nodes.Select(node => node.RunOnceAsync(TestStore.Cancellation)))).Sum();
            worked.ShouldBeGreaterThan(0);
            done += worked;
        }

        done.ShouldBe(20);
        Sql("SELECT count(*) FROM members").ShouldBe(["20"]);
        (await store.CountAsync("provisioning", "state = 'Linked'")).ShouldBe(20);
    }

    // The purge comes 30 days later; whoever could not be disabled until then is not forgotten.
    [Fact]
    public async Task A_purged_user_whose_account_waits_to_be_disabled_is_disabled_and_then_forgotten()
    {
        var user = await LinkedAsync();
        await administration.DeleteAsync(TestStore.Tenant, user.Uuid, null, Actor.CommandLine, TestStore.Cancellation);
        store.Clock.Advance(TimeSpan.FromDays(30));
        (await new UserPurge(store.Context).ExecuteAsync(TestStore.Tenant, TestStore.Cancellation)).ShouldBe(1);

        await RunAsync();

        Members().ShouldBe(["anna|anna@example.org||0"]);
        (await store.CountAsync("provisioning")).ShouldBe(0);
        (await store.CountAsync("provisioning_events")).ShouldBe(0);
    }

    private static AccountMapping SqliteMapping { get; } = new()
    {
        Id = ["id"],
        Identifiers = new Dictionary<IdentifierKind, string> { [IdentifierKind.Username] = "login", [IdentifierKind.Email] = "mail" },
        Attributes = new Dictionary<string, AttributeMapping> { ["firstName"] = new("first"), [AccountMapping.Active] = new("is_active") },
    };

    private async Task<User> LinkedAsync()
    {
        var user = await store.CreateAsync("anna", "anna@example.org");
        await RunAsync();
        (await RowAsync(user)).State.ShouldBe(ProvisioningState.Linked);
        return user;
    }

    private Task<UserChangeResult> SetActiveAsync(User user, bool active)
        => administration.SetActiveAsync(TestStore.Tenant, user.Uuid, active, Actor.CommandLine, TestStore.Cancellation);

    private async Task ProveAsync(User user)
    {
        var mail = await store.TakeMailsAsync();
        mail.ShouldNotBeEmpty();
        var change = new UserChange { EmailVerified = new Change<bool>(true, true) };
        await administration.ChangeAsync(TestStore.Tenant, user.Uuid, change, null, Actor.CommandLine, TestStore.Cancellation);
    }

    private async Task<ProvisioningRow> RowAsync(User user) => (await StatusAsync(user)).Row;

    private async Task<ProvisioningStatus> StatusAsync(User user)
        => (await new ProvisioningReports(store.Database, store.Clock).OfAccountAsync("users", new AccountId(user.Uuid.ToString()), TestStore.Cancellation)).Single();

    private async Task RunAsync(int most = 20)
    {
        while (await Provisioner(LeaseHolder.Current, CrashPoints.None, most).RunOnceAsync(TestStore.Cancellation) > 0)
        {
        }
    }

    private Provisioner Provisioner(LeaseHolder holder, CrashPoints? crashPoints = null, int mostDisables = 20, int mostDeletes = 20) => new(new ProvisionerParts
    {
        Topology = new Topology
        {
            Systems = new Dictionary<string, SystemConfig> { ["users"] = Config("users", SelfsameConnector.Kind.FixedMapping!), ["app"] = Config("app", SqliteMapping) },
            Rules = [new ReconcileRule { Source = "users", Target = "app", Correlate = [CorrelationRule.ById], Missing = MissingAction.CreateInTarget, Drifted = DriftedAction.UpdateTarget, Orphan = orphans }],
            Tenants = new Dictionary<string, TenantConfig>(),
            Fingerprint = "",
            Guards = new Guards { MaxDisablesPerHour = mostDisables, MaxDeletesPerHour = mostDeletes },
        },
        Systems = new Dictionary<string, IConnectedSystem> { ["users"] = new SelfsameConnector(store.Context, TestStore.Tenant), ["app"] = app },
        Rows = new ProvisioningRows(store.Database, store.Context.Secrets, store.Clock, holder),
        Keying = IdentifierKeys.TryKey,
        Clock = store.Clock,
        Random = store.Context.Random,
        Unforeseen = (_, exception) => throw exception,
        Concluded = (_, row) => concluded.Add((row.State, row.CorrelationId)),
        CrashPoints = crashPoints ?? CrashPoints.None,
    });

    private static SystemConfig Config(string name, AccountMapping mapping)
        => new() { Name = name, Connector = "", Settings = new Dictionary<string, string>(), Mapping = mapping };

    private List<string> Members() => Sql("SELECT login || '|' || mail || '|' || coalesce(first, '') || '|' || is_active FROM members ORDER BY login");

    private List<string> Sql(string sql) => OtherProgram.Sql(folder["app.db"], sql);
}

public sealed class SqliteUsersFollowTests() : UsersFollowContract(Backend.SqliteMemory);

[Trait("needs", "postgresql")]
public sealed class PostgreSqlUsersFollowTests() : UsersFollowContract(Backend.PostgreSql);
