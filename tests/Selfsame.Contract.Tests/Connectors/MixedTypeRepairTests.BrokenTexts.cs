using Selfsame.Connectors.Sqlite;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Connectors;

/// <summary>Texts of a SQLite file that no text of .NET can hold: Latin-1 that an old program wrote, and zeros.</summary>
public sealed partial class MixedTypeRepairTests
{
    // "Jérg" in Latin-1 came back from undo as "J", U+FFFD, "rg"; two clubs whose names differ by such a byte were one.
    [Fact]
    public async Task In_SQLite_texts_that_are_no_UTF_8_are_merged_and_taken_back_byte_for_byte()
    {
        InFile(
            """
            CREATE TABLE people (id text PRIMARY KEY, email text, username text);
            CREATE TABLE app (id integer PRIMARY KEY, email text, username text, city text, bio text);
            CREATE TABLE memberships (who integer REFERENCES app, club text, PRIMARY KEY (who, club));
            INSERT INTO people VALUES ('1', 'ann@example.org', 'ann');
            INSERT INTO app VALUES (1, 'ann@example.org', 'ann', NULL, CAST(x'FF6F' AS TEXT)), (2, 'Ann@example.org', 'Ann', CAST(x'4AE97267' AS TEXT), CAST(x'610062' AS TEXT));
            INSERT INTO memberships VALUES (1, CAST(x'43E9' AS TEXT)), (2, CAST(x'43E9' AS TEXT)), (2, CAST(x'43E8' AS TEXT)), (2, 'chess �');
            """);
        var people = Named(Config("people", "sqlite", [("connection", folder["app.db"]), ("table", "people")]));
        var app = Named(Config("app", "sqlite", [("connection", folder["app.db"]), ("table", "app")])) with
        {
            Unique = [IdentifierKind.Email],
            Duplicates = DuplicatesAction.Merge,
            TrustEmail = true,
        };
        await using var repair = await Repair.OfAsync(new SqliteSystem(people), people, new SqliteSystem(app), app, WithIds);
        const string state =
            """
            SELECT id || ' ' || email || ' ' || coalesce(typeof(city) || hex(city), '-') || ' ' || typeof(bio) || hex(bio) FROM app
            UNION ALL SELECT 'in ' || who || ' ' || typeof(club) || hex(club) FROM memberships ORDER BY 1
            """;
        var before = InFile(state);

        var run = await repair.ApplyAsync("Nobody is adopted or merged on a guess: look at the evidence and make the identifiers or ids say who is who.");

        InFile(state).ShouldBe(["1 ann@example.org text4AE97267 textFF6F", "in 1 text43E8", "in 1 text43E9", "in 1 text636865737320EFBFBD"]);
        await repair.UndoAsync(run);
        InFile(state).ShouldBe(before);
    }

    private List<string> InFile(string sql) => OtherProgram.Sql(folder["app.db"], sql);
}
