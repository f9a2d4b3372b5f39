using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Provisioning;

/// <summary>
/// What an account of ours lacks to be as its source is now. Attributes follow where the rule says <c>drifted: updateTarget</c>; that it is
/// disabled follows always, and what the service disabled it enables again. Pure.
/// </summary>
internal sealed class Following(Topology topology, ReconcileRule rule, SystemPicture source, SystemPicture target, Account ours, bool weDisabled)
{
    private readonly string? active = target.Config.Mapping.Attributes.GetValueOrDefault(AccountMapping.Active)?.Field;

    /// <summary>Whether there should be an active account.</summary>
    public bool IsWanted { get; } = Wants(source);

    /// <summary>Whether the source has the account, and active where it says so.</summary>
    public static bool Wants(SystemPicture source)
        => source.Accounts is [var person]
            && (!source.Config.Mapping.Attributes.ContainsKey(AccountMapping.Active) || person.Account.Attributes.ValueOrNull(AccountMapping.Active).IsTruthy);

    private bool IsActive => active is null || ours.Record.ValueOrNull(active).IsTruthy;

    /// <summary>The fields to set, none where it is as it should be; or the <paramref name="problem"/> for a person.</summary>
    public Fields Set(PlanStamp stamp, out string? problem)
    {
        problem = null;
        var set = Fields.Empty;
        if (source.Accounts.Count > 0)
        {
            switch (PersonalPlan.ForOurs(topology, rule, source, target, ours.Id, stamp))
            {
                case OneChange drifted: set = drifted.Change.After; break;
                // What can't follow must not keep an account active that should not be.
                case Decided decided when IsWanted: problem = decided.Evidence; return Fields.Empty;
            }
        }

        if (!IsWanted && active is null)
        {
            problem = $"The account of {rule.Source} is gone or disabled, and that of {rule.Target} can't be disabled: remove it there.";
            return Fields.Empty;
        }

        return (IsWanted, IsActive) switch
        {
            (false, true) => set.With(Activity(false)),
            (true, false) when weDisabled => set.With(Activity(true)),
            _ => set,
        };
    }

    /// <summary>Whether these fields disable an account that is active.</summary>
    public bool Disables(Fields set) => active is not null && IsActive && set.TryGetValue(active, out var value) && !value.IsTruthy;

    /// <summary>Whether these fields disable or enable the account.</summary>
    public bool ChangesActivity(Fields set) => active is not null && set.TryGetValue(active, out var value) && value.IsTruthy != IsActive;

    /// <summary>Of these fields the one that disables or enables.</summary>
    public Fields OnlyActivity(Fields set) => set.Only([active!]);

    /// <summary>What the account must hold: the fields that change, as they were read.</summary>
    public Fields Precondition(Fields set) => new(set.Keys.Select(field => KeyValuePair.Create(field, ours.Record.ValueOrNull(field))));

    private Fields Activity(bool value)
    {
        var number = ours.Record.ValueOrNull(active!).Raw is long or double;
        return new Fields([KeyValuePair.Create(active!, number ? FieldValue.Integer(value ? 1 : 0) : FieldValue.Boolean(value))]);
    }
}
