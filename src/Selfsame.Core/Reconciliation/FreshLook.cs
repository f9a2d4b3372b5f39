using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>What a fresh look says about accounts that were alone in their system.</summary>
/// <param name="Refuted">Those that are not, or that are gone by now, each with what was seen.</param>
/// <param name="Doubt">Why the look can't speak for the others; null where it can.</param>
internal sealed record FreshSight(IReadOnlyDictionary<AccountId, string> Refuted, string? Doubt);

/// <summary>
/// Asks the two systems of a rule now, account by account from the primary, about those that were found in one of them alone: by id, by link in both directions,
/// by identifiers and by their keys. An account is alone only if the <see cref="Correlator"/> still says so: one that is somebody's on a guess is not.
/// </summary>
internal sealed class FreshLook(Topology topology, IReadOnlyDictionary<string, IConnectedSystem> systems, IdentifierKeying keying)
{
    // Almost always nobody new comes after one or two; hundreds who share one address would lead on and on.
    private const int Rounds = 6;

    /// <summary>Looks at accounts of a system that were found to be nobody's; whoever has one by any of the rules into that system is somebody.</summary>
    public async Task<FreshSight> LookForOrphansAsync(string target, IReadOnlyCollection<KeyedAccount> accounts, CancellationToken cancellation)
    {
        var refuted = new Dictionary<AccountId, string>();
        string? doubt = null;
        foreach (var rule in topology.Rules.Where(rule => rule.Target == target))
        {
            var sight = await LookAsync(rule, inSource: false, accounts, cancellation);
            doubt ??= sight.Doubt;
            foreach (var (id, seen) in sight.Refuted)
            {
                refuted.TryAdd(id, seen);
            }
        }

        return new FreshSight(refuted, doubt);
    }

    /// <summary>Looks at accounts of the rule's source, or of its target.</summary>
    public async Task<FreshSight> LookAsync(ReconcileRule rule, bool inSource, IReadOnlyCollection<KeyedAccount> accounts, CancellationToken cancellation)
    {
        var here = inSource ? rule.Source : rule.Target;
        var present = await RereadAsync(here, accounts, cancellation);
        var sight = await LookAroundAsync(rule, inSource, present, cancellation);
        var gone = accounts.Select(account => account.Account.Id).Where(id => !present.ContainsKey(id)).ToDictionary(id => id, _ => $"It is gone from {here}.");
        return sight with { Refuted = sight.Refuted.Concat(gone).ToDictionary() };
    }

    /// <summary>As <see cref="LookAsync"/>, for accounts that were read just now.</summary>
    public async Task<FreshSight> LookAroundAsync(ReconcileRule rule, bool inSource, IReadOnlyDictionary<AccountId, KeyedAccount> present, CancellationToken cancellation)
    {
        // What the service made since the links were read is somebody's.
        var decisions = topology.Decisions.With(await topology.Decisions.Links.ReloadAsync(cancellation));
        var (here, there) = inSource ? (rule.Source, rule.Target) : (rule.Target, rule.Source);
        IReadOnlyList<KeyedAccount> still = [.. present.Values];
        var refuted = new Dictionary<AccountId, string>();
        var (others, doubt) = await FindAsync(rule, there, still, decisions, cancellation);
        if (others.Count == 0)
        {
            return new FreshSight(refuted, doubt);
        }

        var (own, all) = await SurroundingsAsync(rule, here, there, still, others, decisions, cancellation);
        var correlation = inSource ? Correlator.Correlate(rule, own, all, decisions) : Correlator.Correlate(rule, all, own, decisions);
        var alone = (inSource ? correlation.OnlyInSource : correlation.OnlyInTarget).Select(account => account.Account.Id).ToHashSet();
        var linked = correlation.Links.ToDictionary(link => (inSource ? link.Source : link.Target).Account.Id, link => (inSource ? link.Target : link.Source).Account.Id);
        foreach (var id in present.Keys.Where(id => !alone.Contains(id)))
        {
            refuted.Add(id, linked.TryGetValue(id, out var other)
                ? $"It is {other} in {there}."
                : $"There is somebody in {there} who may be the same person, and no rule proves it.");
        }

        return new FreshSight(refuted, doubt);
    }

    /// <summary>
    /// Both sides with their own partners, and those with theirs, until nobody new comes: whoever is somebody else's beyond doubt is not taken for one of <paramref name="still"/>.
    /// </summary>
    private async Task<(IReadOnlyList<KeyedAccount> Here, IReadOnlyList<KeyedAccount> There)> SurroundingsAsync(
        ReconcileRule rule, string here, string there, IReadOnlyList<KeyedAccount> still, IReadOnlyList<KeyedAccount> others, PersonDecisions decisions, CancellationToken cancellation)
    {
        var (ours, theirs) = (still.ToDictionary(account => account.Account.Id), others.ToDictionary(account => account.Account.Id));
        var (name, found, fresh) = (here, ours, others);
        for (var left = Rounds; left > 0 && fresh.Count > 0; left--)
        {
            var (partners, _) = await FindAsync(rule, name, fresh, decisions, cancellation);
            var seen = found;
            fresh = [.. partners.Where(partner => seen.TryAdd(partner.Account.Id, partner))];
            (name, found) = name == here ? (there, theirs) : (here, ours);
        }

        return ([.. ours.Values], [.. theirs.Values]);
    }

    /// <summary>Those of the accounts that are there now, as they are now; all of them where the system can't be asked for single ones: it is believed once.</summary>
    public async Task<IReadOnlyDictionary<AccountId, KeyedAccount>> RereadAsync(string name, IReadOnlyCollection<KeyedAccount> accounts, CancellationToken cancellation)
    {
        if (systems[name] is not IReadsAccountsById system)
        {
            return accounts.ToDictionary(account => account.Account.Id);
        }

        var present = await system.ReadFreshAsync(name, [.. accounts.Select(account => account.Account.Id)], cancellation);
        return present.ToDictionary(pair => pair.Key, pair => KeyedAccount.Of(pair.Value, keying));
    }

    /// <summary>The accounts of these ids as they are now, also of a system that can only be read through; who is gone is left out.</summary>
    public async Task<IReadOnlyDictionary<AccountId, KeyedAccount>> ReadAsync(string name, IReadOnlyCollection<AccountId> ids, CancellationToken cancellation)
    {
        var found = new Dictionary<AccountId, KeyedAccount>();
        if (systems[name] is IReadsAccountsById system)
        {
            Add(found, (await system.ReadFreshAsync(name, ids, cancellation)).Values);
        }
        else if (systems[name] is IReadsAccounts readable)
        {
            var wanted = ids.ToHashSet();
            await readable.ReadEachAsync(name, null, some => Add(found, some.Where(account => wanted.Contains(account.Id))), cancellation);
        }

        return found;
    }

    /// <summary>Whoever of a system has something by which it could be one of <paramref name="accounts"/> of the rule's other system.</summary>
    private async Task<(IReadOnlyList<KeyedAccount> Found, string? Doubt)> FindAsync(
        ReconcileRule rule, string name, IReadOnlyCollection<KeyedAccount> accounts, PersonDecisions decisions, CancellationToken cancellation)
    {
        var found = new Dictionary<AccountId, KeyedAccount>();
        if (accounts.Count == 0)
        {
            return ([], null);
        }

        var mapping = topology.Systems[name].Mapping;
        var ids = accounts.SelectMany(account => IdsOf(rule, name, mapping.Id.Count, account, decisions)).Where(id => id.Parts.Count == mapping.Id.Count).ToHashSet();
        if (systems[name] is IReadsAccountsById byId)
        {
            Add(found, (await byId.ReadFreshAsync(name, ids, cancellation)).Values);
        }

        var wanted = Identifiers(accounts, mapping);
        if (systems[name] is IFindsAccounts finder && wanted.Count > 0)
        {
            Add(found, await finder.FindAsync(name, wanted, cancellation));
        }

        // No index leads from a target's account to whoever of the source holds its id in an attribute, nor in a file to anything.
        var held = name == rule.Source ? rule.Correlate.Select(by => by.Link).OfType<string>().Where(mapping.Attributes.ContainsKey).ToList() : [];
        if (systems[name] is not (IReadsAccountsById and IFindsAccounts) || held.Count > 0)
        {
            var doubt = await ReadThroughAsync(name, accounts, ids, held, found, cancellation);
            return ([.. found.Values], doubt);
        }

        return ([.. found.Values], null);
    }

    /// <summary>Reads all accounts of a system for those that could be one of <paramref name="accounts"/>; what it can't read leaves a doubt.</summary>
    private async Task<string?> ReadThroughAsync(
        string name, IReadOnlyCollection<KeyedAccount> accounts, HashSet<AccountId> ids, List<string> held, Dictionary<AccountId, KeyedAccount> found, CancellationToken cancellation)
    {
        if (systems[name] is not IReadsAccounts readable)
        {
            return $"The accounts of '{name}' can't be listed.";
        }

        var keys = accounts.SelectMany(account => account.Keys).Select(pair => (pair.Key, pair.Value)).ToHashSet();
        var texts = accounts.Select(account => account.Account.Id.ToComparableText()).ToHashSet(StringComparer.Ordinal);
        var unreadable = await readable.ReadEachAsync(
            name,
            null,
            some => Add(found, some.Where(account => ids.Contains(account.Id) || held.Exists(attribute => account.Attributes.ValueOrNull(attribute).AsText is { } text && texts.Contains(text))
                || KeyedAccount.Of(account, keying).Keys.Any(pair => keys.Contains((pair.Key, pair.Value))))),
            cancellation);
        return unreadable.Count > 0 ? UnreadableRecords.Problem(name, unreadable) : null;
    }

    /// <summary>The ids that an account of the rule's one system may have in the other.</summary>
    private static IEnumerable<AccountId> IdsOf(ReconcileRule rule, string name, int parts, KeyedAccount account, PersonDecisions decisions)
    {
        var id = account.Account.Id;
        yield return id;
        yield return PersonAccounts.Id(id.ToComparableText(), parts);
        foreach (var same in decisions.SameIn(name, new DecidedAccount(name == rule.Source ? rule.Target : rule.Source, id)))
        {
            yield return same;
        }

        if (name == rule.Source)
        {
            foreach (var source in decisions.Links.FindSources(rule.Source, rule.Target, id))
            {
                yield return source;
            }

            yield break;
        }

        if (decisions.Links.Find(rule.Source, id, rule.Target) is { } known)
        {
            yield return known;
        }

        foreach (var text in rule.Correlate.Select(by => by.Link is { } link ? account.Account.Attributes.ValueOrNull(link).AsText : null).Where(text => !string.IsNullOrEmpty(text)))
        {
            yield return new AccountId(text!);
        }
    }

    private static Dictionary<IdentifierKind, IReadOnlyList<string>> Identifiers(IReadOnlyCollection<KeyedAccount> accounts, AccountMapping mapping)
        => accounts.SelectMany(account => account.Account.Identifiers, (account, pair) => (Kind: pair.Key, Text: pair.Value, Key: account.Keys.GetValueOrDefault(pair.Key)))
            .Where(held => mapping.Identifiers.ContainsKey(held.Kind))
            .GroupBy(held => held.Kind)
            .ToDictionary(group => group.Key, group => (IReadOnlyList<string>)[.. group.SelectMany(held => IdentifierSpellings.Of(held.Text, held.Key)).Distinct(StringComparer.Ordinal)]);

    private void Add(Dictionary<AccountId, KeyedAccount> found, IEnumerable<Account> accounts)
    {
        foreach (var account in accounts)
        {
            found.TryAdd(account.Id, KeyedAccount.Of(account, keying));
        }
    }
}
