using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Core.Reconciliation;
using Selfsame.Core.Tests.Reconciliation;

namespace Selfsame.Core.Tests.Provisioning;

/// <summary>Two ids of a source with one e-mail address, and a target that keeps nothing unique and maps no identifier.</summary>
public sealed class SharedAddressTests
{
    private const string Address = "ann@example.org";
    private static readonly AccountMapping Keyless = new()
    {
        Id = ["id"],
        Identifiers = new Dictionary<IdentifierKind, string>(),
        Attributes = new Dictionary<string, AttributeMapping> { ["active"] = new("active"), ["name"] = new("name") },
    };

    private static readonly ReconcileRule ById = Bench.Repairing with { Correlate = [CorrelationRule.ById] };
    private readonly InMemoryRows rows = new();
    private Bench bench = new(ById, app: Keyless);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Of_two_with_one_verified_address_one_gets_an_account_and_the_other_is_a_conflict_that_names_it(bool atOnce)
    {
        SignUp("1");
        await (atOnce ? Task.CompletedTask : RunAsync());
        SignUp("2");

        await RunAsync();

        bench.Target.Rows.Count.ShouldBe(1);
        var (linked, conflict) = (rows.All.Single(row => row.State == ProvisioningState.Linked), rows.All.Single(row => row.State == ProvisioningState.Conflict));
        conflict.Problem.ShouldNotBeNull().ShouldStartWith($"Duplicate: {linked.Key.Account} of people has the same verified e-mail address");
        conflict.Problem.ShouldContain("clear the duplicate in people");
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, false)]
    public async Task Two_who_wrote_down_one_address_that_is_not_proved_for_both_are_two_people(bool first, bool second)
    {
        SignUp("1", first);
        SignUp("2", second);

        await RunAsync();

        bench.Target.Rows.Count.ShouldBe(2);
        rows.All.ShouldAllBe(row => row.State == ProvisioningState.Linked);
    }

    [Fact]
    public async Task Who_a_decision_says_are_two_people_get_two_accounts()
    {
        Decide();
        SignUp("1");
        SignUp("2");

        await RunAsync();

        bench.Target.Rows.Count.ShouldBe(2);
    }

    [Theory]
    [InlineData("address")]
    [InlineData("unproved")]
    [InlineData("disabled")]
    [InlineData("gone")]
    public async Task An_address_that_the_other_has_no_more_is_free_though_nobody_told_us_yet(string change)
    {
        SignUp("1");
        await RunAsync();
        Change(change);
        SignUp("2");

        await RunAsync();

        bench.Target.Rows.Keys.ShouldContain(new AccountId("2"));
        rows.All.Single(row => row.Key.Account.Equals(new AccountId("2"))).State.ShouldBe(ProvisioningState.Linked);
    }

    [Fact]
    public async Task Who_is_enabled_again_after_another_got_the_address_stays_disabled_and_is_told_of()
    {
        SignUp("1");
        await RunAsync();
        Change("disabled");
        rows.Ask(KeyOf("1"), "It changed.");
        await RunAsync();
        SignUp("2");
        await RunAsync();
        Put("1", verified: true);
        rows.Ask(KeyOf("1"), "It changed.");

        await RunAsync();

        rows.All.Single(row => row.Key.Account.Equals(new AccountId("1"))).State.ShouldBe(ProvisioningState.Conflict);
        bench.Target.Rows[new AccountId("1")]["active"].IsTruthy.ShouldBeFalse();
    }

    [Fact]
    public async Task Who_has_an_account_and_proves_anothers_address_keeps_it_and_its_other_values_follow()
    {
        SignUp("1");
        SignUp("2", verified: false);
        await RunAsync();
        bench.Source.Put(Bench.Person("2", "user2", Address, verified: true, name: "Ann"));
        rows.Ask(KeyOf("2"), "It changed.");

        await RunAsync();

        rows.All.ShouldAllBe(row => row.State == ProvisioningState.Linked);
        bench.Target.Rows[new AccountId("2")]["name"].ShouldBe(FieldValue.Text("Ann"));
    }

    // The target maps the address here: to write it would make two of one person there.
    [Fact]
    public async Task A_proved_address_that_another_has_is_not_written()
    {
        bench = new Bench(ById);
        SignUp("1");
        bench.Source.Put(Bench.Person("2", "user2", "other@example.org"));
        Add("2");
        await RunAsync();
        Put("2", verified: true);
        rows.Ask(KeyOf("2"), "It changed.");

        await RunAsync();

        rows.All.Single(row => row.Key.Account.Equals(new AccountId("2"))).Problem.ShouldNotBeNull().ShouldStartWith("Duplicate: 1 of people");
        bench.Target.Rows[new AccountId("2")]["email"].ShouldBe(FieldValue.Text("other@example.org"));
    }

    [Fact]
    public async Task A_plan_makes_one_of_them_and_leaves_the_other_to_a_person()
    {
        Put("1", verified: true);
        Put("2", verified: true);

        var plan = await bench.PlanAsync();

        plan.Changes.Single(change => change.Action == ChangeAction.Create).Account.ShouldBe(new AccountId("1"));
        plan.NotPlanned.ShouldContain(left => left.Because.StartsWith("1 of people has the same verified e-mail address and comes first", StringComparison.Ordinal));
        (await bench.ApplyAsync(plan)).Applied.ShouldBe(1);
        (await bench.PlanAsync(2)).Changes.ShouldBeEmpty();
        Decide();
        (await bench.PlanAsync(3)).Changes.Single().Account.ShouldBe(new AccountId("2"));
    }

    // As the service does: who has the address there already comes first, else the least id.
    [Theory]
    [InlineData("1", false, false)]
    [InlineData("2", false, true)]
    [InlineData("1", true, false)]
    public async Task A_plan_makes_one_account_active_and_leaves_the_other_of_one_address_to_a_person(string first, bool one, bool two)
    {
        Put("1", verified: true);
        Put("2", verified: true);
        bench.Target.Put(("id", "1"), ("active", one));
        bench.Target.Put(("id", "2"), ("active", two));

        var plan = await bench.PlanAsync();

        plan.NotPlanned.ShouldContain(left => left.Because.StartsWith($"{first} of people has the same verified e-mail address and comes first", StringComparison.Ordinal));
        await bench.ApplyAsync(plan);
        ActiveNow().ShouldBe([first]);
        (await bench.PlanAsync(2)).Changes.ShouldBeEmpty();
        Decide();
        await bench.ApplyAsync(await bench.PlanAsync(3));
        ActiveNow().ShouldBe(["1", "2"]);

        IEnumerable<string> ActiveNow() => bench.Target.Rows.Where(row => row.Value["active"].IsTruthy).Select(row => row.Key.ToString()).Order();
    }

    // Whoever proves the address between a plan and its apply may be brought there by the service first.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_address_is_held_before_a_plan_makes_its_account_active_and_whose_it_is_by_then_keeps_it(bool serviceIsFirst)
    {
        Put("1", verified: true);
        Put("2", verified: false);
        bench.Target.Put(("id", "1"), ("active", false));
        bench.Target.Put(("id", "2"), ("active", true));
        var plan = await bench.PlanAsync();
        Put("2", verified: true);
        Add("2");

        await (serviceIsFirst ? RunAsync() : Task.CompletedTask);
        var report = await bench.ApplyAsync(plan, provisioner: bench.NewProvisioner(rows));
        await RunAsync();

        report.Skipped.Select(note => note.Message[..12]).ShouldBe(serviceIsFirst ? ["Duplicate: 2"] : []);
        bench.Target.Rows[new AccountId("1")]["active"].IsTruthy.ShouldBe(!serviceIsFirst);
        rows.Addresses.Values.ShouldHaveSingleItem();
        rows.All.Single(row => row.Key.Account.Equals(new AccountId("1"))).State.ShouldBe(serviceIsFirst ? ProvisioningState.Conflict : ProvisioningState.Linked);
    }

    [Fact]
    public async Task Who_can_not_be_disabled_and_is_gone_holds_no_address_any_more()
    {
        bench = new Bench(ById, app: Keyless with { Attributes = new Dictionary<string, AttributeMapping> { ["name"] = new("name") } });
        SignUp("1");
        await RunAsync();
        bench.Source.Remove("1");
        rows.Ask(KeyOf("1"), "It changed.");

        await RunAsync();

        rows.All.Single().State.ShouldBe(ProvisioningState.Conflict);
        rows.Addresses.ShouldBeEmpty();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Who_was_not_made_yet_and_has_another_address_by_now_holds_the_old_one_no_more(bool isGone)
    {
        SignUp("1");
        bench.Target.Fault = () => new Unavailable("It is down.");
        await RunAsync();
        rows.Addresses.Count.ShouldBe(1);
        if (isGone)
        {
            bench.Source.Put(Bench.Person("1", "user1", "new@example.org", verified: false));
        }
        else
        {
            bench.Source.Put(Bench.Person("1", "user1", "new@example.org", verified: true));
        }

        bench.Target.Fault = () => null;
        rows.Ask(KeyOf("1"), "It changed.");
        await RunAsync();

        rows.All.Single().State.ShouldBe(ProvisioningState.Linked);
        rows.Addresses.Keys.Select(held => held.Address).ShouldBe(isGone ? [] : ["new@example.org"]);
    }

    [Fact]
    public async Task Two_of_three_who_are_not_told_apart_get_one_account_beside_the_third()
    {
        bench = new Bench(ById, app: Keyless) { Topology = bench.Topology with { Decisions = new PersonDecisions([Different("1", "2"), Different("1", "3")]) } };
        foreach (var id in new[] { "1", "2", "3" })
        {
            SignUp(id);
            await RunAsync();
        }

        bench.Target.Rows.Count.ShouldBe(2);
        rows.All.Single(row => row.State == ProvisioningState.Conflict).Problem.ShouldNotBeNull().ShouldStartWith("Duplicate: 2 of people has the same verified e-mail address");

        static PersonDecision Different(string one, string other)
            => new(Verdict.Different, [new DecidedAccount("people", new AccountId(one)), new DecidedAccount("people", new AccountId(other))], null, "They are two.");
    }

    private void SignUp(string id, bool verified = true)
    {
        Put(id, verified);
        Add(id);
    }

    private void Put(string id, bool verified) => bench.Source.Put(Bench.Person(id, $"user{id}", Address, verified));

    private void Add(string id) => rows.Only = InMemoryRows.New(KeyOf(id));

    private void Change(string what)
    {
        switch (what)
        {
            case "address": bench.Source.Put(Bench.Person("1", "user1", "new@example.org")); break;
            case "unproved": Put("1", verified: false); break;
            case "gone": bench.Source.Remove("1"); break;
            default: bench.Source.Put([.. Bench.Person("1", "user1", Address).Where(field => field.Item1 != "active"), ("active", false)]); break;
        }
    }

    private void Decide()
    {
        DecidedAccount[] both = [new("people", new AccountId("1")), new("people", new AccountId("2"))];
        var before = bench;
        bench = new Bench(ById, app: Keyless)
        {
            Topology = bench.Topology with { Decisions = new PersonDecisions([new PersonDecision(Verdict.Different, both, null, "they share a mailbox")]) },
        };
        before.Source.Snapshot.ToList().ForEach(bench.Source.Put);
        before.Target.Snapshot.ToList().ForEach(bench.Target.Put);
    }

    private static ProvisioningKey KeyOf(string id) => new("people", new AccountId(id), "app");

    private Task<int> RunAsync() => bench.NewProvisioner(rows).RunOnceAsync(CancellationToken.None);
}
