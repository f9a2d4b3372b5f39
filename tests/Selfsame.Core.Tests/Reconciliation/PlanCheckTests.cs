using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Tests.Reconciliation;

public sealed class PlanCheckTests
{
    [Fact]
    public async Task A_plan_survives_its_file()
    {
        var bench = await DamagedAsync(orphans: 2);
        bench.Source.Put([.. Bench.Person("1", "ann")]);
        var plan = await bench.PlanAsync();
        var text = PlanJson.Write(plan);

        var read = Check(text, bench).ShouldBeOfType<PlanAccepted>().Plan;

        PlanJson.Write(read).ShouldBe(text);
        plan.Changes.Count.ShouldBe(3);
    }

    [Theory]
    [InlineData("\"username\": \"orphan1\"", "\"username\": \"admin\"")]
    [InlineData("\"action\": \"delete\"", "\"action\": \"update\"")]
    [InlineData("\"created\": \"1970", "\"created\": \"1971")]
    public async Task A_plan_that_was_edited_by_hand_is_rejected(string before, string after)
    {
        var bench = await DamagedAsync(orphans: 1);
        var text = PlanJson.Write(await bench.PlanAsync());
        text.ShouldContain(before);

        Check(text.Replace(before, after, StringComparison.Ordinal), bench).ShouldBeOfType<PlanRejected>().Problem.ShouldContain("was changed");
    }

    [Fact]
    public async Task A_plan_that_was_only_laid_out_anew_is_the_same_plan()
    {
        var bench = await DamagedAsync(orphans: 1);
        var text = PlanJson.Write(await bench.PlanAsync());

        Check(text.Replace("\n", "", StringComparison.Ordinal), bench).ShouldBeOfType<PlanAccepted>();
    }

    [Fact]
    public async Task A_plan_for_another_config_is_rejected()
    {
        var bench = await DamagedAsync(orphans: 1);
        var text = PlanJson.Write(await bench.PlanAsync());

        PlanCheck.Check(text, bench.Topology with { Fingerprint = "other" }, "rules", new GuardOverrides())
            .ShouldBeOfType<PlanRejected>().Problem.ShouldContain("another config");
    }

    [Fact]
    public async Task A_plan_under_older_key_rules_is_rejected()
    {
        var bench = await DamagedAsync(orphans: 1);

        PlanCheck.Check(await bench.PlanAsync(), bench.Topology, "newer", new GuardOverrides()).ShouldBeOfType<PlanRejected>().Problem.ShouldContain("key rules");
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"format\":\"1\"}")]
    [InlineData("{\"format\":1,\"id\":\"no uuid\"}")]
    [InlineData("{\"format\":1,\"format\":1}")]
    [InlineData("{\"format\":1,\"surprise\":true}")]
    [InlineData("{\"format\":1,\"changes\":[{\"before\":{\"a\":{\"base64\":\"%\"}}}]}")]
    public void What_is_no_plan_is_rejected_with_a_sentence(string text)
        => Check(text, new Bench()).ShouldBeOfType<PlanRejected>().Problem.ShouldStartWith("This is not a plan");

    [Fact]
    public void A_plan_of_a_later_format_says_so()
        => Check("{\"format\":2}", new Bench()).ShouldBeOfType<PlanRejected>().Problem.ShouldContain("format 2");

    // CASES 23: an empty source must not delete everybody.
    [Fact]
    public async Task More_deletions_than_the_guard_allows_are_stopped_and_the_flag_is_named()
    {
        var bench = await DamagedAsync(orphans: 21);
        var text = PlanJson.Write(await bench.PlanAsync());

        Check(text, bench).ShouldBeOfType<PlanGuarded>().Guards.Single().ShouldContain("--max-deletes 21");
        PlanCheck.Check(text, bench.Topology, "rules", new GuardOverrides(MaxDeletes: 20)).ShouldBeOfType<PlanGuarded>();
        PlanCheck.Check(text, bench.Topology, "rules", new GuardOverrides(MaxDeletes: 21)).ShouldBeOfType<PlanAccepted>();
    }

    [Fact]
    public async Task The_number_stops_a_plan_that_is_a_small_part_of_a_large_store()
    {
        var bench = await DamagedAsync(orphans: 21);
        for (var number = 0; number < 1000; number++)
        {
            bench.Source.Put(Bench.Person($"{number}", $"user{number}"));
            bench.Target.Put(Bench.Person($"{number}", $"user{number}"));
        }

        Check(PlanJson.Write(await bench.PlanAsync()), bench).ShouldBeOfType<PlanGuarded>().Guards.Single().ShouldContain("21 of 1021");
    }

    [Fact]
    public async Task The_percentage_counts_from_eleven_on()
    {
        PlanCheck.Check(await (await DamagedAsync(orphans: 10, others: 20)).PlanAsync(), new Bench().Topology, "rules", new GuardOverrides()).ShouldBeOfType<PlanAccepted>();
        PlanCheck.Check(await (await DamagedAsync(orphans: 11, others: 20)).PlanAsync(), new Bench().Topology, "rules", new GuardOverrides()).ShouldBeOfType<PlanGuarded>();
    }

    // CASES 23, for a store of ten.
    [Fact]
    public async Task A_source_that_was_emptied_does_not_empty_a_small_store()
    {
        var bench = await DamagedAsync(orphans: 3, others: 2);
        var text = PlanJson.Write(await bench.PlanAsync());

        Check(text, bench).ShouldBeOfType<PlanGuarded>().Guards.Single().ShouldContain("3 of 5");
        PlanCheck.Check(text, bench.Topology, "rules", new GuardOverrides(MaxDeletes: 3)).ShouldBeOfType<PlanAccepted>();
        Check(PlanJson.Write(await (await DamagedAsync(orphans: 2)).PlanAsync()), bench).ShouldBeOfType<PlanAccepted>();
    }

    private static PlanVerdict Check(string text, Bench bench) => PlanCheck.Check(text, bench.Topology, "rules", new GuardOverrides());

    private static Task<Bench> DamagedAsync(int orphans, int others = 0)
    {
        var bench = new Bench();
        for (var number = 1; number <= others; number++)
        {
            bench.Source.Put(Bench.Person($"p{number}", $"person{number}"));
            bench.Target.Put(Bench.Person($"p{number}", $"person{number}"));
        }

        for (var number = 1; number <= orphans; number++)
        {
            bench.Target.Put(Bench.Person($"o{number}", $"orphan{number}"));
        }

        return Task.FromResult(bench);
    }
}
