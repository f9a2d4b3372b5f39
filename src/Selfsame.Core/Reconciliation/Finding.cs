using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>What reconciliation finds for a person in a system.</summary>
public enum Situation
{
    /// <summary>Source and target agree.</summary>
    Confirmed,

    /// <summary>In the source, and not in the target where it belongs.</summary>
    Missing,

    /// <summary>In the target, and nobody in the source.</summary>
    Orphan,

    /// <summary>Several accounts of one system have one key.</summary>
    Duplicate,

    /// <summary>Accounts that may be one person's, and no rule decides.</summary>
    Ambiguous,

    /// <summary>One person, under different ids though ids should be equal.</summary>
    IdMismatch,

    /// <summary>One person, whose declared attributes or identifiers differ.</summary>
    Drifted,

    /// <summary>An identifier that has no key under the rules.</summary>
    NotCanonical,
}

/// <summary>A fault of a system itself.</summary>
public enum SystemFault
{
    /// <summary>Nothing in the system keeps an identifier unique.</summary>
    NoUniqueIndex,

    /// <summary>An index on the identifier is there, but not unique, or under another collation, or partial.</summary>
    WeakIndex,

    /// <summary>Records lack the uuid that the config asks for, or nothing keeps it unique and present.</summary>
    NoUuid,

    /// <summary>An account lacks the code, or a record, that the config gives to each.</summary>
    IncompleteAccount,

    /// <summary>A record that can't be read as an account.</summary>
    UnreadableRecord,

    /// <summary>Two definitions of a unique index on one identifier that can't both hold.</summary>
    IndexesInConflict,

    /// <summary>Two rules of the config want opposite things of one pair of systems.</summary>
    RulesInConflict,

    /// <summary>Keys that the system stores were made by an older version of the rules, and may differ from today's.</summary>
    KeysOfOlderRules,

    /// <summary>An account that is active and that nobody reaches from outside.</summary>
    UnreachedAccount,

    /// <summary>An account that is not active, of a person who is where they come from; no rule between them compares it.</summary>
    InactiveAccount,
}

/// <summary>An account by where it stands.</summary>
public sealed record AccountReference(string System, AccountId Id, string Label);

/// <summary>One field that differs, by the config's name for it.</summary>
public sealed record Difference(string Name, FieldValue Source, FieldValue Target);

/// <summary>A situation other than confirmed, or a fault of the system itself, with its evidence.</summary>
public sealed record Finding
{
    /// <summary>How many accounts of one finding a person is told of one by one.</summary>
    public const int MostTold = 10;

    /// <summary>Null for a fault of the system.</summary>
    public Situation? Situation { get; init; }

    public SystemFault? Fault { get; init; }

    /// <summary>The system that would have to change.</summary>
    public required string System { get; init; }

    public required IReadOnlyList<AccountReference> Accounts { get; init; }

    public IReadOnlyList<Evidence> Evidence { get; init; } = [];

    public IReadOnlyList<Difference> Differences { get; init; } = [];

    /// <summary>What was found, for a person.</summary>
    public required string Sentence { get; init; }

    /// <summary>The rule of the config under which it was found, where there is one.</summary>
    public ReconcileRule? Rule { get; init; }

    /// <summary>The account of the source, where the finding is about one.</summary>
    public KeyedAccount? Source { get; init; }

    /// <summary>The account of the target, where the finding is about one.</summary>
    public KeyedAccount? Target { get; init; }

    /// <summary>The duplicates, where the finding is about such; in the order of their ids.</summary>
    public IReadOnlyList<KeyedAccount> Members { get; init; } = [];

    /// <summary>The identifier that the finding is about, where it is about one.</summary>
    public IdentifierKind? Identifier { get; init; }

    /// <summary>Whether duplicates are equal only under the system's own equality, and different under our keys.</summary>
    public bool UnderOwnEquality { get; init; }

    /// <summary>What a person decided about the duplicates: that two of them are different people, or that all are one; else null.</summary>
    public PersonDecision? Decision { get; init; }

    /// <summary>The situation's or the fault's name.</summary>
    public string Kind => Situation?.ToString() ?? Fault!.Value.ToString();
}
