using System.Diagnostics.CodeAnalysis;
using Npgsql;

namespace Selfsame.Databases;

/// <summary>Where a PostgreSQL database is: Npgsql's <c>Host=…;Database=…</c>, or a <c>postgresql://</c> address as libpq and hosting providers write it.</summary>
public static class PostgresAddress
{
    /// <summary>The end of a sentence about a text that is none. The text itself must not be shown: a password may stand in it.</summary>
    public const string Expected =
        "neither Host=…;Database=…;Username=…;Password=… nor postgresql://user:password@host:5432/database. "
        + "Characters such as @ : / in a password stand as %40 %3A %2F in an address.";

    /// <summary>Whether a text means PostgreSQL and no file: an address, or <c>keyword=value</c> that is no file's name.</summary>
    public static bool IsMeant(string connection)
        => IsAddress(connection) || (connection.IndexOf('=', StringComparison.Ordinal) is > 0 and var end
            && connection.AsSpan(0, end).IndexOfAny('/', '\\') < 0 && !File.Exists(connection));

    /// <summary>The settings; false where the text can't be read.</summary>
    public static bool TryParse(string connection, [NotNullWhen(true)] out NpgsqlConnectionStringBuilder? settings)
    {
        try
        {
            settings = IsAddress(connection) ? FromAddress(new Uri(connection)) : new NpgsqlConnectionStringBuilder(connection);
            return true;
        }
        catch (Exception exception) when (exception is ArgumentException or FormatException or KeyNotFoundException)
        {
            settings = null;
            return false;
        }
    }

    /// <summary>Which database it is, for people: never the user's password, nor any setting besides.</summary>
    public static string Describe(string connection)
        => TryParse(connection, out var settings)
            ? $"PostgreSQL, {settings.Database ?? settings.Username} at {settings.Host}:{settings.Port}"
            : "PostgreSQL";

    private static bool IsAddress(string connection)
        => connection.StartsWith("postgres://", StringComparison.Ordinal) || connection.StartsWith("postgresql://", StringComparison.Ordinal);

    private static NpgsqlConnectionStringBuilder FromAddress(Uri address)
    {
        var user = address.UserInfo.Split(':', 2);
        var settings = new NpgsqlConnectionStringBuilder { Host = address.Host, Database = Uri.UnescapeDataString(address.AbsolutePath.TrimStart('/')) };
        if (address.Port > 0)
        {
            settings.Port = address.Port;
        }

        if (user[0].Length > 0)
        {
            settings.Username = Uri.UnescapeDataString(user[0]);
        }

        if (user.Length > 1)
        {
            settings.Password = Uri.UnescapeDataString(user[1]);
        }

        foreach (var pair in address.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries).Select(part => part.Split('=', 2)))
        {
            settings[Key(pair[0])] = Uri.UnescapeDataString(pair.ElementAtOrDefault(1) ?? "").Replace("verify-", "Verify", StringComparison.Ordinal);
        }

        return settings;
    }

    // postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
    private static string Key(string libpq) => libpq switch
    {
        "sslmode" => "SSL Mode",
        "sslrootcert" => "Root Certificate",
        "connect_timeout" => "Timeout",
        "application_name" => "Application Name",
        "target_session_attrs" => "Target Session Attributes",
        "options" => "Options",
        _ => Uri.UnescapeDataString(libpq),
    };
}
