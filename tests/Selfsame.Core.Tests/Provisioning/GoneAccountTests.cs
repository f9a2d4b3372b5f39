using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;

namespace Selfsame.Core.Tests.Provisioning;

/// <summary>An account that the service made is gone in the other system: a moderator deleted it, or its owner. Only a person's word makes another.</summary>
public sealed class GoneAccountTests
{
    private readonly PasswordBench bench = new();

    [Fact]
    public async Task However_often_its_source_changes_no_second_one_is_made_until_an_administrator_asks()
    {
        await LinkAsync();
        var first = bench.Rows.Only.TargetId!;
        bench.Pds.Remove(first);

        for (var change = 1; change <= 3; change++)
        {
            await AskAsync();
            bench.Rows.Only.State.ShouldBe(ProvisioningState.Conflict, $"after change {change}");
            bench.Rows.Only.Problem.ShouldBe($"The account {first} that was made in pds is gone there. If it should be made again, retry.");
        }

        bench.Pds.Creations.ShouldBe(1);
        bench.Rows.Ask(bench.Rows.Only.Key, LookAgain.OfRetry);
        // What comes between the word and the work takes nothing of it back.
        bench.Rows.Ask();
        await bench.RunAsync();

        bench.Rows.Only.State.ShouldBe(ProvisioningState.Linked);
        bench.Rows.Only.TargetId.ShouldNotBe(first);
        bench.Pds.Creations.ShouldBe(2);
    }

    [Fact]
    public async Task Nor_where_it_went_while_the_row_was_in_conflict_about_something_else()
    {
        await LinkAsync();
        bench.Pds.RefusedEmails.Add("new@example.org");
        bench.App.Put([.. PasswordBench.Person("1", "ann").Where(field => field.Item1 != "email"), ("email", "new@example.org")]);
        await AskAsync();
        bench.Rows.Only.State.ShouldBe(ProvisioningState.Conflict);
        bench.Pds.Remove(bench.Rows.Only.TargetId!);
        bench.App.Put(PasswordBench.Person("1", "ann"));

        await AskAsync();
        await AskAsync();

        bench.Rows.Only.State.ShouldBe(ProvisioningState.Conflict);
        bench.Rows.Only.Problem!.ShouldEndWith(FoundGone.Advice);
        bench.Pds.Creations.ShouldBe(1);
    }

    [Fact]
    public async Task Nor_under_the_id_that_was_chosen_and_what_is_there_again_is_linked_again()
    {
        bench.Idp.Put(PasswordBench.Person("7", "ann"));
        var key = new ProvisioningKey("idp", new AccountId("7"), "app");
        bench.Rows.Only = InMemoryRows.New(key);
        await bench.RunAsync();
        bench.App.Remove("7");
        await AskAsync(key);
        await AskAsync(key);
        (Row(key).State, bench.App.Rows.Count).ShouldBe((ProvisioningState.Conflict, 0));

        // Whoever deleted it puts it back.
        bench.App.Put(PasswordBench.Person("7", "ann"));
        await AskAsync(key);
        Row(key).State.ShouldBe(ProvisioningState.Linked);

        bench.App.Remove("7");
        await AskAsync(key);
        bench.Rows.Ask(key, LookAgain.OfRetry);
        await bench.RunAsync();
        (Row(key).State, bench.App.Rows.Count).ShouldBe((ProvisioningState.Linked, 1));
    }

    [Fact]
    public async Task Who_is_gone_at_the_source_as_well_is_settled()
    {
        await LinkAsync();
        bench.Pds.Remove(bench.Rows.Only.TargetId!);
        await AskAsync();
        bench.App.Remove("1");

        await AskAsync();

        bench.Rows.Only.State.ShouldBe(ProvisioningState.Compensated);
        bench.Pds.Creations.ShouldBe(1);
    }

    private ProvisioningRow Row(ProvisioningKey key) => bench.Rows.All.Single(row => row.Key == key);

    private async Task LinkAsync()
    {
        bench.SignUp("1", "ann");
        await bench.RunAsync();
        bench.Rows.Only.State.ShouldBe(ProvisioningState.Linked);
    }

    private async Task AskAsync(ProvisioningKey? key = null)
    {
        bench.Rows.Ask(key ?? bench.Rows.Only.Key, "It changed.");
        await bench.RunAsync();
    }
}
