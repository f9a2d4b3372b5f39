using System.Runtime.CompilerServices;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Connectors.Files;

/// <summary>
/// An export as a connected system: a CSV file with a header (RFC 4180) or JSON Lines, one object a line, in UTF-8. It is read and
/// never written.
/// </summary>
public sealed class FilesSystem : IReadsAccounts, IReadsAccountsById, IProbesPermissions
{
    private const int PortionSize = 1000;

    private static readonly TimeSpan LongestSilence = TimeSpan.FromSeconds(30);

    private readonly string name;
    private readonly string path;
    private readonly FileReading file;

    public FilesSystem(SystemConfig config, TimeProvider? clock = null, TimeSpan? longestSilence = null)
    {
        name = config.Name;
        path = config.Settings["path"];
        Mapping = config.Mapping;
        file = new FileReading(path, Format(config) == "csv" ? CsvRecords.Read : JsonLines.Read, longestSilence ?? LongestSilence, clock ?? TimeProvider.System);
    }

    /// <summary>What the config may say: <c>path</c> and <c>format</c> (csv or jsonl; by the file's name where it is left out), besides the mapping.</summary>
    public static ConnectorKind Kind { get; } = new()
    {
        Name = "files",
        Settings = [new ConnectorSetting("path", Required: true), new ConnectorSetting("format", Required: false)],
    };

    public AccountMapping Mapping { get; }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    public async Task<SystemFacts> DescribeAsync(CancellationToken cancellation)
    {
        await foreach (var record in RecordsAsync(cancellation))
        {
            if (record.Fields is { } first)
            {
                CheckMapped(first);
            }

            break;
        }

        return new SystemFacts { TakesChosenId = false, AtomicPreconditions = false };
    }

    public async IAsyncEnumerable<ReadPart> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        var portion = new List<Account>(PortionSize);
        long count = 0;
        await foreach (var record in RecordsAsync(cancellation))
        {
            var account = record.Fields is null ? null : Mapping.ToAccount(record.Fields);
            if (account is null)
            {
                yield return new UnreadableRecord($"line {record.Line}", record.Problem ?? "its id is empty.");
                continue;
            }

            portion.Add(account);
            count++;
            if (portion.Count == PortionSize)
            {
                yield return new ReadAccounts(portion);
                portion = new List<Account>(PortionSize);
            }
        }

        if (portion.Count > 0)
        {
            yield return new ReadAccounts(portion);
        }

        yield return new ReadEnd(count, Complete: true);
    }

    public async Task<IReadOnlyList<Account>> ReadByIdAsync(IReadOnlyList<AccountId> ids, CancellationToken cancellation)
    {
        var asked = ids.ToHashSet();
        var found = new List<Account>();
        await foreach (var part in ReadAllAsync(cancellation))
        {
            found.AddRange(part is ReadAccounts some ? some.Accounts.Where(account => asked.Contains(account.Id)) : []);
        }

        return found;
    }

    /// <summary>Reading is all that is ever done to a file.</summary>
    public async Task<IReadOnlyList<PermissionProbe>> ProbeAsync(CancellationToken cancellation)
    {
        await foreach (var _ in RecordsAsync(cancellation))
        {
            break;
        }

        return [new PermissionProbe("read accounts", ProbeAnswer.Yes)];
    }

    private static string Format(SystemConfig config)
    {
        var format = config.Settings.GetValueOrDefault("format") ?? (config.Settings["path"].EndsWith(".csv", StringComparison.OrdinalIgnoreCase) ? "csv" : "jsonl");
        return format is "csv" or "jsonl"
            ? format
            : throw new SystemUnavailableException($"'{config.Name}': 'format' is '{format}' and can be csv or jsonl. Correct it in the config.");
    }

    /// <summary>
    /// The file's records; a <see cref="SystemUnavailableException"/> where it can't be read, or is cut off: whoever stands in the rest would seem to be gone.
    /// </summary>
    private async IAsyncEnumerable<FileRecord> RecordsAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        await using var records = file.ReadAsync(cancellation).GetAsyncEnumerator(cancellation);
        while (await HasNextAsync(records))
        {
            yield return records.Current is { HidesOthers: true } cut
                ? throw new SystemUnavailableException(
                    $"'{name}': {path} can't be read to its end: line {cut.Line} hides what comes after it or is cut off: {cut.Problem} Correct the file or export it again.")
                : records.Current;
        }
    }

    private async Task<bool> HasNextAsync(IAsyncEnumerator<FileRecord> records)
    {
        try
        {
            return await records.MoveNextAsync();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new SystemUnavailableException($"'{name}': {path} can't be read: {exception.Message} Correct 'path' in the config, or its permissions.", exception);
        }
    }

    private void CheckMapped(Fields record)
    {
        var missing = Mapping.Id.Concat(Mapping.Identifiers.Values).Concat(Mapping.PasswordHash is { } hash ? [hash] : []).Where(field => !record.ContainsKey(field)).Distinct().ToList();
        if (missing.Count > 0)
        {
            throw new SystemUnavailableException(
                $"'{name}': {path} has no field {string.Join(", ", missing)}, which the config maps. It has: {string.Join(", ", record.Keys)}.");
        }
    }
}

/// <summary>One record of a file.</summary>
/// <param name="Line">The line on which it begins, from 1.</param>
/// <param name="Fields">Its fields; null when it can't be read.</param>
/// <param name="Problem">Why it can't be read, as a sentence.</param>
/// <param name="HidesOthers">Whether other records may stand in it or are missing after it, so that the file can't be read as a whole.</param>
internal sealed record FileRecord(long Line, Fields? Fields, string? Problem, bool HidesOthers = false);
