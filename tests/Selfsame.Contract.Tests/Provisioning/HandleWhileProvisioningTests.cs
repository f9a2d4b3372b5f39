using Selfsame.Contract.Tests.Store;
using Selfsame.Core;
using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Core.Reconciliation;
using Selfsame.Server.Handles;
using Selfsame.Store;
using Selfsame.Store.Audit;
using Selfsame.Store.Provisioning;
using Selfsame.Store.Runs;
using Selfsame.Store.Users;
using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Provisioning;

/// <summary>When the user asks for the handle.</summary>
public enum HandleMoment
{
    BeforeTheClaim,
    Claimed,
    SourceRead,
    IntentDurable,
    DuringTheCall,
    Answered,
    Linked,
}

/// <summary>What becomes of the first creation.</summary>
public enum FirstAnswer
{
    Comes,
    IsLost,
    NeverArrived,
}

/// <summary>A user sets a handle at any moment of the making of their account: in the end the other system has what our store has.</summary>
public abstract class HandleWhileProvisioningContract(Backend backend) : IAsyncLifetime
{
    private const string Handle = "evalina";
    private const string Stranger = "stranger@elsewhere.example";

    private readonly PasswordSystem pds = new();
    private TestStore store = null!;
    private User user = null!;

    private sealed class Crash : Exception;

    public static TheoryData<HandleMoment, FirstAnswer, bool> Interleavings
    {
        get
        {
            var data = new TheoryData<HandleMoment, FirstAnswer, bool>();
            foreach (var moment in Enum.GetValues<HandleMoment>())
            {
                foreach (var answer in Enum.GetValues<FirstAnswer>())
                {
                    data.Add(moment, answer, false);
                    data.Add(moment, answer, true);
                }
            }

            return data;
        }
    }

    public async ValueTask InitializeAsync()
    {
        store = await TestStore.CreateAsync(backend, new TestStoreOptions { Tenant = TestStore.Unlimited with { ProvisionTo = ["pds"] } });
        user = await store.CreateVerifiedAsync("eva", "eva@example.org");
    }

    public async ValueTask DisposeAsync()
    {
        await store.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Theory]
    [MemberData(nameof(Interleavings))]
    public async Task Whenever_the_handle_is_set_store_and_account_have_it_in_the_end(HandleMoment moment, FirstAnswer answer, bool crash)
    {
        Task<UserChangeResult>? asked = null;
        Answers(answer);
        At(moment, () =>
        {
            if (asked is null)
            {
                var (begun, change) = Begin(Handle);
                asked = change;
                // Begun is enough: it must not need the worker to go on.
                begun.GetAwaiter().GetResult();
                if (crash)
                {
                    throw new Crash();
                }
            }
        }, out var crashPoints);

        if (moment == HandleMoment.BeforeTheClaim)
        {
            asked = Begin(Handle).Change;
            (await asked).ShouldBeOfType<UserChangeResult.Changed>();
        }

        await RunAsync(crashPoints);
        if (moment == HandleMoment.Linked)
        {
            await UntilLinkedAsync();
            asked = Begin(Handle).Change;
        }

        await UntilSettledAsync(asked.ShouldNotBeNull());

        await ShouldBothHaveAsync(Handle);
        pds.Creations.ShouldBe(1);
        (await store.CountAsync("audit_events", "event = 'handle.changed'")).ShouldBe(1);
    }

    [Fact]
    public async Task While_a_creation_may_be_on_its_way_the_handle_is_reserved_and_the_old_one_stays()
    {
        pds.Fault = () => new Unknown("502: the directory is down.");
        await RunAsync();
        (await RowAsync()).State.ShouldBe(ProvisioningState.Intent);

        (await SetAsync(Handle)).ShouldBeOfType<UserChangeResult.Pending>();

        (await store.ReadAsync(user.Uuid)).Handle.ShouldBeNull();
        (await new HandleChanges(store.Context).StateAsync(user, TestStore.Cancellation)).ShouldBe(new HandleChangeState(Handle, false, null));
        var other = await store.CreateVerifiedAsync("bert", "bert@example.org");
        (await NewHandles().SetAsync(other, Handle, null, Actor.Self, TestStore.Cancellation)).ShouldBeOfType<UserChangeResult.Taken>();
        await StoreInvariants.CheckAsync(store.Database);
    }

    [Fact]
    public async Task One_that_the_other_system_does_not_take_once_the_account_is_there_is_refused_and_free_again()
    {
        pds.Fault = () => new Unknown("502: the directory is down.");
        await RunAsync();
        (await SetAsync(Handle)).ShouldBeOfType<UserChangeResult.Pending>();
        pds.Put(Handle, Stranger, "theirs");
        pds.Fault = () => null;

        await UntilAsync(async () => await StateAsync() is { IsRefused: true });

        (await store.ReadAsync(user.Uuid)).Handle.ShouldBeNull();
        HandleOfOurs().ShouldBe(user.UserCode);
        (await store.CountAsync("identifiers", $"key = '{Handle}'")).ShouldBe(0);
    }

    // It slept past its lease with the call about to leave: another finished the change, and the user took a third handle since.
    [Fact]
    public async Task A_change_that_lost_the_account_and_is_written_last_is_put_right()
    {
        await RunAsync();
        var slept = false;
        pds.BeforeUpdate = () =>
        {
            if (!slept)
            {
                slept = true;
                store.Clock.Advance(HandleChanges.Lease + TimeSpan.FromSeconds(1));
                NewHandles().RunOnceAsync(TestStore.Cancellation).GetAwaiter().GetResult().ShouldBe(1);
                SetAsync("evalora").GetAwaiter().GetResult().ShouldBeOfType<UserChangeResult.Changed>();
            }
        };

        (await SetAsync(Handle)).ShouldBeOfType<UserChangeResult.Pending>();
        HandleOfOurs().ShouldBe(Handle);

        await RunAsync();

        await ShouldBothHaveAsync("evalora");
    }

    // The first request hangs in the directory; what comes after it builds on the same operation, and is refused because of that.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_refusal_is_not_believed_while_an_earlier_request_may_still_arrive(bool crash)
    {
        await RunAsync();
        pds.UpdateFault = _ => crash ? throw new Crash() : new Unknown("It did not answer within 15 s.");
        if (crash)
        {
            await Should.ThrowAsync<Crash>(() => SetAsync(Handle));
        }
        else
        {
            (await SetAsync(Handle)).ShouldBeOfType<UserChangeResult.Pending>();
        }

        pds.UpdateFault = _ => new AlreadyExists(["handle"], "Proposed prev does not match the most recent operation.");
        await UntilHeldAsync();
        var other = await store.CreateVerifiedAsync("bert", "bert@example.org");
        (await NewHandles().SetAsync(other, Handle, null, Actor.Self, TestStore.Cancellation)).ShouldBeOfType<UserChangeResult.Taken>();
        // A user who asks again shortens nothing.
        (await SetAsync(Handle)).ShouldBeOfType<UserChangeResult.Pending>();
        (await ProblemAsync()).ShouldBe(HandleChanges.RefusedTooEarly);
        pds.Set(new AccountId("did:plc:1"), "handle", Handle);

        await UntilAsync(async () => await StateAsync() is null);

        await ShouldBothHaveAsync(Handle);
    }

    [Fact]
    public async Task Once_none_can_arrive_any_more_the_refusal_is_believed_and_the_handle_is_free()
    {
        await RunAsync();
        pds.UpdateFault = _ => new Unknown("It did not answer within 15 s.");
        (await SetAsync(Handle)).ShouldBeOfType<UserChangeResult.Pending>();
        pds.UpdateFault = _ => new AlreadyExists(["handle"], "Handle already taken.");
        await UntilHeldAsync();
        var held = store.Clock.GetUtcNow();

        await UntilAsync(async () => await StateAsync() is { IsRefused: true });

        (store.Clock.GetUtcNow() - held).ShouldBeGreaterThanOrEqualTo(Provisioner.LateTime);
        (await store.ReadAsync(user.Uuid)).Handle.ShouldBeNull();
        (await store.CountAsync("identifiers", $"key = '{Handle}'")).ShouldBe(0);
    }

    [Fact]
    public async Task Who_asked_once_more_and_died_may_have_sent_what_still_arrives()
    {
        await RunAsync();
        pds.UpdateFault = _ => new Unknown("It did not answer within 15 s.");
        (await SetAsync(Handle)).ShouldBeOfType<UserChangeResult.Pending>();
        pds.UpdateFault = _ => new AlreadyExists(["handle"], "Handle already taken.");
        await UntilHeldAsync();
        pds.UpdateFault = _ => throw new Crash();
        store.Clock.Advance(Provisioner.LateTime);
        await Should.ThrowAsync<Crash>(() => NewHandles().RunOnceAsync(TestStore.Cancellation));
        pds.UpdateFault = _ => new AlreadyExists(["handle"], "Handle already taken.");
        store.Clock.Advance(HandleChanges.Lease);

        await NewHandles().RunOnceAsync(TestStore.Cancellation);

        (await StateAsync())!.IsRefused.ShouldBeFalse();
        pds.Set(new AccountId("did:plc:1"), "handle", Handle);
        await UntilAsync(async () => await StateAsync() is null);
        await ShouldBothHaveAsync(Handle);
    }

    // A refusal that does not say what it is about may be about anything.
    [Fact]
    public async Task What_was_refused_and_is_there_all_the_same_is_the_users_and_a_refusal_without_a_field_is_asked_about_once_more()
    {
        await RunAsync();
        pds.UpdateFault = _ =>
        {
            pds.Set(new AccountId("did:plc:1"), "handle", Handle);
            return new Refused("Something is wrong.") { Fields = ["handle"] };
        };
        (await SetAsync(Handle)).ShouldBeOfType<UserChangeResult.Changed>();
        await ShouldBothHaveAsync(Handle);

        pds.UpdateFault = _ => new Refused("Something is wrong.");
        (await SetAsync("another")).ShouldBeOfType<UserChangeResult.Pending>();
        await UntilAsync(async () => await StateAsync() is { IsRefused: true });
        (await StateAsync())!.Problem.ShouldBe("Your handle can't be changed now. Ask an administrator.");
        await ShouldBothHaveAsync(Handle);
    }

    [Fact]
    public async Task A_limit_of_one_account_pauses_that_change_and_nobody_else()
    {
        await RunAsync();
        pds.UpdateFault = _ => new Throttled(TimeSpan.FromMinutes(10)) { LimitIsOfAccount = true };

        (await SetAsync(Handle)).ShouldBeOfType<UserChangeResult.Pending>();

        var rows = new ProvisioningRows(store.Database, store.Context.Secrets, store.Clock, LeaseHolder.Current);
        (await rows.PausedForAsync("pds", TestStore.Cancellation)).ShouldBe(TimeSpan.Zero);
        store.Clock.Advance(TimeSpan.FromMinutes(9));
        (await NewHandles().RunOnceAsync(TestStore.Cancellation)).ShouldBe(0);
        pds.UpdateFault = _ => null;
        store.Clock.Advance(TimeSpan.FromMinutes(1));
        (await NewHandles().RunOnceAsync(TestStore.Cancellation)).ShouldBe(1);
        await ShouldBothHaveAsync(Handle);
    }

    // Each is an operation in the directory, also the same one again.
    [Fact]
    public async Task One_user_asks_for_so_many_changes_an_hour_and_what_others_have_counts_for_nothing()
    {
        await using var limited = await TestStore.CreateAsync(
            backend, new TestStoreOptions { Tenant = TestStore.Unlimited with { ProvisionTo = ["pds"], HandleChangeLimit = new("handle-changes", 2, TimeSpan.FromHours(1)) } });
        var (anna, bert) = (await limited.CreateVerifiedAsync("anna", "anna@example.org"), await limited.CreateVerifiedAsync("bert", "bert@example.org"));
        var changes = new HandleChanges(limited.Context);
        async Task<UserChangeResult?> BeginAsync(User who, string handle) => (await changes.BeginAsync(TestStore.Tenant, who.Uuid, handle, null, Actor.Self, TestStore.Cancellation)).Result;
        (await BeginAsync(bert, "berts")).ShouldBeNull();

        (await BeginAsync(anna, "berts")).ShouldBeOfType<UserChangeResult.Taken>();
        (await BeginAsync(anna, "annas")).ShouldBeNull();
        limited.Clock.Advance(HandleChanges.Lease);
        (await BeginAsync(anna, "annas")).ShouldBeNull();
        limited.Clock.Advance(HandleChanges.Lease);

        var full = (await BeginAsync(anna, "annas")).ShouldBeOfType<UserChangeResult.TooMany>();
        full.State.ResetsIn.ShouldBe(TimeSpan.FromHours(1) - (2 * HandleChanges.Lease));
        (await BeginAsync(bert, "berts")).ShouldBeNull();
        limited.Clock.Advance(TimeSpan.FromHours(1));
        (await BeginAsync(anna, "annas")).ShouldBeNull();
    }

    // Such were made by an earlier version; and a node that died with a call on its way may bring it about at any time.
    [Fact]
    public async Task The_same_handle_again_mends_an_account_that_has_another()
    {
        await RunAsync();
        await new UserAdministration(store.Context).SetHandleAsync(TestStore.Tenant, user.Uuid, Handle, null, Actor.System, TestStore.Cancellation);
        await RunAsync();
        HandleOfOurs().ShouldBe(user.UserCode);

        (await SetAsync(Handle)).ShouldBeOfType<UserChangeResult.Changed>();

        await ShouldBothHaveAsync(Handle);
    }

    [Theory]
    [InlineData(HandleCrashPoints.UpdateLeft)]
    [InlineData(HandleCrashPoints.Confirmed)]
    public async Task No_round_of_the_provisioning_puts_the_old_one_back_in_between(string point)
    {
        await RunAsync();
        var rounds = 0;
        var handles = NewHandles(new CrashPoints(name =>
        {
            if (name == point)
            {
                // The user's address changes meanwhile, so that there is something to follow.
                new UserAdministration(store.Context).ChangeAsync(
                    TestStore.Tenant, user.Uuid, new UserChange { FirstName = new Change<string>(true, "Eva") }, null, Actor.System, TestStore.Cancellation).GetAwaiter().GetResult();
                rounds++;
                NewProvisioner().RunOnceAsync(TestStore.Cancellation).GetAwaiter().GetResult();
            }
        }));

        (await handles.SetAsync(await store.ReadAsync(user.Uuid), Handle, null, Actor.Self, TestStore.Cancellation)).ShouldBeOfType<UserChangeResult.Changed>();
        await RunAsync();

        rounds.ShouldBe(1);
        await ShouldBothHaveAsync(Handle);
    }

    [Fact]
    public async Task In_a_conflict_the_handle_is_the_users_at_once_and_the_accounts_once_the_conflict_is_over()
    {
        pds.Put("mallory", "eva@example.org", "theirs");
        await RunAsync();
        (await RowAsync()).State.ShouldBe(ProvisioningState.Conflict);

        (await SetAsync(Handle)).ShouldBeOfType<UserChangeResult.Changed>();
        pds.Remove(new AccountId("did:plc:1"));
        await RunAsync();

        await ShouldBothHaveAsync(Handle);
    }

    [Fact]
    public async Task Who_is_not_provisioned_has_the_handle_at_once_and_is_not_provisioned_by_it()
    {
        await store.ExecuteAsync("DELETE FROM provisioning_events");
        await store.ExecuteAsync("DELETE FROM provisioning");

        (await SetAsync(Handle)).ShouldBeOfType<UserChangeResult.Changed>();

        (await store.ReadAsync(user.Uuid)).Handle.ShouldBe(Handle);
        (await store.CountAsync("provisioning")).ShouldBe(0);
        (await store.CountAsync("provisioning_events")).ShouldBe(0);
    }

    private void Answers(FirstAnswer answer)
    {
        var first = true;
        WriteOutcome? Once(FirstAnswer which)
        {
            if (answer != which || !first)
            {
                return null;
            }

            first = false;
            return new Unknown("The connection broke.");
        }

        pds.Lost = () => Once(FirstAnswer.IsLost);
        pds.Fault = () => Once(FirstAnswer.NeverArrived);
    }

    private void At(HandleMoment moment, Action act, out CrashPoints crashPoints)
    {
        var point = moment switch
        {
            HandleMoment.Claimed => ProvisioningCrashPoints.Claimed,
            HandleMoment.IntentDurable => ProvisioningCrashPoints.IntentDurable,
            HandleMoment.Answered => ProvisioningCrashPoints.CreateLeft,
            _ => null,
        };
        crashPoints = new CrashPoints(name =>
        {
            if (name == point)
            {
                act();
            }
        });
        pds.BeforeFind = moment == HandleMoment.SourceRead ? act : () => { };
        pds.BeforeCreation = moment == HandleMoment.DuringTheCall ? act : () => { };
    }

    /// <summary>Begins to set the handle; the first task ends when that is durable.</summary>
    private (Task Begun, Task<UserChangeResult> Change) Begin(string handle)
    {
        var begun = new TaskCompletionSource();
        var handles = NewHandles(new CrashPoints(name =>
        {
            if (name == HandleCrashPoints.Reserved)
            {
                begun.TrySetResult();
            }
        }));
        return (begun.Task, handles.SetAsync(user, handle, null, Actor.Self, TestStore.Cancellation));
    }

    private async Task<UserChangeResult> SetAsync(string handle)
        => await NewHandles().SetAsync(await store.ReadAsync(user.Uuid), handle, null, Actor.Self, TestStore.Cancellation);

    /// <summary>One round after the other until nothing is due now; a crash ends it.</summary>
    private async Task RunAsync(CrashPoints? crashPoints = null)
    {
        try
        {
            while (await NewProvisioner(crashPoints).RunOnceAsync(TestStore.Cancellation) > 0)
            {
            }
        }
        catch (Crash)
        {
            // The row keeps its lease, as after kill -9.
        }
    }

    private Task UntilLinkedAsync() => UntilAsync(async () => (await RowAsync()) is { State: ProvisioningState.Linked, DueBecause: null });

    private async Task UntilSettledAsync(Task<UserChangeResult> asked)
    {
        await UntilAsync(async () => asked.IsCompleted && await StateAsync() is null && (await RowAsync()) is { State: ProvisioningState.Linked, DueBecause: null });
        (await asked).ShouldNotBeOfType<UserChangeResult.Invalid>();
    }

    /// <summary>Lets time pass, and provisioning and handles work, until it holds.</summary>
    private async Task UntilAsync(Func<Task<bool>> holds)
    {
        for (var round = 0; !await holds(); round++)
        {
            round.ShouldBeLessThan(600, $"{await RowAsync()} {await StateAsync()}");
            store.Clock.Advance(TimeSpan.FromSeconds(20));
            await RunAsync();
            await NewHandles().RunOnceAsync(TestStore.Cancellation);
            // A user who waits looks again in real time.
            await Task.Delay(20, TestStore.Cancellation);
        }
    }

    private Task UntilHeldAsync() => UntilAsync(async () => await ProblemAsync() == HandleChanges.RefusedTooEarly);

    private async Task<string?> ProblemAsync() => (await store.QueryAsync<string>("SELECT problem FROM handle_changes")).Single();

    private async Task ShouldBothHaveAsync(string handle)
    {
        await UntilLinkedAsync();
        (await store.ReadAsync(user.Uuid)).Handle.ShouldBe(handle);
        HandleOfOurs().ShouldBe(handle);
        await StoreInvariants.CheckAsync(store.Database);
    }

    private string? HandleOfOurs() => pds.Records.Single(record => record["email"].AsText == user.Email)["handle"].AsText;

    private Task<HandleChangeState?> StateAsync() => new HandleChanges(store.Context).StateAsync(user, TestStore.Cancellation);

    private async Task<ProvisioningRow> RowAsync()
        => (await new ProvisioningReports(store.Database, store.Clock).OfAccountAsync("users", new AccountId(user.Uuid.ToString()), TestStore.Cancellation)).Single().Row;

    private HandleProvisioning NewHandles(CrashPoints? crashPoints = null)
    {
        var context = store.Context with { CrashPoints = crashPoints ?? CrashPoints.None };
        return new HandleProvisioning(context, new UserAdministration(context), Topology, Systems);
    }

    private Provisioner NewProvisioner(CrashPoints? crashPoints = null) => new(new ProvisionerParts
    {
        Topology = Topology,
        Systems = Systems,
        Rows = new ProvisioningRows(store.Database, store.Context.Secrets, store.Clock, LeaseHolder.Current),
        Keying = IdentifierKeys.TryKey,
        Clock = store.Clock,
        Random = store.Context.Random,
        CrashPoints = crashPoints ?? CrashPoints.None,
        Unforeseen = (_, exception) => throw exception,
    });

    private Dictionary<string, IConnectedSystem> Systems => new() { ["users"] = new SelfsameConnector(store.Context, TestStore.Tenant), ["pds"] = pds };

    private static Topology Topology { get; } = new()
    {
        Systems = new Dictionary<string, SystemConfig> { ["users"] = Config("users", SelfsameConnector.Kind.FixedMapping!), ["pds"] = Config("pds", PasswordSystem.AccountsMapping) },
        Rules =
        [
            new ReconcileRule
            {
                Source = "users",
                Target = "pds",
                When = AccountMapping.EmailVerified,
                Correlate = [new CorrelationRule(null, "did")],
                Missing = MissingAction.CreateInTarget,
                Drifted = DriftedAction.UpdateTarget,
                Handle = HandleTemplate.Parse("{handle|code}"),
            },
        ],
        Tenants = new Dictionary<string, TenantConfig>(),
        Fingerprint = "",
    };

    private static SystemConfig Config(string name, AccountMapping mapping)
        => new() { Name = name, Connector = "", Settings = new Dictionary<string, string>(), Mapping = mapping };
}

public sealed class SqliteHandleWhileProvisioningTests() : HandleWhileProvisioningContract(Backend.SqliteMemory);

[Trait("needs", "postgresql")]
public sealed class PostgreSqlHandleWhileProvisioningTests() : HandleWhileProvisioningContract(Backend.PostgreSql);
