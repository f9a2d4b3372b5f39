using System.Reflection;
using System.Runtime.InteropServices;
using SQLitePCL;

namespace Selfsame.Databases;

/// <summary>
/// Loads the system's SQLite, which is patched by the distribution, and falls back to the bundled one, which is
/// from 2021 and waits whole seconds on contention.
/// </summary>
public static class SqliteLibrary
{
    /// <summary>The oldest version that knows RETURNING and UPSERT on partial indexes.</summary>
    public static readonly Version Minimum = new(3, 35, 0);

    private static readonly Lazy<Version> LoadedVersion = new(Load);
    private static bool systemLibrary;

    /// <summary>Loads the library once; the version that answers. Throws when it is older than <see cref="Minimum"/>.</summary>
    public static Version EnsureLoaded() => LoadedVersion.Value;

    /// <summary>Whether the system's library was found; false means that the bundled one is in use.</summary>
    public static bool IsSystemLibrary
    {
        get
        {
            EnsureLoaded();
            return systemLibrary;
        }
    }

    private static Version Load()
    {
        if (IsInUse())
        {
            throw new InvalidOperationException(
                "SQLite was used before it was set up: call SqliteLibrary.EnsureLoaded before anything else that has to do with SQLite.");
        }

        var provider = typeof(SQLite3Provider_e_sqlite3).Assembly;
        NativeLibrary.SetDllImportResolver(provider, Resolve);
        raw.SetProvider(new SQLite3Provider_e_sqlite3());
        var version = Version.Parse(raw.sqlite3_libversion().utf8_to_string());
        if (version < Minimum)
        {
            throw new InvalidOperationException(
                $"SQLite {version} is too old: Selfsame needs {Minimum} or newer. Install the package libsqlite3-0.");
        }

        // Nobody asks how much memory SQLite has, and counting it takes one lock of the whole process at each allocation.
        if (raw.sqlite3_config(raw.SQLITE_CONFIG_MEMSTATUS, 0) != raw.SQLITE_OK)
        {
            throw new InvalidOperationException("SQLite was in use before it was set up.");
        }

        return version;
    }

    /// <summary>
    /// Whether SQLite was used by now: Microsoft.Data.Sqlite takes the bundled library then. Each function is bound when it is first called, so
    /// those called from now on would be the system's, and would be given the other library's connections: a segmentation fault.
    /// </summary>
    private static bool IsInUse()
    {
        try
        {
            raw.GetNativeLibraryName();
            return true;
        }
        catch (Exception exception) when (exception.GetType() == typeof(Exception))
        {
            // What it throws while there is no provider.
            return false;
        }
    }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? searchPath)
    {
        if (name == "e_sqlite3" && NativeLibrary.TryLoad("libsqlite3.so.0", out var handle))
        {
            systemLibrary = true;
            return handle;
        }

        return NativeLibrary.Load(name, assembly, searchPath);
    }
}
