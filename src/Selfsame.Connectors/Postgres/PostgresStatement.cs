using Npgsql;
using NpgsqlTypes;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Postgres;

/// <summary>One statement under construction: values become parameters, sent as text that the server reads as the type of the cast beside it.</summary>
internal sealed class PostgresStatement
{
    private readonly List<NpgsqlParameter> parameters = [];

    public string Sql { get; set; } = "";

    /// <summary>How many rows it must change.</summary>
    public int Rows { get; init; } = 1;

    /// <summary>The parameter's place, <c>$1</c>; a cast must stand beside it.</summary>
    public string Value(FieldValue value) => Add(PostgresColumn.TextOf(value), NpgsqlDbType.Unknown);

    /// <summary>The value cast to the column's type.</summary>
    public string Value(PostgresColumn column, FieldValue value) => $"{Value(value)}::{column.TypeName}";

    /// <summary>The value's text, as text.</summary>
    public string Text(FieldValue value) => $"{Value(value)}::text";

    /// <summary>A list of texts as one parameter.</summary>
    public string Texts(IEnumerable<string?> values) => Add(values.ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Text) + "::text[]";

    /// <summary>A list of numbers as one parameter.</summary>
    public string Numbers(IEnumerable<long> values) => Add(values.ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Bigint);

    /// <summary>A list of object ids as one parameter.</summary>
    public string Ids(IEnumerable<uint> values) => Add(values.ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Oid);

    public NpgsqlBatchCommand ToBatchCommand()
    {
        var command = new NpgsqlBatchCommand(Sql);
        foreach (var parameter in parameters)
        {
            command.Parameters.Add(parameter);
        }

        return command;
    }

    private string Add(object? value, NpgsqlDbType type)
    {
        parameters.Add(new NpgsqlParameter { Value = value ?? DBNull.Value, NpgsqlDbType = type });
        return $"${parameters.Count}";
    }
}
