using Npgsql;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Examples;

/// <summary>examples/uniqueness-report: a PostgreSQL table of the household kind.</summary>
[Trait("needs", "postgresql")]
public sealed class UniquenessReportTests
{
    [Fact]
    public async Task The_report_names_who_is_in_the_table_twice_and_changes_nothing()
    {
        var server = await PostgresServer.SharedAsync();
        var connection = await server.CreateDatabaseAsync();
        using var example = new ExampleFolder("uniqueness-report", ("DATABASE_URL", connection));
        File.WriteAllText(example["selfsame.yaml"], File.ReadAllText(example["selfsame.yaml"]) + "minimumAge: 0\n");
        await using var source = NpgsqlDataSource.Create(connection);
        await using (var make = source.CreateCommand(File.ReadAllText(example["make-data.sql"])))
        {
            await make.ExecuteNonQueryAsync();
        }

        var audit = await example.ExpectAsync(2, "audit");

        string[] report =
        [
            "households: 6 accounts read", "id: 6 have one, each unique", "email: 6 have one, 4 different", "uuid: 5 have one, each unique", "e-mails: 2 verified, 4 not",
            "unique: id  constraint users_pkey", "unique: email  constraint users_email_key", "unique: uuid  constraint users_uuid_key",
        ];
        report.ShouldBeSubsetOf(audit.Split('\n').Select(line => line.Trim()), audit);
        audit.ShouldContain("2 accounts of households have the email hemi@example.nz");
        audit.ShouldContain("2 accounts of households have the email zoë@xn--bcher-kva.example");
        audit.ShouldContain("NotCanonical");
        audit.ShouldContain("1 account of households has no 'uuid'");
        await using var count = source.CreateCommand("SELECT count(*) FROM users");
        (await count.ExecuteScalarAsync()).ShouldBe(6L);
    }
}
