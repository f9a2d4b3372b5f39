namespace Selfsame.Core.Accounts;

/// <summary>A connector answered what its contract rules out. A bug of the connector, never of the data.</summary>
public sealed class ConnectorContractException(string system, string what)
    : InvalidOperationException($"The connector of '{system}' broke its contract: {what} Nothing was concluded from its answer.");

/// <summary>All accounts of a system at one time.</summary>
public sealed record BulkRead(IReadOnlyList<Account> Accounts, IReadOnlyList<UnreadableRecord> Unreadable);

/// <summary>The engine's side of the connector contract: it believes an answer only after checking it.</summary>
public static class CheckedSystem
{
    /// <summary>Reads everything and keeps it.</summary>
    public static async Task<BulkRead> ReadEverythingAsync(
        this IReadsAccounts system, string name, IProgress<long>? progress, CancellationToken cancellation)
    {
        var accounts = new List<Account>();
        var seen = new HashSet<AccountId>();
        var unreadable = await system.ReadEachAsync(
            name,
            progress,
            some =>
            {
                accounts.AddRange(some);
                CheckUnseen(name, some, seen);
            },
            cancellation);
        return new BulkRead(accounts, unreadable);
    }

    /// <summary>Reads everything, portion by portion; the records that are no accounts come back. Who stands twice must be noticed by the caller.</summary>
    public static Task<IReadOnlyList<UnreadableRecord>> ReadEachAsync(
        this IReadsAccounts system, string name, IProgress<long>? progress, Action<IReadOnlyList<Account>> take, CancellationToken cancellation)
        => FollowAsync(
            system.ReadAllAsync(cancellation),
            name,
            progress,
            part =>
            {
                if (part is not ReadAccounts some)
                {
                    return 0;
                }

                take(some.Accounts);
                return some.Accounts.Count;
            });

    /// <summary>
    /// Follows a bulk read to its end. One that ends early, or counts wrongly, throws: it must never make findings (CASES 23).
    /// </summary>
    /// <param name="parts">The read.</param>
    /// <param name="name">The system.</param>
    /// <param name="progress">Takes the number of accounts so far.</param>
    /// <param name="take">Takes a part with accounts; how many they are.</param>
    internal static async Task<IReadOnlyList<UnreadableRecord>> FollowAsync(
        IAsyncEnumerable<ReadPart> parts, string name, IProgress<long>? progress, Func<ReadPart, int> take)
    {
        var unreadable = new List<UnreadableRecord>();
        var count = 0L;
        ReadEnd? end = null;
        await using var reading = parts.GetAsyncEnumerator();
        while (await UnforeseenAnswers.ReadAsync(name, () => reading.MoveNextAsync().AsTask()))
        {
            var part = reading.Current;
            if (end is not null)
            {
                throw new ConnectorContractException(name, "it went on reading after the end.");
            }

            switch (part)
            {
                case UnreadableRecord record: unreadable.Add(record); break;
                case ReadEnd last: end = last; break;
                default:
                    count += take(part);
                    progress?.Report(count);
                    break;
            }
        }

        if (end is not { Complete: true })
        {
            throw new SystemUnavailableException(
                $"Reading '{name}' ended early, after {count} accounts. Nothing is concluded from half a read; run it again.");
        }

        return end.Accounts == count
            ? unreadable
            : throw new ConnectorContractException(name, $"it counted {end.Accounts} accounts and handed over {count}.");
    }

    /// <summary>Reads single accounts; one that was not asked for, or one twice, throws.</summary>
    public static async Task<IReadOnlyDictionary<AccountId, Account>> ReadFreshAsync(
        this IReadsAccountsById system, string name, IReadOnlyCollection<AccountId> ids, CancellationToken cancellation)
    {
        var asked = ids.ToHashSet();
        var found = new Dictionary<AccountId, Account>();
        if (asked.Count == 0)
        {
            return found;
        }

        var about = asked.Count == 1 ? $" about {asked.Single()}" : "";
        foreach (var account in await UnforeseenAnswers.ReadAsync(name, () => system.ReadByIdAsync([.. asked], cancellation), about))
        {
            if (!asked.Contains(account.Id) || !found.TryAdd(account.Id, account))
            {
                throw new ConnectorContractException(name, $"asked for {asked.Count} accounts it answered {account.Id}, which was not asked for or stands twice.");
            }
        }

        return found;
    }

    /// <summary>What the system is like.</summary>
    public static Task<SystemFacts> DescribeAsync(this IConnectedSystem system, string name, CancellationToken cancellation)
        => UnforeseenAnswers.ReadAsync(name, () => system.DescribeAsync(cancellation));

    /// <summary>The accounts that hold one of these values.</summary>
    public static Task<IReadOnlyList<Account>> FindAsync(
        this IFindsAccounts system, string name, IReadOnlyDictionary<IdentifierKind, IReadOnlyList<string>> identifiers, CancellationToken cancellation)
        => UnforeseenAnswers.ReadAsync(name, () => system.FindAsync(identifiers, cancellation));

    /// <summary>An outcome that the operation can't have is a bug of the connector.</summary>
    public static WriteOutcome Checked(this WriteOutcome outcome, string name, bool creating)
        => (outcome, creating) switch
        {
            (Drifted, true) => throw new ConnectorContractException(name, "a creation has no precondition and can't drift."),
            (Throttled { RetryAfter.Ticks: < 0 }, _) => throw new ConnectorContractException(name, "it asked to be called again in the past."),
            _ => outcome,
        };

    /// <summary>As above, for a creation in a system that gives ids itself.</summary>
    public static CreationOutcome Checked(this CreationOutcome outcome, string name, AccountMapping mapping)
        => outcome switch
        {
            NotCreated { Outcome: Done } => throw new ConnectorContractException(name, "it made an account and did not say which."),
            NotCreated not => not with { Outcome = not.Outcome.Checked(name, creating: true) },
            CreatedAccount made when made.Id.Parts.Count != mapping.Id.Count => throw new ConnectorContractException(name, $"it made the account {made.Id}, which is no id of it."),
            _ => outcome,
        };

    private static void CheckUnseen(string name, IReadOnlyList<Account> accounts, HashSet<AccountId> seen)
    {
        foreach (var account in accounts)
        {
            if (!seen.Add(account.Id))
            {
                throw TwoWithOneId(name, account.Id);
            }
        }
    }

    /// <summary>What is called the id in the config is none, or a file or list names one record twice.</summary>
    public static SystemUnavailableException TwoWithOneId(string name, AccountId id)
        => new($"Two records of '{name}' have the id {id}. Name under 'id' what no two of them share; nothing was concluded from this read.");
}
