using Microsoft.Data.Sqlite;
using NpgsqlTypes;

namespace Selfsame.Databases;

/// <summary>
/// One statement of a batch. Its parameters are positional: <c>$1</c> is the first of <see cref="Values"/>. The same text
/// should come again: it is prepared once for each connection and kept.
/// </summary>
public sealed record Statement(string Sql, params IReadOnlyList<SqlValue> Values);

/// <summary>A value for a database. Its type is known even where it is null, so that one prepared statement serves both.</summary>
public readonly record struct SqlValue
{
    private SqlValue(object? value, NpgsqlDbType type, SqliteType sqliteType)
    {
        Value = value;
        Type = type;
        SqliteType = sqliteType;
    }

    internal object? Value { get; }

    internal NpgsqlDbType Type { get; }

    internal SqliteType SqliteType { get; }

    public static implicit operator SqlValue(string? value) => new(value, NpgsqlDbType.Text, SqliteType.Text);

    public static implicit operator SqlValue(Guid? value) => new(value, NpgsqlDbType.Uuid, SqliteType.Text);

    public static implicit operator SqlValue(Guid value) => (Guid?)value;

    public static implicit operator SqlValue(DateTimeOffset? value) => new(value?.UtcDateTime, NpgsqlDbType.TimestampTz, SqliteType.Text);

    public static implicit operator SqlValue(DateTimeOffset value) => (DateTimeOffset?)value;

    public static implicit operator SqlValue(byte[]? value) => new(value, NpgsqlDbType.Bytea, SqliteType.Blob);

    public static implicit operator SqlValue(bool value) => new(value, NpgsqlDbType.Boolean, SqliteType.Integer);

    public static implicit operator SqlValue(long value) => new(value, NpgsqlDbType.Bigint, SqliteType.Integer);
}
