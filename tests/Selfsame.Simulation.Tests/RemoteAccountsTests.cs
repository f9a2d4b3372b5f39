using Selfsame.Core.Accounts;
using Selfsame.Simulation.Tests.Remotes;
using Selfsame.Simulation.Tests.Remotes.Services;
using Selfsame.Testing;

namespace Selfsame.Simulation.Tests;

/// <summary>What the final state's judgement rests on: who had a value when.</summary>
public sealed class RemoteAccountsTests
{
    [Fact]
    public void Who_had_a_value_before_or_came_by_it_since_did_not_have_it_then()
    {
        var clock = new VirtualClock(DateTimeOffset.UnixEpoch);
        var accounts = new RemoteAccounts("auth", SimulatedSupabase.Mapping, [IdentifierKind.Email], clock);
        var (first, second) = (new AccountId("1"), new AccountId("2"));
        clock.Advance(TimeSpan.FromSeconds(10));
        accounts.Create(first, Address("Ann@example.org"), null).ShouldBeEmpty();
        clock.Advance(TimeSpan.FromSeconds(10));
        accounts.Set(first, Address("other@example.org")).ShouldBeEmpty();
        clock.Advance(TimeSpan.FromSeconds(10));
        accounts.Create(second, Address("ann@example.org"), null).ShouldBeEmpty();
        clock.Advance(TimeSpan.FromSeconds(10));
        accounts.Remove(second);

        Had(0, 9).ShouldBeEmpty();
        Had(5, 15).ShouldBe([first]);
        Had(21, 29).ShouldBeEmpty();
        Had(15, 35).ShouldBe([first, second]);
        Had(41, 99).ShouldBeEmpty();

        IEnumerable<AccountId> Had(int from, int to)
            => accounts.HeldDuring(IdentifierKind.Email, "ANN@example.org", TimeSpan.FromSeconds(from), TimeSpan.FromSeconds(to));
    }

    private static Fields Address(string email) => new([KeyValuePair.Create("email", FieldValue.Text(email))]);
}
