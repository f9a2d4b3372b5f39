using Selfsame.Core.Accounts;

namespace Selfsame.Core.Discovery;

/// <summary>Finds columns that look like references to users and that no foreign key declares: a person decides about them.</summary>
internal static class References
{
    // A word for somebody, at the end of a column's name or before "id" and "name".
    private static readonly string[] People = ["user", "author", "owner", "member", "account", "customer", "person", "creator", "createdby", "updatedby", "assignee", "sender", "recipient"];

    // Those of them whose name is a username.
    private static readonly string[] Named = ["user", "author", "owner", "member", "creator"];

    public static IReadOnlyList<ProposedReference> Of(CatalogTable users, IReadOnlyDictionary<IdentifierKind, string> identifiers, Catalog catalog)
    {
        if (users.PrimaryKey is not [var key])
        {
            return [];
        }

        var idType = users.Column(key)?.Type;
        var found = from table in catalog.Tables
                    where table.FullName != users.FullName
                    from column in table.Columns
                    where !table.ForeignKeys.Any(foreign => foreign.Columns.Contains(column.Name))
                    let holds = Holds(table, column, idType, identifiers)
                    where holds is not null
                    select new ProposedReference($"{table.FullName}.{column.Name}", holds == "id" ? null : holds);
        return [.. found.OrderBy(reference => reference.Place, StringComparer.Ordinal)];
    }

    private static string? Holds(CatalogTable table, CatalogColumn column, CatalogType? idType, IReadOnlyDictionary<IdentifierKind, string> identifiers)
    {
        var name = ColumnRoles.Plain(column.Name);
        if (column.Type == idType && !table.PrimaryKey.SequenceEqual([column.Name])
            && (EndsWithOne(name, People, "id") || (idType != CatalogType.Text && EndsWithOne(name, People, ""))))
        {
            return "id";
        }

        if (column.Type != CatalogType.Text)
        {
            return null;
        }

        // Other addresses and names in a table (who commented, whom an order was for) may be anybody's.
        if (identifiers.ContainsKey(IdentifierKind.Email) && People.Any(word => name == word + "email"))
        {
            return "email";
        }

        return identifiers.ContainsKey(IdentifierKind.Username) && (People.Contains(name) || EndsWithOne(name, Named, "name") || EndsWithOne(name, Named, "login"))
            ? "username"
            : null;
    }

    private static bool EndsWithOne(string name, string[] words, string ending)
        => Array.Exists(words, word => name.EndsWith(word + ending, StringComparison.Ordinal));
}
