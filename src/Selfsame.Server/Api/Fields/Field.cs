namespace Selfsame.Server.Api.Fields;

/// <summary>What a field's value is in JSON, or in a query.</summary>
internal enum FieldKind
{
    Text,
    Flag,
    Whole,
    Texts,
}

/// <summary>One field of a body or a query: what is read, and what OpenAPI says of it.</summary>
/// <param name="Name">As callers know it.</param>
/// <param name="Kind">Any other type of value is refused.</param>
/// <param name="Description">One sentence for /openapi/v1.json.</param>
internal sealed record Field(string Name, FieldKind Kind, string Description)
{
    /// <summary>Missing and null are refused before the operation runs.</summary>
    public bool IsRequired { get; init; }

    /// <summary>Whether null may be written; for optional fields of a sign-up it is the same as leaving them out.</summary>
    public bool IsNullable { get; init; }

    /// <summary>The most characters (code points after trimming), or entries; the operation itself refuses more.</summary>
    public int? MaximumLength { get; init; }

    /// <summary>The fewest characters; the operation itself refuses fewer.</summary>
    public int? MinimumLength { get; init; }

    /// <summary>The most UTF-16 units that are read, for values that no operation measures.</summary>
    public int? ReadLimit { get; init; }

    /// <summary>For a text that is one of a few: these; others are refused when it is read.</summary>
    public IReadOnlyList<string>? Choices { get; init; }

    /// <summary>For <see cref="FieldKind.Whole"/>: the smallest and largest value; others are refused when they are read.</summary>
    public (int Minimum, int Maximum) Range { get; init; }

    /// <summary>The value's format in JSON Schema.</summary>
    public string? Format { get; init; }

    public string? Example { get; init; }
}

/// <summary>All fields of one kind of body; nothing else may be in it (CASES 33).</summary>
internal sealed record BodyShape(string Name, string Description, params IReadOnlyList<Field> Fields);

/// <summary>All parameters of one query.</summary>
internal sealed record QueryShape(params IReadOnlyList<Field> Fields);
