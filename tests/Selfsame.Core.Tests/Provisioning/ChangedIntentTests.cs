using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;

namespace Selfsame.Core.Tests.Provisioning;

/// <summary>What was to be sent and what its source has become since.</summary>
public sealed class ChangedIntentTests
{
    private readonly PasswordBench bench = new();

    [Fact]
    public async Task A_conflict_about_an_address_ends_when_the_user_takes_another()
    {
        bench.SignUp("1", "ann");
        bench.Pds.Put("mallory", "1@example.org", "mallory's");
        await bench.RunAsync();
        bench.Rows.Only.State.ShouldBe(ProvisioningState.Conflict);

        Address("new@example.org");
        await AskAsync();

        bench.Rows.Only.State.ShouldBe(ProvisioningState.Linked);
        bench.Pds.Records[^1]["email"].AsText.ShouldBe("new@example.org");
        bench.Rows.Written.Where(row => row.Intended is not null).Select(row => row.Intended!.Password).Distinct().Count().ShouldBe(1);
    }

    [Fact]
    public async Task A_conflict_about_a_handle_ends_when_the_user_takes_another()
    {
        bench.SignUp("1", "admin");
        bench.Pds.Reserved.UnionWith(["admin", PasswordBench.Code("1")]);
        await bench.RunAsync();
        bench.Rows.Only.State.ShouldBe(ProvisioningState.Conflict);

        bench.App.Put(PasswordBench.Person("1", "anna"));
        await AskAsync();

        bench.Rows.Only.State.ShouldBe(ProvisioningState.Linked);
        bench.Pds.Records.Single()["handle"].AsText.ShouldBe("anna");
    }

    [Fact]
    public async Task A_conflict_whose_source_did_not_change_stays_one_however_often_it_is_asked()
    {
        bench.SignUp("1", "ann");
        bench.Pds.Put("mallory", "1@example.org", "mallory's");
        bench.Pds.Reserved.Add("ann");
        await bench.RunAsync();

        await AskAsync();

        bench.Rows.Only.State.ShouldBe(ProvisioningState.Conflict);
        bench.Pds.Creations.ShouldBe(0);
    }

    // What was sent before may still be on its way: it is sent again as it was, and the plan says something else.
    [Fact]
    public async Task A_plan_of_other_fields_than_those_on_their_way_is_skipped()
    {
        bench.SignUp("1", "ann");
        bench.Pds.Fault = () => new Unknown("The connection broke.");
        await bench.RunAsync();
        bench.Pds.Fault = () => null;
        Address("new@example.org");
        var plan = await bench.PlanAsync(1);

        (await bench.ApplyAsync(plan)).Skipped.ShouldHaveSingleItem().Message.ShouldContain("changed");
        bench.Pds.Creations.ShouldBe(0);

        await bench.RunAsync();
        bench.Pds.Records.Single()["email"].AsText.ShouldBe("new@example.org");
    }

    [Fact]
    public async Task A_creation_that_is_no_longer_as_planned_is_told()
    {
        bench.App.Put(PasswordBench.Person("1", "ann"));
        var plan = await bench.PlanAsync(1);
        await Should.ThrowAsync<Crash>(bench.ApplyAsync(plan, new CrashPoints(name =>
        {
            if (name == ProvisioningCrashPoints.CreateLeft)
            {
                throw new Crash();
            }
        })));
        Address("new@example.org");

        (await bench.ApplyAsync(plan)).Unverified.ShouldHaveSingleItem().Message.ShouldContain("email");
        bench.Pds.Records.Single()["email"].AsText.ShouldBe("new@example.org");
    }

    private void Address(string email)
        => bench.App.Put([.. PasswordBench.Person("1", "ann").Where(field => field.Item1 != "email"), ("email", email)]);

    private Task<int> AskAsync()
    {
        bench.Rows.Ask();
        return bench.RunAsync();
    }
}
