using System.Text;
using Selfsame.Core.Identifiers;
using Selfsame.Store.Audit;
using Selfsame.Store.Users;

namespace Selfsame.Contract.Tests.Store;

public sealed class SignUpOnSqliteFileTests() : SignUpTests(Backend.SqliteFile);

public sealed class SignUpInSqliteMemoryTests() : SignUpTests(Backend.SqliteMemory);

[Trait("needs", "postgresql")]
public sealed class SignUpOnPostgreSqlTests() : SignUpTests(Backend.PostgreSql);

public abstract class SignUpTests(Backend backend)
{
    [Fact]
    public async Task A_new_person_becomes_a_user_with_identifiers_a_mail_and_an_audit_event()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var form = TestStore.Form("Anna", "Anna@Example.org") with { FirstName = " Anna ", LastName = "Åström", Locale = "en-NZ", Phone = "+64 21 555 0100" };
        var created = (await store.SignUpAsync(TestStore.Request(form) with { Actor = new Actor("self", "c-1") })).ShouldBeOfType<SignUpResult.Created>();

        created.IsReplay.ShouldBeFalse();
        var user = await store.ReadAsync(created.User.Uuid);
        user.ShouldBe(created.User);
        user.ShouldSatisfyAllConditions(
            () => user.Username.ShouldBe("Anna"),
            () => user.Email.ShouldBe("Anna@Example.org"),
            () => user.EmailVerifiedAt.ShouldBeNull(),
            () => user.FirstName.ShouldBe("Anna"),
            () => user.Locale.ShouldBe("en-nz"),
            () => user.Role.ShouldBe("observer"),
            () => user.Phone.ShouldBe("+64215550100"),
            () => user.IsActive.ShouldBeTrue(),
            () => user.IsSuperuser.ShouldBeFalse(),
            () => user.UserCode.ShouldStartWith("ac26"),
            () => user.CreatedAt.ShouldBe(store.Clock.GetUtcNow()));
        (await AuditTrail.ReadAsync(store.Context, user.Uuid, 10, TestStore.Cancellation)).ShouldHaveSingleItem()
            .ShouldBe(new AuditEvent { Actor = "self", Event = "user.created", CorrelationId = "c-1", At = user.CreatedAt });
        (await store.TakeMailsAsync()).ShouldHaveSingleItem().Recipient.ShouldBe("Anna@Example.org");
        (await store.CountAsync("identifiers")).ShouldBe(3);
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task All_taken_fields_are_named_at_once_and_nothing_is_written()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateAsync("anna", "anna@example.org");
        await store.CreateAsync("bert", "bert@example.org");
        var mails = (await store.TakeMailsAsync()).Count;

        (await store.SignUpAsync("ANNA", "Bert@example.org")).ShouldBeOfType<SignUpResult.Taken>().Fields.ShouldBe(["email", "username"], ignoreOrder: true);
        (await store.SignUpAsync("carl", "ANNA@EXAMPLE.ORG")).ShouldBeOfType<SignUpResult.Taken>().Fields.ShouldBe(["email"]);
        (await store.SignUpAsync("Anna", "carl@example.org")).ShouldBeOfType<SignUpResult.Taken>().Fields.ShouldBe(["username"]);

        mails.ShouldBe(2);
        (await store.CountAsync("users")).ShouldBe(2);
        (await store.TakeMailsAsync()).ShouldBeEmpty();
        await store.CheckInvariantsAsync();
    }

    // CASES 11: keycloak/keycloak#29549, zitadel/zitadel#10782.
    [Fact]
    public async Task A_username_that_is_another_users_address_is_taken_and_the_reverse()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateAsync("anna", "anna@example.org");
        await store.CreateVerifiedAsync("old@example.org", "bert@example.org");

        var byAdministrator = TestStore.Form("Anna@Example.org", "carl@example.org") with { Administrator = new AdministratorFields() };
        (await store.SignUpAsync(TestStore.Request(byAdministrator))).ShouldBeOfType<SignUpResult.Taken>().Fields.ShouldBe(["username"]);
        (await store.SignUpAsync("carl", "OLD@example.org")).ShouldBeOfType<SignUpResult.Taken>().Fields.ShouldBe(["email"]);
        await store.CheckInvariantsAsync();
    }

    // Its owner could never sign up: no mail of ours would reach them, and nobody would ever be asked to prove it.
    [Fact]
    public async Task Nobody_takes_an_address_as_a_username_that_is_not_their_own()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var refused = (await store.SignUpAsync("victim@example.org", "mallory@example.org")).ShouldBeOfType<SignUpResult.Invalid>();
        refused.Errors.ByField["username"].ShouldHaveSingleItem().Rule.ShouldBe("username.foreign-address");

        var mallory = await store.CreateAsync("mallory", "mallory@example.org");
        var rename = new UserChange { ByTheUser = true, Username = new Change<string>(true, "victim@example.org") };
        (await new UserAdministration(store.Context).ChangeAsync(TestStore.Tenant, mallory.Uuid, rename, null, Actor.Self, TestStore.Cancellation))
            .ShouldBeOfType<UserChangeResult.Invalid>().Errors.ByField.Keys.ShouldBe(["username"]);

        await store.CreateAsync("victim@example.org", "Victim@example.org");
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task A_users_own_equal_username_and_address_share_a_row()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var user = await store.CreateAsync("Anna@example.org", "anna@EXAMPLE.org");

        (await store.QueryAsync<string>("SELECT kinds FROM identifiers WHERE space = 'login'")).ShouldBe(["username+email"]);
        (await store.SignUpAsync(null, "anna@example.org")).ShouldBeOfType<SignUpResult.Taken>().Fields.ShouldContain("email");
        user.Username.ShouldBe("Anna@example.org");
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task Every_wrong_field_is_named_and_nothing_is_hashed()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var form = new SignUpForm { Username = "a b", Email = "nobody", Phone = "12", Password = "short", FirstName = "a\0b", Locale = "?" };

        var errors = (await store.SignUpAsync(TestStore.Request(form))).ShouldBeOfType<SignUpResult.Invalid>().Errors.ByField;

        errors.Keys.ShouldBe(["email", "firstName", "locale", "password", "phone", "username"]);
        store.Passwords.Hashed.ShouldBe(0);
        (await store.CountAsync("users")).ShouldBe(0);
    }

    [Fact]
    public async Task When_too_many_passwords_wait_the_caller_is_told_and_nothing_is_written()
    {
        await using var store = await TestStore.CreateAsync(backend);
        store.Passwords.IsFull = true;

        (await store.SignUpAsync("anna", "anna@example.org")).ShouldBeOfType<SignUpResult.Busy>();
        (await store.CountAsync("users")).ShouldBe(0);
    }

    // CASES 33: what a stranger's form can't say, an administrator's can.
    [Fact]
    public async Task An_administrator_chooses_role_groups_rights_and_what_is_verified()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var fields = new AdministratorFields
        {
            Role = "editor",
            Groups = ["family", " team ", "family"],
            EmailVerified = true,
            PhoneVerified = true,
            IsActive = false,
            IsStaff = true,
            IsSuperuser = true,
        };
        var form = new SignUpForm { Username = "anna", Email = "anna@example.org", Phone = "+64215550100", Administrator = fields };
        var user = await store.CreateAsync(TestStore.Request(form));

        user.ShouldSatisfyAllConditions(
            () => user.Role.ShouldBe("editor"),
            () => user.EmailVerifiedAt.ShouldBe(user.CreatedAt),
            () => user.PhoneVerifiedAt.ShouldBe(user.CreatedAt),
            () => user.IsActive.ShouldBeFalse(),
            () => user.IsStaff.ShouldBeTrue(),
            () => user.IsSuperuser.ShouldBeTrue(),
            () => user.PasswordHash.ShouldBeNull());
        (await new UserReader(store.Context).GroupsAsync(user, TestStore.Cancellation)).ShouldBe(["family", "team"]);
        (await store.TakeMailsAsync()).ShouldBeEmpty();
        (await store.SignUpAsync(TestStore.Request(form with { Username = "bert", Email = "bert@example.org" })))
            .ShouldBeOfType<SignUpResult.Taken>().Fields.ShouldBe(["phone"]);
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task An_unverified_phone_is_nobodys()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateAsync(TestStore.Request(TestStore.Form("anna", "anna@example.org") with { Phone = "+64215550100" }));
        await store.CreateAsync(TestStore.Request(TestStore.Form("bert", "bert@example.org") with { Phone = "+64215550100" }));
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task The_same_person_may_sign_up_in_two_tenants()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateAsync("anna", "anna@example.org");

        (await store.SignUpAsync(TestStore.Request("anna", "anna@example.org") with { Tenant = "second" })).ShouldBeOfType<SignUpResult.Created>();
        await store.CheckInvariantsAsync();
    }

    // CASES 8: filopedraz/kosuke-core PR 141.
    [Fact]
    public async Task A_deleted_users_identifiers_stay_reserved_until_the_purge_frees_them()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var user = await store.CreateAsync("anna", "anna@example.org");
        var administration = new UserAdministration(store.Context);
        await administration.DeleteAsync(TestStore.Tenant, user.Uuid, null, Actor.CommandLine, TestStore.Cancellation);

        (await store.SignUpAsync("anna", "anna@example.org")).ShouldBeOfType<SignUpResult.Taken>().Fields.Count.ShouldBe(2);
        store.Clock.Advance(TimeSpan.FromDays(30) - TimeSpan.FromSeconds(1));
        (await new UserPurge(store.Context).ExecuteAsync(TestStore.Tenant, TestStore.Cancellation)).ShouldBe(0);
        store.Clock.Advance(TimeSpan.FromSeconds(1));
        (await new UserPurge(store.Context).ExecuteAsync(TestStore.Tenant, TestStore.Cancellation)).ShouldBe(1);

        (await store.SignUpAsync("anna", "anna@example.org")).ShouldBeOfType<SignUpResult.Created>().User.Uuid.ShouldNotBe(user.Uuid);
        (await store.CountAsync("audit_events", "user_id IS NULL")).ShouldBe(2);
        await store.CheckInvariantsAsync();
    }

    // A row whose creation was never sent, or came to its end, holds nothing that anybody needs; one under way does.
    [Fact]
    public async Task The_purge_takes_the_provisioning_along_but_for_what_may_be_under_way()
    {
        await using var store = await TestStore.CreateAsync(
            backend, new TestStoreOptions { Tenant = TestStore.Unlimited with { ProvisionTo = ["conflict", "intent", "linked", "pending"] } });
        var user = await store.CreateAsync("anna", "anna@example.org");
        var other = await store.CreateAsync("bert", "bert@example.org");
        await store.ExecuteAsync("UPDATE provisioning SET state = 'Linked', target_id = 'a' WHERE system = 'linked'");
        await store.ExecuteAsync("UPDATE provisioning SET state = 'Conflict', problem = 'anna@example.org is there' WHERE system = 'conflict'");
        await store.ExecuteAsync("UPDATE provisioning SET state = 'Intent' WHERE system = 'intent'");
        await new UserAdministration(store.Context).DeleteAsync(TestStore.Tenant, user.Uuid, null, Actor.CommandLine, TestStore.Cancellation);
        store.Clock.Advance(TimeSpan.FromDays(30));

        (await new UserPurge(store.Context).ExecuteAsync(TestStore.Tenant, TestStore.Cancellation)).ShouldBe(1);

        (await store.QueryAsync<string>("SELECT system FROM provisioning WHERE source_id = @uuid", new { uuid = user.Uuid.ToString() })).ShouldBe(["intent", "linked"]);
        (await store.QueryAsync<string>("SELECT system FROM provisioning WHERE source_id = @uuid", new { uuid = other.Uuid.ToString() })).Count.ShouldBe(4);
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task A_user_code_has_three_syllables_unless_the_tenant_says_otherwise()
    {
        await using var store = await TestStore.CreateAsync(backend);

        (await store.CreateAsync("anna", "anna@example.org")).UserCode.ShouldMatch("^ac26([^aeiou][aeiou]){3}[^aeiou]$");
    }

    [Fact]
    public async Task A_small_space_of_user_codes_is_filled_to_the_last_one_and_beyond()
    {
        await using var store = await TestStore.CreateAsync(backend, new TestStoreOptions { Tenant = TestStore.Unlimited with { UserCodeSyllables = 1 } });
        var size = UserCode.SpaceSize(1);
        var shortest = "ac26xax".Length;
        var made = 0;
        while (await store.CountAsync("users", $"length(user_code) = {shortest}") < size)
        {
            made.ShouldBeLessThan(15_000);
            await TestStore.InParallelAsync(200, index => store.SignUpAsync(TestStore.Request(
                new SignUpForm { Username = $"u{made + index}", Administrator = new AdministratorFields() })));
            made += 200;
        }

        (await store.CreateAsync("last", "last@example.org")).UserCode.Length.ShouldBe(shortest + 2);
        (await store.CountAsync("users")).ShouldBe(made + 1);
        await store.CheckInvariantsAsync();
    }

    // CASES 1 (supabase/auth#2675), 2 (better-auth#4039, firebase-admin-node#2949, aspnetcore#24369) and 10 (wasp-lang/wasp#4698, flora-pm/flora-server#561).
    [Fact]
    public async Task Of_200_parallel_sign_ups_of_one_person_in_many_spellings_one_makes_the_user()
    {
        await using var store = await TestStore.CreateAsync(backend);
        string[] usernames = ["Åse", "åse", "ÅSE", " åse ", "A\u030Ase", "a\u030ASE", "åＳＥ"];
        string[] emails = ["åse@bücher.example", "Åse@BÜCHER.example", "åse@xn--bcher-kva.example", "ÅSE@xn--BCHER-kva.Example", "A\u030Ase@bu\u0308cher.example", " åse@bücher.example "];

        var results = await TestStore.InParallelAsync(200, index => store.SignUpAsync(usernames[index % usernames.Length], emails[index % emails.Length]));

        results.OfType<SignUpResult.Created>().Count().ShouldBe(1);
        results.OfType<SignUpResult.Taken>().Count().ShouldBe(199);
        results.OfType<SignUpResult.Taken>().ShouldAllBe(taken => taken.Fields.SetEquals(new[] { "username", "email" }));
        (await store.CountAsync("users")).ShouldBe(1);
        (await store.CountAsync("mails")).ShouldBe(1);
        await store.CheckInvariantsAsync();
    }

    // Two people who want each other's names at the same time must not wait for each other in a circle.
    [Fact]
    public async Task Parallel_sign_ups_that_overlap_in_opposite_order_all_get_an_answer()
    {
        await using var store = await TestStore.CreateAsync(backend);

        // Two keys of one space and one user: by an administrator, for nobody else may take a second address as a username.
        var results = await TestStore.InParallelAsync(100, index => store.SignUpAsync(TestStore.Request(
            (index % 2 == 0 ? TestStore.Form("a@example.org", "z@example.org") : TestStore.Form("z@example.org", "a@example.org")) with
            {
                Administrator = new AdministratorFields(),
            })));

        results.OfType<SignUpResult.Created>().Count().ShouldBe(1);
        results.OfType<SignUpResult.Taken>().Count().ShouldBe(99);
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task That_somebody_deleted_has_it_as_a_handle_is_not_said_of_a_username()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateAsync("anna", "anna@example.org");
        var deleted = await store.CreateAsync("berta", "berta@example.org");
        var administration = new UserAdministration(store.Context);
        await administration.SetHandleAsync(TestStore.Tenant, deleted.Uuid, "anna", null, Actor.CommandLine, TestStore.Cancellation);
        await administration.DeleteAsync(TestStore.Tenant, deleted.Uuid, null, Actor.CommandLine, TestStore.Cancellation);

        (await store.SignUpAsync("anna", "new@example.org")).ShouldBeOfType<SignUpResult.Taken>().HeldByDeleted.ShouldBeEmpty();
        (await store.SignUpAsync("berta", "new@example.org")).ShouldBeOfType<SignUpResult.Taken>().HeldByDeleted.ShouldBe(["username"]);
    }

    [Fact]
    public async Task A_conflict_is_recorded_by_field_and_repeat_and_never_by_value()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateAsync("anna", "anna@example.org");
        await store.SignUpAsync("anna", "bert@example.org");
        store.Clock.Advance(TimeSpan.FromSeconds(11));
        await store.SignUpAsync("anna", "bert@example.org");
        store.Clock.Advance(TimeSpan.FromSeconds(9));
        await store.SignUpAsync("anna", "bert@example.org");

        (await store.QueryAsync<bool>("SELECT repeats_within_10s FROM identifier_conflicts ORDER BY id")).ShouldBe([true, false, true]);
        (await store.QueryAsync<byte[]>("SELECT value_hash FROM identifier_conflicts")).ShouldAllBe(hash => !Encoding.UTF8.GetString(hash).Contains("anna"));
        (await store.CountAsync("identifier_conflicts", "field = 'username'")).ShouldBe(3);
    }
}
