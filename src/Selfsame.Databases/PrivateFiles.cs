using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Selfsame.Databases;

/// <summary>Files and folders that only their owner may read: they hold people's data.</summary>
public static partial class PrivateFiles
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Makes the folder (mode 0700) when it is not there; one that is there keeps its mode.</summary>
    public static void CreateFolder(string path)
    {
        if (!Directory.Exists(path))
        {
            Directory.CreateDirectory(path, OwnerOnly | UnixFileMode.UserExecute);
        }
    }

    /// <summary>Makes an empty file (mode 0600) when it is not there.</summary>
    public static void Create(string path)
    {
        using var stream = new FileStream(
            path,
            new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.Write, Share = FileShare.ReadWrite, UnixCreateMode = OwnerOnly });
    }

    /// <summary>Writes a whole file (mode 0600) so that a reader sees the old or the new content, never half; it survives a loss of power.</summary>
    public static void WriteAtomically(string path, ReadOnlySpan<byte> content) => Write(path, content, flush: true);

    /// <summary>As <see cref="WriteAtomically"/>, but a loss of power may leave it empty until <see cref="Flush(string)"/> was called for it and for its folder.</summary>
    public static void WriteUnflushed(string path, ReadOnlySpan<byte> content) => Write(path, content, flush: false);

    private static void Write(string path, ReadOnlySpan<byte> content, bool flush)
    {
        var temporary = $"{path}.{Environment.ProcessId}.tmp";
        using (var stream = new FileStream(
            temporary,
            new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = OwnerOnly }))
        {
            stream.Write(content);
            stream.Flush(flushToDisk: flush);
        }

        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>
    /// Makes a whole file (mode 0600) where none is; false, and nothing changed, where one is. Of several processes that do it at once, in containers that
    /// share the folder too, exactly one succeeds.
    /// </summary>
    public static bool TryCreateAtomically(string path, ReadOnlySpan<byte> content)
    {
        // Process ids are the same in two containers.
        var temporary = $"{path}.{RandomNumberGenerator.GetHexString(16)}.tmp";
        try
        {
            using (var stream = new FileStream(
                temporary,
                new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = OwnerOnly }))
            {
                stream.Write(content);
                stream.Flush(flushToDisk: true);
            }

            MoveWhereNoneIs(temporary, path);
            Flush(Path.GetDirectoryName(Path.GetFullPath(path))!);
            return true;
        }
        catch (IOException) when (File.Exists(path))
        {
            return false;
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    /// <summary>
    /// File.Move looks first and then replaces, so that of two both succeed; link(2) is one step. Where a file system has no second names, looking first is
    /// all there is.
    /// </summary>
    private static void MoveWhereNoneIs(string temporary, string path)
    {
        if (Link(temporary, path) != 0)
        {
            File.Move(temporary, path, overwrite: false);
        }
    }

    /// <summary>
    /// Makes a file's content, or the names in a folder, survive a loss of power (fsync(2): a file's own flush does not cover its name).
    /// </summary>
    /// <exception cref="IOException">It can't be opened or flushed.</exception>
    public static void Flush(string path)
    {
        var file = Open(path, ReadOnly);
        try
        {
            if (file < 0 || Flush(file) != 0)
            {
                throw new IOException($"{path} can't be flushed to disk: {Marshal.GetLastPInvokeErrorMessage()}.");
            }
        }
        finally
        {
            if (file >= 0)
            {
                _ = Close(file);
            }
        }
    }

    /// <summary>
    /// Has a file's content written without waiting for it (sync_file_range(2)): of many files that are flushed afterwards, one by one, the disk has most by then, and
    /// the file system writes down together where they are. Promises nothing; where it can't be done, the flush does all of it.
    /// </summary>
    public static void BeginFlush(string path)
    {
        var file = Open(path, ReadOnly);
        if (file >= 0)
        {
            _ = BeginWriting(file, 0, 0, StartOnly);
            _ = Close(file);
        }
    }

    private const int ReadOnly = 0;
    private const uint StartOnly = 2;

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "link", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Link(string path, string secondPath);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Flush(int file);

    [LibraryImport("libc", EntryPoint = "sync_file_range")]
    private static partial int BeginWriting(int file, long offset, long count, uint flags);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int file);
}
