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

    private readonly string name;
    private readonly string path;
    private readonly Func<TextReader, IEnumerable<FileRecord>> parse;

    public FilesSystem(SystemConfig config)
    {
        name = config.Name;
        path = config.Settings["path"];
        Mapping = config.Mapping;
        parse = Format(config) == "csv" ? CsvRecords.Read : JsonLines.Read;
    }

    /// <summary>What the config may say: <c>path</c> and <c>format</c> (csv or jsonl; by the file's name where it is left out), besides the mapping.</summary>
    public static ConnectorKind Kind { get; } = new()
    {
        Name = "files",
        Settings = [new ConnectorSetting("path", Required: true), new ConnectorSetting("format", Required: false)],
    };

    public AccountMapping Mapping { get; }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    public Task<SystemFacts> DescribeAsync(CancellationToken cancellation)
    {
        using var reader = Open();
        if (Records(reader).FirstOrDefault() is { Fields: { } first })
        {
            CheckMapped(first);
        }

        return Task.FromResult(new SystemFacts { TakesChosenId = false, AtomicPreconditions = false });
    }

    public async IAsyncEnumerable<ReadPart> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        await Task.CompletedTask;
        using var reader = Open();
        var portion = new List<Account>(PortionSize);
        long count = 0;
        foreach (var record in Records(reader))
        {
            cancellation.ThrowIfCancellationRequested();
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
    public Task<IReadOnlyList<PermissionProbe>> ProbeAsync(CancellationToken cancellation)
    {
        using var reader = Open();
        return Task.FromResult<IReadOnlyList<PermissionProbe>>([new PermissionProbe("read accounts", ProbeAnswer.Yes)]);
    }

    private static string Format(SystemConfig config)
    {
        var format = config.Settings.GetValueOrDefault("format") ?? (config.Settings["path"].EndsWith(".csv", StringComparison.OrdinalIgnoreCase) ? "csv" : "jsonl");
        return format is "csv" or "jsonl"
            ? format
            : throw new SystemUnavailableException($"'{config.Name}': 'format' is '{format}' and can be csv or jsonl. Correct it in the config.");
    }

    private StreamReader Open()
    {
        try
        {
            return new StreamReader(path, new System.Text.UTF8Encoding(false, throwOnInvalidBytes: false));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new SystemUnavailableException($"'{name}': {path} can't be read: {exception.Message} Correct 'path' in the config, or its permissions.", exception);
        }
    }

    /// <summary>The file's records; a <see cref="SystemUnavailableException"/> where it is cut off: whoever stands in the rest would seem to be gone.</summary>
    private IEnumerable<FileRecord> Records(StreamReader reader)
        => parse(reader).Select(record => record.HidesOthers
            ? throw new SystemUnavailableException(
                $"'{name}': {path} can't be read to its end: line {record.Line} hides what comes after it or is cut off: {record.Problem} Correct the file or export it again.")
            : record);

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
