using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>What an audit saw and found.</summary>
public sealed record AuditResult(IReadOnlyDictionary<string, SystemPicture> Pictures, IReadOnlyList<Finding> Findings);

/// <summary>Reads every system once, in bulk, and finds what disagrees.</summary>
public sealed class Auditor(Topology topology, IReadOnlyDictionary<string, IConnectedSystem> systems, IdentifierKeying keying, TimeProvider clock)
{
    /// <summary>Throws <see cref="SystemUnavailableException"/> when a read was not complete: half a read finds nothing.</summary>
    public async Task<AuditResult> AuditAsync(Func<string, IProgress<long>?> progress, CancellationToken cancellation)
    {
        var pictures = new Dictionary<string, SystemPicture>(StringComparer.Ordinal);
        foreach (var (name, config) in topology.Systems)
        {
            pictures.Add(name, await ReadAsync(config, systems[name], progress(name), cancellation));
        }

        var findings = await new SecondLook(topology, systems, keying, clock).ConfirmAsync(Situations.Find(topology, pictures), cancellation);
        foreach (var name in topology.Systems.Keys)
        {
            pictures[name] = await CountReferencesAsync(pictures[name], findings, cancellation);
        }

        return new AuditResult(pictures, findings);
    }

    private async Task<SystemPicture> ReadAsync(SystemConfig config, IConnectedSystem system, IProgress<long>? progress, CancellationToken cancellation)
    {
        if (system is not IReadsAccounts readable)
        {
            throw new SystemUnavailableException($"The accounts of '{config.Name}' can't be listed, so they can't be audited.");
        }

        var facts = await system.DescribeAsync(cancellation);
        var read = await readable.ReadEverythingAsync(config.Name, progress, cancellation);
        var picture = new SystemPicture
        {
            Config = config,
            Facts = facts,
            Accounts = [.. read.Accounts.Select(account => KeyedAccount.Of(account, keying))],
            Unreadable = read.Unreadable,
            Indexes = system is IInspectsIndexes inspected ? await inspected.ReadIndexesAsync(cancellation) : null,
            Places = system is IHasReferences referring ? await referring.FindPlacesAsync(config.References, cancellation) : [],
            UuidIndex = config.Uuid is { } uuid && system is IHasCanonicalIndexes indexing ? indexing.PlainIndex(uuid) : null,
            WritesTogether = system is IWritesTogether and IReadsAccountsById,
            CreatesWithPassword = system is ICreatesWithPassword,
            ChangesSchema = system is IChangesSchema,
        };
        return picture with { Wanted = await ReadWantedAsync(picture, system, cancellation) };
    }

    private static async Task<IReadOnlyDictionary<IdentifierKind, WantedIndex>> ReadWantedAsync(
        SystemPicture picture, IConnectedSystem system, CancellationToken cancellation)
    {
        var wanted = new Dictionary<IdentifierKind, WantedIndex>();
        foreach (var kind in system is IHasCanonicalIndexes ? picture.Config.Unique : [])
        {
            var indexes = (IHasCanonicalIndexes)system;
            var isThere = picture.Indexes!.Any(index => indexes.IsCanonical(index, kind));
            wanted.Add(kind, new WantedIndex(indexes.CanonicalIndex(kind), isThere, isThere ? [] : await indexes.FindEqualAsync(kind, cancellation)));
        }

        return wanted;
    }

    /// <summary>Counts what refers to the accounts that a plan may merge, delete or give another id.</summary>
    private async Task<SystemPicture> CountReferencesAsync(SystemPicture picture, IReadOnlyList<Finding> findings, CancellationToken cancellation)
    {
        var accounts = findings.Where(finding => finding.System == picture.Config.Name)
            .SelectMany(finding => finding.Situation switch
            {
                Situation.Duplicate when picture.Config.Duplicates is DuplicatesAction.Merge or DuplicatesAction.Delete => finding.Members,
                Situation.IdMismatch when finding.Rule!.IdMismatch == IdMismatchAction.RekeyTarget => [finding.Target!],
                _ => [],
            })
            .Select(account => account.Account)
            .DistinctBy(account => account.Id)
            .ToList();
        if (accounts.Count == 0 || picture.Places.Count == 0)
        {
            return picture;
        }

        var rows = await ((IHasReferences)systems[picture.Config.Name]).ReadReferringAsync(picture.Places, accounts, cancellation);
        return picture with
        {
            Referring = rows.GroupBy(row => row.Account).ToDictionary(
                group => group.Key,
                group => (IReadOnlyList<ReferenceCount>)[.. picture.Places.Select(place => new ReferenceCount(place, group.Count(row => row.Place.IsSamePlaceAs(place)))).Where(count => count.Rows > 0)]),
        };
    }
}
