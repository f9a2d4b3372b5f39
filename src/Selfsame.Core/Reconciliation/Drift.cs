using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>Where one person's two accounts differ in what both systems map.</summary>
internal static class Drift
{
    /// <summary>The differences by the config's names, in the order of the names; the source is right.</summary>
    public static IReadOnlyList<Difference> Between(
        KeyedAccount source, SystemPicture sourcePicture, KeyedAccount target, SystemPicture targetPicture, HandleTemplate? handle = null, bool carriesEmail = true)
    {
        var sourceMapping = sourcePicture.Config.Mapping;
        var targetMapping = targetPicture.Config.Mapping;
        var identifiers = targetMapping.Identifiers.Keys.Where(sourceMapping.Identifiers.ContainsKey)
            .Where(kind => kind != IdentifierKind.Handle || handle is null)
            .Where(kind => kind != IdentifierKind.Email || carriesEmail)
            .Where(kind => !source.Refusals.ContainsKey(kind) && !SameIdentifier(kind, source, target))
            .Where(kind => !CanNotTakeNull(targetPicture, targetMapping.Identifiers[kind], Raw(kind, source)))
            .Select(kind => new Difference(kind.Name(), Raw(kind, source), Raw(kind, target)))
            .ToList();
        if (handle is not null && HandleDifference(handle, source, target) is { } another)
        {
            identifiers.Add(another);
        }

        // "Verified" speaks of one address: it is carried to the same address, or together with it, and to no other.
        var verifiedIsOfThisAddress = !targetMapping.Identifiers.ContainsKey(IdentifierKind.Email)
            || SameIdentifier(IdentifierKind.Email, source, target)
            || identifiers.Exists(difference => difference.Name == IdentifierKind.Email.Name());
        var attributes = Shared(sourceMapping, targetMapping)
            .Where(name => name != AccountMapping.EmailVerified || verifiedIsOfThisAddress)
            .Select(name => new Difference(name, source.Account.Attributes.ValueOrNull(name), target.Account.Attributes.ValueOrNull(name)))
            .Where(difference => !SameAttribute(difference) && !IsAsSpelled(difference, targetPicture, targetMapping.Attributes[difference.Name].Field));
        return [.. attributes.Concat(identifiers).OrderBy(difference => difference.Name, StringComparer.Ordinal)];
    }

    // Any of the choices is right: which of them the target took was decided when it was made.
    private static Difference? HandleDifference(HandleTemplate handle, KeyedAccount source, KeyedAccount target)
    {
        var choices = handle.Choices(source.Account).Where(choice => IdentifierKeys.TryKey(IdentifierKind.Handle, choice, out _, out _)).ToList();
        var present = target.Account.Identifiers.GetValueOrDefault(IdentifierKind.Handle);
        return choices.Count == 0 || choices.Contains(present, StringComparer.OrdinalIgnoreCase)
            ? null
            : new Difference(IdentifierKind.Handle.Name(), FieldValue.Text(choices[0]), present is null ? FieldValue.Null : FieldValue.Text(present));
    }

    /// <summary>The attributes that both systems map and neither calls noise, in the order of their names.</summary>
    public static IEnumerable<string> Shared(AccountMapping source, AccountMapping target)
        => target.Attributes
            .Where(pair => !pair.Value.Noise && source.Attributes.TryGetValue(pair.Key, out var other) && !other.Noise)
            .Select(pair => pair.Key)
            .Order(StringComparer.Ordinal);

    /// <summary>Whether a null of the source has no place in the target, whose own default stands there instead.</summary>
    public static bool CanNotTakeNull(SystemPicture target, string field, FieldValue value)
        => value.IsNull && target.Facts.NotNullFields.Contains(field);

    // Two spellings of one key are one identifier; whether a spelling should change is not drift.
    private static bool SameIdentifier(IdentifierKind kind, KeyedAccount source, KeyedAccount target)
        => source.Keys.TryGetValue(kind, out var left) && target.Keys.TryGetValue(kind, out var right)
            ? left == right
            : Raw(kind, source) == Raw(kind, target);

    // One system may say "verified" by a boolean and the other by an instant.
    private static bool SameAttribute(Difference difference)
        => difference.Source.SameFactAs(difference.Target)
            || (difference.Name is AccountMapping.EmailVerified or AccountMapping.Active && difference.Source.IsTruthy == difference.Target.IsTruthy);

    /// <summary>Whether the target would read back what it holds already, if the source's value were written to it; or has no place for it and its own default there.</summary>
    private static bool IsAsSpelled(Difference difference, SystemPicture target, string field)
        => target.Facts.Spell(new ForeignValue(field, difference.Source, difference.Target)) is { Problem: null, Value: var spelled }
            && (spelled.SameFactAs(difference.Target) || CanNotTakeNull(target, field, spelled));

    private static FieldValue Raw(IdentifierKind kind, KeyedAccount account)
        => account.Account.Identifiers.TryGetValue(kind, out var text) ? FieldValue.Text(text) : FieldValue.Null;
}
