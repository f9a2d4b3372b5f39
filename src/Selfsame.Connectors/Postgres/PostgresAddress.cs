using Npgsql;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Postgres;

/// <summary>Reads the setting <c>connection</c>: Npgsql's <c>Host=…;Database=…</c>, or a <c>postgresql://</c> address as libpq and hosting providers write it.</summary>
internal static class PostgresAddress
{
    private const int ConnectSeconds = 10;
    private const int CommandSeconds = 60;

    /// <summary>The settings with time limits; what can't be read throws, without showing any of it.</summary>
    public static NpgsqlConnectionStringBuilder Parse(string system, string connection)
    {
        try
        {
            var isAddress = connection.StartsWith("postgres://", StringComparison.Ordinal) || connection.StartsWith("postgresql://", StringComparison.Ordinal);
            var settings = isAddress ? FromAddress(new Uri(connection)) : new NpgsqlConnectionStringBuilder(connection);
            settings.ApplicationName ??= "selfsame";
            SetWhereUnset(settings, "Timeout", ConnectSeconds);
            SetWhereUnset(settings, "Command Timeout", CommandSeconds);
            SetWhereUnset(settings, "Keepalive", CommandSeconds);

            // Nothing of ours outlives its transaction, so that there is no session state to reset at each loan.
            SetWhereUnset(settings, "No Reset On Close", true);
            return settings;
        }
        catch (Exception exception) when (exception is ArgumentException or FormatException or KeyNotFoundException)
        {
            throw new SystemUnavailableException(
                $"'{system}': 'connection' is neither Host=…;Database=…;Username=…;Password=… nor postgresql://user:password@host:5432/database. "
                + "Characters such as @ : / in a password stand as %40 %3A %2F in an address.");
        }
    }

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

    private static void SetWhereUnset(NpgsqlConnectionStringBuilder settings, string key, object value)
    {
        if (!settings.Keys.Cast<string>().Contains(key, StringComparer.OrdinalIgnoreCase))
        {
            settings[key] = value;
        }
    }
}
