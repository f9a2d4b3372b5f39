using Selfsame.Connectors.Files;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Connectors;

public sealed class CsvReadTests() : FilesReadTests("users.csv");

public sealed class JsonLinesReadTests() : FilesReadTests("users.jsonl");

/// <summary>The reading part of the contract, on a file.</summary>
public abstract class FilesReadTests(string file) : ReadContract
{
    private readonly TemporaryFolder folder = new();

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        folder.Dispose();
        GC.SuppressFinalize(this);
    }

    protected override Task<IConnectedSystem> OpenAsync() => Task.FromResult<IConnectedSystem>(new FilesSystem(new SystemConfig
    {
        Name = "export",
        Connector = "files",
        Settings = new Dictionary<string, string> { ["path"] = folder[file] },
        Mapping = new AccountMapping { Id = ["id"], Identifiers = new Dictionary<IdentifierKind, string> { [IdentifierKind.Email] = "mail" } },
    }));

    protected override Task FillAsync(int count)
    {
        var numbers = Enumerable.Range(0, count);
        return File.WriteAllLinesAsync(folder[file], file.EndsWith("csv", StringComparison.Ordinal)
            ? ["id,mail", .. numbers.Select(number => $"{number},user{number}@example.org")]
            : numbers.Select(number => $$"""{ "id": "{{number}}", "mail": "user{{number}}@example.org" }"""));
    }
}
