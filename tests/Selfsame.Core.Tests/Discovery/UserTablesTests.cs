using Selfsame.Core.Accounts;
using Selfsame.Core.Discovery;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Tests.Discovery;

public sealed class UserTablesTests
{
    [Theory]
    [InlineData("users")]
    [InlineData("AspNetUsers")]
    [InlineData("wp_users")]
    [InlineData("USERS")]
    [InlineData("app_user")]
    [InlineData("members")]
    [InlineData("AppUser")]
    public void A_table_with_a_users_name_and_passwords_is_found_under_any_spelling(string name)
        => Ranked(Table(name, ["Email", "PasswordHash"]))[0].Score.ShouldBeGreaterThanOrEqualTo(UserTables.Enough);

    [Fact]
    public void A_row_for_a_person_and_something_else_is_not_the_person()
        => Ranked(Table("newsletter_signups", ["email", "created_at"]), Table("user_invitations", ["email", "token"]), Table("orders", ["email", "total"]))
            .ShouldAllBe(candidate => candidate.Score < UserTables.Enough);

    [Fact]
    public void The_table_with_passwords_comes_before_the_one_that_is_only_called_so()
        => Ranked(Table("customers", ["email", "name"]), Table("logins", ["username", "email", "password", "last_login"]))[0].Table.Name.ShouldBe("logins");

    [Fact]
    public void Of_equal_tables_the_larger_is_likelier()
        => Ranked(Table("users", ["email"]) with { Rows = 3 }, Table("accounts", ["email"]) with { Rows = 9_000 })[0].Table.Name.ShouldBe("accounts");

    [Fact]
    public void A_table_without_a_primary_key_or_an_identifier_is_none()
        => Ranked(Table("users", ["email"]) with { PrimaryKey = [] }, Table("users", ["street"])).ShouldBeEmpty();

    [Fact]
    public void A_phone_number_identifies_only_where_it_is_unique()
    {
        var shared = Table("users", ["email", "phone"]);
        var own = shared with { UniqueSets = [["phone"]] };

        Proposed(shared).Identifiers.Keys.ShouldBe([IdentifierKind.Email]);
        Proposed(shared).Notes.ShouldHaveSingleItem().ShouldContain("households");
        Proposed(own).Identifiers.Keys.ShouldBe([IdentifierKind.Email, IdentifierKind.Phone]);
    }

    [Fact]
    public void An_identifier_that_is_unique_beside_another_column_only_is_not_proposed_as_unique()
    {
        var users = Table("users", ["username", "email", "tenant_id", "NormalizedEmail"]) with { UniqueSets = [["id"]] };

        Proposed(users).Unique.ShouldBe([IdentifierKind.Username, IdentifierKind.Email]);
        Proposed(users with { UniqueSets = [["id"], ["tenant_id", "email"]] }).Unique.ShouldBe([IdentifierKind.Username]);
        Proposed(users with { UniqueSets = [["id"], ["tenant_id", "NormalizedEmail"]] }).Unique.ShouldBe([IdentifierKind.Username]);
        Proposed(users with { OtherUniqueSets = [["tenant_id", "email"]] }).Notes.ShouldContain(note => note.StartsWith("'email' is unique together with tenant_id only"));
        // A key for foreign keys says nothing of the kind, and what is unique alone is so.
        Proposed(users with { UniqueSets = [["id"], ["id", "email"]] }).Unique.ShouldBe([IdentifierKind.Username, IdentifierKind.Email]);
        Proposed(users with { UniqueSets = [["id"], ["tenant_id", "email"], ["email"]] }).Unique.ShouldBe([IdentifierKind.Username, IdentifierKind.Email]);
        Proposed(users with { UniqueSets = [["id"], ["tenant_id", "email"]], OtherUniqueSets = [["email"]] }).Unique.ShouldBe([IdentifierKind.Username, IdentifierKind.Email]);
    }

    [Fact]
    public void Names_that_YAML_would_take_for_something_else_are_quoted_and_read_back()
    {
        var table = new CatalogTable
        {
            Name = "my users",
            Columns = [new CatalogColumn("no", CatalogType.Whole), new CatalogColumn("e-mail", CatalogType.Text), new CatalogColumn("E_Mail", CatalogType.Text), new CatalogColumn("mail", CatalogType.Text)],
            PrimaryKey = ["no"],
        };
        var text = ConfigText.Write(Proposals.For(new Catalog("sqlite", [table]), "my users")!, "app.db");

        text.ShouldContain("table: \"my users\"");
        text.ShouldContain("id: \"no\"");
        var kind = new ConnectorKind { Name = "sqlite", Settings = [new ConnectorSetting("connection", true), new ConnectorSetting("table", true)] };
        var reading = new TopologyReader([kind], _ => null).Read(text);
        reading.Errors.ShouldBeEmpty();
        reading.Topology!.Systems["app"].Settings["table"].ShouldBe("my users");
    }

    private static IReadOnlyList<UserTable> Ranked(params CatalogTable[] tables) => UserTables.Rank(new Catalog("sqlite", tables));

    private static ProposedSystem Proposed(CatalogTable table) => Proposals.For(new Catalog("sqlite", [table]))!.Systems.ShouldHaveSingleItem();

    private static CatalogTable Table(string name, IReadOnlyList<string> columns) => new()
    {
        Name = name,
        Columns = [new CatalogColumn("id", CatalogType.Whole), .. columns.Select(column => new CatalogColumn(column, CatalogType.Text))],
        PrimaryKey = ["id"],
    };
}
