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

    /// <summary>Why <see cref="WriteAtomically"/> could not write it now; null where it could. What stands there stays.</summary>
    public static string? WhyNotWritable(string path)
    {
        if (Directory.Exists(path))
        {
            return "it is a folder";
        }

        try
        {
            new FileStream(TemporaryOf(path), new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = OwnerOnly, Options = FileOptions.DeleteOnClose }).Dispose();
            return null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return exception.Message.TrimEnd('.');
        }
    }

    private static string TemporaryOf(string path) => $"{path}.{Environment.ProcessId}.tmp";

    private static void Write(string path, ReadOnlySpan<byte> content, bool flush)
    {
        var temporary = TemporaryOf(path);
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
    /// Makes all that was written to a folder's file system survive a loss of power, in one flush of the disk (syncfs(2), which tells of what failed since Linux 5.8):
    /// for many files a fraction of the work of a flush each. False, and nothing is promised, where it can't be done.
    /// </summary>
    public static bool TryFlushFileSystem(string folder)
    {
        if (!OperatingSystem.IsLinux())
        {
            return false;
        }

        var file = Open(folder, ReadOnly);
        try
        {
            return file >= 0 && FlushFileSystem(file) == 0;
        }
        finally
        {
            if (file >= 0)
            {
                _ = Close(file);
            }
        }
    }

    private const int ReadOnly = 0;

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "link", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Link(string path, string secondPath);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Flush(int file);

    [LibraryImport("libc", EntryPoint = "syncfs")]
    private static partial int FlushFileSystem(int file);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int file);
}
