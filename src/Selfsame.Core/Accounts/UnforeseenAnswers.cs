using System.Runtime.InteropServices;
using System.Text.Json;

namespace Selfsame.Core.Accounts;

/// <summary>
/// What a connector throws besides what its contract knows: an answer that its reader can't digest, or a mistake of ours. It ends as a sentence about the one call in
/// which it happened, so that it holds nobody else up, and the exception goes with it: who reports the sentence shows or logs that as well.
/// </summary>
public static class UnforeseenAnswers
{
    /// <summary>Whether it is none of what a contract knows; a cancellation, and what our own database tells, are never.</summary>
    public static bool Is(Exception exception)
        => exception is SystemException or JsonException
            && exception is not (OperationCanceledException or OutOfMemoryException or IOException or ExternalException or ConnectorContractException);

    /// <summary>Reads from a connector; what it did not foresee, or a driver told, throws <see cref="SystemUnavailableException"/>.</summary>
    /// <param name="system">The system's name.</param>
    /// <param name="read">The call.</param>
    /// <param name="about">What was asked about, as <c> about X</c>; empty for no account in particular. No values but ids.</param>
    public static async Task<T> ReadAsync<T>(string system, Func<Task<T>> read, string about = "")
    {
        try
        {
            return await read();
        }
        catch (Exception exception) when (Is(exception) || IsOfDriver(exception))
        {
            throw AsUnavailable(system, exception, about);
        }
    }

    /// <summary>Writes through a connector; after what it did not foresee it is unknown whether it happened.</summary>
    public static async Task<WriteOutcome> WriteAsync(string system, Func<Task<WriteOutcome>> write)
    {
        try
        {
            return await write();
        }
        catch (Exception exception) when (Is(exception) || IsOfDriver(exception))
        {
            return new Unknown(Sentence(system, exception, "")) { Unforeseen = exception };
        }
    }

    /// <summary>The exception as a system that could not be read.</summary>
    internal static SystemUnavailableException AsUnavailable(string system, Exception exception, string about)
        => new(Sentence(system, exception, about), exception) { Unforeseen = Is(exception) ? exception : null, Answered = true };

    /// <summary>Whether a read threw it that <see cref="ReadAsync"/> makes a sentence of.</summary>
    internal static bool IsOfConnector(Exception exception) => Is(exception) || IsOfDriver(exception);

    // What every database driver throws (DbException) is one from outside.
    private static bool IsOfDriver(Exception exception) => exception is ExternalException or IOException and not SystemUnavailableException;

    // The message of a .NET exception may repeat a value: it stays in the log.
    private static string Sentence(string system, Exception exception, string about)
        => Is(exception)
            ? $"'{system}' gave an answer{about} that can't be read ({exception.GetType().Name}). Nothing was concluded from it."
            : $"'{system}' failed{about}: {exception.Message}";
}
