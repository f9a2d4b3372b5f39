using Selfsame.Core.Accounts;
using Selfsame.Core.Identifiers;

namespace Selfsame.Core.Reconciliation;

/// <summary>The findings that need one system only: its faults, its duplicates, its identifiers without a key.</summary>
internal static class SystemFindings
{
    /// <param name="picture">The system.</param>
    /// <param name="decisions">What people decided.</param>
    /// <param name="withoutHandle">Whose handle has no key and needs none.</param>
    public static IEnumerable<Finding> Find(SystemPicture picture, PersonDecisions decisions, IReadOnlySet<AccountId> withoutHandle)
        => Faults(picture).Concat(IncompleteAccounts.Find(picture)).Concat(Duplicates(picture, decisions)).Concat(NotCanonical(picture, withoutHandle)).Concat(NotMended(picture));

    private static IEnumerable<Finding> Faults(SystemPicture picture)
    {
        var name = picture.Config.Name;
        foreach (var record in picture.Unreadable)
        {
            yield return Fault(name, SystemFault.UnreadableRecord, $"{name} holds a record that is no account ({record.Where}): {record.Problem}", [new Evidence("record", record.Where, [record.Problem], Proof: true)]);
        }

        foreach (var kind in picture.Indexes is null ? [] : picture.Config.Unique)
        {
            var conflicts = IndexConflicts(picture, kind).ToList();
            foreach (var conflict in conflicts)
            {
                yield return conflict;
            }

            // Where two definitions can't both hold, a person says which.
            if (conflicts.Count == 0 && IndexFault(picture, kind) is { } fault)
            {
                yield return fault;
            }
        }

        var older = picture.StoredKeys.Where(keys => keys.Version != KeyRules.Version).OrderBy(keys => keys.Version, StringComparer.Ordinal).ToList();
        if (older.Count > 0)
        {
            yield return Fault(
                name,
                SystemFault.KeysOfOlderRules,
                $"{older.Sum(keys => keys.Count)} keys in {name} were made under {string.Join(", ", older.Select(keys => keys.Version))}; these are {KeyRules.Version}, under which they may differ.",
                [new Evidence("wanted", KeyRules.Version, [], Proof: true), .. older.Select(keys => new Evidence("found", keys.Version, [$"{keys.Count} keys"], Proof: true))]);
        }

        if (picture.Config.Uuid is { } uuid && UuidProblem(picture, uuid) is { } problem)
        {
            yield return Fault(name, SystemFault.NoUuid, problem, [new Evidence("wanted", picture.UuidIndex?.Definition ?? "", [uuid], Proof: true)]);
        }
    }

    private static IEnumerable<Finding> IndexConflicts(SystemPicture picture, IdentifierKind kind)
    {
        if (!picture.Wanted.TryGetValue(kind, out var wanted))
        {
            yield break;
        }

        var (name, field) = (picture.Config.Name, picture.Config.Mapping.Identifiers[kind]);
        // A plan makes the wanted one in place of one on the same fields.
        foreach (var (index, why) in wanted.Against.Where(pair => wanted.IsThere || !pair.Index.Fields.SequenceEqual(wanted.Index.Fields)))
        {
            yield return Fault(
                name,
                SystemFault.IndexesInConflict,
                $"{name} has the unique index '{index.Name}' on the {kind.Name()}: {why}. Our keys, and the unique index that the config asks for, hold those to be different "
                    + $"people, so both can't hold. Drop '{index.Name}', or take {kind.Name()} out of 'unique'.",
                [Wanted(wanted.Index), Found(index)]) with
            { Identifier = kind };
        }

        if (!wanted.IsThere && picture.Indexes!.FirstOrDefault(index => index.Name == wanted.Index.Name) is { } namesake
            && !namesake.Fields.SequenceEqual(wanted.Index.Fields) && !namesake.Fields.SequenceEqual([field]))
        {
            yield return Fault(
                name,
                SystemFault.IndexesInConflict,
                $"The unique index on '{field}' that the config asks for is called '{namesake.Name}', and {name} has another index of that name, on {string.Join(", ", namesake.Fields)}. "
                    + "Rename or drop that one; then plan makes ours.",
                [Wanted(wanted.Index), Found(namesake)]) with
            { Identifier = kind };
        }
    }

    private static Finding? IndexFault(SystemPicture picture, IdentifierKind kind)
    {
        var name = picture.Config.Name;
        var field = picture.Config.Mapping.Identifiers[kind];
        var onField = picture.Indexes!.Where(index => index.Fields.SequenceEqual([field])).ToList();
        if (picture.Wanted.TryGetValue(kind, out var wanted)
            ? wanted.IsThere
            : onField.Exists(index => index.Unique && index.Predicate is null))
        {
            return null;
        }

        IReadOnlyList<Evidence> evidence = [wanted is null ? new Evidence("wanted", "", [field], Proof: true) : Wanted(wanted.Index), .. onField.Select(Found)];
        if (onField.Count == 0)
        {
            return Fault(name, SystemFault.NoUniqueIndex, $"{name} has no unique index on '{field}', so nothing there stops two accounts with one {kind.Name()}.", evidence)
                with
            { Identifier = kind };
        }

        var indexes = string.Join(", ", onField.Select(index => $"'{index.Name}' ({Weakness(index, wanted?.Index)})"));
        return Fault(name, SystemFault.WeakIndex, $"{name} has no unique index that keeps one {kind.Name()} to one account; on '{field}' it has {indexes}.", evidence)
            with
        { Identifier = kind };
    }

    private static string Weakness(SystemIndex index, SystemIndex? wanted) => index switch
    {
        { Unique: false } => "not unique",
        { Predicate: not null } => $"only where {index.Predicate}",
        _ when wanted?.Collation is { } collation => $"collation {index.Collation ?? "default"} in place of {collation}",
        _ => "it takes 'Ada' and 'ada' for two",
    };

    private static string? UuidProblem(SystemPicture picture, string field)
    {
        var without = picture.Accounts.Count(account => account.Account.Record.ValueOrNull(field).IsNull);
        var guarded = picture.Indexes?.Any(index => index.Unique && index.Predicate is null && index.Fields.SequenceEqual([field])) != false;
        return (without, guarded) switch
        {
            (0, true) => null,
            (0, false) => $"Nothing in {picture.Config.Name} keeps '{field}' unique.",
            _ => $"{(without == 1 ? $"1 account of {picture.Config.Name} has" : $"{without} accounts of {picture.Config.Name} have")} no '{field}'{(guarded ? "" : ", and nothing keeps it unique")}.",
        };
    }

    private static Evidence Wanted(SystemIndex index) => new("wanted", index.Definition, index.Fields, Proof: true);

    private static Evidence Found(SystemIndex index) => new("found", index.Definition, index.Fields, Proof: true);

    private static Finding Fault(string system, SystemFault fault, string sentence, IReadOnlyList<Evidence> evidence)
        => new() { Fault = fault, System = system, Accounts = [], Evidence = evidence, Sentence = sentence };

    private static IEnumerable<Finding> Duplicates(SystemPicture picture, PersonDecisions decisions)
        => ByKey(picture).Concat(EqualElsewhere(picture)).Concat(Decided(picture, decisions))
            .Select(finding => WithDecision(finding, decisions))
            .Where(finding => !IsSettled(finding, picture.Config));

    // Two people who share something that need not be unique: that is known, and nothing is to be done.
    private static bool IsSettled(Finding finding, SystemConfig config)
        => finding is { Decision.Verdict: Verdict.Different, Members.Count: 2 } && (finding.Identifier is not { } kind || !config.Unique.Contains(kind));

    private static IEnumerable<Finding> ByKey(SystemPicture picture)
        => picture.Accounts
            .SelectMany(account => account.Keys.Select(pair => (Kind: pair.Key, Key: pair.Value, Account: account)))
            .GroupBy(entry => (entry.Kind, entry.Key), entry => entry.Account)
            .Where(group => group.Skip(1).Any())
            .OrderBy(group => group.Key.Kind).ThenBy(group => group.Key.Key, StringComparer.Ordinal)
            .Select(group => Duplicate(picture.Config.Name, group.Key.Kind, group.Key.Key, [.. group.OrderBy(account => account.Account.Id, AccountId.Order)]))
            .Select(finding => finding.Identifier == IdentifierKind.Email && picture.Facts.DuplicateAdvice.Length > 0 && finding.Members.All(member => member.EmailVerified)
                ? finding with { Sentence = $"{finding.Sentence} It is verified in all of them. {picture.Facts.DuplicateAdvice}" }
                : finding);

    /// <summary>Accounts that a person called the same, whatever they have in common.</summary>
    private static IEnumerable<Finding> Decided(SystemPicture picture, PersonDecisions decisions)
        => from decision in decisions.All
           where decision.Verdict == Verdict.Same
           let members = picture.Accounts.Where(account => decision.Accounts.Contains(new DecidedAccount(picture.Config.Name, account.Account.Id)))
               .OrderBy(account => account.Account.Id, AccountId.Order).ToList()
           where members.Count > 1
           select new Finding
           {
               Situation = Situation.Duplicate,
               System = picture.Config.Name,
               Members = members,
               Accounts = [.. members.Select(account => Situations.Reference(picture.Config.Name, account))],
               Evidence = [new Evidence("decision", decision.Reason, [.. members.Select(account => account.Account.Label)], Proof: true)],
               Sentence = $"{members.Count} accounts of {picture.Config.Name} are one person by decision: {decision.Reason}.",
           };

    /// <summary>Adds what a person decided about two of a finding's accounts: a difference weighs more than what they share.</summary>
    private static Finding WithDecision(Finding finding, PersonDecisions decisions)
    {
        var accounts = finding.Accounts.Select(account => new DecidedAccount(account.System, account.Id)).ToList();
        var pairs = accounts.SelectMany((one, index) => accounts.Skip(index + 1).Select(other => decisions.Between(one, other))).ToList();
        return pairs.Find(decision => decision?.Verdict == Verdict.Different) is { } apart ? finding with { Decision = apart }
            : pairs.Count > 0 && pairs.TrueForAll(decision => decision is not null) ? finding with { Decision = pairs[0] }
            : finding;
    }

    /// <summary>Accounts that our keys tell apart and the index that is to be made does not.</summary>
    private static IEnumerable<Finding> EqualElsewhere(SystemPicture picture)
    {
        var accounts = picture.Accounts.ToDictionary(account => account.Account.Id);
        return from wanted in picture.Wanted.OrderBy(pair => pair.Key)
               from equal in wanted.Value.Equal.OrderBy(equal => equal.Value, StringComparer.Ordinal)
               let members = equal.Accounts.Distinct().Where(accounts.ContainsKey).Order(AccountId.Order).Select(id => accounts[id])
                   .Where(account => account.Account.Identifiers.ContainsKey(wanted.Key)).ToList()
               where members.Select(member => member.Keys.GetValueOrDefault(wanted.Key, member.Account.Id.ToString())).Distinct(StringComparer.Ordinal).Skip(1).Any()
               select Duplicate(picture.Config.Name, wanted.Key, equal.Value, members) with
               {
                   UnderOwnEquality = true,
                   Sentence = $"{members.Count} accounts of {picture.Config.Name} have different {wanted.Key.Name()}s ({Values(members, wanted.Key)}) that its unique index would hold to be equal.",
               };
    }

    private static string Values(List<KeyedAccount> accounts, IdentifierKind kind) => string.Join(", ", Raw(accounts, kind).Select(value => ShownText.Short(value)));

    private static IEnumerable<string> Raw(List<KeyedAccount> accounts, IdentifierKind kind)
        => accounts.Select(account => account.Account.Identifiers[kind]).Distinct(StringComparer.Ordinal);

    private static Finding Duplicate(string system, IdentifierKind kind, string key, List<KeyedAccount> accounts) => new()
    {
        Situation = Situation.Duplicate,
        System = system,
        Identifier = kind,
        Members = accounts,
        Accounts = [.. accounts.Select(account => Situations.Reference(system, account))],
        Evidence = [new Evidence(kind.Name(), key, [.. Raw(accounts, kind)], Proof: false)],
        Sentence = $"{accounts.Count} accounts of {system} have the {kind.Name()} {key}{Told(accounts, kind, key)}.",
    };

    /// <summary>Who they are, and how each writes the value where one writes it otherwise than the key; the first of many.</summary>
    private static string Told(List<KeyedAccount> accounts, IdentifierKind kind, string key)
    {
        var asKey = Raw(accounts, kind).All(value => value == key);
        var first = accounts.Take(Finding.MostTold).Select(account => asKey ? $"{account.Account.Id}" : $"{ShownText.Short(account.Account.Identifiers[kind])} (id {account.Account.Id})");
        var rest = accounts.Count > Finding.MostTold ? $" and {accounts.Count - Finding.MostTold} more" : "";
        return $"{(asKey ? ", with the ids " : ": ")}{string.Join(", ", first)}{rest}";
    }

    private static IEnumerable<Finding> NotCanonical(SystemPicture picture, IReadOnlySet<AccountId> withoutHandle)
        => from account in picture.Accounts.Where(account => account.Refusals.Count > 0).OrderBy(account => account.Account.Id, AccountId.Order)
           from refused in account.Refusals.OrderBy(pair => pair.Key)
           where refused.Key != IdentifierKind.Handle || !withoutHandle.Contains(account.Account.Id)
           select new Finding
           {
               Situation = Situation.NotCanonical,
               System = picture.Config.Name,
               Accounts = [Situations.Reference(picture.Config.Name, account)],
               Evidence = [new Evidence(refused.Value.Rule, "", [account.Account.Identifiers[refused.Key]], Proof: false)],
               Sentence = $"The {refused.Key.Name()} of {account.Account.Id} in {picture.Config.Name} has no key: {refused.Value.Message}",
           };

    /// <summary>Values in a form that a unique index takes for another one than their key says: blanks around them, another width, letters in pieces.</summary>
    private static IEnumerable<Finding> NotMended(SystemPicture picture)
        => from account in picture.Accounts.OrderBy(account => account.Account.Id, AccountId.Order)
           from kind in picture.Wanted.Keys.Order()
           where !account.Account.NotText.ContainsKey(kind)
           let value = account.Account.Record.ValueOrNull(picture.Config.Mapping.Identifiers[kind])
           let text = value.IsNull ? "" : value.ToString()
           let mended = IdentifierForms.Mended(kind, text)
           where mended is not null
           select new Finding
           {
               Situation = Situation.NotCanonical,
               System = picture.Config.Name,
               Identifier = kind,
               Target = account,
               Accounts = [Situations.Reference(picture.Config.Name, account)],
               Evidence = [new Evidence(kind.Name(), account.Keys.GetValueOrDefault(kind, ""), [text], Proof: false)],
               Sentence = mended.Length == 0
                   ? $"The {kind.Name()} of {account.Account.Id} in {picture.Config.Name} is nothing but blanks, which names nobody."
                   : $"The {kind.Name()} of {account.Account.Id} in {picture.Config.Name} is written '{text}' {IdentifierForms.FaultOf(text)}, which a unique index holds to be another than '{mended}'.",
           };
}
