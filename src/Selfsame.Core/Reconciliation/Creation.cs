using System.Globalization;
using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>Decides how an account of one system is made in another.</summary>
internal static class Creation
{
    private const string OfUndo = "Its undo deletes the account.";

    public static Decision Decide(
        Finding finding, KeyedAccount from, SystemPicture origin, SystemPicture destination, ChangeReason reason, ClaimedKeys keys, PlanStamp stamp)
    {
        var name = destination.Config.Name;
        // What a system that gives ids itself made is known again by a stored password: only the rows of the service keep one.
        var throughRow = !destination.Facts.TakesChosenId && destination.CreatesWithPassword && finding.Rule!.Target == name;
        var numbered = !destination.Facts.TakesChosenId && !throughRow && destination.Facts.GivesNumbers;
        if (!destination.Facts.TakesChosenId && !throughRow && !numbered)
        {
            return new LeftAlone($"{name} gives ids itself, so that a lost answer could make two accounts.");
        }

        if (numbered && finding.Rule!.Correlate.Contains(CorrelationRule.ById))
        {
            return new LeftAlone($"{name} numbers its accounts itself, so the account would have another id than in {origin.Config.Name}: take 'id' out of 'correlate'.");
        }

        var ownId = !throughRow && !numbered;
        if (ownId && origin.Config.Mapping.Id.Count != destination.Config.Mapping.Id.Count)
        {
            return new LeftAlone($"The ids of {origin.Config.Name} and {name} have different numbers of parts.");
        }

        var newId = ownId && NeedsNewId(from, destination);
        if (newId && finding.Rule!.Correlate.Contains(CorrelationRule.ById))
        {
            return new LeftAlone($"Ids of {name} are uuids and {from.Account.Id} is none, so the account would have another: take 'id' out of 'correlate'.");
        }

        if (ownId && !newId && destination.Accounts.FirstOrDefault(other => other.Account.Id.Equals(from.Account.Id)) is { } holder)
        {
            return new LeftAlone($"{holder.Account.Label} has the id {from.Account.Id} in {name} and is somebody else: make this account in the application, or give one of them another id.");
        }

        var template = finding.Rule!.Target == name ? finding.Rule.Handle : null;
        var kinds = destination.Config.Mapping.Identifiers.Keys
            .Where(kind => origin.Config.Mapping.Identifiers.ContainsKey(kind) && (kind != IdentifierKind.Handle || template is null)).Order().ToList();
        var refused = kinds.Where(from.Refusals.ContainsKey).Select(kind => kind.Name()).FirstOrDefault();
        if (refused is not null)
        {
            return new LeftAlone($"Its {refused} has no key, so it can't be told whether {name} has it already: correct it first.");
        }

        foreach (var kind in kinds.Where(from.Keys.ContainsKey))
        {
            if (!keys.ClaimForNew(name, kind, from.Keys[kind]))
            {
                return new LeftAlone($"Another account has, or is to get, the {kind.Name()} {from.Keys[kind]} in {name}: clear the duplicate first.");
            }
        }

        var choices = template?.Choices(from.Account) ?? [];
        var handle = choices.FirstOrDefault(choice
            => IdentifierKeys.TryKey(IdentifierKind.Handle, choice, out var key, out _) && keys.ClaimUnused(name, IdentifierKind.Handle, key, null));
        if (template is not null && handle is null)
        {
            return new LeftAlone(choices.Count == 0
                ? $"It has none of what '{template}' asks for, so it gets no handle in {name}."
                : $"No handle that '{template}' gives is free and allowed in {name}: {string.Join(", ", choices)}.");
        }

        // A system that gives ids itself gets the password by which the account is known to be ours.
        var password = throughRow ? null : CreatedPassword.Carried(from, origin, destination, stamp.Id.ToString("D"));
        var spelled = FieldsOf(from, origin, destination, kinds, handle, stamp, withId: ownId);
        AddDefaults(spelled, destination.Config, stamp, except: password?.Into);
        if (spelled.Problem is { } problem)
        {
            return problem;
        }

        var fields = spelled.ToFields();
        if (newId)
        {
            fields = fields.With(new Fields([KeyValuePair.Create(destination.Config.Mapping.Id[0], FieldValue.Text(stamp.Random.NextUuid().ToString("D")))]));
        }

        if ((Unfilled(fields, destination, password) ?? (numbered ? NotKnownAgain(finding.Rule!, from, fields, destination) : null)) is { } hindrance)
        {
            return hindrance;
        }

        // The code is given as the account is made.
        var given = destination.Config.UserCode is { } code && fields.ValueOrNull(code.Field).IsNull ? code.Field : null;
        if (keys.SecondBlank(name, fields, destination.Config.Mapping.Identifiers.Where(pair => pair.Value != given)) is { } second)
        {
            return second;
        }

        return new Planned(new Change
        {
            Number = 0,
            Action = ChangeAction.Create,
            System = name,
            Account = ownId ? AccountId.FromRecord(fields, destination.Config.Mapping.Id)! : from.Account.Id,
            Numbered = numbered,
            Label = from.Account.Label,
            Reason = reason,
            Sentence = finding.Sentence,
            Before = Fields.Empty,
            After = fields,
            Precondition = Fields.Empty,
            Reversible = true,
            Effects =
            [
                .. HandleEffects(choices, handle, name),
                .. throughRow || password is not null ? [] : CreatedPassword.Lacking(from, origin, destination),
                .. UndoEffects(destination),
            ],
            PasswordFrom = password,
            For = throughRow ? new SourceAccount(origin.Config.Name, from.Account.Id) : null,
            From = throughRow ? null : new OriginAccount(origin.Config.Name, from.Account.Id, Relied(finding.Rule, from, origin, destination, kinds, template, stamp)),
        });
    }

    private static void AddDefaults(SpelledFields fields, SystemConfig config, PlanStamp stamp, string? except)
    {
        foreach (var (field, text) in config.Defaults.Where(pair => pair.Key != except && !fields.Has(pair.Key)))
        {
            fields.Add(field, FieldValue.Text(text == SystemConfig.Now ? stamp.Created.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture) : text));
        }
    }

    /// <summary>Fields that the system would refuse to leave empty; null where all of them are filled.</summary>
    private static LeftAlone? Unfilled(Fields fields, SystemPicture destination, CarriedPassword? password)
    {
        var unfilled = destination.Facts.FieldsWithoutDefault.Where(field => !fields.ContainsKey(field) && field != password?.Into && !destination.Config.Mapping.Id.Contains(field))
            .Order(StringComparer.Ordinal).ToList();
        return unfilled.Count == 0 ? null : new LeftAlone(
            $"{destination.Config.Name} wants a value in {string.Join(", ", unfilled)} and has no default for it: say under 'defaults' of '{destination.Config.Name}' what a new account gets there.");
    }

    /// <summary>An account under a number of its system's own is known again only by what 'correlate' names; null where it would be.</summary>
    private static LeftAlone? NotKnownAgain(ReconcileRule rule, KeyedAccount from, Fields fields, SystemPicture destination)
    {
        var mapping = destination.Config.Mapping;
        var made = KeyedAccount.Of(mapping.ToAccount(fields.With(new Fields([KeyValuePair.Create(mapping.Id[0], FieldValue.Text("new"))])))!, IdentifierKeys.TryKey);
        var correlation = rule.Target == destination.Config.Name ? Correlator.Correlate(rule, [from], [made]) : Correlator.Correlate(rule, [made], [from]);
        if (correlation.Links.Count > 0)
        {
            return null;
        }

        var unproved = correlation.Ambiguous.Count > 0 && rule.Correlate.Contains(new CorrelationRule(IdentifierKind.Email));
        return new LeftAlone($"{destination.Config.Name} numbers its accounts itself, and nothing would tell the next plan whose this one is: "
            + (unproved ? "its e-mail must be verified on both sides (map 'emailVerified' in both), or the rule say 'trustEmail: true'."
                : "name under 'correlate' an identifier that both systems map and that it has."));
    }

    /// <summary>What of the source's record the account is made of, and that by which it belongs into the other system.</summary>
    private static Fields Relied(
        ReconcileRule rule, KeyedAccount from, SystemPicture origin, SystemPicture destination, List<IdentifierKind> kinds, HandleTemplate? template, PlanStamp stamp)
    {
        var source = origin.Config.Mapping;
        var attributes = Drift.Shared(source, destination.Config.Mapping).ToList();
        if (rule.Target == destination.Config.Name && rule.When is { } when)
        {
            attributes.Add(when);
        }

        var fields = source.Id.Concat(kinds.Select(kind => source.Identifiers[kind])).Concat(attributes.Select(name => source.Attributes[name].Field))
            .Concat(template?.FieldsIn(source) ?? []).Distinct();
        return new Fields(fields.Select(field => KeyValuePair.Create(field, from.Account.Record.ValueOrNull(field)))).Redacted(stamp.Id.ToString("D"));
    }

    private static IEnumerable<string> HandleEffects(IReadOnlyList<string> choices, string? handle, string system)
        => handle is null || choices[0] == handle ? [] : [$"The handle {choices[0]} is not free or not allowed in {system}; the account gets {handle}."];

    /// <summary>Whether an effect of a creation is one of taking it back.</summary>
    public static bool IsOfUndo(string effect) => effect.StartsWith(OfUndo, StringComparison.Ordinal);

    // Where several rows change as one, an account to which something refers is not deleted.
    private static IEnumerable<string> UndoEffects(SystemPicture destination)
        => destination.Facts.DeletionEffects.Count == 0 || destination.WritesTogether ? [] : [$"{OfUndo} {string.Join(' ', destination.Facts.DeletionEffects)}"];

    private static bool NeedsNewId(KeyedAccount from, SystemPicture destination)
        => destination.Facts.IdsAreUuids && !(from.Account.Id.Parts is [var part] && Guid.TryParseExact(part, "D", out _));

    private static SpelledFields FieldsOf(
        KeyedAccount from, SystemPicture origin, SystemPicture destination, List<IdentifierKind> kinds, string? handle, PlanStamp stamp, bool withId)
    {
        var (source, target) = (origin.Config.Mapping, destination.Config.Mapping);
        var fields = new SpelledFields(destination, origin.Config.Name, stamp.Created);
        foreach (var (ours, theirs) in withId ? source.Id.Zip(target.Id) : [])
        {
            fields.AddAsIs(theirs, from.Account.Record[ours]);
        }

        if (handle is not null)
        {
            fields.Add(target.Identifiers[IdentifierKind.Handle], FieldValue.Text(handle));
        }

        foreach (var kind in kinds)
        {
            fields.Add(target.Identifiers[kind], from.Account.Identifiers.TryGetValue(kind, out var text) ? destination.Kept(kind, FieldValue.Text(text)) : FieldValue.Null);
        }

        foreach (var name in Drift.Shared(source, target))
        {
            fields.Add(target.Attributes[name].Field, from.Account.Attributes.ValueOrNull(name));
        }

        return fields;
    }
}

/// <summary>
/// Which account holds or will hold each key in each system while a plan is made, so that no plan makes the duplicate
/// that it should repair.
/// </summary>
internal sealed class ClaimedKeys
{
    // Null for an account that the plan makes: an id of its source is nobody's there.
    private readonly Dictionary<(string System, IdentifierKind Kind, string Key), AccountId?> holders = [];
    private readonly HashSet<(string System, string Index, bool IsNull)> blanks = [];
    private readonly IReadOnlyDictionary<string, SystemPicture> pictures;

    public ClaimedKeys(IReadOnlyDictionary<string, SystemPicture> pictures)
    {
        this.pictures = pictures;
        foreach (var (system, picture) in pictures)
        {
            foreach (var account in picture.Accounts)
            {
                foreach (var (kind, key) in account.Keys)
                {
                    // Of duplicates the first by id, so that the order of the read decides nothing.
                    var id = account.Account.Id;
                    if (!holders.TryAdd((system, kind, key), id) && AccountId.Order.Compare(id, holders[(system, kind, key)]!) < 0)
                    {
                        holders[(system, kind, key)] = id;
                    }
                }
            }
        }
    }

    /// <summary>
    /// Takes the key for <paramref name="account"/>; false when another account has it. The key is one of an account that a finding is about: whoever shares
    /// it is among the pictures' accounts.
    /// </summary>
    public bool Claim(string system, IdentifierKind kind, string key, AccountId account)
        => holders.TryAdd((system, kind, key), account) || account.Equals(holders[(system, kind, key)]);

    /// <summary>As <see cref="Claim"/>, for an account that is not there yet: false when any account has the key or is to get it.</summary>
    public bool ClaimForNew(string system, IdentifierKind kind, string key) => holders.TryAdd((system, kind, key), null);

    /// <summary>
    /// Why an account can't be without one of these identifiers: a unique index takes only one such account, and another is without it, or is to be by this plan. Null where it can.
    /// </summary>
    public LeftAlone? SecondBlank(string system, Fields fields, IEnumerable<KeyValuePair<IdentifierKind, string>> identifiers)
    {
        foreach (var (kind, field) in identifiers.OrderBy(pair => pair.Key))
        {
            var isAbsent = !fields.TryGetValue(field, out var value) || value.IsMissing;
            var isNull = isAbsent || value.IsNull;
            var lone = isNull || value.AsText is "" ? pictures[system].LoneBlanks.GetValueOrDefault(kind, []) : [];
            if (lone.Where(blank => blank.IsNull == isNull && (blank.HoldsAbsent || !isAbsent)).FirstOrDefault(blank => blank.IsTaken || !blanks.Add((system, blank.Index, isNull))) is { } full)
            {
                return new LeftAlone($"{system} has the unique index '{full.Index}', which takes only one account without {kind.Name()}, and another is without, or is to be: "
                    + "give this one a value, or let the index leave out whoever has none, then plan again.");
            }
        }

        return null;
    }

    /// <summary>Takes a key that no finding is about and that nobody has, for an account that is there or, null, for a new one; false when it is somebody's.</summary>
    public bool ClaimUnused(string system, IdentifierKind kind, string key, AccountId? account)
        => !pictures[system].HoldsKey(kind, key) && holders.TryAdd((system, kind, key), account);
}
