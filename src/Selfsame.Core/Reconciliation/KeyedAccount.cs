using Selfsame.Core.Accounts;
using Selfsame.Core.Identifiers;

namespace Selfsame.Core.Reconciliation;

/// <summary>An account with the keys of its identifiers; an identifier that has none is refused, never approximated (CASES 12).</summary>
public sealed record KeyedAccount
{
    public required Account Account { get; init; }

    public required IReadOnlyDictionary<IdentifierKind, string> Keys { get; init; }

    public required IReadOnlyDictionary<IdentifierKind, Refusal> Refusals { get; init; }

    /// <summary>Whether the system says that the e-mail was proved.</summary>
    public bool EmailVerified => Account.Attributes.ValueOrNull(AccountMapping.EmailVerified).IsTruthy;

    public static KeyedAccount Of(Account account, IdentifierKeying keying)
    {
        var keys = new Dictionary<IdentifierKind, string>();
        var refusals = new Dictionary<IdentifierKind, Refusal>();
        foreach (var (kind, text) in account.Identifiers)
        {
            if (account.NotText.TryGetValue(kind, out var why))
            {
                refusals.Add(kind, new Refusal($"{kind.Name()}.not-text", $"it {why}. Let one text stand there."));
            }
            else if (keying(kind, text, out var key, out var refusal))
            {
                keys.Add(kind, key);
            }
            else
            {
                refusals.Add(kind, refusal ?? throw new InvalidOperationException($"A {kind.Name()} was refused without a reason."));
            }
        }

        return new KeyedAccount { Account = account, Keys = keys, Refusals = refusals };
    }
}

/// <summary>The canonical unique index for one identifier, and how the system stands to it.</summary>
/// <param name="Index">The index as it should be.</param>
/// <param name="IsThere">Whether the system has it, under whatever name.</param>
/// <param name="Equal">Accounts that could not stand together under it.</param>
/// <param name="Against">Existing unique indexes that can't hold besides it, and why (<see cref="IHasCanonicalIndexes.JoinsMore"/>).</param>
public sealed record WantedIndex(SystemIndex Index, bool IsThere, IReadOnlyList<EqualAccounts> Equal, IReadOnlyList<(SystemIndex Index, string Why)> Against);

/// <summary>All that was read of one system.</summary>
public sealed record SystemPicture
{
    public required SystemConfig Config { get; init; }

    public required SystemFacts Facts { get; init; }

    /// <summary>Those of the accounts that a finding may be about; all of them where <see cref="Everybody"/> is null.</summary>
    public required IReadOnlyList<KeyedAccount> Accounts { get; init; }

    /// <summary>All accounts, in numbers; null where <see cref="Accounts"/> are all.</summary>
    public UniquenessReport? Everybody { get; init; }

    /// <summary>How many accounts there are.</summary>
    public int Count => Everybody?.Accounts ?? Accounts.Count;

    /// <summary>Whether any account holds a key, also one that is not among <see cref="Accounts"/>.</summary>
    public Func<IdentifierKind, string, bool> HoldsKey { get; init; } = (_, _) => false;

    public IReadOnlyList<UnreadableRecord> Unreadable { get; init; } = [];

    /// <summary>The system's indexes, or null where it can't be asked.</summary>
    public IReadOnlyList<SystemIndex>? Indexes { get; init; }

    /// <summary>The keys that the system stores itself, by the version of their rules; empty where it stores none.</summary>
    public IReadOnlyList<StoredKeys> StoredKeys { get; init; } = [];

    /// <summary>The unique index that the system should have, by identifier; empty where its connector knows none.</summary>
    public IReadOnlyDictionary<IdentifierKind, WantedIndex> Wanted { get; init; } = new Dictionary<IdentifierKind, WantedIndex>();

    /// <summary>Existing unique indexes that take one account only without an identifier, also of those that the config does not call unique.</summary>
    public IReadOnlyDictionary<IdentifierKind, IReadOnlyList<LoneBlank>> LoneBlanks { get; init; } = new Dictionary<IdentifierKind, IReadOnlyList<LoneBlank>>();

    /// <summary>The unique index that the config's uuid field should have; null where none is asked for, or the connector knows none.</summary>
    public SystemIndex? UuidIndex { get; init; }

    /// <summary>What refers to accounts.</summary>
    public IReadOnlyList<ReferencePlace> Places { get; init; } = [];

    /// <summary>Whether something refers to accounts by what changes with a name or an address, and by nothing that the system guards.</summary>
    public bool HoldsNames => Places.Any(place => !place.Enforced && place.AccountFields.Except(Config.Mapping.Id).Any());

    /// <summary>An identifier as it is to stand here, where a unique index keeps it.</summary>
    public FieldValue Kept(IdentifierKind kind, FieldValue value)
        => Wanted.ContainsKey(kind) && value.AsText is { } text && IdentifierForms.Mended(kind, text) is { Length: > 0 } mended ? FieldValue.Text(mended) : value;

    /// <summary>What refers to an account by one of these fields and would be left behind when they change, as a clause; null for nothing.</summary>
    public string? LeftBehind(Account account, IEnumerable<string> changing)
    {
        var fields = changing.Except(Config.Mapping.Id).ToHashSet(StringComparer.Ordinal);
        var left = Referring.GetValueOrDefault(account.Id, []).Where(count => !count.Place.Enforced && count.Place.AccountFields.Any(fields.Contains)).ToList();
        return left.Count == 0 ? null : string.Join(", ", left.Select(count => $"{count.Place} ({count.Rows})"));
    }

    /// <summary>The table or collection of the accounts, as <see cref="Places"/> name it; empty where nothing can refer to them.</summary>
    public string AccountsTable { get; init; } = "";

    /// <summary>The fields of an account that refer to another one.</summary>
    public IReadOnlySet<string> SelfReferences => Places.Where(place => place.Table == AccountsTable).SelectMany(place => place.Fields).ToHashSet(StringComparer.Ordinal);

    /// <summary>How many rows refer to an account at a place; read for duplicates and for accounts under a wrong id only.</summary>
    public IReadOnlyDictionary<AccountId, IReadOnlyList<ReferringCount>> Referring { get; init; } = new Dictionary<AccountId, IReadOnlyList<ReferringCount>>();

    /// <summary>What the deletion of an account takes along besides <see cref="SystemFacts.DeletionEffects"/>, told by the database behind the system; read for orphans that may be deleted only.</summary>
    public IReadOnlyDictionary<AccountId, IReadOnlyList<ToldCascade>> TakenAlong { get; init; } = new Dictionary<AccountId, IReadOnlyList<ToldCascade>>();

    /// <summary>What the system deletes along with an account, or takes the reference from, place by place; counted for orphans that may be deleted only, and only where it can be.</summary>
    public IReadOnlyDictionary<AccountId, IReadOnlyList<TakenRows>> Taken { get; init; } = new Dictionary<AccountId, IReadOnlyList<TakenRows>>();

    /// <summary>The rows that a unique constraint may keep from referring to another account too; read for duplicates that may be merged only.</summary>
    public IReadOnlyDictionary<AccountId, IReadOnlyList<ReferringRow>> UniquelyReferring { get; init; } = new Dictionary<AccountId, IReadOnlyList<ReferringRow>>();

    /// <summary>The rows that refer to accounts which may have each other's ids; read for these only.</summary>
    public IReadOnlyDictionary<AccountId, IReadOnlyList<ReferringRow>> ReferringToCircles { get; init; } = new Dictionary<AccountId, IReadOnlyList<ReferringRow>>();

    /// <summary>What keeps references to several accounts from being references to one; asked for duplicates that may be merged only.</summary>
    public IReadOnlyList<ReferenceClash> Clashes { get; init; } = [];

    /// <summary>What refers already, as a clause, to the form that an account's identifier would be put into.</summary>
    public IReadOnlyDictionary<(AccountId Account, IdentifierKind Kind), string> MendedReferring { get; init; } = new Dictionary<(AccountId, IdentifierKind), string>();

    /// <summary>Whether several rows can be changed as one.</summary>
    public bool WritesTogether { get; init; }

    /// <summary>Whether accounts can be made with a password of ours where the system gives ids itself.</summary>
    public bool CreatesWithPassword { get; init; }

    /// <summary>Whether the system's shape can be changed.</summary>
    public bool ChangesSchema { get; init; }
}
