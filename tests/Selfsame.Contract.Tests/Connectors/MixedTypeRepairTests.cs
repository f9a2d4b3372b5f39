using Npgsql;
using Selfsame.Connectors.Files;
using Selfsame.Connectors.Postgres;
using Selfsame.Connectors.Sqlite;
using Selfsame.Contract.Tests.Connectors.MongoDb;
using Selfsame.Core;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Databases;
using Selfsame.Store;
using Selfsame.Store.Runs;
using Selfsame.Store.Schema;
using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Connectors;

/// <summary>Two systems that hold the same facts in different types, repaired and taken back.</summary>
public sealed partial class MixedTypeRepairTests : IDisposable
{
    private static readonly DateTimeOffset Now = new(2026, 11, 26, 3, 11, 0, TimeSpan.Zero);

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    [Trait("needs", "postgresql")]
    public async Task In_Supabases_tables_people_whose_address_is_proved_are_created_and_updated_both_ways()
    {
        var connection = await MakeAsync(
            File.ReadAllText(Path.Combine(Checkout.Root, "tests", "Selfsame.Contract.Tests", "Discovery", "Schemas", "supabase-users-table.sql")) +
            """
            INSERT INTO auth.users (id, email, email_confirmed_at) VALUES
                ('0b1e3a52-6a52-4c5e-9a55-0a2f6b1d8f02', 'bob@example.org', NULL), ('0b1e3a52-6a52-4c5e-9a55-0a2f6b1d8f03', 'cy@example.org', '2024-05-01T12:00:00Z'),
                ('0b1e3a52-6a52-4c5e-9a55-0a2f6b1d8f04', 'dora@example.org', NULL), ('0b1e3a52-6a52-4c5e-9a55-0a2f6b1d8f05', 'eve@example.org', '2024-05-01T12:00:00Z');
            INSERT INTO public.users (id, email, email_verified) VALUES
                ('0b1e3a52-6a52-4c5e-9a55-0a2f6b1d8f03', 'cy@example.org', false), ('0b1e3a52-6a52-4c5e-9a55-0a2f6b1d8f04', 'dora@example.org', true),
                ('0b1e3a52-6a52-4c5e-9a55-0a2f6b1d8f05', 'eve@example.org', true), ('0b1e3a52-6a52-4c5e-9a55-0a2f6b1d8f08', 'proved@example.org', true);
            """);
        var auth = Config("auth", "postgres", [("connection", connection), ("table", "auth.users")], ("emailVerified", "email_confirmed_at"));
        var app = Config("app", "postgres", [("connection", connection), ("table", "users")], ("emailVerified", "email_verified"), ("active", "is_active"), ("fullName", "full_name"));
        await using var repair = await Repair.OfAsync(new PostgresSystem(auth), auth, new PostgresSystem(app), app, new ReconcileRule
        {
            Source = "auth",
            Target = "app",
            Correlate = [CorrelationRule.ById, new CorrelationRule(IdentifierKind.Email)],
            Missing = MissingAction.CreateInTarget,
            Orphan = OrphanAction.CreateInSource,
            Drifted = DriftedAction.UpdateTarget,
        });
        const string state = "SELECT 'auth ' || to_jsonb(u)::text FROM auth.users u UNION ALL SELECT 'app ' || to_jsonb(u)::text FROM public.users u ORDER BY 1";
        var before = await QueryAsync(connection, state);

        var run = await repair.ApplyAsync();

        (await repair.FindingsAsync()).ShouldBeEmpty();
        (await QueryAsync(connection, "SELECT email || ' ' || email_verified FROM users ORDER BY email")).ShouldBe(
            ["ada@example.org true", "bob@example.org false", "cy@example.org true", "dora@example.org false", "eve@example.org true", "lost@example.org false", "proved@example.org true"]);
        (await QueryAsync(connection, "SELECT email || coalesce(' ' || extract(epoch FROM email_confirmed_at)::bigint, '') FROM auth.users WHERE email IN ('lost@example.org', 'proved@example.org') ORDER BY email"))
            .ShouldBe(["lost@example.org", $"proved@example.org {Now.ToUnixTimeSeconds()}"]);
        await repair.UndoAsync(run);
        (await QueryAsync(connection, state)).ShouldBe(before);
    }

    [Fact]
    [Trait("needs", "postgresql")]
    [Trait("needs", "node, libmongoc")]
    public async Task From_PostgreSQL_into_MongoDB_instants_stay_dates_and_numbers_stay_numbers()
    {
        var connection = await MakeAsync(
            """
            CREATE TABLE people (id text PRIMARY KEY, mail text, joined timestamptz, age numeric(5), score numeric(10, 2), proved timestamptz, usable smallint);
            INSERT INTO people VALUES ('1', 'ann@example.org', '2024-01-01', 5, 1.50, '2024-01-02', 1), ('2', 'bob@example.org', '2024-02-02 10:00:00.123456+02', 6, 2.25, NULL, 0),
                ('3', 'cy@example.org', '2024-03-03', 7, 3, '2024-03-04', 1);
            """);
        await using var database = await MongoTestDatabase.OnChosenServerAsync();
        await database.InsertAsync(
            "members",
            """{"_id": "1", "mail": "ann@example.org", "joined": {"$date": {"$numberLong": "1704067200000"}}, "age": 5, "score": 1.5, "proved": true, "usable": true}""",
            """{"_id": "2", "mail": "bob@example.org", "joined": {"$date": {"$numberLong": "1704067200000"}}, "age": 5, "score": 1.5, "proved": true, "usable": true}""");
        (string, string)[] attributes = [("joined", "joined"), ("age", "age"), ("score", "score"), ("emailVerified", "proved"), ("active", "usable")];
        var people = Config("people", "postgres", [("connection", connection), ("table", "people")], attributes);
        var app = Config("app", "mongodb", [("connection", database.ConnectionString), ("collection", "members"), ("database", database.Name)], attributes);
        app = app with { Mapping = app.Mapping with { Id = ["_id"] } };
        people = people with { Mapping = people.Mapping with { Identifiers = Mail } };
        app = app with { Mapping = app.Mapping with { Identifiers = Mail } };
        await using var repair = await Repair.OfAsync(new PostgresSystem(people), people, database.Open(app.Mapping, "members"), app, Rule(OrphanAction.Report));
        var before = await database.DocumentsAsync("members");

        (await repair.FindingsAsync()).ShouldBe(["bob@example.org differs in app: active, age, emailVerified, joined, score.", "cy@example.org is in people and not in app."], ignoreOrder: true);
        var run = await repair.ApplyAsync();

        (await repair.FindingsAsync()).ShouldBeEmpty();
        var after = await database.DocumentsAsync("members");
        after[0].ShouldBe(before[0]);
        after[1].ShouldBe("""{"_id":"2","mail":"bob@example.org","joined":{"$date":{"$numberLong":"1706860800123"}},"age":6,"score":2.25,"proved":false,"usable":false}""");
        foreach (var part in new[] { "\"age\":7", "\"score\":3.0", "\"proved\":true", "\"usable\":true", "\"joined\":{\"$date\":{\"$numberLong\":\"1709424000000\"}}" })
        {
            after[2].ShouldContain(part);
        }

        await repair.UndoAsync(run);
        (await database.DocumentsAsync("members")).ShouldBe(before);
    }

    [Fact]
    [Trait("needs", "postgresql")]
    public async Task Texts_of_a_file_become_what_their_columns_hold_and_all_of_it_can_be_taken_back()
    {
        File.WriteAllText(
            folder["people.csv"],
            """
            id,mail,active,emailVerified,joined,born,score,age
            1,ann@example.org,1,yes,2024-05-01T12:00:00+02:00,2000-01-01,1.5000,5
            2,bob@example.org,0,,2024-05-01 10:00:00,2000-01-01,7,50
            3,cy@example.org,1,,2024-05-01 10:00:00,2000-01-01,7,old
            """);
        var connection = await MakeAsync(
            """
            CREATE TABLE members (id integer PRIMARY KEY, mail varchar(40), active text, verified timestamptz, joined timestamp, born date, score numeric(12, 4), age smallint);
            INSERT INTO members VALUES (1, 'ann@example.org', 'Y', '2024-06-01', '2024-05-01 10:00:00', '2000-01-01', 1.5, 5), (2, 'bob@example.org', 'Y', '2024-06-01', '2024-05-02', '2000-01-02', 7.5, 51),
                (8, 'gone@example.org', 'yes', NULL, NULL, NULL, NULL, NULL), (9, 'odd@example.org', 'enabled', NULL, NULL, NULL, NULL, NULL);
            """);
        (string, string)[] attributes = [("active", "active"), ("joined", "joined"), ("born", "born"), ("score", "score"), ("age", "age")];
        var people = Config("people", "files", [("path", folder["people.csv"])], [.. attributes, ("emailVerified", "emailVerified")]);
        var app = Config("app", "postgres", [("connection", connection), ("table", "members")], [.. attributes, ("emailVerified", "verified")]);
        people = people with { Mapping = people.Mapping with { Identifiers = Mail } };
        app = app with { Mapping = app.Mapping with { Identifiers = Mail } };
        await using var repair = await Repair.OfAsync(new FilesSystem(people), people, new PostgresSystem(app), app, Rule(OrphanAction.DisableInTarget));
        const string state = "SELECT concat_ws('|', id, active, verified IS NOT NULL, joined, born, score, age) FROM members ORDER BY id";
        var before = await QueryAsync(connection, state);

        var run = await repair.ApplyAsync(
            "age of app takes whole numbers from -32768 to 32767, and people has 'old': correct it there, map the attribute to another field, or take it out of the config.",
            "active of app holds 'enabled', and which word says no there is not known: disable the account there, or map 'active' to a field that says yes and no.");

        (await QueryAsync(connection, state)).ShouldBe(["1|Y|t|2024-05-01 10:00:00|2000-01-01|1.5000|5", "2|N|f|2024-05-01 10:00:00|2000-01-01|7.0000|50", "8|no|f", "9|enabled|f"]);
        (await repair.FindingsAsync()).ShouldBe(["cy@example.org is in people and not in app.", "odd@example.org is in app and is nobody in people."], ignoreOrder: true);
        await repair.UndoAsync(run);
        (await QueryAsync(connection, state)).ShouldBe(before);
    }

    [Fact]
    [Trait("needs", "postgresql")]
    public async Task From_PostgreSQL_into_SQLite_nothing_drifts_for_its_type_alone()
    {
        var connection = await MakeAsync(
            """
            CREATE TABLE people (id text PRIMARY KEY, mail text, active boolean, proved timestamptz, joined timestamptz, seen timestamp, score numeric(10, 2), ratio real);
            INSERT INTO people VALUES ('1', 'ann@example.org', true, '2024-01-02', '2024-01-01', '2024-01-01 10:00:00.5', 1.50, 0.5), ('2', 'bob@example.org', false, NULL, '2024-02-02', NULL, 2.00, 0.1),
                ('3', 'cy@example.org', true, '2024-01-02', '2024-03-03', '2024-03-03', 1234567.89, NULL);
            """);
        await using (var file = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={folder["app.db"]};Pooling=False"))
        {
            await file.OpenAsync();
            await using var command = file.CreateCommand();
            command.CommandText =
                """
                CREATE TABLE members (id text PRIMARY KEY, mail text, active text, proved boolean, joined datetime, seen text, score decimal, ratio float);
                INSERT INTO members VALUES ('1', 'ann@example.org', 'on', 1, '2024-01-01T00:00:00Z', '2024-01-01T10:00:00.500+00:00', 1.5, 0.5), ('2', 'bob@example.org', 'on', 1, '2024-01-01', NULL, 1, 1),
                    ('9', 'gone@example.org', 'true', NULL, NULL, NULL, NULL, NULL);
                """;
            await command.ExecuteNonQueryAsync();
        }

        (string, string)[] attributes = [("active", "active"), ("emailVerified", "proved"), ("joined", "joined"), ("seen", "seen"), ("score", "score"), ("ratio", "ratio")];
        var people = Config("people", "postgres", [("connection", connection), ("table", "people")], attributes);
        var app = Config("app", "sqlite", [("connection", folder["app.db"]), ("table", "members")], attributes);
        people = people with { Mapping = people.Mapping with { Identifiers = Mail } };
        app = app with { Mapping = app.Mapping with { Identifiers = Mail } };
        var members = new SqliteSystem(app);
        await using var repair = await Repair.OfAsync(new PostgresSystem(people), people, members, app, Rule(OrphanAction.DisableInTarget));
        var before = await RecordsAsync(members);

        (await repair.FindingsAsync()).ShouldBe(
            ["bob@example.org differs in app: active, emailVerified, joined, ratio, score.", "cy@example.org is in people and not in app.", "gone@example.org is in app and is nobody in people."], ignoreOrder: true);
        var run = await repair.ApplyAsync();

        (await repair.FindingsAsync()).ShouldBeEmpty();
        (await RecordsAsync(members)).Select(record => string.Join('|', record.Values)).ShouldBe(
        [
            "on|1|2024-01-01T00:00:00Z|ann@example.org|1|0.5|1.5|2024-01-01T10:00:00.500+00:00",
            "off|2|2024-02-02|bob@example.org|0|0.10000000149011612|2|∅",
            "true|3|2024-03-03 00:00:00|cy@example.org|1|∅|1234567.89|2024-03-03 00:00:00",
            "false|9|∅|gone@example.org|∅|∅|∅|∅",
        ]);
        await repair.UndoAsync(run);
        (await RecordsAsync(members)).ShouldBe(before);
    }

    private static IReadOnlyDictionary<IdentifierKind, string> Mail { get; } = new Dictionary<IdentifierKind, string> { [IdentifierKind.Email] = "mail" };

    private static ReconcileRule Rule(OrphanAction orphan) => new()
    {
        Source = "people",
        Target = "app",
        Correlate = [CorrelationRule.ById],
        Missing = MissingAction.CreateInTarget,
        Orphan = orphan,
        Drifted = DriftedAction.UpdateTarget,
    };

    private static SystemConfig Config(string name, string connector, (string Key, string Value)[] settings, params (string Name, string Field)[] attributes) => new()
    {
        Name = name,
        Connector = connector,
        Settings = settings.ToDictionary(pair => pair.Key, pair => pair.Value),
        Mapping = new AccountMapping
        {
            Id = ["id"],
            Identifiers = new Dictionary<IdentifierKind, string> { [IdentifierKind.Email] = "email" },
            Attributes = attributes.ToDictionary(pair => pair.Name, pair => new AttributeMapping(pair.Field)),
        },
    };

    private static async Task<string> MakeAsync(string sql)
    {
        var connection = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync() + ";Pooling=false;Timezone=UTC";
        await using var source = NpgsqlDataSource.Create(connection);
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
        return connection;
    }

    private static async Task<IReadOnlyList<string>> QueryAsync(string connection, string sql)
    {
        await using var source = NpgsqlDataSource.Create(connection);
        await using var command = source.CreateCommand(sql);
        await using var reader = await command.ExecuteReaderAsync();
        var rows = new List<string>();
        while (await reader.ReadAsync())
        {
            rows.Add(reader.GetString(0));
        }

        return rows;
    }

    private static async Task<IReadOnlyList<Fields>> RecordsAsync(IReadsAccounts system)
        => [.. (await system.ReadEverythingAsync("app", null, CancellationToken.None)).Accounts.OrderBy(account => account.Id, AccountId.Order).Select(account => account.Record)];

    /// <summary>The engine over two systems, with a journal.</summary>
    private sealed class Repair(IReadOnlyDictionary<string, IConnectedSystem> systems, Topology topology, Database database) : IAsyncDisposable
    {
        private readonly RunJournal journal = new(database, new SecretKeys(new byte[32], RandomSource.System), TimeProvider.System, LeaseHolder.Current);

        public static async Task<Repair> OfAsync(IConnectedSystem source, SystemConfig sourceConfig, IConnectedSystem target, SystemConfig targetConfig, ReconcileRule rule)
        {
            var database = SqliteDatabase.InMemory(new DatabaseOptions(), TimeProvider.System, RandomSource.System);
            await StoreSchema.MigrateAsync(database);
            var topology = new Topology
            {
                Systems = new Dictionary<string, SystemConfig> { [sourceConfig.Name] = sourceConfig, [targetConfig.Name] = targetConfig },
                Rules = [rule],
                Tenants = new Dictionary<string, TenantConfig>(),
                Fingerprint = "fingerprint",
                MinimumAge = TimeSpan.Zero,
            };
            return new Repair(new Dictionary<string, IConnectedSystem> { [sourceConfig.Name] = source, [targetConfig.Name] = target }, topology, database);
        }

        /// <summary>What is found, one sentence each.</summary>
        public async Task<IReadOnlyList<string>> FindingsAsync() => [.. (await AuditAsync()).Findings.Select(finding => finding.Sentence)];

        /// <summary>Plans and applies all: each change is made, and is there as planned. What is left alone is so for these reasons.</summary>
        public async Task<Plan> ApplyAsync(params string[] leftAlone)
        {
            var audit = await AuditAsync();
            var plan = Planner.Plan(topology, audit.Pictures, audit.Findings, Stamp());
            plan.NotPlanned.Select(left => left.Because).ShouldBe(leftAlone, ignoreOrder: true);
            await MakeAsync(PlanJson.Read(PlanJson.Write(plan)).Plan!);
            return plan;
        }

        /// <summary>Plans and applies all, which comes to nothing that undo would take back: what is said of each change.</summary>
        public async Task<IReadOnlyList<string>> RefusedAsync()
        {
            var audit = await AuditAsync();
            var plan = Planner.Plan(topology, audit.Pictures, audit.Findings, Stamp());
            var report = await SendAsync(plan);
            report.Applied.ShouldBe(0);
            var undo = await PlanUndoAsync(plan);
            undo.Changes.ShouldBeEmpty();
            undo.NotPlanned.ShouldBeEmpty();
            return [.. report.Refused.Concat(report.Skipped).Select(note => note.Message)];
        }

        /// <summary>Plans all, which comes to no change: why not.</summary>
        public async Task<IReadOnlyList<string>> LeftAloneAsync()
        {
            var audit = await AuditAsync();
            var plan = Planner.Plan(topology, audit.Pictures, audit.Findings, Stamp());
            plan.Changes.ShouldBeEmpty();
            plan.NotPlanned.ShouldNotBeEmpty();
            return [.. plan.NotPlanned.Select(left => left.Because)];
        }

        public async Task UndoAsync(Plan plan)
        {
            var undo = await PlanUndoAsync(plan);
            undo.NotPlanned.ShouldBeEmpty();
            await MakeAsync(undo);
        }

        /// <summary>Plans all, dies when a change has left for the given time, and applies the same plan again after what somebody did meanwhile; with what undo would say.</summary>
        public async Task<(ApplyReport Report, Plan Undo)> DyingAsync(Func<Task> meanwhile, int time = 1)
        {
            var audit = await AuditAsync();
            var plan = Planner.Plan(topology, audit.Pictures, audit.Findings, Stamp());
            await Should.ThrowAsync<Death>(() => SendAsync(plan, new CrashPoints(name => _ = name == ApplyCrashPoints.ChangeLeft && --time == 0 ? throw new Death() : 0)));
            await meanwhile();
            // Of a process that is no more.
            await database.TransactAsync(transaction => transaction.ExecuteAsync("DELETE FROM apply_leases"));
            return (await SendAsync(plan), await PlanUndoAsync(plan));
        }

        private sealed class Death : Exception;

        public async ValueTask DisposeAsync()
        {
            await database.DisposeAsync();
            foreach (var system in systems.Values)
            {
                await system.DisposeAsync();
            }
        }

        private static PlanStamp Stamp() => new(Guid.NewGuid(), Now, "0.0.0", "rules", RandomSource.System);

        /// <summary>Applies a plan: each change is made, and is there as planned.</summary>
        public async Task MakeAsync(Plan plan)
        {
            var report = await SendAsync(plan);
            report.Refused.Concat(report.Skipped).Concat(report.Pending).Concat(report.Unverified).Select(note => $"{note.Change.Label}: {note.Message}").ShouldBeEmpty();
            report.AppliedNow.ShouldBe(plan.Changes.Count);
        }

        private async Task<Plan> PlanUndoAsync(Plan plan)
        {
            var run = (await journal.ReadAsync(plan.Id, CancellationToken.None))!;
            return UndoPlanner.Plan(run, await PresentState.ReadAsync(run, systems, CancellationToken.None), topology, plan.Accounts, Stamp());
        }

        private async Task<ApplyReport> SendAsync(Plan plan, CrashPoints? crashPoints = null)
            => (await new Applier(topology, systems, journal, TimeProvider.System, crashPoints ?? CrashPoints.None).ApplyAsync(plan, null, CancellationToken.None, false)).ShouldBeOfType<ApplyReport>();

        private Task<AuditResult> AuditAsync() => new Auditor(topology, systems, IdentifierKeys.TryKey, TimeProvider.System, RandomSource.System).AuditAsync(_ => null, CancellationToken.None);
    }
}
