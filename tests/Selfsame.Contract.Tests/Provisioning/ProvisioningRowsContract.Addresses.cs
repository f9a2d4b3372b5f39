using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Store.Provisioning;

namespace Selfsame.Contract.Tests.Provisioning;

/// <summary>Of the rows that share a verified address one holds it.</summary>
public abstract partial class ProvisioningRowsContract
{
    private const string Address = "ann@example.org";

    [Fact]
    public async Task Of_many_that_ask_at_once_one_gets_an_address_and_all_others_are_told_who()
    {
        var claims = await ClaimSeveralAsync(12);

        var answers = await Task.WhenAll(claims.Select(claim => Task.Run(() => ClaimAddressAsync(claim))));

        var holder = claims.Zip(answers).Single(pair => pair.Second is AddressClaimed).First.Row.Key.Account;
        answers.OfType<AddressHeld>().Select(held => held.Holder).ShouldBe(Enumerable.Repeat(holder, 11));
        (await database.ReadAsync(transaction => transaction.ScalarAsync<long>("SELECT count(*) FROM provisioning_addresses WHERE holds"))).ShouldBe(1);
        (await database.ReadAsync(transaction => transaction.ScalarAsync<long>($"SELECT count(*) FROM provisioning_addresses WHERE address_hash LIKE '%{Address}%'"))).ShouldBe(0);
    }

    [Fact]
    public async Task Who_holds_an_address_is_told_so_again_and_an_address_of_another_source_or_system_is_another()
    {
        var (first, second) = await TwoAsync();

        (await ClaimAddressAsync(first)).ShouldBeOfType<AddressClaimed>();
        (await ClaimAddressAsync(first)).ShouldBeOfType<AddressClaimed>();
        (await ClaimAddressAsync(second, "bob@example.org")).ShouldBeOfType<AddressClaimed>();
        await InsertSomeAsync("person", 2, "other");
        (await ClaimAddressAsync((await ClaimAsync("other"))[1])).ShouldBeOfType<AddressClaimed>();
    }

    [Theory]
    [InlineData("bob@example.org")]
    [InlineData(null)]
    public async Task An_address_that_is_exchanged_or_given_up_is_free_and_who_waited_for_it_is_looked_at_again(string? next)
    {
        var (first, second) = await TwoAsync();
        await ClaimAddressAsync(first);
        await WaitInConflictAsync(second);

        (await ClaimAddressAsync(first, next)).ShouldBeOfType<AddressClaimed>();

        var again = (await ClaimAsync()).Single();
        again.Row.Key.ShouldBe(second.Row.Key);
        (await ClaimAddressAsync(again)).ShouldBeOfType<AddressClaimed>();
    }

    [Fact]
    public async Task A_row_that_ends_gives_its_address_up()
    {
        var (first, second) = await TwoAsync();
        await ClaimAddressAsync(first);
        await WaitInConflictAsync(second);

        await rows.SaveAsync(first.Row with { State = ProvisioningState.Compensated }, release: true, [], CancellationToken.None);

        (await ClaimAsync()).Single().Row.Key.ShouldBe(second.Row.Key);
    }

    [Fact]
    public async Task A_row_that_ends_while_more_is_due_gives_its_address_up_too()
    {
        var (first, second) = await TwoAsync();
        await ClaimAddressAsync(first);
        await WaitInConflictAsync(second);

        (await rows.ReleaseAsync(first.Row with { State = ProvisioningState.Compensated }, ClaimOf(1), CancellationToken.None)).Saved.ShouldBeTrue();

        var again = (await ClaimAsync()).Single();
        again.Row.Key.ShouldBe(second.Row.Key);
        (await ClaimAddressAsync(again)).ShouldBeOfType<AddressClaimed>();
    }

    [Fact]
    public async Task An_address_is_taken_from_who_no_longer_has_it_and_from_nobody_else()
    {
        var (first, second) = await TwoAsync();
        await ClaimAddressAsync(first);
        await rows.SaveAsync(first.Row with { State = ProvisioningState.Linked, TargetId = User }, release: true, [], CancellationToken.None);

        (await rows.ClaimAddressAsync(second.Row, Address, new AccountId("somebody"), [], CancellationToken.None)).ShouldBeOfType<AddressHeld>().Holder.ShouldBe(first.Row.Key.Account);
        (await rows.ClaimAddressAsync(second.Row, Address, first.Row.Key.Account, [], CancellationToken.None)).ShouldBeOfType<AddressClaimed>();

        var asked = (await ClaimAsync()).Single();
        (asked.Row.Key, asked.Row.DueBecause).ShouldBe((first.Row.Key, LookAgain.OfAddressGone));
        (await ClaimAddressAsync(asked)).ShouldBeOfType<AddressHeld>().Holder.ShouldBe(second.Row.Key.Account);
    }

    [Fact]
    public async Task Who_lost_the_row_gets_no_address_and_takes_none()
    {
        var (first, second) = await TwoAsync();
        clock.Now += Lease;
        await ClaimAsync();

        (await ClaimAddressAsync(first)).ShouldBeOfType<AddressClaimLost>();
        (await rows.ClaimAddressAsync(second.Row, Address, first.Row.Key.Account, [], CancellationToken.None)).ShouldBeOfType<AddressClaimLost>();
        (await database.ReadAsync(transaction => transaction.ScalarAsync<long>("SELECT count(*) FROM provisioning_addresses"))).ShouldBe(0);
    }

    [Fact]
    public async Task Beside_the_holder_stands_only_who_is_another_than_all_who_have_the_address()
    {
        var claims = await ClaimSeveralAsync(3);
        var ids = claims.Select(claim => claim.Row.Key.Account).ToList();
        Task<AddressClaim> AskAsync(int who, params AccountId[] others) => rows.ClaimAddressAsync(claims[who].Row, Address, null, others, CancellationToken.None);
        await AskAsync(0);

        (await AskAsync(1)).ShouldBeOfType<AddressHeld>().Holder.ShouldBe(ids[0]);
        (await AskAsync(1, ids[0])).ShouldBeOfType<AddressClaimed>();
        (await AskAsync(2, ids[0])).ShouldBeOfType<AddressHeld>().Beside.ShouldBe([ids[1]]);
        (await AskAsync(1, ids[0])).ShouldBeOfType<AddressClaimed>();
        (await AskAsync(2, ids[0], ids[1])).ShouldBeOfType<AddressClaimed>();

        // The holder goes: one of the others is the next.
        await rows.ClaimAddressAsync(claims[0].Row, null, null, [], CancellationToken.None);
        (await AskAsync(2, ids[0])).ShouldBeOfType<AddressClaimed>();
        (await AskAsync(1, ids[0])).ShouldBeOfType<AddressHeld>().Holder.ShouldBe(ids[2]);
    }

    [Fact]
    public async Task Of_many_that_come_beside_the_holder_at_once_one_is_let_through_while_nobody_says_who_the_others_are()
    {
        var claims = await ClaimSeveralAsync(8);
        await ClaimAddressAsync(claims[0]);

        var answers = await Task.WhenAll(claims.Skip(1).Select(claim => Task.Run(() => rows.ClaimAddressAsync(claim.Row, Address, null, [claims[0].Row.Key.Account], CancellationToken.None))));

        answers.Count(answer => answer is AddressClaimed).ShouldBe(1);
    }

    // The release and the wait meet in any order: nobody waits for what nobody holds.
    [Fact]
    public async Task Whoever_waits_while_the_address_is_given_up_is_not_forgotten()
    {
        for (var round = 0; round < 20; round++)
        {
            var claims = await ClaimSeveralAsync(2, $"round{round}-");
            await ClaimAddressAsync(claims[0]);

            var end = Task.Run(() => rows.SaveAsync(claims[0].Row with { State = ProvisioningState.Compensated }, release: true, [], CancellationToken.None));
            var answer = Task.Run(() => WaitInConflictAsync(claims[1]));
            await Task.WhenAll(end, answer);

            (await answer is AddressClaimed || (await ClaimAsync()).Any(claim => claim.Row.Key == claims[1].Row.Key)).ShouldBeTrue();
            await rows.ClaimAddressAsync(claims[1].Row, null, null, [], CancellationToken.None);
            await database.TransactAsync(transaction => transaction.ExecuteAsync("DELETE FROM provisioning_addresses; DELETE FROM provisioning;"));
        }
    }

    private async Task<AddressClaim> WaitInConflictAsync(ClaimedRow claim)
    {
        var answer = await ClaimAddressAsync(claim);
        if (answer is AddressHeld)
        {
            await rows.SaveAsync(claim.Row with { State = ProvisioningState.Conflict, Problem = "Duplicate" }, release: true, [], CancellationToken.None);
        }

        return answer;
    }

    private Task<AddressClaim> ClaimAddressAsync(ClaimedRow claim, string? address = Address) => rows.ClaimAddressAsync(claim.Row, address, null, [], CancellationToken.None);

    private async Task<(ClaimedRow First, ClaimedRow Second)> TwoAsync()
    {
        var claims = await ClaimSeveralAsync(2);
        return (claims[0], claims[1]);
    }

    private async Task<IReadOnlyList<ClaimedRow>> ClaimSeveralAsync(int count, string name = "person")
    {
        await InsertSomeAsync(name, count, "app");
        return [.. (await rows.ClaimAsync(ClaimOf(count), CancellationToken.None)).OrderBy(claim => claim.Row.Key.Account, AccountId.Order)];
    }

    private Task InsertSomeAsync(string name, int count, string system)
        => database.TransactAsync(async transaction =>
        {
            for (var number = 0; number < count; number++)
            {
                await ProvisioningRows.InsertPending(transaction, "users", new AccountId($"{name}{number}"), [system], clock.Now);
            }
        });
}
