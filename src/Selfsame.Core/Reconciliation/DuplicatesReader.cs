using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>Reads what a system's entry says about duplicates: what to do, who stays, and what refers to the accounts.</summary>
internal static class DuplicatesReader
{
    public static DuplicatesAction ReadAction(ConfigNode node) => node.OneOf(
        ("report", DuplicatesAction.Report), ("rename", DuplicatesAction.Rename), ("merge", DuplicatesAction.Merge), ("delete", DuplicatesAction.Delete));

    /// <summary><c>[createdAt asc, superuser desc]</c>; ascending where nothing is said.</summary>
    public static IReadOnlyList<SurvivorOrder> ReadSurvivor(ConfigNode node, AccountMapping mapping)
    {
        var orders = new List<SurvivorOrder>();
        foreach (var item in node.Items())
        {
            var words = item.Text().Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words is not ([_] or [_, "asc" or "desc"]) || !mapping.Attributes.ContainsKey(words[0]))
            {
                item.Reject($"'{item.Path}' must be one of the attributes ({string.Join(", ", mapping.Attributes.Keys)}) and 'asc' or 'desc', as 'createdAt asc'.");
                continue;
            }

            orders.Add(new SurvivorOrder(words[0], words is [_, "desc"]));
        }

        return orders;
    }

    /// <summary><c>printers.user_id</c> holds the id; <c>{ field: comments.author_name, holds: username }</c> an identifier or another field.</summary>
    public static IReadOnlyList<ReferencePlace> ReadReferences(ConfigNode node, AccountMapping mapping)
        => [.. node.Items().Select(item => ReadReference(item, mapping)).OfType<ReferencePlace>()];

    private static ReferencePlace? ReadReference(ConfigNode node, AccountMapping mapping)
    {
        if (node.IsText)
        {
            return Place(node, mapping.Id);
        }

        node.RejectOthers(["field", "holds"]);
        var entries = node.Entries();
        if (!entries.TryGetValue("field", out var field) || !entries.TryGetValue("holds", out var holds))
        {
            node.Reject($"'{node.Path}' must have 'field' (table.field) and 'holds' (id, an identifier, or a field of the accounts).");
            return null;
        }

        var held = holds.Text();
        var fields = held == "id" ? mapping.Id
            : IdentifierKinds.Parse(held) is { } kind && mapping.Identifiers.TryGetValue(kind, out var identifier) ? [identifier]
            : [held];
        return Place(field, fields);
    }

    // The last dot parts the table from the field: a table may stand in a schema.
    private static ReferencePlace? Place(ConfigNode node, IReadOnlyList<string> held)
    {
        var text = node.Text();
        var dot = text.LastIndexOf('.');
        if (dot <= 0 || dot == text.Length - 1)
        {
            node.Reject($"'{node.Path}' must be 'table.field'.");
            return null;
        }

        if (held.Count > 1)
        {
            node.Reject($"'{node.Path}' can't refer to an id of several fields; a foreign key can, and is found by itself.");
            return null;
        }

        return new ReferencePlace { Table = text[..dot], Fields = [text[(dot + 1)..]], AccountFields = held };
    }
}
