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
}

/// <summary>Why a change is planned.</summary>
public enum ChangeReason
{
    MissingInTarget,
    MissingInSource,
    OrphanDisabled,
    OrphanDeleted,
    AttributesDrifted,
    Undo,
}

/// <summary>One change to one account of one system.</summary>
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
}

/// <summary>What stamps a plan besides its content; injected, so that planning stays a pure function.</summary>
public sealed record PlanStamp(Guid Id, DateTimeOffset Created, string Tool, string KeyRules);
