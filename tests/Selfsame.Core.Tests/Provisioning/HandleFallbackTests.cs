using Selfsame.Core.Reconciliation;
using Selfsame.Core.Tests.Reconciliation;

namespace Selfsame.Core.Tests.Provisioning;

/// <summary>Handles that nobody takes, where the rule has another choice.</summary>
public sealed class HandleFallbackTests
{
    private readonly PasswordBench bench = new();

    [Fact]
    public async Task A_handle_that_nobody_takes_is_a_finding_until_its_account_stands_under_the_code()
    {
        bench.App.Put(PasswordBench.Person("1", "cy"));
        (await HandleFindingsAsync()).ShouldBe(["NotCanonical"]);

        await bench.ApplyAsync(await bench.PlanAsync(1));

        bench.Pds.Records.Single()["handle"].AsText.ShouldBe(PasswordBench.Code("1"));
        (await HandleFindingsAsync()).ShouldBeEmpty();
        bench.App.Put(PasswordBench.Person("2", "dd", verified: false));
        (await HandleFindingsAsync()).ShouldBe(["NotCanonical"]);
    }

    [Fact]
    public async Task An_account_under_a_handle_that_is_none_of_the_choices_settles_nothing()
    {
        bench.App.Put(PasswordBench.Person("1", "cy"));
        await bench.ApplyAsync(await bench.PlanAsync(1));
        await bench.Pds.UpdateAsync(bench.Rows.All.Single().TargetId!, InMemorySystem.Record(("handle", "somebody")), Core.Accounts.Fields.Empty, CancellationToken.None);

        (await HandleFindingsAsync()).ShouldBe(["NotCanonical"]);
    }

    private async Task<IEnumerable<string>> HandleFindingsAsync()
        => (await bench.AuditAsync()).Findings.Where(finding => finding is { System: "app", Situation: Situation.NotCanonical }).Select(finding => finding.Kind);
}
