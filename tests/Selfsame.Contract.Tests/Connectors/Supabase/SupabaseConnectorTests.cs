using Selfsame.Core.Accounts;

namespace Selfsame.Contract.Tests.Connectors.Supabase;

/// <summary>The connector's contract, on records of the one shape that Supabase Auth has.</summary>
[Trait("needs", "postgresql")]
public sealed class SupabaseConnectorTests : SupabaseProject
{
    [Fact]
    public async Task A_created_user_is_read_back_by_id_and_in_bulk_alike()
    {
        (await CreateAsync(1, "ann@example.org", ("phone", "+4512345678"), ("email_confirmed", true), ("user_metadata.full_name", "Ann"), ("app_metadata.role", "editor")))
            .ShouldBeOfType<Done>();

        var account = (await ReadAsync(1)).ShouldNotBeNull();
        account.Identifiers[IdentifierKind.Email].ShouldBe("ann@example.org");
        account.Identifiers[IdentifierKind.Phone].ShouldBe("+4512345678");
        account.Attributes["emailVerified"].ShouldBe(FieldValue.Boolean(true));
        account.Attributes["fullName"].ShouldBe(FieldValue.Text("Ann"));
        account.Attributes["role"].ShouldBe(FieldValue.Text("editor"));
        account.Attributes["active"].ShouldBe(FieldValue.Boolean(true));
        (await ReadEverybodyAsync()).Accounts.Single().Record.ShouldBe(account.Record);
    }

    [Fact]
    public async Task A_bulk_read_of_several_pages_gives_everybody_once()
    {
        await FillAsync(1234);

        (await ReadEverybodyAsync()).Accounts.Select(account => account.Id).ShouldBe(Enumerable.Range(1, 1234).Select(Id));

        Server.Requests.Count.ShouldBeLessThan(6);
    }

    [Fact]
    public async Task Reading_by_id_leaves_out_what_is_not_there_and_what_is_no_uuid()
    {
        await FillAsync(30);

        var accounts = await System.ReadFreshAsync("auth", [.. Enumerable.Range(20, 20).Select(Id), new AccountId("7"), new AccountId("a", "b")], CancellationToken.None);

        accounts.Keys.Order(AccountId.Order).ShouldBe(Enumerable.Range(20, 11).Select(Id));
    }

    [Fact]
    public async Task A_taken_address_number_or_id_exists_already_and_nothing_is_created()
    {
        await CreateAsync(1, "ann@example.org", ("phone", "+4512345678"));

        (await CreateAsync(2, "ANN@example.org")).ShouldBeOfType<AlreadyExists>().Fields.ShouldBe(["email"]);
        (await CreateAsync(2, "bob@example.org", ("phone", "+4512345678"))).ShouldBeOfType<AlreadyExists>().Fields.ShouldBe(["phone"]);
        (await CreateAsync(1, "bob@example.org")).ShouldBeOfType<AlreadyExists>().Fields.ShouldBe(["id"]);

        (await ReadEverybodyAsync()).Accounts.Single().Label.ShouldBe("ann@example.org");
    }

    [Fact]
    public async Task An_address_is_confirmed_only_where_the_fields_say_so_and_without_a_hash_nobody_knows_the_password()
    {
        const string hash = "$2b$12$abcdefghijklmnopqrstuuJd1lGbMkYlDRhfPT6u7L1Q4nYz3K2Ha";
        await CreateAsync(1, "ann@example.org", ("email_confirmed", false));
        await CreateAsync(2, "bob@example.org", ("password_hash", hash));

        (await ReadAsync(1))!.Attributes["emailVerified"].ShouldBe(FieldValue.Boolean(false));
        ((string)(await SqlAsync("SELECT encrypted_password FROM auth.users WHERE email LIKE 'ann%'"))!).Length.ShouldBeGreaterThan(50);
        (await SqlAsync("SELECT encrypted_password FROM auth.users WHERE email LIKE 'bob%'")).ShouldBe(hash);
        (await CreateAsync(3, "cy@example.org", ("password_hash", "pbkdf2_sha256$1$a$b"))).ShouldBeOfType<Refused>().Message.ShouldContain("bcrypt");
    }

    [Theory]
    [InlineData("$2b$12$abcdefghijklmnopqrstuuJd1lGbMkYlDRhfPT6u7L1Q4nYz3K2Ha", true)]
    [InlineData("$2y$10$abcdefghijklmnopqrstuuJd1lGbMkYlDRhfPT6u7L1Q4nYz3K2Ha", true)]
    [InlineData("$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$aGFzaA", true)]
    [InlineData("$argon2d$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$aGFzaA", false)]
    [InlineData("$argon2id$v=16$m=19456,t=2,p=1$c29tZXNhbHQ$aGFzaA", false)]
    [InlineData("bcrypt$$2b$12$abcdefghijklmnopqrstuuJd1lGbMkYlDRhfPT6u7L1Q4nYz3K2Ha", false)]
    [InlineData("$2b$12$short", false)]
    [InlineData("pbkdf2_sha256$600000$salt$hash", false)]
    public async Task It_says_which_hashes_its_users_may_carry(string hash, bool takes)
        => (await System.DescribeAsync(CancellationToken.None)).PasswordHashes!.Takes(hash).ShouldBe(takes);

    [Fact]
    public async Task A_recovery_mail_is_asked_for_and_who_has_no_address_is_told()
    {
        await CreateAsync(1, "ann@example.org");
        await System.CreateAsync(Id(2), Of(("id", Id(2).ToString()), ("phone", "+4512345678")), CancellationToken.None);

        (await System.SendRecoveryMailAsync(Id(1), CancellationToken.None)).ShouldBeOfType<Done>();
        (await System.SendRecoveryMailAsync(Id(1), CancellationToken.None)).ShouldBeOfType<Throttled>();
        (await System.SendRecoveryMailAsync(Id(2), CancellationToken.None)).ShouldBeOfType<Refused>().Message.ShouldContain("no e-mail address");
        (await System.SendRecoveryMailAsync(Id(9), CancellationToken.None)).ShouldBeOfType<Drifted>();

        Server.Recoveries.ShouldBe(["ann@example.org"]);
    }

    [Fact]
    public async Task An_update_under_a_true_precondition_sets_exactly_its_fields_and_takes_itself_back()
    {
        await CreateAsync(1, "ann@example.org", ("user_metadata.full_name", "Ann"), ("app_metadata.role", "editor"));
        var before = (await ReadAsync(1))!.Record;
        var set = Of(("user_metadata.full_name", "New"), ("active", false), ("app_metadata.role", null));

        (await System.UpdateAsync(Id(1), set, before.Only(["email", "active"]), CancellationToken.None)).ShouldBeOfType<Done>();

        var after = (await ReadAsync(1))!.Record;
        set.DifferencesFrom(after, "").ShouldBeEmpty();
        after["app_metadata"].AsNative!.Text.ShouldBe("""{"provider":"email","providers":["email"]}""");
        (await System.UpdateAsync(Id(1), before.Only(set.Keys), set, CancellationToken.None)).ShouldBeOfType<Done>();
        (await ReadAsync(1))!.Record.ShouldBe(before);
    }

    [Fact]
    public async Task A_change_of_a_user_who_changed_meanwhile_or_is_gone_changes_nothing()
    {
        await CreateAsync(1, "ann@example.org", ("user_metadata.full_name", "Ann"));
        var before = (await ReadAsync(1))!.Record;
        await SqlAsync("""UPDATE auth.users SET raw_user_meta_data = '{"full_name": "Other"}'""");

        (await System.UpdateAsync(Id(1), Of(("user_metadata.full_name", "New")), before.Only(["user_metadata.full_name"]), CancellationToken.None))
            .ShouldBeOfType<Drifted>().Message.ShouldContain("full_name");
        (await System.DeleteAsync(Id(1), before, CancellationToken.None)).ShouldBeOfType<Drifted>();
        (await System.UpdateAsync(Id(9), Of(("active", false)), Fields.Empty, CancellationToken.None)).ShouldBeOfType<Drifted>();
        (await System.DeleteAsync(Id(9), Fields.Empty, CancellationToken.None)).ShouldBeOfType<Drifted>();

        (await ReadAsync(1))!.Attributes["fullName"].ShouldBe(FieldValue.Text("Other"));
        Server.Requests.ShouldNotContain(request => request.StartsWith("PUT", StringComparison.Ordinal) || request.StartsWith("DELETE", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_unproved_address_never_comes_to_stand_as_confirmed()
    {
        await CreateAsync(1, "ann@example.org", ("email_confirmed", true));

        (await System.UpdateAsync(Id(1), Of(("email", "new@example.org")), Fields.Empty, CancellationToken.None)).ShouldBeOfType<Refused>().Message.ShouldContain("confirmed");
        (await System.UpdateAsync(Id(1), Of(("email_confirmed", false)), Fields.Empty, CancellationToken.None)).ShouldBeOfType<Refused>();
        (await System.UpdateAsync(Id(1), Of(("email", "new@example.org"), ("email_confirmed", true)), Fields.Empty, CancellationToken.None)).ShouldBeOfType<Done>();

        (await ReadAsync(1))!.Label.ShouldBe("new@example.org");
    }

    [Fact]
    public async Task A_deletion_deletes_that_user_alone_and_from_the_record_the_user_is_made_again()
    {
        await CreateAsync(1, "ann@example.org", ("email_confirmed", true), ("user_metadata.full_name", "Ann"), ("active", false));
        await CreateAsync(2, "bob@example.org");
        var before = (await ReadAsync(1))!.Record;

        (await System.DeleteAsync(Id(1), before, CancellationToken.None)).ShouldBeOfType<Done>();
        (await ReadEverybodyAsync()).Accounts.Single().Label.ShouldBe("bob@example.org");
        (await System.CreateAsync(Id(1), before, CancellationToken.None)).ShouldBeOfType<Done>();

        before.DifferencesFrom((await ReadAsync(1))!.Record, "").ShouldBeSubsetOf(["created_at", "banned_until"]);
        (await System.DescribeAsync(CancellationToken.None)).DeletionEffects.ShouldContain(effect => effect.Contains("ON DELETE CASCADE", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_field_that_is_not_there_is_refused()
    {
        (await CreateAsync(1, "ann@example.org", ("shoe_size", "42"))).ShouldBeOfType<Refused>().Message.ShouldContain("shoe_size");
        await CreateAsync(1, "ann@example.org");
        (await System.UpdateAsync(Id(1), Of(("shoe_size", "42")), Fields.Empty, CancellationToken.None)).ShouldBeOfType<Refused>();
        (await System.UpdateAsync(Id(1), Of(("email", null)), Fields.Empty, CancellationToken.None)).ShouldBeOfType<Refused>().Message.ShouldContain("take away");
        (await System.CreateAsync(Id(2), Of(("id", Id(2).ToString())), CancellationToken.None)).ShouldBeOfType<Refused>();
    }

    [Fact]
    public async Task Users_are_found_by_an_address_in_another_case_and_by_a_phone_number()
    {
        await FillAsync(20);
        await CreateAsync(21, "ann_x@example.org", ("phone", "+4512345678"));

        (await FindAsync(IdentifierKind.Email, "Ann_X@example.org")).Single().Id.ShouldBe(Id(21));
        (await FindAsync(IdentifierKind.Phone, "+4512345678")).Single().Id.ShouldBe(Id(21));
        (await FindAsync(IdentifierKind.Email, [.. Enumerable.Range(1, 15).Select(number => $"User{number}@example.org")])).Count.ShouldBe(15);
    }

    [Fact]
    public async Task Users_of_a_single_sign_on_may_repeat_an_address_and_name_nobody_by_it()
    {
        await CreateAsync(1, "ann@example.org");
        await SqlAsync(
            """
            INSERT INTO auth.users (id, aud, email, is_sso_user, created_at, raw_app_meta_data)
            VALUES ('00000000-0000-0000-0000-000000000002', 'authenticated', 'ann@example.org', true, now(), '{"provider": "sso:7a1c", "providers": ["sso:7a1c"]}')
            """);

        var accounts = (await ReadEverybodyAsync()).Accounts;

        accounts.Count(account => account.Identifiers.ContainsKey(IdentifierKind.Email)).ShouldBe(1);
        accounts[1].Record["email"].ShouldBe(FieldValue.Text("ann@example.org"));
        accounts[1].Record["is_sso_user"].ShouldBe(FieldValue.Boolean(true));
    }

    [Fact]
    public async Task A_soft_deleted_user_is_inactive_and_has_no_identifiers()
    {
        await CreateAsync(1, "ann@example.org");
        await SqlAsync("UPDATE auth.users SET email = 'LCTQ9Kq1wz', deleted_at = now()");

        var account = (await ReadEverybodyAsync()).Accounts.Single();

        account.Identifiers.ShouldBeEmpty();
        account.Attributes["active"].ShouldBe(FieldValue.Boolean(false));
    }

    private Task<IReadOnlyList<Account>> FindAsync(IdentifierKind kind, params string[] values)
        => System.FindAsync(new Dictionary<IdentifierKind, IReadOnlyList<string>> { [kind] = values }, CancellationToken.None);
}
