using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>What the account that stays takes from those that go: only what it lacks, never a secret, and an address with what is known of it.</summary>
internal static class Folding
{
    /// <param name="survivor">Who stays.</param>
    /// <param name="losers">Who goes, in the order in which they are asked.</param>
    /// <param name="mapping">What the fields mean.</param>
    /// <param name="selfReferences">Fields that name another account of the same system: a loser's would make the survivor refer to itself, or to one that goes.</param>
    /// <param name="isKept">Whether a unique index keeps an identifier: of such, the survivor's is put into the form in which it does.</param>
    public static Fields Into(
        KeyedAccount survivor, IReadOnlyList<KeyedAccount> losers, AccountMapping mapping, IReadOnlySet<string> selfReferences, Predicate<IdentifierKind> isKept)
    {
        var set = new Dictionary<string, FieldValue>(StringComparer.Ordinal);
        HashSet<string> never = [.. mapping.Id, .. mapping.NoiseFields, .. selfReferences];
        if (mapping.Attributes.TryGetValue(AccountMapping.EmailVerified, out var verified))
        {
            never.Add(verified.Field);
        }

        foreach (var (field, value) in losers.SelectMany(loser => loser.Account.Record))
        {
            if (!IsLacking(value) && IsLacking(survivor.Account.Record.ValueOrNull(field)) && !never.Contains(field) && !SecretFields.Looks(field) && !EndFields.Looks(field))
            {
                set.TryAdd(field, value);
            }
        }

        AddVerified(set, survivor, losers, mapping);
        foreach (var (kind, field) in mapping.Identifiers.Where(pair => isKept(pair.Key)))
        {
            // A blank around a name, or another width of its letters, hides that it is taken; their case is the person's own.
            var value = set.GetValueOrDefault(field, survivor.Account.Record.ValueOrNull(field));
            if (!value.IsNull && IdentifierForms.NotText(kind, value) is null && IdentifierForms.Mended(kind, value.ToString()) is { } mended)
            {
                set[field] = FieldValue.Text(mended).InTheFormOf(value);
            }
        }

        return new Fields(set);
    }

    /// <summary>The mark speaks of the address that the survivor has in the end: a folded one brings its own, and whoever of them proved that address proved it.</summary>
    private static void AddVerified(Dictionary<string, FieldValue> set, KeyedAccount survivor, IReadOnlyList<KeyedAccount> losers, AccountMapping mapping)
    {
        if (mapping.Attributes.GetValueOrDefault(AccountMapping.EmailVerified)?.Field is not { } verified
            || !mapping.Identifiers.TryGetValue(IdentifierKind.Email, out var email))
        {
            return;
        }

        var holder = set.TryGetValue(email, out var folded) ? losers.First(loser => loser.Account.Record.ValueOrNull(email) == folded) : survivor;
        var proof = holder.Keys.TryGetValue(IdentifierKind.Email, out var key)
            ? losers.Prepend(survivor).FirstOrDefault(account => account.EmailVerified && account.Keys.GetValueOrDefault(IdentifierKind.Email) == key)
            : null;
        var mark = (proof ?? holder).Account.Record.ValueOrNull(verified);
        if (!mark.SameFactAs(survivor.Account.Record.ValueOrNull(verified)))
        {
            set[verified] = mark;
        }
    }

    private static bool IsLacking(FieldValue value) => value.IsNull || (value.AsText is { } text && IdentifierForms.IsBlank(text));
}
