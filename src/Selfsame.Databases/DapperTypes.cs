using System.Data;
using System.Globalization;
using Dapper;
using Microsoft.Data.Sqlite;

namespace Selfsame.Databases;

/// <summary>
/// How instants and uuids stand in the databases: <c>timestamptz</c> and <c>uuid</c> in PostgreSQL; in SQLite text
/// of fixed width, so that comparing text compares instants.
/// </summary>
public static class DapperTypes
{
    /// <summary>The form of an instant in SQLite: <c>2026-11-21T00:17:05.123456Z</c>.</summary>
    public const string SqliteInstant = "yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'";

    private static readonly Lazy<bool> Registered = new(Register);

    internal static void EnsureRegistered() => _ = Registered.Value;

    private static bool Register()
    {
        SqlMapper.RemoveTypeMap(typeof(DateTimeOffset));
        SqlMapper.RemoveTypeMap(typeof(DateTimeOffset?));
        SqlMapper.RemoveTypeMap(typeof(Guid));
        SqlMapper.RemoveTypeMap(typeof(Guid?));
        SqlMapper.AddTypeHandler(new InstantHandler());
        SqlMapper.AddTypeHandler(new UuidHandler());
        DefaultTypeMap.MatchNamesWithUnderscores = true;
        return true;
    }

    private sealed class InstantHandler : SqlMapper.TypeHandler<DateTimeOffset>
    {
        public override void SetValue(IDbDataParameter parameter, DateTimeOffset value)
        {
            if (parameter is SqliteParameter)
            {
                parameter.Value = value.UtcDateTime.ToString(SqliteInstant, CultureInfo.InvariantCulture);
            }
            else
            {
                parameter.Value = value.UtcDateTime;
            }
        }

        public override DateTimeOffset Parse(object value) => value switch
        {
            DateTime utc => new DateTimeOffset(DateTime.SpecifyKind(utc, DateTimeKind.Utc)),
            DateTimeOffset instant => instant,
            string text => DateTimeOffset.ParseExact(
                text, SqliteInstant, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal),
            _ => throw new DataException($"An instant was expected in the database, not a {value.GetType().Name}."),
        };
    }

    private sealed class UuidHandler : SqlMapper.TypeHandler<Guid>
    {
        public override void SetValue(IDbDataParameter parameter, Guid value)
        {
            if (parameter is SqliteParameter)
            {
                parameter.Value = value.ToString("D");
            }
            else
            {
                parameter.Value = value;
            }
        }

        public override Guid Parse(object value) => value switch
        {
            Guid uuid => uuid,
            string text => Guid.ParseExact(text, "D"),
            _ => throw new DataException($"A uuid was expected in the database, not a {value.GetType().Name}."),
        };
    }
}
