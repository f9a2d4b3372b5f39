using Selfsame.Core.Accounts;
using Selfsame.Core.Discovery;
using Selfsame.Core.Reconciliation;
using Selfsame.Server.Reconciliation;

namespace Selfsame.Contract.Tests.Discovery;

/// <summary>What a first config says about the schemas that frameworks publish.</summary>
public abstract class PublishedSchemaContract
{
    private protected abstract Task<Catalog> ReadAsync(string schema);

    [Fact]
    public async Task Django_keeps_its_users_in_auth_user()
    {
        var system = await OnlyAsync("django");

        system.Table.FullName.ShouldBe("auth_user");
        system.PasswordHash.ShouldBe("password");
        Shown(system).ShouldBe("username: username, email: email");
        Attributes(system).ShouldBe("active: is_active, createdAt: date_joined, firstName: first_name, lastName: last_name, lastSignIn: last_login (noise), staff: is_staff, superuser: is_superuser");
        system.Unique.ShouldBe([IdentifierKind.Username, IdentifierKind.Email]);
        system.ForeignKeys.ShouldBe(["auth_user_groups.user_id", "django_admin_log.user_id"]);
        system.References.ShouldBe([new ProposedReference("shop_order.created_by", "username"), new ProposedReference("shop_order.customer_email", "email")]);
    }

    [Fact]
    public async Task A_custom_user_of_Django_signs_in_by_its_email()
    {
        var system = await OnlyAsync("django-custom-user");

        system.Table.FullName.ShouldBe("accounts_customuser");
        system.PasswordHash.ShouldBe("password");
        Shown(system).ShouldBe("email: email");
        system.ForeignKeys.ShouldBe(["account_emailaddress.user_id", "accounts_membership.user_id"]);
        system.References.ShouldBeEmpty();
        system.Notes.ShouldHaveSingleItem().ShouldContain("'phone_number' is not unique");
    }

    [Fact]
    public async Task Identity_keeps_its_users_in_AspNetUsers_and_folds_them_itself()
    {
        var system = await OnlyAsync("aspnet-identity");

        system.Table.FullName.ShouldBe("AspNetUsers");
        system.PasswordHash.ShouldBe("PasswordHash");
        system.Table.PrimaryKey.ShouldBe(["Id"]);
        Shown(system).ShouldBe("username: UserName, email: Email");
        Attributes(system).ShouldBe("concurrencyStamp: ConcurrencyStamp (noise), emailVerified: EmailConfirmed, failedSignIns: AccessFailedCount (noise), lockedUntil: LockoutEnd (noise)");

        // NormalizedUserName is unique in its schema and NormalizedEmail is not.
        system.Unique.ShouldBe([IdentifierKind.Email]);
        system.Notes.ShouldContain(note => note.Contains("'NormalizedUserName', which is unique", StringComparison.Ordinal));
        system.Notes.ShouldContain(note => note.Contains("'NormalizedEmail', which is NOT unique", StringComparison.Ordinal));
        system.ForeignKeys.Count.ShouldBe(4);
        system.References.ShouldBe([new ProposedReference("Orders.OwnerId", null)]);
    }

    [Fact]
    public async Task Devise_keeps_its_users_in_users_by_email()
    {
        var system = await OnlyAsync("devise");

        system.Table.FullName.ShouldBe("users");
        system.PasswordHash.ShouldBe("encrypted_password");
        Shown(system).ShouldBe("email: email");
        Attributes(system).ShouldBe(
            "createdAt: created_at, currentSignIn: current_sign_in_at (noise), currentSignInIp: current_sign_in_ip (noise), emailVerified: confirmed_at, failedSignIns: failed_attempts (noise), "
            + "lastSignIn: last_sign_in_at (noise), lastSignInIp: last_sign_in_ip (noise), lockedUntil: locked_at (noise), signInCount: sign_in_count (noise), updatedAt: updated_at (noise)");
        system.ForeignKeys.ShouldBe(["posts.user_id"]);
        system.References.ShouldBe([new ProposedReference("comments.user_id", null)]);
    }

    [Fact]
    public async Task WordPress_keeps_its_users_in_wp_users_without_foreign_keys()
    {
        var system = await OnlyAsync("wordpress");

        system.Table.FullName.ShouldBe("wp_users");
        system.PasswordHash.ShouldBe("user_pass");
        system.Table.PrimaryKey.ShouldBe(["ID"]);
        Shown(system).ShouldBe("username: user_login, email: user_email");
        Attributes(system).ShouldBe("createdAt: user_registered, fullName: display_name");
        system.Unique.ShouldBe([IdentifierKind.Username, IdentifierKind.Email]);
        system.ForeignKeys.ShouldBeEmpty();
        system.References.Where(reference => reference.Holds is null).Select(reference => reference.Place)
            .ShouldBe(["wp_comments.user_id", "wp_links.link_owner", "wp_posts.post_author", "wp_usermeta.user_id"]);
    }

    // "plan" made lower(email) unique for all tenants, and the next sign-up in the second one was refused.
    [Fact]
    public async Task What_is_unique_within_a_tenant_only_is_not_proposed_as_unique()
    {
        var proposal = await ProposalAsync("tenants");

        var system = proposal.Systems.ShouldHaveSingleItem();
        Shown(system).ShouldBe("username: username, email: email");
        system.Unique.ShouldBeEmpty();
        system.Notes.Select(note => note.Split(':')[0]).ShouldBe(["'username' is unique together with tenant_id only", "'email' is unique together with tenant_id only"]);
        ConfigText.Write(proposal, "${DATABASE_URL}").ShouldContain("survivor: [deletedAt asc, createdAt asc]");
    }

    // WordPress's user_activation_key stood readable in plans, and went into the survivor.
    [Theory]
    [InlineData("django", "auth_user", "password")]
    [InlineData("aspnet-identity", "AspNetUsers", "PasswordHash, SecurityStamp")]
    [InlineData("devise", "users", "confirmation_token, encrypted_password, reset_password_sent_at, reset_password_token, unlock_token")]
    [InlineData("wordpress", "wp_users", "user_activation_key, user_pass")]
    public async Task Their_secrets_are_known_as_such_and_nothing_else(string schema, string table, string secrets)
        => string.Join(", ", (await ReadAsync(schema)).Tables.Single(found => found.FullName == table).Columns.Select(column => column.Name).Where(SecretFields.Looks).Order(StringComparer.Ordinal)).ShouldBe(secrets);

    private protected async Task<Proposal> ProposalAsync(string schema)
    {
        var proposal = Proposals.For(await ReadAsync(schema)).ShouldNotBeNull();
        var reading = new TopologyReader(ConfigFile.Connectors, _ => "value").Read(ConfigText.Write(proposal, "${DATABASE_URL}"));
        reading.Errors.ShouldBeEmpty();
        reading.Topology!.Systems.Keys.ShouldBe(proposal.Systems.Select(system => system.Name));
        reading.Topology.Systems.Values.Select(system => system.Mapping.PasswordHash).ShouldBe(proposal.Systems.Select(system => system.PasswordHash));
        return proposal;
    }

    private async Task<ProposedSystem> OnlyAsync(string schema) => (await ProposalAsync(schema)).Systems.ShouldHaveSingleItem();

    private protected static string Shown(ProposedSystem system)
        => string.Join(", ", system.Identifiers.OrderBy(pair => pair.Key).Select(pair => $"{pair.Key.Name()}: {pair.Value}"));

    private protected static string Attributes(ProposedSystem system)
        => string.Join(", ", system.Attributes.Select(found => $"{found.Attribute}: {found.Mapping.Field}{(found.Mapping.Noise ? " (noise)" : "")}").Order(StringComparer.Ordinal));
}

public sealed class SqliteSchemaTests : PublishedSchemaContract
{
    private protected override Task<Catalog> ReadAsync(string schema) => SchemaCatalogs.InSqliteAsync(schema);
}

[Trait("needs", "postgresql")]
public sealed class PostgresSchemaTests : PublishedSchemaContract
{
    [Fact]
    public async Task Supabase_and_a_profile_per_user_are_two_systems_and_a_rule()
    {
        var proposal = await ProposalAsync("supabase");

        proposal.Systems.Select(system => system.Table.FullName).ShouldBe(["auth.users", "profiles"]);
        proposal.Systems.Select(system => system.PasswordHash).ShouldBe(["encrypted_password", null]);
        Shown(proposal.Systems[0]).ShouldBe("email: email, phone: phone");
        Attributes(proposal.Systems[0]).ShouldBe("createdAt: created_at, emailVerified: email_confirmed_at, lastSignIn: last_sign_in_at (noise), updatedAt: updated_at (noise)");
        proposal.Systems[0].Unique.ShouldBeEmpty();
        Shown(proposal.Systems[1]).ShouldBe("username: username");
        ConfigText.Write(proposal, "${DATABASE_URL}").ShouldContain("correlate: [id]\n");
    }

    [Fact]
    public async Task Supabases_secrets_are_known_as_such_and_its_users_of_a_single_sign_on_are_told_of()
    {
        var auth = (await ProposalAsync("supabase")).Systems[0];

        string.Join(", ", auth.Table.Columns.Select(column => column.Name).Where(SecretFields.Looks).Order(StringComparer.Ordinal)).ShouldBe(
            "confirmation_token, email_change_token_current, email_change_token_new, encrypted_password, phone_change_token, reauthentication_token, recovery_token");
        auth.Notes.ShouldContain(note => note.Contains("is_sso_user", StringComparison.Ordinal) && note.Contains("the connector 'supabase' knows them", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Supabase_and_an_applications_own_users_correlate_by_id_and_email()
    {
        var proposal = await ProposalAsync("supabase-users-table");

        proposal.Systems.Select(system => system.Table.FullName).ShouldBe(["auth.users", "users"]);
        ConfigText.Write(proposal, "${DATABASE_URL}").ShouldContain("correlate: [id, email]\n");
        proposal.Systems[1].References.Select(reference => reference.Place).ShouldBe(["tickets.assignee", "tickets.user_id"]);
    }

    private protected override Task<Catalog> ReadAsync(string schema) => SchemaCatalogs.InPostgresAsync(schema);
}
