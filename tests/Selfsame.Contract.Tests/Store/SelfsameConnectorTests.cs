using Selfsame.Core.Accounts;
using Selfsame.Store;
using Selfsame.Store.Audit;
using Selfsame.Store.Sessions;
using Selfsame.Store.Users;

namespace Selfsame.Contract.Tests.Store;

public sealed class SelfsameConnectorOnSqliteFileTests() : SelfsameConnectorTests(Backend.SqliteFile);

public sealed class SelfsameConnectorInSqliteMemoryTests() : SelfsameConnectorTests(Backend.SqliteMemory);

[Trait("needs", "postgresql")]
public sealed class SelfsameConnectorOnPostgreSqlTests() : SelfsameConnectorTests(Backend.PostgreSql);

/// <summary>The connectors' contract, on records of the one shape that our own users have.</summary>
public abstract class SelfsameConnectorTests(Backend backend) : IAsyncLifetime
{
    private const string Bcrypt = "$2b$04$abcdefghijklmnopqrstuuJd1lGbMkYlDRhfPT6u7L1Q4nYz3K2Ha";

    private TestStore store = null!;
    private SelfsameConnector system = null!;

    public async ValueTask InitializeAsync()
    {
        store = await TestStore.CreateAsync(backend);
        system = new SelfsameConnector(store.Context, TestStore.Tenant);
    }

    public async ValueTask DisposeAsync()
    {
        await store.CheckInvariantsAsync();
        await store.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task A_created_user_is_read_back_by_id_and_in_bulk_as_it_was_written()
    {
        var fields = Of(
            ("uuid", Id(1).ToString()), ("username", "Ann"), ("email", "Ann@Example.org"), ("email_verified", true), ("phone", "+64215550100"), ("handle", "ann-a"),
            ("user_code", "ac21xadeh"), ("first_name", "Ann"), ("last_name", null), ("locale", "en-nz"), ("role", "editor"), ("is_active", true), ("is_staff", true),
            ("is_superuser", false), ("created_at", "2021-05-01T10:00:00.000000Z"));

        (await system.CreateAsync(Id(1), fields, TestStore.Cancellation)).ShouldBeOfType<Done>();

        var account = (await ReadAsync(1)).ShouldNotBeNull();
        fields.DifferencesFrom(account.Record, "").ShouldBeEmpty();
        account.Attributes["emailVerified"].ShouldBe(FieldValue.Boolean(true));
        (await ReadEverybodyAsync()).Single().Record.ShouldBe(account.Record);
        (await AuditTrail.ReadAsync(store.Context, Uuid(1), 10, TestStore.Cancellation)).Single().ShouldSatisfyAllConditions(
            entry => entry.Event.ShouldBe("user.moved-in"), entry => entry.Actor.ShouldBe("reconciliation"));
    }

    [Fact]
    public async Task What_is_left_out_gets_the_services_own_and_an_address_is_verified_only_where_the_fields_say_so()
    {
        (await CreateAsync(1, "ann", "ann@example.org")).ShouldBeOfType<Done>();

        var record = (await ReadAsync(1))!.Record;
        record["email_verified"].ShouldBe(FieldValue.Boolean(false));
        record["is_active"].ShouldBe(FieldValue.Boolean(true));
        record["user_code"].AsText.ShouldNotBeNull().ShouldStartWith("ac26");
        record["locale"].AsText.ShouldNotBeNull();
    }

    [Fact]
    public async Task Nobody_who_moves_in_is_sent_a_mail_unasked()
    {
        await CreateAsync(1, "ann", "ann@example.org");

        (await store.TakeMailsAsync()).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_username_that_is_an_address_makes_no_address()
    {
        (await system.CreateAsync(Id(1), Of(("username", "ann@example.org"), ("email", null)), TestStore.Cancellation)).ShouldBeOfType<Done>();

        (await ReadAsync(1))!.Record["email"].IsNull.ShouldBeTrue();
    }

    [Fact]
    public async Task What_is_planned_is_spelled_as_it_will_stand()
    {
        var facts = await system.DescribeAsync(TestStore.Cancellation);
        var given = Of(
            ("username", " Ann "), ("email", " Ann@Example.org"), ("phone", "+64 21 555 0100"), ("handle", "Ann-A"), ("user_code", "AC21XADEH"), ("first_name", " Ann "),
            ("locale", "en-NZ"), ("email_verified", "2020-01-01 00:00:00+00"), ("is_active", 1L), ("is_staff", 0L), ("created_at", "2021-05-01 12:00:00.1234567+02:00"));
        var planned = new Fields(given.Select(pair => KeyValuePair.Create(pair.Key, facts.Spell(new ForeignValue(pair.Key, pair.Value)).Value)));

        await system.CreateAsync(Id(1), planned, TestStore.Cancellation);

        planned.DifferencesFrom((await ReadAsync(1))!.Record, "").ShouldBeEmpty();
        planned["created_at"].AsText.ShouldBe("2021-05-01T10:00:00.123456Z");
        facts.Spell(new ForeignValue("username", FieldValue.Text("two words"))).Value.AsText.ShouldBe("two words");
        facts.Spell(new ForeignValue("locale", FieldValue.Null)).Value.IsNull.ShouldBeTrue();
    }

    [Fact]
    public async Task A_bulk_read_of_more_than_one_portion_gives_everybody_once_and_leaves_out_whom_it_should()
    {
        await store.ExecuteAsync(
            $"""
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2345)
            INSERT INTO users (uuid, tenant, username, user_code, locale, role, is_active, is_staff, is_superuser, version, created_at, updated_at)
            SELECT {(backend == Backend.PostgreSql ? "lpad(CAST(i AS text), 32, '0')::uuid" : "'00000000-0000-0000-0000-' || substr('000000000000' || i, -12)")},
              'main', 'user' || i, 'code' || i, 'en', 'observer', true, false, false, 1, @now, @now FROM n
            """,
            new { now = store.Context.Now() });
        await store.ExecuteAsync("UPDATE users SET tenant = 'second' WHERE username = 'user7'");
        await store.ExecuteAsync("UPDATE users SET deleted_at = @now WHERE username = 'user8'", new { now = store.Context.Now() });

        var labels = (await ReadEverybodyAsync()).Select(account => account.Label).ToList();

        labels.Count.ShouldBe(2343);
        labels.Distinct().Count().ShouldBe(2343);
        await store.ExecuteAsync("DELETE FROM users");
    }

    [Fact]
    public async Task Reading_by_id_leaves_out_what_is_not_there_and_what_is_no_uuid()
    {
        await CreateAsync(1, "ann");

        var accounts = await system.ReadFreshAsync("users", [Id(1), Id(2), new AccountId("7"), new AccountId("a", "b")], TestStore.Cancellation);

        accounts.Keys.Single().ShouldBe(Id(1));
    }

    [Fact]
    public async Task All_taken_fields_are_named_and_nothing_is_created()
    {
        await system.CreateAsync(Id(1), Of(("username", "ann"), ("email", "ann@example.org"), ("handle", "ann-a"), ("user_code", "ac21xadeh")), TestStore.Cancellation);

        var taken = (await system.CreateAsync(
            Id(2), Of(("username", "ANN"), ("email", "ANN@example.org"), ("handle", "ac21xadeh"), ("user_code", "ac21xadeh")), TestStore.Cancellation)).ShouldBeOfType<AlreadyExists>();

        taken.Fields.ShouldBe(["email", "handle", "user_code", "username"], ignoreOrder: true);
        (await ReadEverybodyAsync()).Single().Id.ShouldBe(Id(1));
    }

    [Fact]
    public async Task A_taken_id_exists_already_and_stays_as_it_is()
    {
        await CreateAsync(1, "ann");

        (await CreateAsync(1, "bob")).ShouldBeOfType<AlreadyExists>().Fields.ShouldBe(["uuid"]);

        (await ReadEverybodyAsync()).Single().Label.ShouldBe("ann");
        (await store.CountAsync("identifiers")).ShouldBe(await store.CountAsync("identifiers", "user_id = (SELECT id FROM users)"));
    }

    [Fact]
    public async Task Of_parallel_creations_of_one_person_one_makes_the_user()
    {
        var outcomes = await TestStore.InParallelAsync(20, index => CreateAsync(index + 1, index % 2 == 0 ? "ann" : "ANN", "ann@example.org"));

        outcomes.OfType<Done>().Count().ShouldBe(1);
        outcomes.OfType<AlreadyExists>().Count().ShouldBe(19);
        (await ReadEverybodyAsync()).Count.ShouldBe(1);
    }

    [Fact]
    public async Task What_the_service_would_refuse_of_anybody_is_refused_and_named()
    {
        (await CreateAsync(1, "two words")).ShouldBeOfType<Refused>().Message.ShouldContain("username");
        (await system.CreateAsync(Id(1), Of(("username", "ann"), ("password_hash", "md5$1$2")), TestStore.Cancellation)).ShouldBeOfType<Refused>().Message.ShouldContain("password hash");
        (await system.CreateAsync(Id(1), Of(("username", "ann"), ("shoe_size", "42")), TestStore.Cancellation)).ShouldBeOfType<Refused>().Message.ShouldContain("shoe_size");
        (await system.CreateAsync(new AccountId("7"), Of(("username", "ann")), TestStore.Cancellation)).ShouldBeOfType<Refused>().Message.ShouldContain("uuid");
        (await new SelfsameConnector(store.Context, "nowhere").CreateAsync(Id(1), Of(("username", "ann")), TestStore.Cancellation)).ShouldBeOfType<Refused>().Message.ShouldContain("nowhere");

        (await store.CountAsync("users")).ShouldBe(0);
    }

    [Fact]
    public async Task An_update_under_a_true_precondition_sets_exactly_its_fields_and_takes_itself_back()
    {
        await CreateAsync(1, "ann", "ann@example.org");
        var before = (await ReadAsync(1))!.Record;
        var set = Of(("username", "Anna"), ("email", "new@example.org"), ("email_verified", true), ("handle", "anna"), ("first_name", "Anna"), ("role", "editor"), ("is_active", false));

        (await system.UpdateAsync(Id(1), set, before.Only(["username", "email"]), TestStore.Cancellation)).ShouldBeOfType<Done>();

        (await ReadAsync(1))!.Record.ShouldBe(before.With(set));
        (await system.UpdateAsync(Id(1), before.Only(set.Keys), set, TestStore.Cancellation)).ShouldBeOfType<Done>();
        (await ReadAsync(1))!.Record.ShouldBe(before);
    }

    [Fact]
    public async Task A_change_of_a_user_who_changed_meanwhile_or_is_gone_changes_nothing()
    {
        await CreateAsync(1, "ann");
        var before = (await ReadAsync(1))!.Record;
        await store.ExecuteAsync("UPDATE users SET first_name = 'Other'");

        (await system.UpdateAsync(Id(1), Of(("first_name", "New")), before.Only(["first_name"]), TestStore.Cancellation)).ShouldBeOfType<Drifted>().Message.ShouldContain("first_name");
        (await system.DeleteAsync(Id(1), before, TestStore.Cancellation)).ShouldBeOfType<Drifted>();
        (await system.UpdateAsync(Id(9), Of(("first_name", "New")), Fields.Empty, TestStore.Cancellation)).ShouldBeOfType<Drifted>();
        (await system.DeleteAsync(Id(9), Fields.Empty, TestStore.Cancellation)).ShouldBeOfType<Drifted>();

        (await ReadAsync(1))!.Record["first_name"].ShouldBe(FieldValue.Text("Other"));
    }

    [Fact]
    public async Task Of_parallel_updates_under_one_precondition_one_is_made()
    {
        await CreateAsync(1, "ann");
        var before = (await ReadAsync(1))!.Record.Only(["first_name"]);

        var outcomes = await TestStore.InParallelAsync(10, index => system.UpdateAsync(Id(1), Of(("first_name", $"Name {index}")), before, TestStore.Cancellation));

        outcomes.OfType<Done>().Count().ShouldBe(1);
        outcomes.OfType<Drifted>().Count().ShouldBe(9);
    }

    [Fact]
    public async Task An_update_into_a_value_that_is_taken_in_another_spelling_is_refused_whole()
    {
        await CreateAsync(1, "ann", "ann@example.org");
        await CreateAsync(2, "bob", "bob@example.org");

        (await system.UpdateAsync(Id(2), Of(("email", "ANN@example.org"), ("first_name", "New")), Fields.Empty, TestStore.Cancellation))
            .ShouldBeOfType<AlreadyExists>().Fields.ShouldBe(["email"]);

        (await ReadAsync(2))!.Record["first_name"].IsNull.ShouldBeTrue();
    }

    [Fact]
    public async Task What_has_no_way_to_be_changed_is_refused()
    {
        await system.CreateAsync(Id(1), Of(("username", "ann"), ("email", "ann@example.org"), ("email_verified", true)), TestStore.Cancellation);

        (await system.UpdateAsync(Id(1), Of(("user_code", "ac21xadeh")), Fields.Empty, TestStore.Cancellation)).ShouldBeOfType<Refused>().Message.ShouldContain("user_code");
        (await system.UpdateAsync(Id(1), Of(("password_hash", Bcrypt)), Fields.Empty, TestStore.Cancellation)).ShouldBeOfType<Refused>();
        (await system.UpdateAsync(Id(1), Of(("shoe_size", "42")), Fields.Empty, TestStore.Cancellation)).ShouldBeOfType<Refused>().Message.ShouldContain("shoe_size");
        (await system.UpdateAsync(Id(1), Of(("email", "new@example.org")), Fields.Empty, TestStore.Cancellation)).ShouldBeOfType<Refused>().Message.ShouldContain("emailVerified");
    }

    [Fact]
    public async Task Disabling_ends_the_sessions()
    {
        var user = await store.CreateVerifiedAsync("ann", "ann@example.org");
        await store.SignedInAsync("ann");

        (await system.UpdateAsync(new AccountId(user.Uuid.ToString("D")), Of(("is_active", false)), Of(("is_active", true)), TestStore.Cancellation)).ShouldBeOfType<Done>();

        (await store.SignInAsync("ann")).ShouldBeOfType<SignInResult.Refused>();
        (await store.CountAsync("sessions")).ShouldBe(0);
    }

    [Fact]
    public async Task A_deletion_is_soft_keeps_the_name_reserved_and_from_the_record_the_user_is_restored_with_the_password()
    {
        await CreateAsync(2, "bob");
        var user = await store.CreateVerifiedAsync("ann", "ann@example.org");
        var id = new AccountId(user.Uuid.ToString("D"));
        var before = (await system.ReadByIdAsync([id], TestStore.Cancellation)).Single().Record;

        (await system.DeleteAsync(id, before, TestStore.Cancellation)).ShouldBeOfType<Done>();
        (await ReadEverybodyAsync()).Single().Label.ShouldBe("bob");
        (await CreateAsync(3, "ann")).ShouldBeOfType<AlreadyExists>().Message.ShouldContain("restore");
        (await system.CreateAsync(id, before.With(Of(("first_name", "Other"))), TestStore.Cancellation)).ShouldBeOfType<AlreadyExists>();
        (await system.CreateAsync(id, before, TestStore.Cancellation)).ShouldBeOfType<Done>();

        (await system.ReadByIdAsync([id], TestStore.Cancellation)).Single().Record.ShouldBe(before);
        (await store.SignInAsync("ann")).ShouldBeOfType<SignInResult.SignedIn>();
    }

    [Fact]
    public async Task Accounts_are_found_by_an_identifier_in_another_case()
    {
        await CreateAsync(1, "Ann");
        await CreateAsync(2, "bob");

        (await system.FindAsync(new Dictionary<IdentifierKind, IReadOnlyList<string>> { [IdentifierKind.Username] = ["ANN", "ann"] }, TestStore.Cancellation)).Single().Id.ShouldBe(Id(1));
    }

    // SQLite's lower folds ASCII only, PostgreSQL's as its collation says.
    [Fact]
    public async Task Accounts_are_found_by_our_key_whatever_the_database_folds()
    {
        await CreateAsync(1, "\u00C9lodie");
        await CreateAsync(2, "bob");
        await store.ExecuteAsync("UPDATE users SET phone = '+64215550100' WHERE username = 'bob'");

        foreach (var spelling in new[] { "\u00E9lodie", "\u00C9LODIE", "e\u0301lodie" })
        {
            (await system.FindAsync(Wanted(IdentifierKind.Username, spelling), TestStore.Cancellation)).Single().Id.ShouldBe(Id(1), spelling);
        }

        (await system.FindAsync(Wanted(IdentifierKind.Phone, "+64 21 555 0100"), TestStore.Cancellation)).Single().Id.ShouldBe(Id(2));
        (await system.FindAsync(Wanted(IdentifierKind.Username, "a b"), TestStore.Cancellation)).ShouldBeEmpty();

        static Dictionary<IdentifierKind, IReadOnlyList<string>> Wanted(IdentifierKind kind, string value) => new() { [kind] = [value] };
    }

    [Fact]
    public async Task Its_unique_indexes_and_its_permissions_are_told()
    {
        (await system.ReadIndexesAsync(TestStore.Cancellation)).ShouldContain(index => index.Fields.SequenceEqual(new[] { "email" }) && index.Unique);
        (await system.ProbeAsync(TestStore.Cancellation)).ShouldAllBe(probe => probe.Answer == ProbeAnswer.Yes);
    }

    [Fact]
    public async Task A_value_that_looks_like_SQL_is_only_a_value()
    {
        const string evil = "x'); DROP TABLE users; --";

        (await system.CreateAsync(Id(1), Of(("username", "ann"), ("first_name", evil)), TestStore.Cancellation)).ShouldBeOfType<Done>();

        (await ReadAsync(1))!.Record["first_name"].AsText.ShouldBe(evil);
        (await system.ReadByIdAsync([new AccountId(evil)], TestStore.Cancellation)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Whoever_moved_in_without_a_password_signs_in_by_the_link_of_the_mail_and_by_nothing_else()
    {
        await CreateAsync(1, "ann", "ann@example.org");
        (await store.SignInAsync("ann", "")).ShouldBeOfType<SignInResult.Refused>();
        (await store.SignInAsync("ann")).ShouldBeOfType<SignInResult.Refused>();

        (await system.SendRecoveryMailAsync(Id(1), TestStore.Cancellation)).ShouldBeOfType<Done>();
        var token = await store.TakeTokenAsync("ann@example.org", "Choose a password");
        (await new PasswordChanges(store.Context).ResetAsync(TestStore.Tenant, token, TestStore.Password, TestStore.From("192.0.2.1"), Actor.Self, TestStore.Cancellation)).ShouldBeOfType<PasswordChangeResult.Changed>();

        (await store.SignInAsync("ann")).ShouldBeOfType<SignInResult.SignedIn>();
        (await ReadAsync(1))!.Record["email_verified"].ShouldBe(FieldValue.Boolean(true));
    }

    [Fact]
    public async Task Whom_no_mail_reaches_is_told()
    {
        await CreateAsync(1, "ann");

        (await system.SendRecoveryMailAsync(Id(1), TestStore.Cancellation)).ShouldBeOfType<Refused>().Message.ShouldContain("no e-mail address");
        (await system.SendRecoveryMailAsync(Id(9), TestStore.Cancellation)).ShouldBeOfType<Refused>();
    }

    private static Guid Uuid(int number) => new(number, 0, 0x4000, [0x80, 0, 0, 0, 0, 0, 0, 0]);

    private static AccountId Id(int number) => new(Uuid(number).ToString("D"));

    private static Fields Of(params (string Field, object? Value)[] fields)
        => new(fields.Select(field => KeyValuePair.Create(field.Field, FieldValue.From(field.Value))));

    private Task<WriteOutcome> CreateAsync(int number, string username, string? email = null)
        => system.CreateAsync(Id(number), Of(("username", username), ("email", email)), TestStore.Cancellation);

    private async Task<Account?> ReadAsync(int number)
        => (await system.ReadFreshAsync("users", [Id(number)], TestStore.Cancellation)).Values.SingleOrDefault();

    private async Task<IReadOnlyList<Account>> ReadEverybodyAsync()
        => (await system.ReadEverythingAsync("users", null, TestStore.Cancellation)).Accounts;
}
