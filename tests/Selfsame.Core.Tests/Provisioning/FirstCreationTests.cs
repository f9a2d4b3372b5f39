using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Core.Reconciliation;
using Selfsame.Testing;

namespace Selfsame.Core.Tests.Provisioning;

/// <summary>When it is looked who has an identifier: before the first creation, or, where the system refuses by itself what another has, after it was refused.</summary>
public sealed class FirstCreationTests
{
    [Theory]
    [InlineData(true, 0)]
    [InlineData(false, 1)]
    public async Task Nobody_looks_before_a_first_creation_that_the_system_itself_would_refuse(bool refuses, int looks)
    {
        var bench = Bench(refuses);
        var before = -1;
        bench.Pds.BeforeCreation = () => before = bench.Pds.Finds;
        bench.SignUp("1", "ann");

        await bench.RunAsync();

        bench.Rows.Only.State.ShouldBe(ProvisioningState.Linked);
        before.ShouldBe(looks);
        bench.Pds.Finds.ShouldBe(looks);
    }

    [Fact]
    public async Task About_who_is_not_verified_the_system_is_not_asked()
    {
        var bench = Bench(refuses: true);
        bench.SignUp("1", "ann", verified: false);

        await bench.RunAsync();

        bench.Rows.Only.State.ShouldBe(ProvisioningState.Pending);
        bench.Pds.Finds.ShouldBe(0);
        bench.Pds.AskedFor.ShouldBeEmpty();
    }

    // Whoever has it may be the same person, whether a rule says so or not: another account would be their second.
    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task A_handle_that_somebody_has_already_is_for_a_person_to_decide_whenever_it_is_looked(bool refuses, bool byHandle)
    {
        var bench = Bench(refuses, rule => byHandle ? rule with { Correlate = [new CorrelationRule(IdentifierKind.Handle)] } : rule);
        bench.SignUp("1", "ann");
        bench.Pds.Put("ann", "ann@elsewhere.example", "hers");

        await bench.RunAsync();

        bench.Rows.Only.State.ShouldBe(ProvisioningState.Conflict);
        bench.Rows.Only.Problem!.ShouldContain(byHandle ? "Nobody is adopted on a guess" : "A person must decide");
        // Where nothing keeps two accounts with one handle apart, it is never asked for.
        bench.Pds.AskedFor.ShouldBe(refuses ? ["ann"] : []);
        bench.Pds.Records.Single()["email"].AsText.ShouldBe("ann@elsewhere.example");
    }

    [Fact]
    public async Task After_the_refusal_the_user_takes_another_handle_and_gets_the_account_under_the_same_password()
    {
        var bench = Bench(refuses: true);
        bench.SignUp("1", "ann");
        bench.Pds.Put("ann", "ann@elsewhere.example", "hers");
        await bench.RunAsync();
        bench.App.Put(PasswordBench.Person("1", "anna"));
        bench.Rows.Ask();

        await bench.RunAsync();

        bench.Rows.Only.State.ShouldBe(ProvisioningState.Linked);
        bench.Pds.AskedFor.ShouldBe(["ann", "anna"]);
        bench.Rows.Written.Where(row => row.Intended is not null).Select(row => row.Intended!.Password).Distinct().Count().ShouldBe(1);
    }

    [Fact]
    public async Task A_handle_whose_holder_no_look_finds_falls_back_to_the_code()
    {
        var bench = Bench(refuses: true);
        bench.SignUp("1", "ann");
        bench.Pds.Fault = () => bench.Pds.AskedFor.Count == 1 ? new AlreadyExists(["handle"], "A disabled account has it.") : null;

        await bench.RunAsync();

        bench.Pds.AskedFor.ShouldBe(["ann", PasswordBench.Code("1")]);
        bench.Rows.Only.State.ShouldBe(ProvisioningState.Linked);
        bench.Rows.Only.Note!.ShouldContain("ann");
    }

    // The network may deliver a creation twice: the second is refused for what the first has made.
    [Fact]
    public async Task What_is_refused_because_it_is_there_already_and_ours_is_linked()
    {
        var bench = Bench(refuses: true);
        bench.SignUp("1", "ann");
        bench.Pds.Lost = () => new AlreadyExists(["handle"], "The handle is taken.");

        await bench.RunAsync();

        bench.Rows.Only.State.ShouldBe(ProvisioningState.Linked);
        bench.Pds.Creations.ShouldBe(1);
    }

    [Theory]
    [InlineData(ProvisioningCrashPoints.Claimed)]
    [InlineData(ProvisioningCrashPoints.IntentDurable)]
    [InlineData(ProvisioningCrashPoints.CreateLeft)]
    [InlineData(ProvisioningCrashPoints.OutcomeDurable)]
    public async Task A_crash_anywhere_without_a_look_before_leaves_one_account_in_the_end(string point)
    {
        var bench = Bench(refuses: true);
        bench.SignUp("1", "ann");
        await Should.ThrowAsync<Crash>(bench.RunAsync(new CrashPoints(name =>
        {
            if (name == point)
            {
                throw new Crash();
            }
        })));

        await bench.RunAsync();

        bench.Rows.Only.State.ShouldBe(ProvisioningState.Linked);
        bench.Pds.Creations.ShouldBe(1);
    }

    [Fact]
    public async Task After_anything_was_sent_it_is_looked_before_it_is_sent_again()
    {
        var bench = Bench(refuses: true);
        bench.SignUp("1", "ann");
        bench.Pds.Lost = () => new Unknown("The connection broke.");
        bench.Pds.Fault = () => new Unavailable("Down.");
        await bench.RunAsync();
        bench.Pds.Finds.ShouldBe(0);
        bench.Pds.Fault = () => null;
        var before = -1;
        bench.Pds.BeforeCreation = () => before = bench.Pds.Finds;

        await bench.RunAsync();

        before.ShouldBe(1);
        bench.Rows.Only.State.ShouldBe(ProvisioningState.Linked);
        bench.Pds.Creations.ShouldBe(1);
    }

    [Fact]
    public async Task Who_applies_a_plan_is_promised_a_look_before_the_creation()
    {
        var bench = Bench(refuses: true);
        bench.App.Put(PasswordBench.Person("1", "ann"));
        var plan = await bench.PlanAsync(1);
        bench.Pds.Put("ann", "ann@elsewhere.example", "hers");

        await bench.ApplyAsync(plan);

        bench.Rows.All.Single().State.ShouldBe(ProvisioningState.Conflict);
        bench.Pds.AskedFor.ShouldBeEmpty();
    }

    private static PasswordBench Bench(bool refuses, Func<ReconcileRule, ReconcileRule>? change = null)
        => new(change) { Pds = new PasswordSystem { SaysThatItRefuses = refuses } };
}
