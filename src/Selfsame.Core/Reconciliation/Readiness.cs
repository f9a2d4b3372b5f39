using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>Whether a change may be made to the record as it is now.</summary>
internal abstract record Readiness
{
    /// <summary>
    /// Compares the record with the plan and, when an earlier attempt was journaled, decides what became of that: a
    /// record that equals before is done again, one that equals after is done, anything else is a conflict.
    /// </summary>
    /// <param name="change">The change.</param>
    /// <param name="present">The record now; null where there is none.</param>
    /// <param name="attempted">Whether an earlier attempt was journaled.</param>
    /// <param name="mapping">What the fields of its system mean.</param>
    /// <param name="salt">The plan's salt of digests.</param>
    /// <param name="written">What the plan itself wrote to the accounts of its system.</param>
    public static Readiness Of(Change change, Account? present, bool attempted, AccountMapping mapping, string salt, OwnWrites written)
    {
        var done = IsDone(change, present, salt);
        if (attempted && done)
        {
            return new AlreadyDone(present?.Record);
        }

        if (change.Action == ChangeAction.Create)
        {
            return present is null ? new Ready(null, Fields.Empty)
                : attempted && change.Numbered && IsSamePerson(change, present, mapping) ? new AlreadyDone(present.Record) { Message = OtherThanPlanned }
                : new NotReady(change.Numbered ? $"The number {change.Account} that it was to get is another account's by now, or it was made and has changed since: look at that one. Plan again."
                    : done ? "It is there already, as planned." : "An account with this id is there already. Plan again.");
        }

        if (present is null)
        {
            return new NotReady("It is gone. Plan again.");
        }

        // What a deletion takes was all in the plan.
        var different = written.ChangedByOthers(present, record => change.Action == ChangeAction.Delete
            ? change.Precondition.DifferencesFromWhole(record, mapping.NoiseFields, salt)
            : change.Precondition.DifferencesFrom(record, salt));
        if (different.Count > 0)
        {
            return new NotReady(done ? "It is as planned already." : $"Since the plan was made, it changed: {string.Join(", ", different)}. Plan again.");
        }

        return new Ready(present.Record, present.Record.Only(change.Precondition.Keys));
    }

    /// <summary>What is said of an account that was made, and is not what was sent.</summary>
    public const string OtherThanPlanned = "The system said that it was done, but the account is not as planned.";

    // Nobody else was given the number: who stands under it by the name or the address that was sent is the one who was made, whatever a trigger made of the rest.
    private static bool IsSamePerson(Change change, Account present, AccountMapping mapping)
        => mapping.Identifiers.Values.Any(field => change.After.ValueOrNull(field) is { IsNull: false } sent && sent.SameFactAs(present.Record.ValueOrNull(field)));

    /// <summary>Whether the record is as the change would leave it.</summary>
    public static bool IsDone(Change change, Account? present, string salt)
        => change.Action == ChangeAction.Delete
            ? present is null
            : present is not null && change.After.All(pair => pair.Value.SameFactAs(present.Record.ValueOrNull(pair.Key)))
                && change.Precondition.Without(change.After.Keys.ToHashSet(StringComparer.Ordinal)).DifferencesFrom(present.Record, salt).Count == 0;
}

/// <summary>It may be made.</summary>
/// <param name="Before">The before-image; null for a creation.</param>
/// <param name="Precondition">What the record must hold at the write, with the values just read.</param>
internal sealed record Ready(Fields? Before, Fields Precondition) : Readiness;

/// <summary>An earlier attempt made it.</summary>
internal sealed record AlreadyDone(Fields? After) : Readiness
{
    /// <summary>In what it is not as planned; null where it is.</summary>
    public string? Message { get; init; }
}

/// <summary>The record is not what the plan was made for.</summary>
internal sealed record NotReady(string Why) : Readiness;
