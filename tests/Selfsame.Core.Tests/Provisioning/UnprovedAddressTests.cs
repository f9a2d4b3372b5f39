using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Tests.Provisioning;

/// <summary>Where an account is made for a proved address only, no other is carried to it later: whoever writes down somebody else's keeps nobody from having an account.</summary>
public sealed class UnprovedAddressTests
{
    private const string Victim = "victim@example.org";

    private readonly PasswordBench bench = new();

    [Fact]
    public async Task An_address_that_is_not_proved_is_not_carried_until_it_is()
    {
        bench.SignUp("1", "mallory");
        await bench.RunAsync();
        Move("1", "mallory", verified: false);
        bench.Rows.Ask();

        await bench.RunAsync();

        bench.Rows.Only.State.ShouldBe(ProvisioningState.Linked);
        bench.Pds.Records.Single()["email"].AsText.ShouldBe("1@example.org");
        (await bench.AuditAsync()).Findings.Where(finding => finding.Situation == Situation.Drifted).ShouldBeEmpty();
        Move("1", "mallory", verified: true);
        bench.Rows.Ask();
        await bench.RunAsync();
        bench.Pds.Records.Single()["email"].AsText.ShouldBe(Victim);
    }

    [Fact]
    public async Task Whose_address_it_is_gets_the_account()
    {
        bench.SignUp("1", "mallory");
        await bench.RunAsync();
        Move("1", "mallory", verified: false);
        bench.Rows.Ask();
        await bench.RunAsync();
        var key = new ProvisioningKey("app", new AccountId("2"), "pds");
        Move("2", "eve", verified: true);
        bench.Rows.Only = InMemoryRows.New(key);

        await bench.RunAsync();

        bench.Rows.All.Single(row => row.Key == key).State.ShouldBe(ProvisioningState.Linked);
        bench.Pds.Records.Select(record => (record["handle"].AsText, record["email"].AsText)).ShouldBe([("mallory", "1@example.org"), ("eve", Victim)]);
    }

    // Nothing of the rule asks for a proof: the target says of the address that it is not proved.
    [Fact]
    public async Task Where_the_rule_asks_for_no_proof_the_address_is_carried_with_what_is_known_of_it()
    {
        bench.Idp.Put(PasswordBench.Person("1", "mallory"));
        bench.Rows.Only = InMemoryRows.New(new ProvisioningKey("idp", new AccountId("1"), "app"));
        await bench.RunAsync();
        await bench.RunAsync();
        bench.Pds.Creations.ShouldBe(1);
        bench.Idp.Put([.. PasswordBench.Person("1", "mallory", verified: false).Where(field => field.Item1 != "email"), ("email", Victim)]);
        bench.Rows.Ask(new ProvisioningKey("idp", new AccountId("1"), "app"), "It changed.");

        await bench.RunAsync();
        await bench.RunAsync();

        var record = bench.App.Snapshot.Single();
        (record["email"].AsText, record["verified"].IsTruthy).ShouldBe((Victim, false));
        bench.Pds.Records.Single()["email"].AsText.ShouldBe("1@example.org");
    }

    private void Move(string id, string handle, bool verified)
        => bench.App.Put([.. PasswordBench.Person(id, handle, verified).Where(field => field.Item1 != "email"), ("email", Victim)]);
}
