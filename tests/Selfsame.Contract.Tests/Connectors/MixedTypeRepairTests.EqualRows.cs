using Selfsame.Connectors.Postgres;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Contract.Tests.Connectors;

/// <summary>Rows of a table without a key, which a merge makes equal in everything.</summary>
public sealed partial class MixedTypeRepairTests
{
    // Of three accounts two go; what each of them did stands once more for the one who stays, with a key that others refer to and without.
    [Theory]
    [Trait("needs", "postgresql")]
    [InlineData("REFERENCES app")]
    [InlineData("")]
    public async Task In_PostgreSQL_rows_that_became_equal_by_a_merge_all_come_back_by_undo(string reference)
    {
        var connection = await MakeAsync(
            $"""
            CREATE TABLE people (id text PRIMARY KEY, email text, username text);
            CREATE TABLE app (id bigint PRIMARY KEY, email text, username text);
            CREATE TABLE logs (who bigint {reference}, what text);
            INSERT INTO people VALUES ('1', 'ann@example.org', 'ann');
            INSERT INTO app VALUES (1, 'ann@example.org', 'ann'), (2, 'Ann@example.org', 'Ann'), (3, 'ANN@example.org', 'ANN');
            INSERT INTO logs VALUES (1, 'in'), (2, 'in'), (3, 'in'), (3, 'out')
            """);
        var people = Named(Config("people", "postgres", [("connection", connection), ("table", "people")]));
        var app = Named(Config("app", "postgres", [("connection", connection), ("table", "app")])) with
        {
            Unique = [IdentifierKind.Email],
            Duplicates = DuplicatesAction.Merge,
            TrustEmail = true,
            References = [new ReferencePlace { Table = "logs", Fields = ["who"], AccountFields = ["id"] }],
        };
        await using var repair = await Repair.OfAsync(new PostgresSystem(people), people, new PostgresSystem(app), app, WithIds);
        const string state = "SELECT a::text FROM app a UNION ALL SELECT l::text FROM logs l ORDER BY 1";
        var before = await QueryAsync(connection, state);

        var run = await repair.ApplyAsync("Nobody is adopted or merged on a guess: look at the evidence and make the identifiers or ids say who is who.");

        (await QueryAsync(connection, "SELECT l::text FROM logs l ORDER BY 1")).ShouldBe(["(1,in)", "(1,in)", "(1,in)", "(1,out)"]);
        await repair.UndoAsync(run);
        (await QueryAsync(connection, state)).ShouldBe(before);
    }
}
