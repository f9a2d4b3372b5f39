using Selfsame.Core.Accounts;

namespace Selfsame.Contract.Tests.Connectors.Auth0;

/// <summary>The connector's contract, on records of the one shape that Auth0 has.</summary>
public sealed class Auth0ConnectorTests : Auth0Tenant
{
    [Fact]
    public async Task A_created_user_is_read_back_by_id_and_in_bulk_alike()
    {
        (await CreateAsync(1, "Ann@example.org", ("email_verified", true), ("username", "ann"), ("name", "Ann"), ("app_metadata.role", "editor"))).ShouldBeOfType<Done>();
        Verifications[Id(1)] = 2;

        var account = (await ReadAsync(1)).ShouldNotBeNull();
        account.Identifiers[IdentifierKind.Email].ShouldBe("ann@example.org");
        account.Identifiers[IdentifierKind.Username].ShouldBe("ann");
        account.Attributes["emailVerified"].ShouldBe(FieldValue.Boolean(true));
        account.Attributes["fullName"].ShouldBe(FieldValue.Text("Ann"));
        account.Attributes["role"].ShouldBe(FieldValue.Text("editor"));
        account.Attributes["active"].ShouldBe(FieldValue.Boolean(true));
        account.Attributes["verificationCount"].ShouldBe(FieldValue.Integer(2));
        (await ReadEverybodyAsync()).Accounts.Single().Record.ShouldBe(account.Record);
    }

    [Fact]
    public async Task The_address_in_place_of_a_name_is_no_name()
    {
        Fill(1);

        (await ReadAsync(1))!.Attributes["fullName"].IsNull.ShouldBeTrue();
    }

    [Fact]
    public async Task Up_to_a_thousand_users_are_read_by_pages()
    {
        Fill(1000);

        (await ReadEverybodyAsync()).Accounts.Select(account => account.Id).ShouldBe(Enumerable.Range(1, 1000).Select(Id));

        Server.Requests.ShouldNotContain(request => request.Contains("/jobs/", StringComparison.Ordinal));
    }

    [Fact]
    public async Task More_than_a_thousand_users_are_read_by_an_export_job()
    {
        Fill(2345);

        (await ReadEverybodyAsync()).Accounts.Select(account => account.Id).ShouldBe(Enumerable.Range(1, 2345).Select(Id), ignoreOrder: true);

        Server.Requests.Count.ShouldBeLessThan(8);
        (await ReadAsync(7))!.Record.ShouldBe((await ReadEverybodyAsync()).Accounts.Single(account => account.Id.Equals(Id(7))).Record);
    }

    [Fact]
    public async Task Reading_by_id_leaves_out_what_is_not_there()
    {
        Fill(30);

        var accounts = await System.ReadFreshAsync("idp", [.. Enumerable.Range(20, 20).Select(Id), new AccountId("auth0|no/body ?"), new AccountId("a", "b")], CancellationToken.None);

        accounts.Keys.Order(AccountId.Order).ShouldBe(Enumerable.Range(20, 11).Select(Id));
    }

    [Fact]
    public async Task A_taken_address_username_or_id_exists_already_and_nothing_is_created()
    {
        await CreateAsync(1, "ann@example.org", ("username", "ann"));

        (await CreateAsync(2, "ANN@example.org")).ShouldBeOfType<AlreadyExists>().Fields.ShouldBe(["email"]);
        (await CreateAsync(2, "bob@example.org", ("username", "ann"))).ShouldBeOfType<AlreadyExists>().Fields.ShouldBe(["username"]);
        (await CreateAsync(1, "bob@example.org")).ShouldBeOfType<AlreadyExists>().Fields.ShouldBe(["user_id"]);

        (await ReadEverybodyAsync()).Accounts.Single().Label.ShouldBe("ann");
    }

    [Fact]
    public async Task An_address_is_verified_only_where_the_fields_say_so()
    {
        await CreateAsync(1, "ann@example.org");
        await CreateAsync(2, "bob@example.org", ("email_verified", true));

        (await ReadAsync(1))!.Attributes["emailVerified"].ShouldBe(FieldValue.Boolean(false));
        (await System.UpdateAsync(Id(2), Of(("email", "new@example.org")), Fields.Empty, CancellationToken.None)).ShouldBeOfType<Done>();
        (await ReadAsync(2))!.Attributes["emailVerified"].ShouldBe(FieldValue.Boolean(false));
    }

    [Fact]
    public async Task An_update_under_a_true_precondition_sets_exactly_its_fields_and_takes_itself_back()
    {
        await CreateAsync(1, "ann@example.org", ("name", "Ann"), ("app_metadata.role", "editor"));
        var before = (await ReadAsync(1))!.Record;
        var set = Of(("name", "New"), ("active", false), ("app_metadata.role", null));

        (await System.UpdateAsync(Id(1), set, before.Only(["email", "active", "verification_count"]), CancellationToken.None)).ShouldBeOfType<Done>();

        set.DifferencesFrom((await ReadAsync(1))!.Record, "").ShouldBeEmpty();
        (await System.UpdateAsync(Id(1), before.Only(set.Keys), set, CancellationToken.None)).ShouldBeOfType<Done>();
        (await ReadAsync(1))!.Record.ShouldBe(before);
    }

    [Fact]
    public async Task A_change_of_a_user_who_changed_meanwhile_or_is_gone_changes_nothing()
    {
        await CreateAsync(1, "ann@example.org", ("name", "Ann"));
        var before = (await ReadAsync(1))!.Record;
        Server.Users.Set(Id(1).ToString(), "name", "Other");

        (await System.UpdateAsync(Id(1), Of(("name", "New")), before.Only(["name"]), CancellationToken.None)).ShouldBeOfType<Drifted>().Message.ShouldContain("name");
        (await System.DeleteAsync(Id(1), before, CancellationToken.None)).ShouldBeOfType<Drifted>();
        (await System.UpdateAsync(Id(9), Of(("active", false)), Fields.Empty, CancellationToken.None)).ShouldBeOfType<Drifted>();
        (await System.DeleteAsync(Id(9), Fields.Empty, CancellationToken.None)).ShouldBeOfType<Drifted>();

        (await ReadAsync(1))!.Attributes["fullName"].ShouldBe(FieldValue.Text("Other"));
        Server.Requests.ShouldNotContain(request => request.StartsWith("PATCH", StringComparison.Ordinal) || request.StartsWith("DELETE", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_deletion_deletes_that_user_alone_and_from_the_record_the_user_is_made_again()
    {
        await CreateAsync(1, "ann@example.org", ("email_verified", true), ("name", "Ann"), ("active", false));
        await CreateAsync(2, "bob@example.org");
        var before = (await ReadAsync(1))!.Record;

        (await System.DeleteAsync(Id(1), before, CancellationToken.None)).ShouldBeOfType<Done>();
        (await ReadEverybodyAsync()).Accounts.Single().Label.ShouldBe("bob@example.org");
        (await System.CreateAsync(Id(1), before, CancellationToken.None)).ShouldBeOfType<Done>();

        before.DifferencesFrom((await ReadAsync(1))!.Record, "").ShouldBeSubsetOf(["created_at"]);
        (await System.DescribeAsync(CancellationToken.None)).DeletionEffects.ShouldNotBeEmpty();
    }

    [Fact]
    public async Task What_Auth0_does_not_take_is_refused_and_said_before_anything_is_asked()
    {
        (await CreateAsync(1, "ann@example.org", ("shoe_size", "42"))).ShouldBeOfType<Refused>().Message.ShouldContain("shoe_size");
        (await System.CreateAsync(new AccountId("google-oauth2|1"), Of(("email", "ann@example.org")), CancellationToken.None)).ShouldBeOfType<Refused>().Message.ShouldContain("signs in");
        (await System.CreateAsync(Id(2), Of(("user_id", Id(2).ToString())), CancellationToken.None)).ShouldBeOfType<Refused>();
        await CreateAsync(1, "ann@example.org");
        (await System.UpdateAsync(Id(1), Of(("email", null)), Fields.Empty, CancellationToken.None)).ShouldBeOfType<Refused>().Message.ShouldContain("take away");
        (await System.UpdateAsync(Id(1), Of(("email", "new@example.org"), ("username", "new")), Fields.Empty, CancellationToken.None)).ShouldBeOfType<Refused>().Message.ShouldContain("one after the other");
    }

    [Fact]
    public async Task Users_are_found_by_an_address_in_another_case_and_by_a_username()
    {
        Fill(20);
        await CreateAsync(21, "ann_x@example.org", ("username", "ann_x"));

        (await FindAsync(IdentifierKind.Email, "Ann_X@example.org")).Single().Id.ShouldBe(Id(21));
        (await FindAsync(IdentifierKind.Username, "Ann_x")).Single().Id.ShouldBe(Id(21));
        (await FindAsync(IdentifierKind.Email, [.. Enumerable.Range(1, 15).Select(number => $"User{number}@example.org")])).Count.ShouldBe(15);
    }

    private Task<IReadOnlyList<Account>> FindAsync(IdentifierKind kind, params string[] values)
        => System.FindAsync(new Dictionary<IdentifierKind, IReadOnlyList<string>> { [kind] = values }, CancellationToken.None);
}
