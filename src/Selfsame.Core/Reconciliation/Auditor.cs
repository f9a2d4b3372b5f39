using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation.Scanning;

namespace Selfsame.Core.Reconciliation;

/// <summary>What an audit saw and found.</summary>
public sealed record AuditResult(IReadOnlyDictionary<string, SystemPicture> Pictures, IReadOnlyList<Finding> Findings);

/// <summary>
/// Finds what disagrees. Every system is read in bulk twice at most: first a few fields of everybody, of which hashes are kept (<see cref="Scan"/>), then
/// as whole records those who are not confirmed, and whoever has something in common with them.
/// </summary>
public sealed class Auditor(
    Topology topology, IReadOnlyDictionary<string, IConnectedSystem> systems, IdentifierKeying keying, TimeProvider clock, RandomSource random)
{
    /// <summary>For how many accounts another thread takes part in matching.</summary>
    internal int AccountsPerWorker { get; init; } = Workers.AccountsEach;

    /// <summary>Throws <see cref="SystemUnavailableException"/> when a read was not complete: half a read finds nothing.</summary>
    /// <param name="progress">Takes the number of accounts read so far, by system.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <param name="sample">Of how many accounts each picture's report shows the identifiers.</param>
    public async Task<AuditResult> AuditAsync(Func<string, IProgress<long>?> progress, CancellationToken cancellation, int sample = 0)
    {
        var scan = new Scan(topology, keying, random, new Workers(AccountsPerWorker));
        var pictures = await ReadAsync(scan, progress, cancellation);
        scan.Match(pictures.ToDictionary(pair => pair.Key, pair => pair.Value.Facts, StringComparer.Ordinal));
        var rest = await new UnconfirmedAccounts(topology, systems, keying, scan).ReadAsync(pictures.Values, cancellation);
        foreach (var system in scan.Systems)
        {
            var picture = pictures[system.Config.Name] with
            {
                Accounts = rest[system.Config.Name],
                HoldsKey = (kind, key) => scan.Holds(system, kind, key),
            };
            pictures[system.Config.Name] = picture with { Everybody = await ReportAsync(scan, system, picture, sample, cancellation) };
        }

        var findings = await new SecondLook(topology, systems, keying, clock).ConfirmAsync(Situations.Find(topology, pictures), cancellation);
        foreach (var name in topology.Systems.Keys)
        {
            pictures[name] = await CountReferencesAsync(await AskDatabaseAsync(pictures[name], findings, cancellation), findings, cancellation);
        }

        return new AuditResult(pictures, findings);
    }

    /// <summary>Reads all systems at once: one is sent while another is used. When one fails the others are given up, and its error is thrown.</summary>
    private async Task<Dictionary<string, SystemPicture>> ReadAsync(Scan scan, Func<string, IProgress<long>?> progress, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var reads = scan.Systems.Select(scanned => ReadAsync(scanned, systems[scanned.Config.Name], progress(scanned.Config.Name), stop.Token)).ToList();
        var open = reads.ToList();
        while (open.Count > 0)
        {
            var ended = await Task.WhenAny(open);
            open.Remove(ended);
            if (!ended.IsCompletedSuccessfully)
            {
                stop.Cancel();
                await Task.WhenAny(Task.WhenAll(reads));
                await ended;
            }
        }

        return reads.Select(read => read.Result).ToDictionary(picture => picture.Config.Name, StringComparer.Ordinal);
    }

    private static async Task<SystemPicture> ReadAsync(ScannedSystem scanned, IConnectedSystem system, IProgress<long>? progress, CancellationToken cancellation)
    {
        var config = scanned.Config;
        if (system is not IReadsAccounts readable)
        {
            throw new SystemUnavailableException($"The accounts of '{config.Name}' can't be listed, so they can't be audited.");
        }

        var facts = await system.DescribeAsync(config.Name, cancellation);
        var unreadable = await readable.ScanAsync(scanned, progress, cancellation);
        var picture = new SystemPicture
        {
            Config = config,
            Facts = facts,
            Accounts = [],
            Unreadable = unreadable,
            Indexes = system is IInspectsIndexes inspected ? await inspected.ReadIndexesAsync(cancellation) : null,
            StoredKeys = system is IStoresKeys keyed ? await keyed.ReadKeyVersionsAsync(cancellation) : [],
            Places = system is IHasReferences referring ? await referring.FindPlacesAsync(config.References, cancellation) : [],
            AccountsTable = system is IWritesTogether together ? together.AccountsTable : "",
            UuidIndex = config.Uuid is { } uuid && system is IHasCanonicalIndexes indexing ? indexing.PlainIndex(uuid) : null,
            WritesTogether = system is IWritesTogether and IReadsAccountsById,
            CreatesWithPassword = system is ICreatesWithPassword,
            ChangesSchema = system is IChangesSchema,
        };
        return picture with { Wanted = await ReadWantedAsync(picture, system, cancellation), LoneBlanks = await ReadLoneBlanksAsync(picture, system, cancellation) };
    }

    private async Task<UniquenessReport> ReportAsync(Scan scan, ScannedSystem system, SystemPicture picture, int sample, CancellationToken cancellation)
    {
        var saysVerified = system.Config.Mapping.Attributes.ContainsKey(AccountMapping.EmailVerified);
        var first = sample == 0 ? [] : Enumerable.Range(0, system.Count).Select(account => system.Ids[account]).Order(AccountId.Order).Take(sample).ToList();
        var shown = await UnconfirmedAccounts.ReadAsync(systems[system.Config.Name], system.Config.Name, first, keying, cancellation);
        return new UniquenessReport
        {
            Accounts = system.Count,
            Values = scan.Count(system),
            Verified = saysVerified ? (int)system.Verified : null,
            Unverified = saysVerified ? (int)system.Unverified : null,
            Indexes = picture.Indexes,
            Sample = [.. shown.OrderBy(account => account.Account.Id, AccountId.Order)],
        };
    }

    private static async Task<IReadOnlyDictionary<IdentifierKind, WantedIndex>> ReadWantedAsync(
        SystemPicture picture, IConnectedSystem system, CancellationToken cancellation)
    {
        var wanted = new Dictionary<IdentifierKind, WantedIndex>();
        foreach (var kind in system is IHasCanonicalIndexes ? picture.Config.Unique : [])
        {
            var indexes = (IHasCanonicalIndexes)system;
            var isThere = picture.Indexes!.Any(index => indexes.IsCanonical(index, kind));
            var against = picture.Indexes!.Select(index => (Index: index, Why: indexes.JoinsMore(index, kind)!)).Where(pair => pair.Why is not null);
            wanted.Add(kind, new WantedIndex(indexes.CanonicalIndex(kind), isThere, isThere ? [] : await indexes.FindEqualAsync(kind, cancellation), [.. against]));
        }

        return wanted;
    }

    private static async Task<IReadOnlyDictionary<IdentifierKind, IReadOnlyList<LoneBlank>>> ReadLoneBlanksAsync(SystemPicture picture, IConnectedSystem system, CancellationToken cancellation)
    {
        var found = new Dictionary<IdentifierKind, IReadOnlyList<LoneBlank>>();
        // What stands in a record of its own is in no index of the accounts.
        var elsewhere = picture.Config.Records.SelectMany(record => record.Fields.Values.Select(record.InAccount)).ToHashSet(StringComparer.Ordinal);
        foreach (var kind in picture.Config.Mapping.Identifiers.Where(pair => !elsewhere.Contains(pair.Value)).Select(pair => pair.Key))
        {
            found.Add(kind, system is IHasCanonicalIndexes indexes ? await indexes.FindLoneBlanksAsync(picture.Indexes!, kind, cancellation) : []);
        }

        return found;
    }

    /// <summary>Asks the system, or the database behind it where the config names that, what goes along with the orphans that a plan may delete.</summary>
    private async Task<SystemPicture> AskDatabaseAsync(SystemPicture picture, IReadOnlyList<Finding> findings, CancellationToken cancellation)
    {
        var orphans = findings.Where(finding => finding.System == picture.Config.Name && finding is { Situation: Situation.Orphan, Rule.Orphan: OrphanAction.DeleteInTarget })
            .Select(finding => finding.Target!.Account.Id).Distinct().ToList();
        if (orphans.Count > 0 && systems[picture.Config.Name] is IDeletesWithRows counting)
        {
            picture = picture with { Taken = await counting.CountTakenAsync(orphans, cancellation) };
        }

        return orphans.Count > 0 && picture is { Facts.TableBehind: { } table, Config.Database: { } database } && systems[database] is ITellsCascades telling
            ? picture with { TakenAlong = await telling.ReadCascadesAsync(table, orphans, cancellation) }
            : picture;
    }

    /// <summary>Counts what refers to the accounts that a plan may merge, delete or give another id.</summary>
    private async Task<SystemPicture> CountReferencesAsync(SystemPicture picture, IReadOnlyList<Finding> findings, CancellationToken cancellation)
    {
        var accounts = findings.Where(finding => finding.System == picture.Config.Name)
            .SelectMany(finding => finding.Situation switch
            {
                Situation.Duplicate when picture.Config.Duplicates is DuplicatesAction.Merge or DuplicatesAction.Delete => finding.Members,
                // What holds a name would be left behind when that changes.
                Situation.Duplicate when picture.Config.Duplicates == DuplicatesAction.Rename && picture.HoldsNames => finding.Members,
                Situation.Drifted when finding.Rule!.Drifted == DriftedAction.UpdateTarget && picture.HoldsNames => [finding.Target!],
                Situation.NotCanonical when finding.Target is { } mended && picture.Places.Any(place => place.AccountFields.Contains(picture.Config.Mapping.Identifiers[finding.Identifier!.Value]))
                    => [mended],
                Situation.IdMismatch when finding.Rule!.IdMismatch == IdMismatchAction.RekeyTarget => [finding.Target!],
                // The system itself says no where a foreign key stands, or what goes along: a person reads how much.
                Situation.Orphan when finding.Rule!.Orphan == OrphanAction.DeleteInTarget && (picture.Facts.DeletionEffects.Count > 0 || picture.Places.Any(place => !place.Enforced)) => [finding.Target!],
                _ => [],
            })
            .Select(account => picture.Config.Mapping.WithoutBlanks(account.Account))
            .DistinctBy(account => account.Id)
            .ToList();
        if (accounts.Count == 0 || picture.Places.Count == 0)
        {
            return picture;
        }

        var system = (IHasReferences)systems[picture.Config.Name];
        var counts = await system.CountReferringAsync(picture.Places, accounts, cancellation);
        var merging = picture.Config.Duplicates == DuplicatesAction.Merge;
        // Only these can keep each other from moving; an account has few of them, since a constraint says so.
        var unique = merging ? picture.Places.Where(place => place.UniqueSets.Count > 0).ToList() : [];
        var rows = unique.Count == 0 ? [] : await system.ReadReferringAsync(unique, accounts, cancellation);
        var circles = InCircles(picture, findings);
        var referringToCircles = circles.Count == 0 ? [] : await system.ReadReferringAsync(picture.Places, circles, cancellation);
        return picture with
        {
            ReferringToCircles = referringToCircles.GroupBy(row => row.Account).ToDictionary(group => group.Key, group => (IReadOnlyList<ReferringRow>)[.. group]),
            MendedReferring = await MendedReferringAsync(system, picture, findings, cancellation),
            Clashes = merging ? await system.FindClashesAsync(picture.Places, accounts, cancellation) : [],
            Referring = counts.GroupBy(count => count.Account).ToDictionary(group => group.Key, group => (IReadOnlyList<ReferringCount>)[.. group]),
            UniquelyReferring = rows.GroupBy(row => row.Account).ToDictionary(group => group.Key, group => (IReadOnlyList<ReferringRow>)[.. group]),
        };
    }

    /// <summary>The accounts that have each other's ids.</summary>
    private static IReadOnlyList<Account> InCircles(SystemPicture picture, IReadOnlyList<Finding> findings)
    {
        var mismatches = findings.Where(finding => finding.System == picture.Config.Name && finding is { Situation: Situation.IdMismatch, Rule.IdMismatch: IdMismatchAction.RekeyTarget })
            .DistinctBy(finding => finding.Target!.Account.Id).ToDictionary(finding => finding.Target!.Account.Id);
        return [.. Circles.Of(mismatches.ToDictionary(pair => pair.Key, pair => pair.Value.Source!.Account.Id)).SelectMany(circle => circle)
            .Select(id => picture.Config.Mapping.WithoutBlanks(mismatches[id].Target!.Account))];
    }

    /// <summary>What refers already to the forms that identifiers would be put into: it is nobody's, and would be somebody's by that.</summary>
    private static async Task<IReadOnlyDictionary<(AccountId Account, IdentifierKind Kind), string>> MendedReferringAsync(
        IHasReferences system, SystemPicture picture, IReadOnlyList<Finding> findings, CancellationToken cancellation)
    {
        var found = new Dictionary<(AccountId Account, IdentifierKind Kind), string>();
        foreach (var ofKind in findings.Where(finding => finding is { Situation: Situation.NotCanonical, Target: not null } && finding.System == picture.Config.Name).GroupBy(finding => finding.Identifier!.Value))
        {
            var field = picture.Config.Mapping.Identifiers[ofKind.Key];
            var places = picture.Places.Where(place => place.AccountFields.Contains(field)).ToList();
            var mended = from account in ofKind.Select(finding => finding.Target!.Account)
                         let form = IdentifierForms.Mended(ofKind.Key, account.Record[field].ToString())
                         where form is { Length: > 0 }
                         select account with { Record = account.Record.With(new Fields([KeyValuePair.Create(field, FieldValue.Text(form).InTheFormOf(account.Record[field]))])) };
            foreach (var counts in places.Count == 0 ? [] : (await system.CountReferringAsync(places, [.. mended], cancellation)).GroupBy(count => count.Account))
            {
                found.Add((counts.Key, ofKind.Key), string.Join(", ", counts.Select(count => $"{count.Place} ({count.Rows})")));
            }
        }

        return found;
    }
}
