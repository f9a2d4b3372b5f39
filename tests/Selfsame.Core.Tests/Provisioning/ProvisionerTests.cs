using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Core.Reconciliation;
using Selfsame.Core.Tests.Reconciliation;

namespace Selfsame.Core.Tests.Provisioning;

public sealed class ProvisionerTests
{
    private static readonly Guid User = new("3b039300-6f9d-49c8-bd77-fd81e1c2a0ea");

    private Bench bench = new();
    private readonly InMemoryRows rows = new();
    private readonly List<Exception> unforeseen = [];

    [Fact]
    public async Task A_new_user_gets_the_account_that_an_audit_would_plan()
    {
        SignUp();
        var planned = (await bench.PlanAsync()).Changes.Single().After;

        await RunAsync();

        rows.Only.State.ShouldBe(ProvisioningState.Linked);
        bench.Target.Rows[new AccountId(User.ToString())].ShouldBe(planned);
        (await bench.AuditAsync()).Findings.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_lost_answer_is_looked_for_and_never_made_twice()
    {
        SignUp();
        bench.Target.Answer = () => new Unknown("The connection broke.");

        await RunAsync();

        rows.Only.State.ShouldBe(ProvisioningState.Linked);
        bench.Target.Writes.ShouldBe(1);
    }

    // A letter holds the address, and no foreign key says so.
    [Fact]
    public async Task An_address_is_not_changed_from_under_what_refers_by_it_and_a_person_is_told_where_while_disabling_follows()
    {
        var plain = new Bench().Topology;
        var app = plain.Systems["app"] with { References = [new ReferencePlace { Table = "letters", Fields = ["to"], AccountFields = ["email"] }] };
        bench = new Bench { Topology = plain with { Systems = new Dictionary<string, SystemConfig> { ["people"] = plain.Systems["people"], ["app"] = app } } };
        SignUp();
        await RunAsync();
        var account = bench.Target.Rows.Values.Single();
        bench.Target.Refer("letters", ["id"], ("id", "l1"), ("to", account["email"].AsText));
        bench.Source.Put([.. bench.Source.Rows.Values.Single().Select(pair => (pair.Key, pair.Key == "email" ? "new@example.org" : pair.Value.Raw))]);
        rows.Ask();

        await RunAsync();

        (rows.Only.State, rows.Only.Problem).ShouldBe(
            (ProvisioningState.Conflict, $"letters.to (1) refer to ann (id {User}) by what would change, and would be left behind: change it in the application."));
        bench.Target.Rows.Values.Single().ShouldBe(account);

        bench.Source.Put([.. bench.Source.Rows.Values.Single().Select(pair => (pair.Key, pair.Key == "active" ? false : pair.Value.Raw))]);
        rows.Ask();
        await RunAsync();

        bench.Target.Rows.Values.Single()["active"].ShouldBe(FieldValue.Boolean(false));
        bench.Target.Rows.Values.Single()["email"].ShouldBe(account["email"]);
    }

    // Two that count their accounts have equal numbers by chance.
    [Fact]
    public async Task Where_accounts_are_numbered_the_service_takes_nobody_of_the_same_number_for_ours_and_leaves_making_one_to_a_plan()
    {
        bench = new Bench(Bench.Repairing with { Correlate = [new CorrelationRule(IdentifierKind.Email)] })
        {
            Target = new InMemorySystem(Bench.People) { Facts = new SystemFacts { TakesChosenId = false, GivesNumbers = true, AtomicPreconditions = true } },
        };
        SignUp();
        bench.Target.Put(Bench.Person(User.ToString(), "stranger", "stranger@example.org"));

        await RunAsync();

        (rows.Only.State, rows.Only.TargetId).ShouldBe((ProvisioningState.Conflict, null));
        rows.Only.Problem.ShouldEndWith("app numbers its accounts itself: the service makes none there, a plan does (selfsame plan).");
        bench.Target.Writes.ShouldBe(0);
    }

    [Fact]
    public async Task A_system_that_is_down_is_tried_again()
    {
        SignUp();
        bench.Target.Fault = () => new Unavailable("Down.");
        await RunAsync();
        rows.Only.State.ShouldBe(ProvisioningState.Intent);
        rows.Only.Attempts.ShouldBe(1);
        rows.Only.NotBefore.ShouldBeGreaterThan(bench.Clock.GetUtcNow());
        bench.Target.Fault = () => null;

        await RunAsync();

        rows.Only.State.ShouldBe(ProvisioningState.Linked);
        rows.Only.Problem.ShouldBeNull();
    }

    // A plan made it, without the row: the purge of the user must find it all the same.
    [Fact]
    public async Task An_account_that_stands_under_our_id_without_us_is_the_rows_also_where_it_can_not_follow()
    {
        SignUp();
        bench.Target.Put(Bench.Person(User.ToString(), "ann", "old@example.org", true));
        bench.Target.Fault = () => new Refused("This address can't be changed.");

        await RunAsync();

        (rows.Only.State, rows.Only.TargetId).ShouldBe((ProvisioningState.Conflict, new AccountId(User.ToString())));
    }

    // 429 to a look-up is as good as one to the creation.
    [Theory]
    [InlineData("people")]
    [InlineData("app")]
    public async Task A_system_that_asks_who_looks_for_patience_is_left_alone_as_long_as_it_said(string system)
    {
        SignUp();
        (system == "app" ? bench.Target : bench.Source).BeforeRead = _ => throw new SystemUnavailableException("429") { RetryAfter = TimeSpan.FromMinutes(5) };

        await RunAsync();

        rows.PausedSystems.ShouldBe([system]);
        rows.Pauses.ShouldBe([TimeSpan.FromMinutes(5)]);
        (rows.Only.State, rows.Only.Attempts, rows.Only.Problem).ShouldBe((ProvisioningState.Pending, 1, "429"));
        (rows.Only.NotBefore - bench.Clock.GetUtcNow()).ShouldBeInRange(TimeSpan.FromMinutes(4), TimeSpan.FromMinutes(5));
    }

    // The reader of an answer stumbled: half of a surrogate pair, one DID twice, or whatever comes next.
    [Fact]
    public async Task What_nobody_foresaw_fails_its_own_row_with_back_off_and_the_log_has_it()
    {
        SignUp();
        bench.Target.BeforeRead = _ => throw new InvalidOperationException("Cannot read incomplete UTF-16.");

        await RunAsync();

        rows.Only.State.ShouldBe(ProvisioningState.Pending);
        rows.Only.Attempts.ShouldBe(1);
        rows.Only.NotBefore.ShouldBeGreaterThan(bench.Clock.GetUtcNow());
        rows.Only.Problem!.ShouldContain("'app' gave an answer about 3b039300-6f9d-49c8-bd77-fd81e1c2a0ea that can't be read (InvalidOperationException)");
        unforeseen.ShouldHaveSingleItem().Message.ShouldContain("UTF-16");
        bench.Target.BeforeRead = _ => { };
        await RunAsync();
        rows.Only.State.ShouldBe(ProvisioningState.Linked);
    }

    [Fact]
    public async Task Of_several_rows_one_that_nobody_foresaw_holds_no_other_up()
    {
        SignUp();
        var second = new ProvisioningKey("people", new AccountId("7d3f9a52-8d3b-44a6-a1b5-6ff0a2a8b0f6"), "app");
        bench.Source.Put(Bench.Person(second.Account.ToString(), "bob", "bob@example.org"));
        var first = rows.Only.Key;
        rows.Only = InMemoryRows.New(second);
        bench.Source.BeforeRead = ids =>
        {
            if (ids.Contains(first.Account))
            {
                throw new ArgumentException("An item with the same key has already been added.");
            }
        };

        await RunAsync();

        rows.All.Single(row => row.Key == second).State.ShouldBe(ProvisioningState.Linked);
        var failed = rows.All.Single(row => row.Key == first);
        (failed.State, failed.Attempts).ShouldBe((ProvisioningState.Pending, 1));
        unforeseen.Count.ShouldBe(1);
    }

    [Fact]
    public async Task An_answer_to_a_creation_that_nobody_foresaw_is_looked_behind_and_never_made_twice()
    {
        SignUp();
        bench.Target.Answer = () => throw new FormatException("What is this?");

        await RunAsync();

        rows.Only.State.ShouldBe(ProvisioningState.Linked);
        bench.Target.Writes.ShouldBe(1);
        unforeseen.ShouldHaveSingleItem().ShouldBeOfType<FormatException>();
    }

    // Anyone can register a victim's address first: an equal e-mail is evidence for a conflict, never proof.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Nobodys_account_is_adopted_because_of_its_email(bool verified)
    {
        SignUp(verified);
        bench.Target.Put(Bench.Person("someone", "mallory", "Ann@example.org", verified));

        await RunAsync();

        rows.Only.State.ShouldBe(ProvisioningState.Conflict);
        rows.Only.Problem.ShouldNotBeNullOrEmpty();
        bench.Target.Writes.ShouldBe(0);
    }

    [Theory]
    [InlineData("ren\u00E9", "Ann@example.org", "rene\u0301", "other@example.org")]
    [InlineData("ann", "ann@b\u00FCcher.example", "mallory", "Ann@xn--bcher-kva.example")]
    [InlineData("ann", "ann@xn--bcher-kva.example", "mallory", "Ann@b\u00FCcher.example")]
    public async Task An_account_is_seen_under_another_normal_form_and_another_form_of_the_domain(string username, string email, string theirName, string theirEmail)
    {
        SignUp(username: username, email: email);
        bench.Target.Put(Bench.Person("someone", theirName, theirEmail));

        await RunAsync();

        rows.Only.State.ShouldBe(ProvisioningState.Conflict);
        bench.Target.Writes.ShouldBe(0);
    }

    [Fact]
    public async Task Not_even_where_the_config_correlates_by_nothing_but_emails()
    {
        bench = new Bench(Bench.Repairing with { Correlate = [new CorrelationRule(IdentifierKind.Email)], Drifted = DriftedAction.Report });
        SignUp();
        bench.Target.Put(Bench.Person("someone", "mallory", "Ann@example.org"));

        await RunAsync();

        rows.Only.State.ShouldBe(ProvisioningState.Conflict);
        rows.Only.Problem!.ShouldContain("under another id");
    }

    [Fact]
    public async Task An_account_that_others_made_between_the_look_and_the_creation_is_a_conflict()
    {
        SignUp();
        bench.Target.Fault = () => new AlreadyExists(["email"], "The e-mail is taken.");

        await RunAsync();

        rows.Only.State.ShouldBe(ProvisioningState.Conflict);
        rows.Only.Problem!.ShouldContain("not ours");
    }

    [Theory]
    [InlineData(ProvisioningCrashPoints.Claimed)]
    [InlineData(ProvisioningCrashPoints.IntentDurable)]
    [InlineData(ProvisioningCrashPoints.CreateLeft)]
    [InlineData(ProvisioningCrashPoints.OutcomeDurable)]
    public async Task A_crash_anywhere_leaves_one_account_in_the_end(string point)
    {
        SignUp();
        await Should.ThrowAsync<Crash>(RunAsync(new CrashPoints(name =>
        {
            if (name == point)
            {
                throw new Crash();
            }
        })));

        await RunAsync();

        rows.Only.State.ShouldBe(ProvisioningState.Linked);
        bench.Target.Writes.ShouldBe(1);
    }

    [Fact]
    public async Task A_user_who_is_gone_before_anything_was_made_gets_nothing()
    {
        SignUp();
        bench.Source.Remove(User.ToString());

        await RunAsync();

        rows.Only.State.ShouldBe(ProvisioningState.Compensated);
        bench.Target.Writes.ShouldBe(0);
    }

    // Disabled while the target was down: a live account could not be disabled there.
    [Fact]
    public async Task Who_is_disabled_gets_no_account_where_it_could_not_be_disabled()
    {
        bench = new Bench(app: Bench.People with { Attributes = new Dictionary<string, AttributeMapping> { ["name"] = new("name") } });
        SignUp();
        bench.Target.Fault = () => new Unavailable("Down.");
        await RunAsync();
        bench.Target.Fault = () => null;
        var writes = bench.Target.Writes;
        bench.Source.Put([.. Bench.Person(User.ToString(), "ann", "ann@example.org").Where(field => field.Item1 != "active"), ("active", false)]);

        await RunAsync();
        rows.Only.State.ShouldBe(ProvisioningState.Compensating);
        await RunAsync();

        rows.Only.State.ShouldBe(ProvisioningState.Compensated);
        bench.Target.Writes.ShouldBe(writes);
    }

    // A node died with the request on its way, or the network held it back.
    [Theory]
    [InlineData(20)]
    [InlineData(0)]
    public async Task A_creation_that_arrives_after_its_person_is_gone_is_disabled_and_counts_under_the_guard(int mostDisables)
    {
        bench = new Bench { Topology = bench.Topology with { Guards = new Guards { MaxDisablesPerHour = mostDisables } } };
        SignUp();
        bench.Target.Fault = () => new Unknown("No answer.");
        await RunAsync();
        bench.Target.Fault = () => null;
        bench.Source.Remove(User.ToString());

        await RunAsync();
        rows.Only.State.ShouldBe(ProvisioningState.Compensating);
        // Another node's clock may be ahead.
        rows.Only.NotBefore.ShouldBeGreaterThan(DateTimeOffset.UtcNow + Provisioner.ClockMargin + (Provisioner.CallTimeout / 2));
        bench.Target.Put(Bench.Person(User.ToString(), "ann", "ann@example.org"));
        await RunAsync();

        rows.Only.State.ShouldBe(mostDisables == 0 ? ProvisioningState.Compensating : ProvisioningState.Compensated);
        rows.Disablings.ShouldBe(mostDisables == 0 ? 0 : 1);
        bench.Target.Rows[new AccountId(User.ToString())]["active"].ShouldBe(FieldValue.Boolean(mostDisables == 0));
        (rows.Only.Problem?.Contains("maxDisablesPerHour", StringComparison.Ordinal) ?? false).ShouldBe(mostDisables == 0);
    }

    // Events of one person come by twos and threes; a plan, or a change of the chain, asks as well.
    [Theory]
    [InlineData("after the look")]
    [InlineData("during the look")]
    [InlineData("by a plan")]
    public async Task Nobody_who_asks_ends_the_wait_for_a_creation_that_may_still_arrive(string asked)
    {
        await WaitForCreationAsync(asks: asked == "during the look");
        if (asked == "by a plan")
        {
            await Make(rows, null).CreateAsync(rows.Only.Key, Fields.Empty, CancellationToken.None);
        }
        else
        {
            if (asked == "after the look")
            {
                rows.Ask();
            }

            await RunAsync();
        }

        (rows.Only.State, rows.Only.DueBecause).ShouldBe((ProvisioningState.Compensating, MayStillArrive.Reason));
        rows.Only.NotBefore.ShouldBeGreaterThan(DateTimeOffset.UtcNow + Provisioner.ClockMargin + (Provisioner.CallTimeout / 2));
        bench.Target.Put(Bench.Person(User.ToString(), "ann", "ann@example.org"));
        await RunAsync();

        (rows.Only.State, rows.Disablings).ShouldBe((ProvisioningState.Compensated, 1));
        bench.Target.Rows[new AccountId(User.ToString())]["active"].ShouldBe(FieldValue.Boolean(false));
    }

    [Fact]
    public async Task Who_is_back_while_a_creation_may_still_arrive_gets_the_account_at_once()
    {
        await WaitForCreationAsync();
        bench.Source.Put(Bench.Person(User.ToString(), "ann", "ann@example.org"));
        rows.Ask();

        await RunAsync();

        rows.Only.State.ShouldBe(ProvisioningState.Linked);
        bench.Target.Rows[new AccountId(User.ToString())]["active"].ShouldBe(FieldValue.Boolean(true));
    }

    [Fact]
    public async Task A_user_who_goes_while_the_account_is_made_leaves_it_disabled()
    {
        SignUp();
        await Should.ThrowAsync<Crash>(RunAsync(new CrashPoints(name =>
        {
            if (name == ProvisioningCrashPoints.CreateLeft)
            {
                throw new Crash();
            }
        })));
        bench.Source.Remove(User.ToString());

        await RunAsync();

        rows.Only.State.ShouldBe(ProvisioningState.Compensated);
        bench.Target.Rows[new AccountId(User.ToString())]["active"].ShouldBe(FieldValue.Boolean(false));
    }

    [Fact]
    public async Task A_holder_whose_epoch_is_over_writes_nothing()
    {
        SignUp();

        await RunAsync(new CrashPoints(name =>
        {
            if (name == ProvisioningCrashPoints.Claimed)
            {
                rows.TakeOver();
            }
        }));

        rows.Only.State.ShouldBe(ProvisioningState.Pending);
        bench.Target.Writes.ShouldBe(0);
    }

    [Fact]
    public async Task A_node_that_stops_gives_back_what_it_had_not_begun()
    {
        SignUp();
        using var stop = new CancellationTokenSource();
        var several = new ThreeRows(rows.Only);
        var stopsAtFirst = new CrashPoints(_ => stop.Cancel());

        await Should.ThrowAsync<OperationCanceledException>(() => Make(several, stopsAtFirst).RunOnceAsync(stop.Token));

        several.Released.ShouldBe(["second", "third"], ignoreOrder: true);
    }

    private void SignUp(bool verified = true, string username = "ann", string email = "ann@example.org")
    {
        bench.Source.Put(Bench.Person(User.ToString(), username, email, verified));
        rows.Only = new ProvisioningRow { Key = new ProvisioningKey("people", new AccountId(User.ToString()), "app"), State = ProvisioningState.Pending, Epoch = 0, NotBefore = DateTimeOffset.UnixEpoch };
    }

    /// <summary>A creation got no answer, its person is gone, and it may still arrive.</summary>
    /// <param name="asks">Whether somebody asks while that is found out.</param>
    private async Task WaitForCreationAsync(bool asks = false)
    {
        SignUp();
        bench.Target.Fault = () => new Unknown("No answer.");
        await RunAsync();
        bench.Target.Fault = () => null;
        bench.Source.Remove(User.ToString());
        await RunAsync(new CrashPoints(name =>
        {
            if (name == ProvisioningCrashPoints.Claimed && asks)
            {
                rows.Ask();
            }
        }));
        (rows.Only.State, rows.Only.DueBecause).ShouldBe((ProvisioningState.Compensating, asks ? MayStillArrive.AskedMeanwhile : MayStillArrive.Reason));
    }

    private Task<int> RunAsync(CrashPoints? crashPoints = null) => Make(rows, crashPoints).RunOnceAsync(CancellationToken.None);

    private Provisioner Make(IProvisioningRows rows, CrashPoints? crashPoints) => bench.NewProvisioner(rows, crashPoints, unforeseen.Add);

    /// <summary>Three rows in one claim; which of them were given back unchanged.</summary>
    private sealed class ThreeRows(ProvisioningRow row) : IProvisioningRows
    {
        public List<string> Released { get; } = [];

        public Task<IReadOnlyList<ClaimedRow>> ClaimAsync(ProvisioningClaim claim, CancellationToken cancellation)
            => Task.FromResult<IReadOnlyList<ClaimedRow>>(
                [.. new[] { "first", "second", "third" }.Select(id => new ClaimedRow(row with { Key = row.Key with { Account = new AccountId(id) } }, TimeProvider.System.GetTimestamp(), claim.Lease))]);

        public Task<ClaimedRow?> ClaimAsync(ProvisioningKey key, TimeSpan lease, CancellationToken cancellation) => Task.FromResult<ClaimedRow?>(null);

        public Task<bool> SaveAsync(ProvisioningRow row, bool release, IReadOnlyList<string> followers, CancellationToken cancellation)
        {
            if (release && row.State == ProvisioningState.Pending)
            {
                Released.Add(row.Key.Account.ToString());
            }

            return Task.FromResult(true);
        }

        public async Task<ReleasedRow> ReleaseAsync(ProvisioningRow row, ProvisioningClaim next, CancellationToken cancellation)
            => new(await SaveAsync(row, release: true, [], cancellation), []);

        public Task<DisablingAnswer> SaveDisablingAsync(ProvisioningRow row, int mostPerHour, CancellationToken cancellation)
            => Task.FromResult<DisablingAnswer>(new DisablingLost());

        public Task<AddressClaim> ClaimAddressAsync(ProvisioningRow row, string? address, AccountId? former, IReadOnlyCollection<AccountId> others, CancellationToken cancellation)
            => Task.FromResult<AddressClaim>(new AddressClaimed());

        public Task<AnnouncedCreations> AnnounceAsync(IReadOnlyCollection<ProvisioningKey> keys, CancellationToken cancellation)
            => Task.FromResult(new AnnouncedCreations(new HashSet<ProvisioningKey>(), new HashSet<ProvisioningKey>()));

        public Task AskAgainAsync(IReadOnlyCollection<ProvisioningKey> keys, string reason, bool disabled, CancellationToken cancellation) => Task.CompletedTask;

        public Task AskAgainAboutAsync(string system, IReadOnlyCollection<AccountId> targets, bool disabled, CancellationToken cancellation) => Task.CompletedTask;

        public Task PauseAsync(string system, TimeSpan pause, CancellationToken cancellation) => Task.CompletedTask;

        public Task<TimeSpan> PausedForAsync(string system, CancellationToken cancellation) => Task.FromResult(TimeSpan.Zero);

        public Task<TimeSpan> TakeTokenAsync(string system, double perSecond, CancellationToken cancellation) => Task.FromResult(TimeSpan.Zero);
    }
}
