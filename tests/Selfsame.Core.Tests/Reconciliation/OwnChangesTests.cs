using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Core.Tests.Provisioning;

namespace Selfsame.Core.Tests.Reconciliation;

/// <summary>What a plan itself made of an account is expected by what else it does.</summary>
public sealed class OwnChangesTests
{
    [Fact]
    public async Task A_creation_that_waited_is_made_by_the_same_plan_though_that_mended_the_account_in_its_source_meanwhile()
    {
        var bench = Mended();
        var plan = await bench.PlanAsync();
        bench.Target.Fault = () => new Unavailable("It does not answer.");
        var first = await bench.ApplyAsync(plan);
        (first.Pending.Single().Change.Action, first.Skipped.Count).ShouldBe((ChangeAction.Create, 0));
        bench.Source.Rows[new AccountId("1")]["username"].AsText.ShouldBe("ann");
        bench.Target.Fault = () => null;

        var report = await bench.ApplyAsync(plan);

        report.IsComplete.ShouldBeTrue();
        bench.Target.Rows.Keys.ShouldBe([new AccountId("1")]);
    }

    [Fact]
    public async Task What_somebody_else_changed_in_the_source_stops_it_still()
    {
        var bench = Mended();
        var plan = await bench.PlanAsync();
        bench.Target.Fault = () => new Unavailable("It does not answer.");
        await bench.ApplyAsync(plan);
        bench.Target.Fault = () => null;
        bench.Source.Put(Bench.Person("1", "anne", "ann@example.org"));

        var report = await bench.ApplyAsync(plan);

        report.Skipped.Single().Message.ShouldBe("Since the plan was made, it changed in people: username. Plan again.");
        bench.Target.Rows.ShouldBeEmpty();
    }

    [Fact]
    public async Task An_account_made_through_the_services_row_gets_what_the_same_plan_gave_its_source()
    {
        var bench = new PasswordBench();
        bench.SignUp("1", "ann");
        bench.Idp.Put([.. PasswordBench.Person("1", "ann").Where(field => field.Item1 != "email"), ("email", "new@example.org")]);
        var plan = await bench.PlanAsync(1);
        plan.Changes.Select(change => (change.System, change.Action)).ShouldBe([("app", ChangeAction.Update), ("pds", ChangeAction.Create)]);

        var report = await bench.ApplyAsync(plan);

        report.Skipped.ShouldBeEmpty();
        bench.Pds.Records.ShouldHaveSingleItem()["email"].AsText.ShouldBe("new@example.org");
    }

    [Fact]
    public async Task A_handle_is_made_of_the_form_into_which_the_same_plan_puts_its_name_in_the_source()
    {
        var bench = new PasswordBench(rule => rule with { Handle = HandleTemplate.Parse("{handle}-x") });
        bench.Topology = With(bench.Topology, "app", system => system with { Unique = [IdentifierKind.Handle] });
        bench.SignUp("1");
        bench.Idp.Put(PasswordBench.Person("1", "ann "));
        bench.App.Put([.. PasswordBench.Person("1", "ann "), ("username", null)]);
        var plan = await bench.PlanAsync(1);
        bench.Pds.Fault = () => new Unavailable("It does not answer.");
        (await bench.ApplyAsync(plan)).Pending.Single().Change.Action.ShouldBe(ChangeAction.Create);
        bench.App.Rows[new AccountId("1")]["handle"].AsText.ShouldBe("ann");
        bench.Pds.Fault = () => null;

        var report = await bench.ApplyAsync(plan);

        report.IsComplete.ShouldBeTrue();
        bench.Pds.Records.ShouldHaveSingleItem()["handle"].AsText.ShouldBe("ann-x");
    }

    [Fact]
    public async Task An_orphan_whom_a_duplicate_invited_goes_by_the_plan_that_merges_this_one()
    {
        var bench = new Bench();
        bench.Topology = With(bench.Topology, "app", system => system with { Duplicates = DuplicatesAction.Merge });
        bench.Target.ForeignKeys.Add(new ReferencePlace { Table = bench.Target.AccountsTable, Fields = ["invited_by"], AccountFields = ["id"], Enforced = true });
        bench.Source.Put(Bench.Person("1", "ann"));
        bench.Target.Put([.. Bench.Person("1", "ann"), ("invited_by", null)]);
        bench.Target.Put([.. Bench.Person("2", "Ann"), ("invited_by", null)]);
        bench.Target.Put([.. Bench.Person("9", "gone"), ("invited_by", "2")]);
        var plan = await bench.PlanAsync();
        plan.Changes.Select(change => change.Action).ShouldBe([ChangeAction.Merge, ChangeAction.Delete]);

        var report = await bench.ApplyAsync(plan);

        report.Skipped.Select(note => note.Message).ShouldBeEmpty();
        bench.Target.Rows.Keys.ShouldBe([new AccountId("1")]);
    }

    /// <summary>Somebody whose name is to be mended in the source, and who is missing in the target.</summary>
    private static Bench Mended()
    {
        var bench = new Bench();
        bench.Topology = With(bench.Topology, "people", system => system with { Unique = [IdentifierKind.Username] });
        bench.Source.Put(Bench.Person("1", "ann ", "ann@example.org"));
        return bench;
    }

    private static Topology With(Topology topology, string name, Func<SystemConfig, SystemConfig> change)
        => topology with { Systems = topology.Systems.ToDictionary(pair => pair.Key, pair => pair.Key == name ? change(pair.Value) : pair.Value) };
}
