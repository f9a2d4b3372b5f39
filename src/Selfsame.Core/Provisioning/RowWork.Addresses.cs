using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Provisioning;

/// <summary>
/// One verified e-mail address under two ids of a source is one person: of their rows into one system one holds the address, and the other is a conflict. A
/// constraint of our own decides who, so that it holds however close they come, and in a system that keeps nothing unique.
/// </summary>
internal sealed partial class RowWork
{
    /// <summary>Has the row hold the verified address of its person, for a plan, and gives the row back to be looked at; whose that is where it is another's.</summary>
    public async Task<HeldForPlan> HoldAddressAsync(CancellationToken cancellation)
    {
        try
        {
            var rule = parts.Topology.Rules.First(rule => rule.Source == row.Key.Source && rule.Target == Target && rule.Missing == MissingAction.CreateInTarget);
            var read = await ReadByIdAsync(rule.Source, [row.Key.Account], cancellation);
            var source = Picture(rule.Source, await DescribeAsync(rule.Source, cancellation), read.Values);
            if (MayShare(source) && IsFor(rule, source) && VerifiedAddress(source) is { } address && await WhoseAddressAsync(rule, source, address, cancellation) is { } shared)
            {
                await ConcludeAsync(new FoundConflict(shared), cancellation);
                return new HeldForPlan(lost, shared);
            }

            await ConcludeAsync(new LookAgain(LookAgain.OfPlan), cancellation);
            return new HeldForPlan(lost, lost ? "The service is at work on it." : null);
        }
        catch (SystemUnavailableException exception)
        {
            TellUnforeseen(exception.Unforeseen);
            await ConcludeAsync(new Failed(exception.Message, exception.RetryAfter), cancellation);
            return new HeldForPlan(true, exception.Message);
        }
    }

    /// <summary>
    /// Whether another account of the source holds the verified address of this one, so that the row is a conflict now; or another node the row.
    /// </summary>
    /// <param name="rule">Between which.</param>
    /// <param name="source">The account.</param>
    /// <param name="address">Its address; null where it has none, or is not to have an account: then what the row held is given up.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <param name="unless">Whether nothing is to be written that would make two of one person: then the row only waits for the address.</param>
    private async Task<bool> IsAnothersAddressAsync(ReconcileRule rule, SystemPicture source, string? address, CancellationToken cancellation, bool unless = false)
    {
        // Who is looked at for the first time holds none yet.
        if (!MayShare(source) || (address is null && row.Epoch <= 1))
        {
            return false;
        }

        if (await WhoseAddressAsync(rule, source, address, cancellation) is { } shared && !unless)
        {
            await ConcludeAsync(new FoundConflict(shared), cancellation);
            return true;
        }

        return lost;
    }

    /// <summary>Who has the address, as evidence; null where the row has it now, there is none, or the row is lost.</summary>
    private async Task<string?> WhoseAddressAsync(ReconcileRule rule, SystemPicture source, string? address, CancellationToken cancellation)
    {
        var (asked, others) = (new List<AccountId>(), new List<AccountId>());
        while (true)
        {
            var answer = await parts.Rows.ClaimAddressAsync(row, address, asked.LastOrDefault(), others, cancellation);
            if (answer is not AddressHeld held)
            {
                lost = answer is AddressClaimLost;
                return null;
            }

            if (held.Beside.Prepend(held.Holder).FirstOrDefault(other => !AreTwoPeople(rule, other)) is not { } same)
            {
                others = [held.Holder, .. held.Beside];
            }
            else if (!asked.Contains(same) && !await HasAddressAsync(rule, same, address!, cancellation))
            {
                // It was another's before: whoever it is now has not been looked at since.
                asked.Add(same);
            }
            else
            {
                var advice = source.Facts.DuplicateAdvice is { Length: > 0 } known ? known : $"If they are one person, clear the duplicate in {rule.Source}.";
                return $"Duplicate: {same} of {rule.Source} has the same verified e-mail address, and comes first in {Target}. {advice} If they are two people, decide that they are different, and retry.";
            }
        }
    }

    /// <summary>Whether these fields would have two accounts of the target share a verified address, or be active with it.</summary>
    private bool MakesShared(Fields set) => parts.Topology.Systems[Target].Mapping.BringsAddress(set);

    /// <summary>Whether the config asks for an account: of who is not there yet nothing is held.</summary>
    private static bool IsFor(ReconcileRule rule, SystemPicture source)
        => Following.Wants(source) && (rule.When is null || source.Accounts[0].Account.Attributes.ValueOrNull(rule.When).IsTruthy);

    private static bool MayShare(SystemPicture source)
        => !source.Facts.AddressesAreUnique && source.Config.Mapping.Attributes.ContainsKey(AccountMapping.EmailVerified);

    /// <summary>The key of the one account's proved address, which alone says who somebody is: two people may write down one that nobody proved.</summary>
    private static string? VerifiedAddress(SystemPicture source)
        => source.Accounts is [{ EmailVerified: true } person] ? person.Keys.GetValueOrDefault(IdentifierKind.Email) : null;

    private bool AreTwoPeople(ReconcileRule rule, AccountId other)
        => parts.Topology.Decisions.Between(new DecidedAccount(rule.Source, row.Key.Account), new DecidedAccount(rule.Source, other))?.Verdict == Verdict.Different;

    /// <summary>Whether the account is still there, wanted, and has the address proved.</summary>
    private async Task<bool> HasAddressAsync(ReconcileRule rule, AccountId account, string address, CancellationToken cancellation)
    {
        var read = await ReadByIdAsync(rule.Source, [account], cancellation);
        var other = Picture(rule.Source, await DescribeAsync(rule.Source, cancellation), read.Values);
        return Following.Wants(other) && VerifiedAddress(other) == address;
    }
}
