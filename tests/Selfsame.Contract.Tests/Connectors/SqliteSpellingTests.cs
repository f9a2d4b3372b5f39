using Selfsame.Connectors.Sqlite;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Contract.Tests.Connectors;

/// <summary>Values of other systems in columns of SQLite.</summary>
public sealed partial class SqliteConnectorTests
{
    protected override IReadOnlyList<string> KindFields { get; } = ["flag", "whole", "real", "exact", "words", "string", "uid", "day", "moment", "bare", "raw", "doc"];

    protected override Task<IConnectedSystem> OpenKindsAsync(string active, string verified)
    {
        Execute(
            """
            CREATE TABLE spelled (
                id text PRIMARY KEY, flag boolean, whole integer, real double, exact decimal(10, 2), words varchar(5), string string, uid uuid, day date, moment datetime, bare, raw blob, doc json)
            """);
        return Task.FromResult<IConnectedSystem>(new SqliteSystem(new SystemConfig
        {
            Name = "app",
            Connector = "sqlite",
            Settings = new Dictionary<string, string> { ["connection"] = folder["app.db"], ["table"] = "spelled" },
            Mapping = KindMapping(active, verified),
        }));
    }

    [Fact]
    public async Task Values_of_other_systems_are_written_as_the_column_is_declared()
    {
        await using var system = await OpenKindsAsync("flag", "real");
        var facts = await system.DescribeAsync(CancellationToken.None);

        Spelled("flag", FieldValue.Text("yes")).ShouldBe(FieldValue.Integer(1));
        Spelled("exact", FieldValue.Native("numeric", "1.50")).ShouldBe(FieldValue.Number(1.5));
        Spelled("exact", FieldValue.Native("numeric", "2.00")).ShouldBe(FieldValue.Integer(2));
        Spelled("string", FieldValue.Text("007")).ShouldBe(FieldValue.Integer(7));
        Spelled("moment", FieldValue.Native("timestamp with time zone", "2024-02-29 21:59:59.12+00")).ShouldBe(FieldValue.Text("2024-02-29 21:59:59.12"));
        Spelled("moment", FieldValue.Native("date", "2024-05-01T12:00:00.000Z"), FieldValue.Text("2024-05-01T14:00:00+02:00")).ShouldBe(FieldValue.Text("2024-05-01T14:00:00+02:00"));
        Spelled("moment", FieldValue.Native("date", "2024-05-02T12:00:00.000Z"), FieldValue.Text("2024-05-01T14:00:00+02:00")).ShouldBe(FieldValue.Text("2024-05-02T14:00:00+02:00"));
        Spelled("words", FieldValue.Native("date", "2024-05-02T12:00:00.000Z"), FieldValue.Text("2024-05-01 12:00:00")).ShouldBe(FieldValue.Text("2024-05-02 12:00:00"));
        Spelled("words", FieldValue.Boolean(true)).ShouldBe(FieldValue.Text("true"));
        facts.Spell(new ForeignValue("whole", FieldValue.Number(1.5))).Problem.ShouldBe("takes whole numbers");

        FieldValue Spelled(string field, FieldValue value, FieldValue present = default) => facts.Spell(new ForeignValue(field, value, present)).Value;
    }
}
