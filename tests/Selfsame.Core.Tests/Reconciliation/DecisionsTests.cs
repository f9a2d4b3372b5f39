using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Tests.Reconciliation;

/// <summary>What people decided: in the config or in a file of its own, never against itself, and heeded by a plan that was made before.</summary>
public sealed class DecisionsTests
{
    private const string Config =
        """
        systems:
          auth: { connector: sqlite, connection: auth.db, table: users, identifiers: { email: email } }
          app: { connector: sqlite, connection: app.db, table: users, id: [tenant, id], identifiers: { email: email } }
        """;

    [Theory]
    [InlineData("decisions: decisions.yaml", "- { different: [auth/7, app/main/9], reason: \"father and son\" }\n")]
    [InlineData("decisions: [{ different: [auth/7, app/main/9], reason: father and son }]", null)]
    public void They_stand_in_the_config_or_in_the_file_that_it_names(string decisions, string? file)
    {
        var topology = Read($"{Config}\n{decisions}", file).Topology.ShouldNotBeNull();

        topology.Decisions.All.ShouldHaveSingleItem().Accounts.Select(account => account.ToString()).ShouldBe(["auth/7", "app/main/9"]);
        topology.Decisions.All[0].Reason.ShouldBe("father and son");
        topology.DecisionsFile.ShouldBe(file is null ? null : "decisions.yaml");
    }

    [Theory]
    [InlineData("# nothing yet\n")]
    [InlineData("")]
    public void An_empty_file_is_no_decision(string file) => Read($"{Config}\ndecisions: decisions.yaml", file).Topology.ShouldNotBeNull().Decisions.All.ShouldBeEmpty();

    [Fact]
    public void A_file_that_is_not_there_is_an_error_for_whoever_was_told_apart_in_it_would_be_merged()
        => Read($"{Config}\ndecisions: decisions.yaml", null).Errors.ShouldHaveSingleItem().ToString().ShouldBe(
            "line 4: 'decisions' names the file decisions.yaml, which is not there. Correct the name, or begin an empty one: touch decisions.yaml");

    [Theory]
    [InlineData("- { same: [auth/1, app/main/1], reason: x }\n- { same: [auth/1, nope/1], reason: x }", "decisions.yaml, line 2: 'decisions[1].same[1]' must be system/id with one of the systems: auth, app.")]
    [InlineData("- { same: [auth/1, app/main/1] }", "decisions.yaml, line 1: 'decisions[0]' must have one of 'same', 'different' and 'ignore', and a 'reason'.")]
    [InlineData("same: [auth/1]", "decisions.yaml, line 1: 'decisions' must be a list ([a, b]).")]
    [InlineData("- { ignore: [auth/1], finding: Nonsense, reason: x }", "decisions.yaml, line 1: 'decisions[0].finding' must be one of: Confirmed, Missing, Orphan, Duplicate, Ambiguous, IdMismatch, Drifted, NotCanonical.")]
    [InlineData("- [unclosed", "decisions.yaml, line 2: this is not YAML")]
    public void What_is_wrong_in_the_file_is_told_with_its_name_and_line(string file, string error)
        => Read($"{Config}\ndecisions: decisions.yaml", file).Errors[0].ToString().ShouldStartWith(error);

    [Fact]
    public void Whoever_is_the_same_by_way_of_a_third_one_can_not_be_called_different()
        => Read(
            $"{Config}\ndecisions: decisions.yaml",
            "- { same: [auth/1, app/main/1], reason: x }\n- { same: [app/main/1, auth/2], reason: y }\n\n- { different: [auth/1, auth/2], reason: z }\n")
            .Errors.ShouldHaveSingleItem().ToString()
            .ShouldBe("decisions.yaml, line 4: 'decisions[2]' calls auth/1 and auth/2 different people, and others call them the same one. Take one of them out.");

    [Fact]
    public async Task Whose_account_is_told_apart_since_the_plan_was_made_is_not_updated_after_the_other()
    {
        var bench = new Bench();
        bench.Source.Put(Bench.Person("u1", "ann", name: "Ann"));
        bench.Target.Put(Bench.Person("u1", "ann", name: "Anna"));
        var plan = await bench.PlanAsync();
        plan.Changes.ShouldHaveSingleItem().Follows.ShouldBe(new SourceAccount("people", new AccountId("u1")));

        var report = await Decided(bench, Verdict.Different, null, "people/u1", "app/u1").ApplyAsync(plan);

        report.Skipped.ShouldHaveSingleItem().Message.ShouldBe("By now the config says that app/u1 and people/u1 are different people. Plan again.");
        bench.Target.Rows[new AccountId("u1")]["name"].AsText.ShouldBe("Anna");
    }

    [Theory]
    [InlineData("Orphan", 0)]
    [InlineData(null, 0)]
    [InlineData("Drifted", 1)]
    public async Task What_is_to_be_left_alone_since_the_plan_was_made_is_not_changed(string? finding, int applied)
    {
        var bench = new Bench();
        bench.Source.Put(Bench.Person("u1", "ann"));
        bench.Target.Put(Bench.Person("u1", "ann"));
        bench.Target.Put(Bench.Person("u9", "robot"));
        var plan = await bench.PlanAsync();

        var report = await Decided(bench, Verdict.Ignore, finding, "app/u9").ApplyAsync(plan);

        report.Applied.ShouldBe(applied);
        report.Skipped.Select(note => note.Message).ShouldBe(applied == 1 ? [] : ["By now the config says to leave it alone: decided. Plan again."]);
    }

    // The id was somebody's who is gone: what was decided about that one is not about whoever is made now.
    [Fact]
    public async Task A_decision_about_an_account_that_is_gone_keeps_nobody_from_getting_that_id()
    {
        var bench = new Bench();
        bench.Source.Put(Bench.Person("u1", "ann"));
        var deciding = Decided(bench, Verdict.Ignore, null, "app/u1");

        (await deciding.ApplyAsync(await deciding.PlanAsync())).Applied.ShouldBe(1);
    }

    private static Bench Decided(Bench bench, Verdict verdict, string? finding, params string[] accounts)
    {
        var decided = accounts.Select(account => account.Split('/')).Select(parts => new DecidedAccount(parts[0], new AccountId(parts[1]))).ToList();
        bench.Topology = bench.Topology with { Decisions = new PersonDecisions([new PersonDecision(verdict, decided, finding, "decided")]) };
        return bench;
    }

    private static TopologyReading Read(string yaml, string? decisions)
        => new TopologyReader(
            [new ConnectorKind { Name = "sqlite", Settings = [new ConnectorSetting("connection", Required: true), new ConnectorSetting("table", Required: true)] }],
            _ => null,
            name => name == "decisions.yaml" ? decisions : null).Read(yaml);
}
