using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.MongoDb;

/// <summary>
/// libmongoc, the official C driver (mongoc.org, 1.23): only what runs one command. Replies and commands are <c>bson_t</c>,
/// 128 bytes on a 128-byte boundary; an error is 512 bytes: domain, code and 504 bytes of text.
/// </summary>
internal static unsafe partial class MongoLibrary
{
    public const int BsonSize = 128;
    public const int ErrorSize = 512;
    public const int ErrorTextOffset = 8;

    /// <summary>Errors of the server come with its own code and domain 17 (MONGOC_ERROR_API_VERSION_2).</summary>
    public const int ErrorVersion = 2;

    private const string Driver = "libmongoc-1.0.so.0";
    private const string Bson = "libbson-1.0.so.0";
    private const string Package = "libmongoc-1.0-0";
    private static readonly Lazy<bool> Loaded = new(Load);

    /// <summary>Loads the library once; where it is missing, <see cref="SystemUnavailableException"/> names the package.</summary>
    public static void EnsureLoaded(string system)
    {
        if (!Loaded.Value)
        {
            throw Missing(system);
        }
    }

    public static SystemUnavailableException Missing(string system) => new(
        $"'{system}': MongoDB is reached through the library {Driver}, which is not installed here. Install the package {Package} (apt-get install {Package}).");

    [LibraryImport(Driver, EntryPoint = "mongoc_uri_new_with_error", StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint NewUri(string text, byte* error);

    [LibraryImport(Driver, EntryPoint = "mongoc_uri_destroy")]
    public static partial void DestroyUri(nint uri);

    [LibraryImport(Driver, EntryPoint = "mongoc_uri_get_database")]
    public static partial nint UriDatabase(nint uri);

    [LibraryImport(Driver, EntryPoint = "mongoc_uri_get_hosts")]
    public static partial nint* UriHosts(nint uri);

    [LibraryImport(Driver, EntryPoint = "mongoc_uri_get_option_as_int32", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int UriOption(nint uri, string option, int fallback);

    [LibraryImport(Driver, EntryPoint = "mongoc_uri_set_option_as_int32", StringMarshalling = StringMarshalling.Utf8)]
    [return: MarshalAs(UnmanagedType.U1)]
    public static partial bool SetUriOption(nint uri, string option, int value);

    [LibraryImport(Driver, EntryPoint = "mongoc_client_pool_new")]
    public static partial nint NewPool(nint uri);

    [LibraryImport(Driver, EntryPoint = "mongoc_client_pool_destroy")]
    public static partial void DestroyPool(nint pool);

    [LibraryImport(Driver, EntryPoint = "mongoc_client_pool_set_error_api")]
    [return: MarshalAs(UnmanagedType.U1)]
    public static partial bool SetErrorApi(nint pool, int version);

    [LibraryImport(Driver, EntryPoint = "mongoc_client_pool_set_appname", StringMarshalling = StringMarshalling.Utf8)]
    [return: MarshalAs(UnmanagedType.U1)]
    public static partial bool SetApplicationName(nint pool, string name);

    [LibraryImport(Driver, EntryPoint = "mongoc_client_pool_pop")]
    public static partial nint PopClient(nint pool);

    [LibraryImport(Driver, EntryPoint = "mongoc_client_pool_push")]
    public static partial void PushClient(nint pool, nint client);

    [LibraryImport(Driver, EntryPoint = "mongoc_client_start_session")]
    public static partial nint StartSession(nint client, nint options, byte* error);

    [LibraryImport(Driver, EntryPoint = "mongoc_client_session_append")]
    [return: MarshalAs(UnmanagedType.U1)]
    public static partial bool AppendSession(nint session, void* options, byte* error);

    [LibraryImport(Driver, EntryPoint = "mongoc_client_session_destroy")]
    public static partial void DestroySession(nint session);

    /// <summary>Always initialises <paramref name="reply"/>. Without a read preference the primary is meant.</summary>
    [LibraryImport(Driver, EntryPoint = "mongoc_client_command_with_opts", StringMarshalling = StringMarshalling.Utf8)]
    [return: MarshalAs(UnmanagedType.U1)]
    public static partial bool RunCommand(nint client, string database, void* command, nint readPreference, void* options, void* reply, byte* error);

    [LibraryImport(Bson, EntryPoint = "bson_init_static")]
    [return: MarshalAs(UnmanagedType.U1)]
    public static partial bool InitStaticBson(void* bson, byte* data, nuint length);

    [LibraryImport(Bson, EntryPoint = "bson_init")]
    public static partial void InitBson(void* bson);

    [LibraryImport(Bson, EntryPoint = "bson_get_data")]
    public static partial byte* BsonData(void* bson);

    [LibraryImport(Bson, EntryPoint = "bson_destroy")]
    public static partial void DestroyBson(void* bson);

    [LibraryImport(Driver, EntryPoint = "mongoc_init")]
    private static partial void Init();

    [LibraryImport(Driver, EntryPoint = "mongoc_log_set_handler")]
    private static partial void SetLogHandler(delegate* unmanaged[Cdecl]<int, byte*, byte*, void*, void> handler, void* data);

    private static bool Load()
    {
        if (!NativeLibrary.TryLoad(Driver, out _) || !NativeLibrary.TryLoad(Bson, out _))
        {
            return false;
        }

        SetLogHandler(&Discard, null);
        Init();
        return true;
    }

    // The driver would write to standard error; each failure that it logs also comes back as the command's error.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Discard(int level, byte* domain, byte* message, void* data)
    {
    }
}
