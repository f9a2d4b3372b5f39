using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation.Scanning;

/// <summary>Which fields of one system a scan reads, and at which places of a row they stand. In arrays: they are asked for every account.</summary>
internal sealed class ScanFields
{
    private readonly List<string> names = [];

    public ScanFields(SystemConfig config, RuleSide[] sides)
    {
        var mapping = config.Mapping;
        Id = [.. mapping.Id.Select(Place)];
        Identifiers = [.. mapping.Identifiers.OrderBy(pair => pair.Key).Select(pair => (pair.Key, Place(pair.Value)))];
        EmailVerified = PlaceOf(mapping, AccountMapping.EmailVerified);
        Needed = [.. config.NeededFields.Select(Place)];
        Uuid = config.Uuid is { } uuid ? Place(uuid) : null;
        Sides = [.. sides.Select(side => (side.Alone is { } alone ? PlaceOf(mapping, alone) : null, side.Shared.Select(name => Place(mapping.Attributes[name].Field)).ToArray()))];
    }

    public IReadOnlyList<string> Names => names;

    public int[] Id { get; }

    public (IdentifierKind Kind, int Place)[] Identifiers { get; }

    public int? EmailVerified { get; }

    public int? Uuid { get; }

    /// <summary>What no account lacks.</summary>
    public int[] Needed { get; }

    /// <summary>By rule side the attribute that decides about accounts without a partner, and those that are compared.</summary>
    public (int? Alone, int[] Shared)[] Sides { get; }

    private int? PlaceOf(AccountMapping mapping, string attribute)
        => mapping.Attributes.TryGetValue(attribute, out var mapped) ? Place(mapped.Field) : null;

    private int Place(string field)
    {
        var place = names.IndexOf(field);
        if (place < 0)
        {
            place = names.Count;
            names.Add(field);
        }

        return place;
    }
}

/// <summary>One system's part in one rule.</summary>
/// <param name="Rule">The rule.</param>
/// <param name="IsSource">Whether the system is its source.</param>
/// <param name="Shared">The attributes that are compared, in the order of their names.</param>
internal sealed record RuleSide(ReconcileRule Rule, bool IsSource, string[] Shared)
{
    /// <summary>The attribute whose lack of truth makes an account without a partner no finding; null where each is one.</summary>
    public string? Alone => IsSource ? Rule.When : Rule.Orphan == OrphanAction.DisableInTarget ? AccountMapping.Active : null;
}
