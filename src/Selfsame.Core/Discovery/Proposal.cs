using Selfsame.Core.Accounts;

namespace Selfsame.Core.Discovery;

/// <summary>What a first config says about one system.</summary>
public sealed record ProposedSystem
{
    /// <summary>The name in the config: <c>app</c>, <c>auth</c>.</summary>
    public required string Name { get; init; }

    public required CatalogTable Table { get; init; }

    public required IReadOnlyList<string> Reasons { get; init; }

    public required IReadOnlyDictionary<IdentifierKind, string> Identifiers { get; init; }

    public required IReadOnlyList<(string Attribute, AttributeMapping Mapping)> Attributes { get; init; }

    /// <summary>The column of the passwords' hashes, or null.</summary>
    public string? PasswordHash { get; init; }

    /// <summary>Identifiers that must be unique.</summary>
    public required IReadOnlyList<IdentifierKind> Unique { get; init; }

    /// <summary>Foreign keys that refer to it; they are found again by themselves.</summary>
    public IReadOnlyList<string> ForeignKeys { get; init; } = [];

    /// <summary>Columns that look like references and that no foreign key guards.</summary>
    public IReadOnlyList<ProposedReference> References { get; init; } = [];

    /// <summary>What a person should know, one sentence each.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];
}

/// <summary>A column that looks like a reference.</summary>
/// <param name="Place"><c>table.column</c>.</param>
/// <param name="Holds"><c>username</c> or <c>email</c>, or null for the id.</param>
public sealed record ProposedReference(string Place, string? Holds);

/// <summary>A first config for a database.</summary>
/// <param name="Connector">The connector of all systems.</param>
/// <param name="Systems">One system, or the auth provider's and the application's.</param>
/// <param name="Others">Other tables that might hold users, in case the first guess is wrong.</param>
public sealed record Proposal(string Connector, IReadOnlyList<ProposedSystem> Systems, IReadOnlyList<UserTable> Others);

/// <summary>Proposes a first config from a database's catalog. Pure.</summary>
public static class Proposals
{
    /// <summary>The schema in which Supabase keeps its own users.</summary>
    private const string ProviderSchema = "auth";

    private static readonly IdentifierKind[] Keepable = [IdentifierKind.Username, IdentifierKind.Email, IdentifierKind.Handle];

    /// <summary>The proposal, or null where no table looks like users.</summary>
    /// <param name="catalog">The database.</param>
    /// <param name="table">The table that a person named, or null to look for it.</param>
    public static Proposal? For(Catalog catalog, string? table = null)
    {
        var ranked = UserTables.Rank(catalog);
        var likely = ranked.Where(candidate => candidate.Score >= UserTables.Enough).ToList();
        var provider = likely.FirstOrDefault(candidate => candidate.Table is { Schema: ProviderSchema, Name: "users" });
        if (table is null && provider is not null)
        {
            // The application's table beside the provider's: the one that refers to it by its own key, else the likeliest.
            var beside = ranked.Where(candidate => candidate.Table.Schema != ProviderSchema).ToList();
            var application = beside.Find(candidate => RefersByKey(candidate.Table, provider.Table)) ?? beside.Find(candidate => candidate.Score >= UserTables.Enough);
            UserTable[] chosen = application is null ? [provider] : [provider, application];
            return new Proposal(
                catalog.Connector,
                [.. chosen.Select((candidate, index) => System(index == 0 ? "auth" : "app", candidate, catalog))],
                [.. likely.Except(chosen)]);
        }

        var users = table is null ? likely.FirstOrDefault() : ranked.FirstOrDefault(candidate => candidate.Table.FullName == table);
        return users is null ? null : new Proposal(catalog.Connector, [System("app", users, catalog)], [.. likely.Where(candidate => candidate != users)]);
    }

    private static bool RefersByKey(CatalogTable table, CatalogTable provider)
        => table.ForeignKeys.Any(key => key.Table == provider.FullName && key.Columns.SequenceEqual(table.PrimaryKey));

    private static ProposedSystem System(string name, UserTable candidate, Catalog catalog)
    {
        var table = candidate.Table;
        var identifiers = ColumnRoles.IdentifiersOf(table);
        var notes = new List<string>();
        var unique = new List<IdentifierKind>();
        foreach (var kind in Keepable.Where(identifiers.ContainsKey))
        {
            var folded = ColumnRoles.NormalizedColumn(table, identifiers[kind]);
            if (folded is not null)
            {
                notes.Add($"The application keeps '{identifiers[kind]}' folded in '{folded}', which {(table.IsUnique(folded) ? "is unique" : "is NOT unique")}. Change accounts through the application, so that both agree.");
            }

            if ((table.UniqueBeside(identifiers[kind]) ?? (folded is null ? null : table.UniqueBeside(folded))) is { } beside)
            {
                notes.Add($"'{identifiers[kind]}' is unique together with {string.Join(", ", beside)} only: one value may be several people's, so that it is not under 'unique'. Keep 'duplicates: report'.");
            }
            else if (table.Schema != ProviderSchema && (folded is null || !table.IsUnique(folded)))
            {
                unique.Add(kind);
            }
        }

        if (ColumnRoles.SharedPhone(table) is { } phone)
        {
            notes.Add($"'{phone}' is not unique, and households share a number: add 'phone: {phone}' to identifiers only if one number is one person.");
        }

        if (table.Schema == ProviderSchema)
        {
            notes.Add("This is Supabase Auth's own table: read it here, and let the connector 'supabase' (url, serviceRoleKey) change it.");
            if (table.Column("is_sso_user") is not null)
            {
                notes.Add("Users of a single sign-on (is_sso_user) may share an address, and the audit takes them for duplicates here, which they are not: the connector 'supabase' knows them.");
            }
        }

        return new ProposedSystem
        {
            Name = name,
            Table = table,
            Reasons = candidate.Reasons,
            Identifiers = identifiers,
            // The provider's own role and rights are the database's, not the application's; nor are its duplicates merged here.
            Attributes = [.. ColumnRoles.AttributesOf(table).Where(found => table.Schema != ProviderSchema || found.Attribute is not ("role" or "superuser" or ColumnRoles.DeletedAt))],
            PasswordHash = ColumnRoles.PasswordHash(table),
            Unique = unique,
            ForeignKeys = [.. catalog.Tables.SelectMany(other => other.ForeignKeys
                .Where(key => key.Table == table.FullName)
                .Select(key => $"{other.FullName}.{string.Join('+', key.Columns)}")).Order(StringComparer.Ordinal)],
            References = References.Of(table, identifiers, catalog),
            Notes = notes,
        };
    }
}
