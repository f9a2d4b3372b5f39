using Selfsame.Connectors.Postgres;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Contract.Tests.Connectors;

/// <summary>Values of other systems in columns of PostgreSQL.</summary>
public sealed partial class PostgresConnectorTests
{
    protected override IReadOnlyList<string> KindFields { get; } =
    [
        "flag", "tiny", "whole", "big", "single", "twice", "exact", "any_number", "words", "short", "padded", "loose", "colour", "uid", "day", "moment", "local", "seconds", "raw", "span", "price", "tag",
    ];

    protected override async Task<IConnectedSystem> OpenKindsAsync(string active, string verified)
    {
        await ExecuteAsync(
            """
            CREATE EXTENSION citext; CREATE TYPE colour AS ENUM ('yes', 'no', 'ann'); CREATE DOMAIN price AS numeric(8, 1); CREATE DOMAIN tag AS varchar(5);
            CREATE TABLE spelled (
                id text PRIMARY KEY, flag boolean, tiny smallint, whole integer, big bigint, single real, twice double precision, exact numeric(10, 2), any_number numeric, words text, short varchar(5),
                padded char(6), loose citext, colour colour, uid uuid, day date, moment timestamptz, local timestamp, seconds timestamptz(0), raw bytea, span interval, price price, tag tag)
            """);
        return OpenSpelled(active, verified);
    }

    private PostgresSystem OpenSpelled(string active, string verified) => new(new SystemConfig
    {
        Name = "app",
        Connector = "postgres",
        Settings = new Dictionary<string, string> { ["connection"] = connection, ["table"] = "spelled" },
        Mapping = KindMapping(active, verified),
    });

    [Fact]
    public async Task Values_of_other_systems_are_written_in_the_type_of_the_column()
    {
        await using var system = await OpenKindsAsync("flag", "moment");
        var facts = await system.DescribeAsync(CancellationToken.None);

        Spelled("exact", FieldValue.Text("1.5")).ShouldBe(FieldValue.Native("numeric", "1.50"));
        Spelled("exact", FieldValue.Native("numeric", "1.505")).ShouldBe(FieldValue.Native("numeric", "1.51"));
        Spelled("any_number", FieldValue.Number(1.5), FieldValue.Native("numeric", "1.5000")).ShouldBe(FieldValue.Native("numeric", "1.5000"));
        Spelled("moment", FieldValue.Native("timestamp without time zone", "2024-02-29 23:59:59.12")).ShouldBe(FieldValue.Native("timestamp with time zone", "2024-02-29 23:59:59.12+00"));
        Spelled("local", FieldValue.Text("2024-03-01T01:59:59+02:00")).ShouldBe(FieldValue.Native("timestamp without time zone", "2024-02-29 23:59:59"));
        Spelled("seconds", FieldValue.Native("date", "2024-05-01T12:00:00.500Z")).ShouldBe(FieldValue.Native("timestamp with time zone", "2024-05-01 12:00:01+00"));
        Spelled("padded", FieldValue.Text("ann")).ShouldBe(FieldValue.Text("ann   "));
        Spelled("flag", FieldValue.Text("2024-05-01")).ShouldBe(FieldValue.Boolean(true));
        Spelled("moment", FieldValue.Boolean(true)).ShouldBe(FieldValue.Native("timestamp with time zone", "2026-11-26 03:11:01+00"));
        Spelled("moment", FieldValue.Boolean(false), FieldValue.Native("timestamp with time zone", "2024-05-01 12:00:00+00")).ShouldBe(FieldValue.Null);
        Problem("tiny", FieldValue.Integer(40000)).ShouldBe("takes whole numbers from -32768 to 32767");
        Problem("short", FieldValue.Text("longer")).ShouldBe("takes 5 characters at most");
        Problem("colour", FieldValue.Text("red")).ShouldBe("takes yes, no, ann");
        Problem("span", FieldValue.Text("1 mon")).ShouldBe("is of the type interval, into which only values of that type are written");

        FieldValue Spelled(string field, FieldValue value, FieldValue present = default) => facts.Spell(new ForeignValue(field, value, present, Moment)).Value;
        string? Problem(string field, FieldValue value) => facts.Spell(new ForeignValue(field, value)).Problem;
    }

    [Theory]
    [InlineData("yes", "no")]
    [InlineData("Y", "N")]
    [InlineData("TRUE", "FALSE")]
    [InlineData("On", "Off")]
    [InlineData("2024-05-01 12:00:00", null)]
    public async Task A_text_that_says_yes_says_no_in_its_own_words(string yes, string? no)
    {
        await using var system = await OpenKindsAsync("words", "flag");
        var facts = await system.DescribeAsync(CancellationToken.None);

        facts.Spell(new ForeignValue("words", FieldValue.Boolean(false), FieldValue.Text(yes), Moment)).Value.ShouldBe(FieldValue.From(no));
        facts.Spell(new ForeignValue("words", FieldValue.Boolean(true), FieldValue.Text(yes), Moment)).Value.ShouldBe(FieldValue.Text(yes));
        facts.Spell(new ForeignValue("words", FieldValue.Boolean(false), FieldValue.Text("enabled"), Moment)).Problem.ShouldBe("holds 'enabled', and which word says no there is not known");
    }

    private static DateTimeOffset Moment => new(2026, 11, 26, 3, 11, 0, 500, TimeSpan.Zero);
}
