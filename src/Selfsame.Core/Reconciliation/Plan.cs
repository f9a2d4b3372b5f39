using System.Text.Json.Serialization;
using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>
/// The ordered changes that would clear the findings, as data: complete enough that applying it never asks how it was
/// made. Its JSON form is described by <c>docs/plan-schema.json</c>.
/// </summary>
public sealed record Plan
{
    /// <summary>The version of the file's format that this code writes and reads.</summary>
    public const int CurrentFormat = 1;

    [JsonPropertyOrder(0)]
    public int Format { get; init; } = CurrentFormat;

    /// <summary>Names the plan and, once applied, its run.</summary>
    [JsonPropertyOrder(1)]
    public required Guid Id { get; init; }

    [JsonPropertyOrder(2)]
    public required DateTimeOffset Created { get; init; }

    /// <summary>The version of Selfsame that made it.</summary>
    [JsonPropertyOrder(3)]
    public required string Tool { get; init; }

    /// <summary>The version of the rules by which keys were made.</summary>
    [JsonPropertyOrder(4)]
    public required string KeyRules { get; init; }

    /// <summary>The fingerprint of the config that it was made for.</summary>
    [JsonPropertyOrder(5)]
    public required string Config { get; init; }

    /// <summary>The run that this plan takes back; null for a repair.</summary>
    [JsonPropertyOrder(6)]
    public Guid? Undoes { get; init; }

    /// <summary>How many accounts each system had: what the guards' percentages are of.</summary>
    [JsonPropertyOrder(7)]
    public required IReadOnlyDictionary<string, long> Accounts { get; init; }

    [JsonPropertyOrder(8)]
    public required IReadOnlyList<Change> Changes { get; init; }

    /// <summary>Findings for which nothing is planned, and why.</summary>
    [JsonPropertyOrder(9)]
    public IReadOnlyList<NotPlanned> NotPlanned { get; init; } = [];
}

/// <summary>A finding that the plan does not clear.</summary>
/// <param name="Finding">The situation's or the fault's name.</param>
/// <param name="System">The system it is about.</param>
/// <param name="Sentence">What was found.</param>
/// <param name="Because">Why nothing is planned, and what a person can do.</param>
public sealed record NotPlanned(string Finding, string System, string Sentence, string Because);

/// <summary>What a change does to the record.</summary>
public enum ChangeAction
{
    Create,
    Update,
    Delete,

    /// <summary>References move from the losers to the account, the losers go, and it takes what it lacked.</summary>
    Merge,

    /// <summary>The account and all that refers to it takes another id.</summary>
    Rekey,

    /// <summary>Rows are put back as they were.</summary>
    Restore,

    /// <summary>The system's shape changes: an index, a field.</summary>
    Schema,
}

/// <summary>Why a change is planned.</summary>
public enum ChangeReason
{
    MissingInTarget,
    MissingInSource,
    OrphanDisabled,
    OrphanDeleted,
    AttributesDrifted,
    DuplicateMerged,
    DuplicateRenamed,
    DuplicateDeleted,
    IdMismatch,
    NoUniqueIndex,
    NoUuid,
    IncompleteAccount,

    /// <summary>An identifier stands in another form than its unique index takes for its key.</summary>
    NotCanonical,
    Undo,
}

/// <summary>An account that a merge removes.</summary>
/// <param name="Account">Its id.</param>
/// <param name="Label">How a person recognises it.</param>
/// <param name="Before">The whole record; secrets stand as digests.</param>
/// <param name="Precondition">What it must hold when the merge is made, or the merge is skipped.</param>
public sealed record MergedAccount(AccountId Account, string Label, Fields Before, Fields Precondition);

/// <summary>An account that takes its new id together with others which have each other's.</summary>
/// <param name="Account">Its id.</param>
/// <param name="Label">How a person recognises it.</param>
/// <param name="Before">Its id, by its field.</param>
/// <param name="After">The id that it takes.</param>
/// <param name="Precondition">What it must hold when the change is made, or the change is skipped for all.</param>
public sealed record ExchangedAccount(AccountId Account, string Label, Fields Before, Fields After, Fields Precondition);

/// <summary>A place whose references move with a change: all that are there when it is made.</summary>
/// <param name="Table">The table or collection.</param>
/// <param name="Fields">The fields that refer.</param>
/// <param name="AccountFields">The fields of the account that they hold.</param>
/// <param name="Rows">How many rows referred when the plan was made.</param>
/// <param name="Differing">
/// How many of these go although something is lost with them: the account that stays has them already and they say something else besides, or they would link it with
/// itself. Null for none. No more may.
/// </param>
public sealed record PlannedReference(string Table, IReadOnlyList<string> Fields, IReadOnlyList<string> AccountFields, int Rows, int? Differing = null)
{
    public bool IsAt(ReferencePlace place)
        => place.Table == Table && place.Fields.SequenceEqual(Fields) && place.AccountFields.SequenceEqual(AccountFields);
}

/// <summary>The account for which another is made, or that another follows.</summary>
/// <param name="System">Its system.</param>
/// <param name="Account">Its id there.</param>
public sealed record SourceAccount(string System, AccountId Account);

/// <summary>The account of which another is made.</summary>
/// <param name="System">Its system.</param>
/// <param name="Account">Its id there.</param>
/// <param name="Precondition">What its record must hold when the other is made: what is copied, and by what it belongs there. Secrets stand as digests.</param>
public sealed record OriginAccount(string System, AccountId Account, Fields Precondition);

/// <summary>One change to one account of one system, or to the system's shape.</summary>
public sealed record Change
{
    /// <summary>Its place in the plan, from 1.</summary>
    [JsonPropertyOrder(0)]
    public required int Number { get; init; }

    [JsonPropertyOrder(1)]
    public required ChangeAction Action { get; init; }

    [JsonPropertyOrder(2)]
    public required string System { get; init; }

    [JsonPropertyOrder(3)]
    public required AccountId Account { get; init; }

    /// <summary>How a person recognises the account.</summary>
    [JsonPropertyOrder(4)]
    public required string Label { get; init; }

    [JsonPropertyOrder(5)]
    public required ChangeReason Reason { get; init; }

    /// <summary>The reason as a sentence.</summary>
    [JsonPropertyOrder(6)]
    public required string Sentence { get; init; }

    /// <summary>
    /// The fields that change, as they are: for an update those it sets, for a deletion the whole record, for a
    /// creation none. Secrets stand as digests.
    /// </summary>
    [JsonPropertyOrder(7)]
    public required Fields Before { get; init; }

    /// <summary>The fields as they will be; none for a deletion.</summary>
    [JsonPropertyOrder(8)]
    public required Fields After { get; init; }

    /// <summary>
    /// What the record must hold when the change is made, or the change is skipped: for a deletion every field that
    /// is not declared noise. A creation requires that no account has the id.
    /// </summary>
    [JsonPropertyOrder(9)]
    public required Fields Precondition { get; init; }

    /// <summary>Whether <c>undo</c> can put back what was.</summary>
    [JsonPropertyOrder(10)]
    public required bool Reversible { get; init; }

    /// <summary>What else happens by this change, one sentence each.</summary>
    [JsonPropertyOrder(11)]
    public IReadOnlyList<string> Effects { get; init; } = [];

    /// <summary>The accounts that a merge removes, in order.</summary>
    [JsonPropertyOrder(12)]
    public IReadOnlyList<MergedAccount>? Losers { get; init; }

    /// <summary>The places whose references move.</summary>
    [JsonPropertyOrder(13)]
    public IReadOnlyList<PlannedReference>? References { get; init; }

    /// <summary>The rows that a restoration puts back, in order.</summary>
    [JsonPropertyOrder(14)]
    public IReadOnlyList<RowWrite>? Rows { get; init; }

    /// <summary>The steps of a change to the system's shape, in order.</summary>
    [JsonPropertyOrder(15)]
    public IReadOnlyList<SchemaStep>? Steps { get; init; }

    /// <summary>The password's hash that a creation carries over; null where it carries none.</summary>
    [JsonPropertyOrder(16)]
    public CarriedPassword? PasswordFrom { get; init; }

    /// <summary>
    /// For a creation in a system that takes our ids, the account of which it is made: looked at again just before, for the person may have left meanwhile, or have an
    /// account by then.
    /// </summary>
    [JsonPropertyOrder(19)]
    public OriginAccount? From { get; init; }

    /// <summary>
    /// For a creation in a system that gives ids itself, the account of the source for which it is made: it goes through the service's row of
    /// that account, so that nobody gets two. <see cref="Account"/> is then the id of this account.
    /// </summary>
    [JsonPropertyOrder(17)]
    public SourceAccount? For { get; init; }

    /// <summary>
    /// For a creation in a system that numbers its accounts: the number is taken when the plan is applied, and journaled before the account is made.
    /// <see cref="Account"/> is then the id of the account of which it is made.
    /// </summary>
    [JsonPropertyOrder(20)]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Numbered { get; init; }

    /// <summary>For a change by which an account follows its person's account in another system, that one; null for every other change, and in plans of older versions.</summary>
    [JsonPropertyOrder(22)]
    public SourceAccount? Follows { get; init; }

    /// <summary>For the deletion of a duplicate, the account that stays: without it as it is, the person would have none.</summary>
    [JsonPropertyOrder(18)]
    public StayingAccount? Survivor { get; init; }

    /// <summary>For ids that go round in a circle, the accounts that take theirs in the same change: each takes the id of the next, the last that of the first, which is <see cref="Account"/>.</summary>
    [JsonPropertyOrder(21)]
    public IReadOnlyList<ExchangedAccount>? Exchanged { get; init; }

    /// <summary>
    /// For the deletion of an orphan, what its system deletes along by itself, or takes the reference from, place by place: no more may go. Null where the system can't tell, and in
    /// plans of older versions.
    /// </summary>
    [JsonPropertyOrder(23)]
    public IReadOnlyList<TakenRows>? TakesAlong { get; init; }

    /// <summary>The names of the indexes that a change of the shape makes or drops.</summary>
    [JsonIgnore]
    public IReadOnlyList<string> IndexNames
        => [.. (Steps ?? []).Where(step => step.Action is SchemaAction.CreateIndex or SchemaAction.DropIndex).Select(step => step.Name).Distinct(StringComparer.Ordinal)];

    /// <summary>Of these indexes those that a change of the shape makes or drops: name and definition.</summary>
    public Fields IndexImage(IReadOnlyList<SystemIndex> indexes)
        => new(indexes.Where(index => IndexNames.Contains(index.Name)).Select(index => KeyValuePair.Create(index.Name, FieldValue.Text(index.Definition))));

    /// <summary>For a creation, the account of which the new one is made; null for every other change.</summary>
    [JsonIgnore]
    public (string System, AccountId Account)? MadeOf
        => From is { } from ? (from.System, from.Account) : For is { } source ? (source.System, source.Account) : null;

    /// <summary>Whether it changes several rows as one.</summary>
    [JsonIgnore]
    public bool IsOfRows => Action is ChangeAction.Merge or ChangeAction.Rekey or ChangeAction.Restore
        || (Action is ChangeAction.Delete or ChangeAction.Update && References is not null);
}

/// <summary>An account on which a change relies and which it leaves alone.</summary>
/// <param name="Account">Its id.</param>
/// <param name="Label">How a person recognises it.</param>
/// <param name="Precondition">What its record must hold when the change is made. Secrets stand as digests.</param>
public sealed record StayingAccount(AccountId Account, string Label, Fields Precondition);

/// <summary>
/// A password's hash that stands in one system and is carried to an account that is created in another. The plan holds a digest only: the hash
/// itself is read when the plan is applied, and if it is another by then, the creation is skipped.
/// </summary>
/// <param name="System">Where it stands.</param>
/// <param name="Account">The account whose it is.</param>
/// <param name="Field">That account's field.</param>
/// <param name="Into">The field of the account that is created.</param>
/// <param name="Digest">The hash's digest, salted with the plan's id.</param>
public sealed record CarriedPassword(string System, AccountId Account, string Field, string Into, FieldValue Digest);

/// <summary>What stamps a plan besides its content; injected, so that planning stays a pure function.</summary>
/// <param name="Id">Names the plan.</param>
/// <param name="Created">When it was made.</param>
/// <param name="Tool">The version of Selfsame.</param>
/// <param name="KeyRules">The version of the key rules.</param>
/// <param name="Random">Where new uuids and codes for records come from.</param>
public sealed record PlanStamp(Guid Id, DateTimeOffset Created, string Tool, string KeyRules, RandomSource Random);
