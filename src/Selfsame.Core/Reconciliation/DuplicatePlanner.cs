using Selfsame.Core.Accounts;
using Selfsame.Core.Identifiers;

namespace Selfsame.Core.Reconciliation;

/// <summary>
/// Plans what happens to the duplicates of one system. Pure. Duplicates that hang together (A and B share a name, B and C
/// an address) are decided as one group, so that no account is merged into one that goes itself.
/// </summary>
internal sealed class DuplicatePlanner(SystemPicture picture, PersonDecisions decisions, ClaimedKeys keys, string salt)
{
    private readonly AccountMapping mapping = picture.Config.Mapping;
    private HashSet<string>? loosely;

    /// <summary>The decisions for <paramref name="findings"/>, all of this system and all duplicates, in their order; each with the finding it answers.</summary>
    public IReadOnlyList<(Finding Finding, Decision Decision)> Decide(IReadOnlyList<Finding> findings)
    {
        var decisions = new List<(Finding, Decision)>();
        var decidable = new List<Finding>();
        foreach (var finding in findings)
        {
            if (Hindrance(finding) is { } why)
            {
                decisions.Add((finding, new LeftAlone(why)));
            }
            else
            {
                decidable.Add(finding);
            }
        }

        foreach (var group in Together(decidable))
        {
            decisions.AddRange(DecideGroup(group));
        }

        return decisions;
    }

    private string? Hindrance(Finding finding) => picture.Config.Duplicates switch
    {
        DuplicatesAction.Merge or DuplicatesAction.Delete when finding.Decision is { Verdict: Verdict.Different } apart
            => $"They are different people by decision: {apart.Reason}.",
        DuplicatesAction.Report => "Duplicates within a system are reported: decide which account stays, or set 'duplicates' to rename, merge or delete.",
        DuplicatesAction.Rename when finding.Identifier != IdentifierKind.Username
            => $"Only usernames can be renamed; two accounts with one {finding.Evidence[0].Rule} need a person's decision.",
        DuplicatesAction.Rename => null,
        _ when picture.Facts.KeepsAccounts is { } kept => kept,
        _ when !picture.WritesTogether => $"{picture.Config.Name} can't change several records as one.",
        _ when finding.UnderOwnEquality && finding.Decision is null => "Under our keys these are different people: rename one of them, then its unique index can be made.",
        _ when finding.Decision is { Verdict: Verdict.Same } => null,
        _ when finding.Identifier == IdentifierKind.Email && !picture.Config.TrustEmail && !finding.Members.All(member => member.EmailVerified)
            => "The e-mail is not verified in all of them, so it does not prove one person. Verify it, or say 'trustEmail: true' for the system.",
        _ => null,
    };

    /// <summary>The findings that share accounts, directly or through others.</summary>
    private static IEnumerable<List<Finding>> Together(List<Finding> findings)
        => SharedMembers.Group([.. findings.Select(finding => finding.Members.Select(member => member.Account.Id))])
            .Select(group => group.Select(index => findings[index]).ToList());

    private IEnumerable<(Finding, Decision)> DecideGroup(List<Finding> findings)
    {
        var members = findings.SelectMany(finding => finding.Members).DistinctBy(member => member.Account.Id).Order(new SurvivorComparer(picture.Config.Survivor, mapping)).ToList();
        if (picture.Config.Duplicates != DuplicatesAction.Rename && ToldApart(members) is { } apart)
        {
            return findings.Select(finding => (finding, (Decision)new LeftAlone($"It hangs together with accounts that are different people by decision: {apart.Reason}.")));
        }

        switch (picture.Config.Duplicates)
        {
            case DuplicatesAction.Merge:
                var merge = Merge(findings, members);
                // What stays as it is stands in the way of each index that its findings are about.
                return merge is LeftAlone ? findings.Select(finding => (finding, merge)) : [(findings[0], merge)];
            case DuplicatesAction.Delete:
                return members.Skip(1).SelectMany(loser => Delete(loser, members[0]) is var deletion && deletion is LeftAlone
                    ? findings.Where(finding => finding.Members.Contains(loser)).Select(finding => (finding, deletion))
                    : [(findings[0], deletion)]);
            default:
                var renamed = new HashSet<AccountId>();
                return findings.SelectMany(finding => Rename(finding, members, renamed));
        }
    }

    private PersonDecision? ToldApart(List<KeyedAccount> members)
    {
        var accounts = members.ConvertAll(member => new DecidedAccount(picture.Config.Name, member.Account.Id));
        return accounts.SelectMany((one, index) => accounts.Skip(index + 1).Select(other => decisions.Between(one, other)))
            .FirstOrDefault(decision => decision?.Verdict == Verdict.Different);
    }

    private Decision Merge(List<Finding> findings, List<KeyedAccount> members)
    {
        var (survivor, losers) = (members[0], members.Skip(1).ToList());
        if ((Unfit(survivor, losers) ?? Clash(members)) is { } unfit)
        {
            return new LeftAlone(unfit);
        }

        var folded = Folding.Into(survivor, losers, mapping, picture.SelfReferences, picture.Wanted.ContainsKey);
        // A blank that an index takes once only stays as it is written: its own finding says so.
        var set = folded.Without(mapping.Identifiers.Where(pair => folded.ContainsKey(pair.Value) && keys.SecondBlank(picture.Config.Name, folded, [pair]) is not null)
            .Select(pair => pair.Value).ToHashSet(StringComparer.Ordinal));
        // What refers to the survivor by a name that is written otherwise from now on moves as well.
        var rows = losers.SelectMany(loser => picture.Referring.GetValueOrDefault(loser.Account.Id, []))
            .Concat(picture.Referring.GetValueOrDefault(survivor.Account.Id, []).Where(row => row.Place.AccountFields.Any(set.ContainsKey))).ToList();
        var moved = new ReferenceMoves(picture.AccountsTable, mapping).Of(
            [.. members.SelectMany(member => picture.UniquelyReferring.GetValueOrDefault(member.Account.Id, []))],
            losers.Select(loser => loser.Account.Id).ToHashSet(),
            survivor.Account,
            set);
        if (moved.Hindrance is { } hindrance)
        {
            return new LeftAlone(hindrance);
        }

        var moving = rows.Sum(row => row.Rows) - moved.Repeated.Sum(row => row.Places.Count);
        var because = string.Join("; ", findings.SelectMany(finding => finding.Evidence).Select(evidence => $"{evidence.Rule} {evidence.Key}"));
        return new Planned(new Change
        {
            Number = 0,
            Action = ChangeAction.Merge,
            System = picture.Config.Name,
            Account = survivor.Account.Id,
            Label = survivor.Account.Label,
            Reason = ChangeReason.DuplicateMerged,
            Sentence = $"{string.Join(", ", losers.Select(Name))} {(losers.Count == 1 ? "is" : "are")} {Name(survivor)} ({because}). "
                + $"{Name(survivor)} stays, with its password; {Terms.Count(moving, "reference")} move to it.",
            Before = new Fields(set.Keys.Select(field => KeyValuePair.Create(field, survivor.Account.Record.ValueOrNull(field)))),
            After = set,
            Precondition = survivor.Account.Record.Only(StaysAs(survivor).Concat(set.Keys)).Redacted(salt),
            Reversible = true,
            Losers = [.. losers.Select(Loser)],
            Effects = [.. moved.Repeated.GroupBy(row => (row.Write.Table, row.IsLink, Differs: string.Join(", ", row.Differs)))
                .Select(group => group.Key.IsLink ? Unlinked(group.Key.Table, group.Count(), survivor) : Going(group.Key.Table, group.Key.Differs, group.Count(), survivor))],
            References = [.. Planned(rows).Zip(picture.Places, (planned, place) => planned with { Differing = moved.CountDiffering(place) is > 0 and var count ? count : null })],
        });
    }

    /// <summary>What decided that this one stays, and can sign in: whoever was banned, deleted or lost the password since the plan was made is not who was to stay.</summary>
    private IEnumerable<string> StaysAs(KeyedAccount survivor)
    {
        string[] decisive = [AccountMapping.Active, AccountMapping.EmailVerified];
        return mapping.Id.Concat(mapping.Identifiers.Values)
            .Concat(decisive.Where(mapping.Attributes.ContainsKey).Select(attribute => mapping.Attributes[attribute].Field))
            .Concat(mapping.PasswordHash is { } hash ? [hash] : [])
            .Concat(survivor.Account.Record.Keys.Where(field => EndFields.NamesTheEnd(field) && !mapping.NoiseFields.Contains(field)))
            .Distinct();
    }

    /// <summary>Why the one who would stay could not sign in any more although one of the others can; null where nothing is lost.</summary>
    private string? Unfit(KeyedAccount survivor, List<KeyedAccount> losers)
    {
        if (EndedAlone(survivor, losers) is { } ended)
        {
            return ended;
        }

        if (mapping.Attributes.ContainsKey(AccountMapping.Active) && !IsActive(survivor) && losers.Find(IsActive) is { } active)
        {
            return $"{Name(survivor)} would stay and is not active, and {Name(active)} is: make it active, or let 'survivor' begin with 'active desc'.";
        }

        return mapping.PasswordHash is not null && !HasPassword(survivor) && losers.Find(HasPassword) is { } other
            ? $"{Name(survivor)} would stay and has no password, and {Name(other)} has one, which would be lost: let it set one first, or put an order under 'survivor' in which the other comes first."
            : null;
    }

    /// <summary>Why somebody who is deleted, banned or the like should not stay in place of somebody who is not; null where that is not so.</summary>
    private string? EndedAlone(KeyedAccount survivor, List<KeyedAccount> losers)
    {
        if (EndFields.Of(survivor.Account.Record, mapping.NoiseFields) is not { } field || losers.Find(loser => EndFields.Of(loser.Account.Record, mapping.NoiseFields) is null) is not { } living)
        {
            return null;
        }

        var attribute = mapping.Attributes.Where(pair => pair.Value.Field == field).Select(pair => pair.Key).FirstOrDefault();
        return $"{Name(survivor)} would stay and has ended ('{field}' is filled), and {Name(living)} has not: "
            + (attribute is null ? $"empty it, delete the account, or map it as an attribute ('ended: {field}') and let 'survivor' begin with 'ended asc'." : $"empty it, delete the account, or let 'survivor' begin with '{attribute} asc'.");
    }

    private string? Clash(List<KeyedAccount> members)
        => picture.Clashes.FirstOrDefault(clash => members.Count(member => clash.Accounts.Contains(member.Account.Id)) > 1) is { } clash
            ? $"{string.Join(" and ", members.Where(member => clash.Accounts.Contains(member.Account.Id)).Select(Name))} have rows at {clash.Place} that the unique index '{clash.Index}' of {clash.Place.Table} would hold to be "
                + "equal if they were of one account: put what should stay into one of them and delete the other, or change it so that the index does not hold it, then plan again."
            : null;

    private static bool IsActive(KeyedAccount account) => account.Account.Attributes.ValueOrNull(AccountMapping.Active).IsTruthy;

    // Django writes '!' before what is no password; others lock an account with '!' or '*'.
    private bool HasPassword(KeyedAccount account)
        => account.Account.Record.ValueOrNull(mapping.PasswordHash!).AsText is { Length: > 0 } hash && hash[0] is not ('!' or '*');

    private static string Going(string table, string differs, int rows, KeyedAccount survivor)
        => $"{Terms.Count(rows, "row")} of {table} {(rows == 1 ? "goes" : "go")}: {Name(survivor)} has {(rows == 1 ? "it" : "them")} already"
            + (differs.Length == 0 ? "." : $", with another {differs}, which stays.");

    private static string Unlinked(string table, int rows, KeyedAccount survivor)
        => $"{Terms.Count(rows, "row")} of {table} {(rows == 1 ? "goes" : "go")}: {(rows == 1 ? "it" : "they")} would link {Name(survivor)} with itself.";

    private Decision Delete(KeyedAccount loser, KeyedAccount survivor)
    {
        if (EndedAlone(survivor, [loser]) is { } ended)
        {
            return new LeftAlone(ended);
        }

        var rows = picture.Referring.GetValueOrDefault(loser.Account.Id, []);
        if (rows.Count > 0)
        {
            return new LeftAlone($"{string.Join(", ", rows.Select(row => $"{row.Place} ({row.Rows})"))} refer to {Name(loser)}: say 'duplicates: merge' to move them.");
        }

        var record = loser.Account.Record;
        return new Planned(new Change
        {
            Number = 0,
            Action = ChangeAction.Delete,
            System = picture.Config.Name,
            Account = loser.Account.Id,
            Label = loser.Account.Label,
            Reason = ChangeReason.DuplicateDeleted,
            Sentence = $"{Name(loser)} is {Name(survivor)} again, and nothing refers to it. {Name(survivor)} stays.",
            Before = record.Redacted(salt),
            After = Fields.Empty,
            Precondition = record.Without(mapping.NoiseFields).Redacted(salt),
            Reversible = true,
            References = Planned([]),
            Survivor = new StayingAccount(survivor.Account.Id, survivor.Account.Label, survivor.Account.Record.Only(StaysAs(survivor)).Redacted(salt)),
        });
    }

    private IEnumerable<(Finding, Decision)> Rename(Finding finding, List<KeyedAccount> order, HashSet<AccountId> renamed)
    {
        var field = mapping.Identifiers[IdentifierKind.Username];
        foreach (var account in order.Where(finding.Members.Contains).Where(member => !renamed.Contains(member.Account.Id)).Skip(1).Select(member => member.Account))
        {
            var old = account.Identifiers[IdentifierKind.Username];
            renamed.Add(account.Id);
            if (picture.LeftBehind(account, [field]) is { } left)
            {
                yield return (finding, new LeftAlone($"{left} refer to {old} (id {account.Id}) by the name, which would be another: say 'duplicates: merge', or rename it in the application."));
                continue;
            }

            if (FreeName(IdentifierForms.Mended(IdentifierKind.Username, old) ?? old.Trim(), account.Id) is not { } name)
            {
                yield return (finding, new LeftAlone($"No name made from {old} (id {account.Id}) follows the rules for usernames: rename it yourself."));
                continue;
            }

            if (picture.Facts.Spell(new ForeignValue(field, FieldValue.Text(name), account.Record.ValueOrNull(field))).Problem is { } problem)
            {
                yield return (finding, new LeftAlone($"{old} (id {account.Id}) would be called {name}, and {field} of {picture.Config.Name} {problem}: rename it yourself, or let {field} take more."));
                continue;
            }

            yield return (finding, new Planned(new Change
            {
                Number = 0,
                Action = ChangeAction.Update,
                System = picture.Config.Name,
                Account = account.Id,
                Label = account.Label,
                Reason = ChangeReason.DuplicateRenamed,
                Sentence = $"{finding.Sentence} {old} (id {account.Id}) is called {name} from now on.",
                Before = account.Record.Only([field]),
                After = new Fields([KeyValuePair.Create(field, FieldValue.Text(name))]),
                Precondition = account.Record.Only(mapping.Id.Concat(mapping.Identifiers.Values)),
                Reversible = true,
            }));
        }
    }

    /// <summary>
    /// The name with the first number behind it that nobody has, neither under our keys nor, as far as can be told without asking, under the system's own
    /// equality: whoever has a name without a key has a finding, and is among the picture's accounts. Null where that is no valid username.
    /// </summary>
    private string? FreeName(string old, AccountId account)
    {
        loosely ??= picture.Accounts.Select(other => other.Account.Identifiers.GetValueOrDefault(IdentifierKind.Username)).OfType<string>().Select(Lookalikes.Loosely).ToHashSet(StringComparer.Ordinal);
        for (var number = 2; IdentifierKeys.TryKey(IdentifierKind.Username, $"{old}-{number}", out var key, out _); number++)
        {
            var name = $"{old}-{number}";
            if (!loosely.Contains(Lookalikes.Loosely(name)) && keys.ClaimUnused(picture.Config.Name, IdentifierKind.Username, key, account))
            {
                loosely.Add(Lookalikes.Loosely(name));
                return name;
            }
        }

        return null;
    }

    private MergedAccount Loser(KeyedAccount loser)
        => new(loser.Account.Id, loser.Account.Label, loser.Account.Record.Redacted(salt), loser.Account.Record.Without(mapping.NoiseFields).Redacted(salt));

    private IReadOnlyList<PlannedReference> Planned(IReadOnlyList<ReferringCount> rows)
        => PlannedReferences.Of(picture.Places, rows);

    private static string Name(KeyedAccount account) => $"{account.Account.Label} (id {account.Account.Id})";

    /// <summary>Who stays comes first.</summary>
    private sealed class SurvivorComparer(IReadOnlyList<SurvivorOrder> orders, AccountMapping mapping) : IComparer<KeyedAccount>
    {
        public int Compare(KeyedAccount? left, KeyedAccount? right)
        {
            foreach (var order in orders)
            {
                var (one, other) = (left!.Account.Attributes.ValueOrNull(order.Attribute), right!.Account.Attributes.ValueOrNull(order.Attribute));
                if (mapping.Attributes.TryGetValue(order.Attribute, out var attribute) && EndFields.NamesTheEnd(attribute.Field))
                {
                    // Whether it ended, not when: empty is what says that it did not.
                    (one, other) = (FieldValue.Boolean(one.IsTruthy), FieldValue.Boolean(other.IsTruthy));
                }

                var compared = (one.IsNull, other.IsNull) switch
                {
                    (true, true) => 0,
                    (true, false) => 1,
                    (false, true) => -1,
                    _ => order.Descending ? other.CompareTo(one) : one.CompareTo(other),
                };
                if (compared != 0)
                {
                    return compared;
                }
            }

            return AccountId.Order.Compare(left!.Account.Id, right!.Account.Id);
        }
    }
}

/// <summary>The places of a change, as the plan shows them.</summary>
internal static class PlannedReferences
{
    public static IReadOnlyList<PlannedReference> Of(IReadOnlyList<ReferencePlace> places, IReadOnlyList<ReferringCount> rows)
        => [.. places.Select(place => new PlannedReference(
            place.Table, place.Fields, place.AccountFields, rows.Where(row => row.Place.IsSamePlaceAs(place)).Sum(row => row.Rows)))];
}

/// <summary>Small forms of English.</summary>
internal static class Terms
{
    public static string Count(int count, string noun) => count == 1 ? $"1 {noun}" : $"{count} {noun}s";
}
