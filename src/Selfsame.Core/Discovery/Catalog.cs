namespace Selfsame.Core.Discovery;

/// <summary>The tables of a database, so far as the search for its users looks at them.</summary>
/// <param name="Connector">The connector by which it is reached: <c>postgres</c>, <c>sqlite</c>, <c>mongodb</c>.</param>
/// <param name="Tables">All tables of people's own schemas.</param>
public sealed record Catalog(string Connector, IReadOnlyList<CatalogTable> Tables);

/// <summary>One table or collection.</summary>
public sealed record CatalogTable
{
    /// <summary>Its schema where it is not the default one, else null.</summary>
    public string? Schema { get; init; }

    public required string Name { get; init; }

    public required IReadOnlyList<CatalogColumn> Columns { get; init; }

    /// <summary>The columns of the primary key in order; none where there is none.</summary>
    public IReadOnlyList<string> PrimaryKey { get; init; } = [];

    /// <summary>Whole unique indexes on plain columns, the primary key among them.</summary>
    public IReadOnlyList<IReadOnlyList<string>> UniqueSets { get; init; } = [];

    /// <summary>The columns of each further unique index that is over an expression, and of each partial one over several.</summary>
    public IReadOnlyList<IReadOnlyList<string>> OtherUniqueSets { get; init; } = [];

    public IReadOnlyList<CatalogForeignKey> ForeignKeys { get; init; } = [];

    /// <summary>About how many rows it has.</summary>
    public long Rows { get; init; }

    /// <summary>As the config names it: <c>schema.table</c>, or the table alone in the default schema.</summary>
    public string FullName => Schema is null ? Name : $"{Schema}.{Name}";

    public CatalogColumn? Column(string name) => Columns.FirstOrDefault(column => column.Name == name);

    /// <summary>Whether one column alone is unique.</summary>
    public bool IsUnique(string column) => UniqueSets.Any(set => set.SequenceEqual([column]));

    /// <summary>The other columns with which a column is unique where it is not unique alone (a tenant's id); null where there are none.</summary>
    public IReadOnlyList<string>? UniqueBeside(string column)
    {
        var sets = UniqueSets.Concat(OtherUniqueSets).Where(set => set.Contains(column)).ToList();
        return sets.Exists(set => set.Count == 1) ? null
            : sets.Find(set => !set.Any(IsUnique)) is { } together ? [.. together.Where(other => other != column)]
            : null;
    }
}

/// <summary>One column.</summary>
/// <param name="Name">Its name, as it is written.</param>
/// <param name="Type">What it holds, so far as that tells columns apart.</param>
public sealed record CatalogColumn(string Name, CatalogType Type);

/// <summary>What a column holds.</summary>
public enum CatalogType
{
    Text,
    Whole,
    Uuid,
    Boolean,
    Instant,
    Other,
}

/// <summary>A foreign key.</summary>
/// <param name="Columns">The columns that refer.</param>
/// <param name="Table">The table referred to, as <see cref="CatalogTable.FullName"/>.</param>
public sealed record CatalogForeignKey(IReadOnlyList<string> Columns, string Table);

/// <summary>Reads types as databases write them.</summary>
public static class CatalogTypes
{
    /// <summary>The kind of a declared type: <c>varchar(150)</c>, <c>bigint</c>, <c>timestamp with time zone</c> …</summary>
    public static CatalogType Of(string declared)
    {
        var type = declared.ToLowerInvariant();
        bool Has(params ReadOnlySpan<string> words)
        {
            foreach (var word in words)
            {
                if (type.Contains(word, StringComparison.Ordinal))
                {
                    return true;
                }
            }

            return false;
        }

        return Has("uuid", "uniqueidentifier") ? CatalogType.Uuid
            : Has("bool") || type == "tinyint(1)" ? CatalogType.Boolean
            : Has("char", "text", "clob", "string") ? CatalogType.Text
            : Has("timestamp", "date", "time") ? CatalogType.Instant
            : Has("int", "serial") ? CatalogType.Whole
            : CatalogType.Other;
    }
}
