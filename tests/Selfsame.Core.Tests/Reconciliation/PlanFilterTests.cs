using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Tests.Reconciliation;

public sealed class PlanFilterTests
{
    [Fact]
    public void What_is_asked_about_one_account_keeps_no_change_of_another_systems_account_of_that_id()
    {
        const string ada = "ada is in app and not in auth.";
        var asked = new Finding { Situation = Situation.Missing, System = "auth", Accounts = [new AccountReference("app", new AccountId("7"), "ada")], Sentence = ada };
        var plan = new Plan
        {
            Id = Guid.NewGuid(),
            Created = DateTimeOffset.UnixEpoch,
            Tool = "",
            KeyRules = "",
            Config = "",
            Accounts = new Dictionary<string, long>(),
            NotPlanned = [],
            Changes =
            [
                Change("app", "7", ChangeAction.Update, "Her own."),
                Change("billing", "7", ChangeAction.Delete, "Somebody else's."),
                Change("auth", "0b8f9f5e-6c1e-4f0e-9d3e-5d0c2a1b3c4d", ChangeAction.Create, ada) with { From = new OriginAccount("app", new AccountId("7"), Fields.Empty) },
                Change("auth", "1c9f9f5e-6c1e-4f0e-9d3e-5d0c2a1b3c4d", ChangeAction.Create, ada) with { From = new OriginAccount("app", new AccountId("8"), Fields.Empty) },
                Change("pds", "7", ChangeAction.Create, ada) with { For = new SourceAccount("app", new AccountId("7")) },
                Change("auth", "7", ChangeAction.Create, "bob is in shop and not in auth.") with { From = new OriginAccount("shop", new AccountId("7"), Fields.Empty) },
            ],
        };

        var kept = new PlanFilter([], []).Of(plan, [asked]);

        kept.Changes.Select(change => $"{change.Number} {change.System} {change.Action}").ShouldBe(["1 app Update", "2 auth Create", "3 pds Create"]);
        kept.Changes[1].Account.ToString().ShouldStartWith("0b8f");
    }

    private static Change Change(string system, string id, ChangeAction action, string sentence) => new()
    {
        Number = 1,
        Action = action,
        System = system,
        Account = new AccountId(id),
        Label = id,
        Reason = action == ChangeAction.Create ? ChangeReason.MissingInTarget : ChangeReason.AttributesDrifted,
        Sentence = sentence,
        Before = Fields.Empty,
        After = Fields.Empty,
        Precondition = Fields.Empty,
        Reversible = true,
    };
}
