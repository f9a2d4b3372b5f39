using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Tests.Reconciliation;

/// <summary>Nobody gets an account of what was true when the plan was made and is no longer.</summary>
public sealed class CreationTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Whoever_has_left_since_the_plan_was_made_gets_no_account(bool inTarget)
    {
        var bench = BenchOf(inTarget, out var from, out var into);
        from.Put(Bench.Person("1", "ann", "ann@example.org"));
        from.Put(Bench.Person("2", "bob", "bob@example.org"));
        var plan = await bench.PlanAsync();
        plan.Changes.Count.ShouldBe(2);

        from.Remove("1");
        var report = await bench.ApplyAsync(plan);

        report.Skipped.Single().Message.ShouldBe($"It is gone from {(inTarget ? "people" : "app")}. Plan again.");
        into.Rows.Keys.ShouldBe([new AccountId("2")]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Whoever_changed_since_the_plan_was_made_gets_no_account_of_what_was(bool inTarget)
    {
        var bench = BenchOf(inTarget, out var from, out var into);
        from.Put(Bench.Person("1", "ann", "ann@example.org"));
        var plan = await bench.PlanAsync();

        from.Put(Bench.Person("1", "erased"));
        var report = await bench.ApplyAsync(plan);

        report.Skipped.Single().Message.ShouldContain($"it changed in {(inTarget ? "people" : "app")}: ");
        into.Writes.ShouldBe(0);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task Whoever_signed_up_since_the_plan_was_made_gets_no_second_account(bool inTarget, bool verified)
    {
        var bench = BenchOf(inTarget, out var from, out var into);
        from.Put(Bench.Person("1", "ann", "ann@example.org"));
        var plan = await bench.PlanAsync();

        into.Put(Bench.Person("7", "annie", "Ann@example.org", verified));
        var report = await bench.ApplyAsync(plan);

        report.Skipped.Single().Message.ShouldStartWith("It may have an account by now: ");
        into.Rows.Keys.ShouldBe([new AccountId("7")]);
    }

    // Whoever no longer belongs there, as the rule says, gets no account either.
    [Fact]
    public async Task Whoever_no_longer_belongs_there_gets_no_account()
    {
        var app = Bench.People with { Attributes = new Dictionary<string, AttributeMapping>() };
        var bench = new Bench(Bench.Repairing with { When = "active" }, app: app);
        bench.Source.Put(Bench.Person("1", "ann"));
        var plan = await bench.PlanAsync();

        bench.Source.Put([.. Bench.Person("1", "ann").Where(field => field.Item1 != "active"), ("active", false)]);
        var report = await bench.ApplyAsync(plan);

        report.Skipped.Single().Message.ShouldContain("it changed in people: active");
        bench.Target.Writes.ShouldBe(0);
    }

    // What changes by itself keeps nobody waiting.
    [Fact]
    public async Task What_is_not_copied_may_change()
    {
        var bench = new Bench();
        bench.Source.Put(Bench.Person("1", "ann"));
        var plan = await bench.PlanAsync();

        bench.Source.Put([.. Bench.Person("1", "ann").Where(field => field.Item1 != "seen"), ("seen", 5L), ("colour", "red")]);
        var report = await bench.ApplyAsync(plan);

        report.Applied.ShouldBe(1);
        bench.Target.Rows.Keys.ShouldBe([new AccountId("1")]);
    }

    [Fact]
    public async Task A_creation_of_a_plan_that_does_not_say_of_whose_account_is_skipped()
    {
        var bench = new Bench();
        bench.Source.Put(Bench.Person("1", "ann"));
        bench.Source.Put(Bench.Person("2", "bob", name: "Bob"));
        bench.Target.Put(Bench.Person("2", "bob", name: "Rob"));
        var made = await bench.PlanAsync();
        var file = PlanJson.Write(made with { Changes = [.. made.Changes.Select(change => change with { From = null })] });
        file.ShouldNotContain("\"from\"");

        var (plan, problem) = PlanJson.Read(file);
        problem.ShouldBeNull();
        var report = await bench.ApplyAsync(plan!);

        report.Skipped.Single().Message.ShouldContain("older version");
        report.Applied.ShouldBe(1);
        bench.Target.Rows.Keys.ShouldBe([new AccountId("2")]);
    }

    private static Bench BenchOf(bool inTarget, out InMemorySystem from, out InMemorySystem into)
    {
        var bench = new Bench(inTarget ? null : Bench.Repairing with { Orphan = OrphanAction.CreateInSource });
        (from, into) = inTarget ? (bench.Source, bench.Target) : (bench.Target, bench.Source);
        return bench;
    }
}
