using Selfsame.Core.Accounts;

namespace Selfsame.Core.Discovery;

/// <summary>A table that seems to hold the users.</summary>
/// <param name="Table">The table.</param>
/// <param name="Score">How sure that is; from <see cref="UserTables.Enough"/> it is proposed.</param>
/// <param name="Reasons">Why, for a person.</param>
public sealed record UserTable(CatalogTable Table, int Score, IReadOnlyList<string> Reasons);

/// <summary>Finds the tables that hold users. Pure: it sees a database's catalog and no row.</summary>
public static class UserTables
{
    /// <summary>What a users table reaches: its name, and columns by which people sign in.</summary>
    public const int Enough = 40;

    private static readonly string[] Nouns =
        ["user", "users", "account", "accounts", "member", "members", "person", "people", "customer", "customers", "profile", "profiles", "customuser", "appuser"];

    /// <summary>All tables by their score, the best first; those that have no identifier are left out.</summary>
    public static IReadOnlyList<UserTable> Rank(Catalog catalog)
        => [.. catalog.Tables
            .Select(table => Score(table, catalog))
            .OfType<UserTable>()
            .OrderByDescending(candidate => candidate.Score)
            .ThenByDescending(candidate => candidate.Table.Rows)
            .ThenBy(candidate => candidate.Table.FullName, StringComparer.Ordinal)];

    private static UserTable? Score(CatalogTable table, Catalog catalog)
    {
        var identifiers = ColumnRoles.IdentifiersOf(table);
        if (table.PrimaryKey.Count == 0 || identifiers.Count == 0)
        {
            return null;
        }

        var score = 0;
        var reasons = new List<string>();
        void Add(int points, bool holds, string reason)
        {
            if (holds)
            {
                score += points;
                reasons.Add(reason);
            }
        }

        var attributes = ColumnRoles.AttributesOf(table).Select(found => found.Attribute).ToHashSet();
        var referring = catalog.Tables.Sum(other => other.ForeignKeys.Count(key => key.Table == table.FullName));
        Add(30, Nouns.Contains(LastWord(table.Name)), $"it is called '{table.FullName}'");
        Add(20, identifiers.ContainsKey(IdentifierKind.Email), "it has e-mails");
        Add(20, identifiers.ContainsKey(IdentifierKind.Username), "it has usernames");
        Add(25, ColumnRoles.HasPassword(table), "it has passwords");
        Add(10, attributes.Contains("lastSignIn"), "it notes sign-ins");
        Add(5, attributes.Contains(AccountMapping.Active) || attributes.Contains("superuser"), "it tells who is active or an administrator");
        Add(Math.Min(10, 2 * referring), referring > 0, referring == 1 ? "1 foreign key refers to it" : $"{referring} foreign keys refer to it");

        // A row per person and something else (a membership, a token, a log line) is not the person.
        Add(-30, !Nouns.Contains(LastWord(table.Name)) && !ColumnRoles.HasPassword(table), "it is not called so and has no passwords");
        return new UserTable(table, score, reasons);
    }

    /// <summary><c>users</c> of <c>wp_users</c>, <c>AspNetUsers</c> and <c>app.users</c>.</summary>
    private static string LastWord(string name)
    {
        if (!name.Any(char.IsLower))
        {
            name = name.ToLowerInvariant();
        }

        var start = name.Length;
        while (start > 0 && name[start - 1] is var letter && letter != '_' && (start == name.Length || !char.IsUpper(name[start])))
        {
            start--;
        }

        return name[start..].ToLowerInvariant();
    }
}
