using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Core.Webhooks;

namespace Selfsame.Core.Tests.Reconciliation;

public sealed class TopologyReaderTests
{
    private const string Good =
        """
        systems:
          users: { connector: selfsame }
          app:
            connector: sqlite
            connection: ${APP_DB}
            table: members
            identifiers: { username: login, email: mail }
            attributes: { name: full_name, lastSignIn: { field: last_login, noise: true } }
            unique: [username]
        reconcile:
          - { source: users, target: app, correlate: [id, email], missing: createInTarget }
        """;

    private const string WithWebhooks =
        """
        tenants: { second: { hosts: [second.example.com] } }
        webhooks:
          crm:
            url: https://crm.example.com/hooks
            secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw
            events: [user.created, user.deleted]
          mailing: { url: "http://127.0.0.1:1", secret: [whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw, whsec_NfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw], tenant: second }
        provisioningAlertAfter: 900
        provisioningAlertMail: ops@example.com
        """;

    private const string Chained =
        """
        systems:
          app:
            connector: sqlite
            connection: ${APP_DB}
            table: members
            identifiers: { email: mail, userCode: code }
            attributes: { nick: nick, emailVerified: confirmed }
          pds:
            connector: sqlite
            connection: ${APP_DB}
            table: accounts
            id: did
            identifiers: { handle: handle, email: mail }
            provisioning: { perSecond: 2.5, atOnce: 8 }
        reconcile:
          - { source: app, target: pds, when: emailVerified, correlate: [did], missing: createInTarget, handle: "{nick|code}" }
        """;

    [Fact]
    public void A_good_config_is_read_whole()
    {
        var topology = Read(Good).Topology.ShouldNotBeNull();

        var app = topology.Systems["app"];
        app.Settings["connection"].ShouldBe("app.db");
        app.Mapping.Id.ShouldBe(["id"]);
        app.Mapping.Identifiers[IdentifierKind.Email].ShouldBe("mail");
        app.Mapping.NoiseFields.ShouldBe(["last_login"]);
        app.Unique.ShouldBe([IdentifierKind.Username]);
        topology.Rules.Single().Correlate.Select(rule => rule.Name).ShouldBe(["id", "email"]);
        topology.ProvisionedFrom("users").ShouldBe(["app"]);
    }

    [Theory]
    [InlineData("table: x, database: app", null)]
    [InlineData("table: x, database: users", "line 4: 'systems.behind.database' must name a system of the connector 'sqlite' in this config, and 'users' is none.")]
    [InlineData("table: x, database: nope", "line 4: 'systems.behind.database' must name a system of the connector 'sqlite' in this config, and 'nope' is none.")]
    public void A_setting_that_names_a_system_names_one_of_its_kind(string settings, string? error)
    {
        var read = Read($"systems:\n  users: {{ connector: selfsame }}\n  app: {{ connector: sqlite, connection: a.db, table: t, identifiers: {{ email: mail }} }}\n  behind: {{ connector: api, {settings} }}");

        read.Errors.Select(found => found.ToString()).ShouldBe(error is null ? [] : [error]);
        (read.Topology?.Systems["behind"].Database).ShouldBe(error is null ? "app" : null);
    }

    [Theory]
    [InlineData("accounts@example.com", true)]
    [InlineData("Accounts <accounts@example.com>", true)]
    [InlineData("Accounts", false)]
    [InlineData("accounts@", false)]
    public void The_sender_of_mails_is_an_address(string from, bool isGood)
    {
        var read = Read($"{Good}\nmail: {{ host: smtp.example.com, from: \"{from}\" }}");

        (read.Topology is not null).ShouldBe(isGood);
        read.Errors.Any(error => error.Message.Contains("'mail.from' must be an e-mail address", StringComparison.Ordinal)).ShouldBe(!isGood);
    }

    [Theory]
    [InlineData("${APP_DB}", "${NO_SUCH}", 5, "NO_SUCH")]
    [InlineData("table: members", "tabel: members", 6, "'systems.app.tabel' is not known")]
    [InlineData("table: members", "table: [members]", 6, "must be text")]
    [InlineData("noise: true", "noise: perhaps", 8, "true or false")]
    [InlineData("connector: sqlite", "connector: scim", 4, "not part of this version")]
    [InlineData("connector: sqlite", "connector: oracle", 4, "no connector 'oracle'")]
    [InlineData("unique: [username]", "unique: [phone]", 9, "one of the system's identifiers")]
    [InlineData("unique: [username]", "duplicates: fold", 9, "It can be: report, rename, merge, delete")]
    [InlineData("email: mail", "mail: mail", 7, "no kind of identifier")]
    [InlineData("name: full_name", "hash: password_hash", 8, "looks like a secret")]
    [InlineData("name: full_name", "passwordHash: words", 8, "does not look like a secret")]
    [InlineData("target: app", "target: ap", 11, "none of the systems")]
    [InlineData("target: app", "target: users", 11, "the same system")]
    [InlineData("correlate: [id, email]", "correlate: [id, phone]", 11, "no identifier 'phone'")]
    [InlineData("correlate: [id, email], ", "", 11, "how accounts are matched")]
    [InlineData("missing: createInTarget", "missing: create", 11, "can't be 'create'")]
    [InlineData("missing: createInTarget", "when: paid", 11, "does not map")]
    [InlineData("missing: createInTarget", "orphan: disableInTarget", 11, "needs the attribute 'active'")]
    [InlineData("systems:", "systems: [", 3, "not YAML")]
    [InlineData("missing: createInTarget", "handle: \"{handle|username}\"", 11, "has no handles")]
    [InlineData("correlate: [id, email]", "correlate: [did]", 11, "or what 'app' has as its id")]
    [InlineData("unique: [username]", "provisioning: { perSecond: 0 }", 9, "a number above 0")]
    [InlineData("unique: [username]", "provisioning: { fast: true }", 9, "perSecond, atOnce")]
    public void What_is_wrong_is_told_with_its_line(string before, string after, int line, string message)
    {
        Good.ShouldContain(before);

        var reading = Read(Good.Replace(before, after, StringComparison.Ordinal));

        reading.Topology.ShouldBeNull();
        reading.Errors.ShouldContain(error => error.Line == line && error.Message.Contains(message), string.Join('\n', reading.Errors));
    }

    // Config 3 of the design: what the target gives as its id correlates, and the handle is the code where there is none.
    [Fact]
    public void A_rule_may_correlate_by_the_targets_id_and_choose_the_handle()
    {
        var rule = Read(Chained).Topology.ShouldNotBeNull(string.Join('\n', Read(Chained).Errors)).Rules.Single();

        rule.Correlate.ShouldBe([new CorrelationRule(null, "did")]);
        rule.Correlate.Single().Name.ShouldBe("did");
        rule.Handle!.Names.ShouldBe(["nick", "code"]);
        Read(Chained.Replace("|code", "", StringComparison.Ordinal)).Topology!.Fingerprint.ShouldNotBe(Read(Chained).Topology!.Fingerprint);
    }

    [Theory]
    [InlineData("{nick|code}", "{nick|phone}", "names 'phone'")]
    [InlineData("{nick|code}", "nick", "in braces")]
    [InlineData("{nick|code}", "{nick} {code}", "in braces")]
    public void What_is_wrong_with_a_handle_is_told(string before, string after, string message)
        => Read(Chained.Replace(before, after, StringComparison.Ordinal)).Errors.Single().Message.ShouldContain(message);

    [Fact]
    public void How_fast_a_system_is_provisioned_into_and_how_many_may_be_disabled_is_read()
    {
        var topology = Read(Chained + "\nguards: { maxDisablesPerHour: 7, maxDeletesPerHour: 3 }").Topology!;

        topology.Systems["pds"].Pace.ShouldBe(new ProvisioningPace(2.5, 8));
        topology.Systems["app"].Pace.ShouldBe(new ProvisioningPace(null, 4));
        topology.Guards.MaxDisablesPerHour.ShouldBe(7);
        topology.Guards.MaxDeletesPerHour.ShouldBe(3);
    }

    [Fact]
    public void Records_and_a_code_add_to_what_the_accounts_are_mapped_to()
    {
        var app = Read(Good.Replace(
            "table: members", "table: members\n    userCode: { field: code, prefix: ac }\n    records: { proofs: { table: proofs, id: sub }, handles: { table: h, id: sub, fields: { handle: handle, count: n } } }",
            StringComparison.Ordinal)).Topology.ShouldNotBeNull().Systems["app"];

        app.Mapping.Identifiers[IdentifierKind.UserCode].ShouldBe("code");
        app.Mapping.Identifiers[IdentifierKind.Handle].ShouldBe("handles.handle");
        app.Mapping.Attributes["count"].Field.ShouldBe("handles.n");
        app.Unique.ShouldBe([IdentifierKind.Username, IdentifierKind.UserCode]);
        app.Records.Select(record => (record.Name, record.Table, record.Id)).ShouldBe([("proofs", "proofs", "sub"), ("handles", "h", "sub")]);
    }

    [Theory]
    [InlineData("userCode: { field: code, prefix: A1 }", "letters from a to z")]
    [InlineData("userCode: { field: code }", "must have 'field' and 'prefix'")]
    [InlineData("records: { proofs: { id: sub } }", "must have 'table'")]
    [InlineData("records: { proofs: { table: p, id: sub, key: x } }", "is not known")]
    [InlineData("records: { proofs: { table: p, id: sub, fields: { email: mail } } }", "maps 'email' twice")]
    [InlineData("records: { proofs: { table: p, id: sub } }\n    duplicates: merge", "nobody would move those")]
    [InlineData("hook: { token: short }", "is not known")]
    public void What_is_wrong_with_records_codes_and_hooks_is_told(string line, string message)
        => Read(Good.Replace("table: members", $"table: members\n    {line}", StringComparison.Ordinal)).Errors
            .ShouldContain(error => error.Message.Contains(message), line);

    [Theory]
    [InlineData("hook: { token: 0123456789abcdef }", null)]
    [InlineData("hook: { token: short }", "at least 16 visible characters")]
    [InlineData("hook: { tokens: 0123456789abcdef }", "must have the 'token'")]
    public void A_webhook_needs_a_token_that_nobody_guesses(string hook, string? message)
    {
        var reading = Read($"systems:\n  idp:\n    connector: idp\n    {hook}");

        reading.Topology?.Systems["idp"].HookToken.ShouldBe("0123456789abcdef");
        (reading.Errors.Count == 0).ShouldBe(message is null, string.Join('\n', reading.Errors));
        reading.Errors.Any(error => message is not null && error.Message.Contains(message, StringComparison.Ordinal)).ShouldBe(message is not null);
        reading.Topology?.Systems["idp"].ToString().ShouldNotContain("0123456789abcdef");
    }

    [Fact]
    public void All_errors_are_told_at_once()
        => Read(Good.Replace("table: members", "tabel: members", StringComparison.Ordinal).Replace("target: app", "target: ap", StringComparison.Ordinal))
            .Errors.Count.ShouldBe(3);

    [Theory]
    [InlineData("")]
    [InlineData("a: 1\n---\nb: 2")]
    [InlineData("just text")]
    public void What_is_no_config_is_an_error(string yaml) => Read(yaml).Errors.ShouldNotBeEmpty();

    [Fact]
    public void The_fingerprint_ignores_layout_and_passwords_and_sees_all_else()
    {
        var fingerprint = Read(Good).Topology!.Fingerprint;

        Read(Good + "\n# a comment").Topology!.Fingerprint.ShouldBe(fingerprint);
        Read(Good.Replace("full_name", "name", StringComparison.Ordinal)).Topology!.Fingerprint.ShouldNotBe(fingerprint);
        Read(Good, "other.db").Topology!.Fingerprint.ShouldNotBe(fingerprint);
        Read(Good, "Host=db;Password=one").Topology!.Fingerprint.ShouldBe(Read(Good, "Host=db;Password=two").Topology!.Fingerprint);
        Read(Good, "postgresql://app:one@db/x").Topology!.Fingerprint.ShouldBe(Read(Good, "postgresql://app:two@db/x").Topology!.Fingerprint);
    }

    [Fact]
    public void Webhooks_are_read_with_their_secrets_as_keys_and_all_events_where_none_is_named()
    {
        var (crm, mailing) = (Read(WithWebhooks).Topology!.Webhooks[0], Read(WithWebhooks).Topology!.Webhooks[1]);

        (crm.Name, crm.Url.AbsoluteUri, crm.Signatures.Count, crm.Tenant).ShouldBe(("crm", "https://crm.example.com/hooks", 1, "main"));
        crm.Events.ShouldBe([WebhookEvents.UserCreated, WebhookEvents.UserDeleted]);
        (mailing.Signatures.Count, mailing.Tenant, mailing.Events.Count).ShouldBe((2, "second", WebhookEvents.All.Count));
        Read(WithWebhooks).Topology!.ProvisioningAlertAfter.ShouldBe(TimeSpan.FromMinutes(15));
        crm.ToString().ShouldNotContain("MfKQ");
    }

    [Theory]
    [InlineData("journal: runs.db", "runs.db", 365)]
    [InlineData("journal: { keepDays: 30 }", null, 30)]
    [InlineData("journal: { connection: runs.db, keepDays: 0 }", "runs.db", null)]
    [InlineData("tenants: { main: {} }", null, 365)]
    public void The_journal_is_a_connection_or_says_how_long_runs_are_kept(string yaml, string? connection, int? days)
    {
        var topology = Read(yaml).Topology.ShouldNotBeNull();

        topology.Journal.ShouldBe(connection);
        topology.JournalKept.ShouldBe(days is { } kept ? TimeSpan.FromDays(kept) : null);
        Read("journal: { keepDays: 1000000 }").Errors.ShouldHaveSingleItem().Message.ShouldContain("'journal.keepDays' must be at most");
        Read("journal: { days: 3 }").Errors.ShouldHaveSingleItem();
    }

    // Everybody gets the default; one that its own field refuses could not be saved with any profile.
    [Theory]
    [InlineData("role: \"a b\"", "'tenants.main.role' can't be 'a b'. A role is a word")]
    [InlineData("locale: \"??\"", "'tenants.main.locale' can't be '??'. Write a locale")]
    [InlineData("locale: 7", "'tenants.main.locale' can't be '7'. Write a locale")]
    [InlineData("hosts: [\"HOST:80\"]", "'HOST:80': write the name of a host")]
    [InlineData("hosts: [\"https://id.example.com\"]", "write the name of a host")]
    [InlineData("hosts: [\"a b\"]", "write the name of a host")]
    public void A_default_or_host_that_could_never_be_right_is_refused_with_its_line(string setting, string told)
    {
        var error = Read($"tenants:\n  main:\n    {setting}").Errors.ShouldHaveSingleItem();

        error.Message.ShouldContain(told);
        error.Line.ShouldBe(3);
    }

    [Fact]
    public void Defaults_and_hosts_as_the_fields_take_them_are_read()
    {
        var tenant = Read("tenants: { main: { role: guest.1, locale: de-CH, hosts: [ID.example.com, localhost, 127.0.0.1] } }").Topology!.Tenants["main"];

        (tenant.Role, tenant.Locale).ShouldBe(("guest.1", "de-ch"));
        tenant.Hosts.ShouldBe(["ID.example.com", "localhost", "127.0.0.1"]);
    }

    // Housekeeping removes counts after two days: a longer window would silently be shorter.
    [Theory]
    [InlineData("signUpLimit")]
    [InlineData("signUpAttemptLimit")]
    [InlineData("signInLimit")]
    [InlineData("passwordResetLimit")]
    [InlineData("handleChangeLimit")]
    public void A_limit_counts_for_two_days_at_most(string limit)
    {
        Read($"tenants: {{ main: {{ {limit}: {{ count: 7, seconds: 172800 }} }} }}").Errors.ShouldBeEmpty();

        var error = Read($"tenants: {{ main: {{ {limit}: {{ count: 7, seconds: 172801 }} }} }}").Errors.ShouldHaveSingleItem();

        error.Message.ShouldContain($"'tenants.main.{limit}.seconds' must be at most 172800 (two days)");
    }

    // Each mail would wait half a minute for a greeting that never comes.
    [Theory]
    [InlineData(465, "'mail.port' can't be 465: mails are sent by STARTTLS")]
    [InlineData(0, "'mail.port' must be from 1 to 65535")]
    [InlineData(65536, "'mail.port' must be from 1 to 65535")]
    [InlineData(587, null)]
    [InlineData(25, null)]
    public void A_port_at_which_no_mail_could_be_sent_is_refused_with_its_line(int port, string? told)
    {
        var errors = Read($"mail:\n  host: smtp.example.com\n  from: accounts@example.com\n  port: {port}").Errors;

        errors.Select(error => error.Line).ShouldBe(told is null ? [] : [4]);
        errors.ShouldAllBe(error => error.Message.Contains(told!));
    }

    // What no date is that many days ago would end every round of housekeeping.
    [Fact]
    public void Deleted_users_are_kept_for_a_hundred_years_at_most()
    {
        Read("tenants: { main: { deletionGraceDays: 36500 } }").Topology.ShouldNotBeNull().Tenants["main"].DeletionGraceDays.ShouldBe(36_500);

        Read("tenants: { main: { deletionGraceDays: 36501 } }").Errors.ShouldHaveSingleItem().Message.ShouldContain("'tenants.main.deletionGraceDays' must be at most 36500");
    }

    [Theory]
    [InlineData("  crm:", "  crm hooks:", 4, "can't name an endpoint")]
    [InlineData("url: https://crm.example.com/hooks", "url: crm.example.com", 4, "must be an http or https address")]
    [InlineData("url: https://crm", "url: https://me:secret@crm", 4, "without a user")]
    [InlineData("    events:", "    event:", 6, "'webhooks.crm.event' is not known")]
    [InlineData("user.deleted", "user.gone", 6, "can't be 'user.gone'")]
    [InlineData("secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "secret: whsec_MfKQ", 5, "must be whsec_ and base64")]
    [InlineData("secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "secret: ${NO_SUCH}", 5, "NO_SUCH")]
    [InlineData("    secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n", "", 4, "needs 'url' and 'secret'")]
    [InlineData("tenant: second", "tenant: third", 7, "can't be 'third'")]
    [InlineData("provisioningAlertAfter: 900", "provisioningAlertAfter: soon", 8, "whole number")]
    [InlineData("ops@example.com", "ops", 9, "must be an e-mail address")]
    public void What_is_wrong_with_a_webhook_is_told_with_its_line_and_never_with_its_secret(string before, string after, int line, string message)
    {
        WithWebhooks.ShouldContain(before);

        var reading = Read(WithWebhooks.Replace(before, after, StringComparison.Ordinal));

        reading.Errors.ShouldContain(error => error.Line == line && error.Message.Contains(message), string.Join('\n', reading.Errors));
        reading.Errors.ShouldAllBe(error => !error.Message.Contains("MfKQ"));
    }

    private static TopologyReading Read(string yaml, string database = "app.db")
        => new TopologyReader(
            [
                new ConnectorKind { Name = "selfsame", Settings = [], FixedMapping = Bench.People },
                new ConnectorKind { Name = "sqlite", Settings = [new ConnectorSetting("connection", true), new ConnectorSetting("table", true)], RecordTableKey = "table" },
                new ConnectorKind { Name = "api", Settings = [new ConnectorSetting("table", true), new ConnectorSetting("database", false, NamesSystem: "sqlite")], FixedMapping = Bench.People },
                new ConnectorKind { Name = "idp", Settings = [], FixedMapping = Bench.People, TakesHook = true },
            ],
            name => name == "APP_DB" ? database : null).Read(yaml);
}
