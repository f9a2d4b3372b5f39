using System.Text.RegularExpressions;
using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Store;

/// <summary>docs/database.md names every index and unique constraint that the store has.</summary>
public sealed partial class DocumentedIndexTests
{
    [Fact]
    public async Task Every_index_that_SQLite_names_is_documented()
    {
        await using var store = await TestStore.CreateAsync(Backend.SqliteMemory);

        ShouldBeDocumented(await store.Context.Database.ReadAsync(transaction => transaction.QueryAsync<string>(
            "SELECT name FROM sqlite_master WHERE type = 'index' AND name NOT LIKE 'sqlite_%'")));
    }

    [Fact]
    [Trait("needs", "postgresql")]
    public async Task Every_index_and_unique_constraint_in_PostgreSQL_is_documented_and_every_documented_one_is_there()
    {
        await using var store = await TestStore.CreateAsync(Backend.PostgreSql);
        var present = await store.Context.Database.ReadAsync(transaction => transaction.QueryAsync<string>(
            "SELECT indexname FROM pg_indexes WHERE schemaname = 'public'"));

        ShouldBeDocumented([.. present.Where(name => !IdentityKey().IsMatch(name))]);
        Documented().Where(name => !present.Contains(name)).ShouldBeEmpty("documented, and not there");
    }

    private static void ShouldBeDocumented(IReadOnlyList<string> present)
    {
        present.ShouldNotBeEmpty();
        var documented = Documented();
        present.Where(name => !documented.Contains(name)).ShouldBeEmpty("there, and not documented");
    }

    private static HashSet<string> Documented()
        => [.. File.ReadLines(Path.Combine(Checkout.Root, "docs", "database.md"))
            .Where(line => line.StartsWith("| `", StringComparison.Ordinal) && line.Count(sign => sign == '|') == 5)
            .SelectMany(line => Name().Matches(string.Join('|', line.Split('|')[3..])))
            .Select(match => match.Groups[1].Value)
            .Where(name => name.Contains('_', StringComparison.Ordinal))];

    /// <summary>Primary keys that only number rows carry the name that PostgreSQL gives them.</summary>
    [GeneratedRegex("^(users|user_groups|sessions|mails|webhook_messages|audit_events|identifier_conflicts|service_tokens|data_protection_keys|provisioning_events)_pkey$")]
    private static partial Regex IdentityKey();

    [GeneratedRegex("`([a-z_]+)`")]
    private static partial Regex Name();
}
