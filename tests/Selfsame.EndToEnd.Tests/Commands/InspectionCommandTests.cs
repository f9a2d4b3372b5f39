using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;
using Selfsame.Core.Identifiers;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Commands;

/// <summary>Commands that look and change nothing: show, doctor, audit's report and filters, completion.</summary>
[Trait("needs", "executable")]
public sealed class InspectionCommandTests
{
    [Fact]
    public async Task A_person_is_shown_in_every_system_by_any_spelling()
    {
        using var sandbox = await Sandbox.MakeAsync();

        var both = await sandbox.JsonAsync(2, "show", "DobbelTop");
        both.GetProperty("systems").GetProperty("app").EnumerateArray().Select(account => account.GetProperty("id").GetString()).ShouldBe(["u02", "u03"]);
        both.GetProperty("systems").GetProperty("auth")[0].GetProperty("id").GetString().ShouldBe("u02");
        both.GetProperty("findings").EnumerateArray().Select(finding => finding.GetProperty("kind").GetString()).ShouldContain("Duplicate");

        (await sandbox.ExpectAsync(0, "show", "ADA@Example.org")).StandardOutput.ShouldContain("ADA@Example.org: complete");
        (await sandbox.ExpectAsync(2, "show", "katherine@example.org")).StandardOutput.ShouldContain("only in auth");
        (await sandbox.JsonAsync(2, "show", "tracy")).GetProperty("missingIn")[0].GetString().ShouldBe("auth");
        (await sandbox.JsonAsync(2, "show", "u25")).GetProperty("systems").GetProperty("app")[0].GetProperty("id").GetString().ShouldBe("u05");
        (await sandbox.ExpectAsync(1, "show", "nobody")).StandardError.ShouldContain("nobody is called 'nobody'");
    }

    [Fact]
    public async Task People_of_two_tenants_who_are_called_alike_are_not_shown_as_one()
    {
        using var sandbox = await Sandbox.MakeAsync();
        const string users = "connector: sqlite, connection: app.db, table: users, identifiers: { username: username, email: email }";
        await File.WriteAllTextAsync(sandbox["selfsame.yaml"], $"systems:\n  app: {{ {users} }}\n  shop: {{ {users}, tenant: second }}\n");

        (await sandbox.ExpectAsync(1, "show", "ada")).StandardError.ShouldContain("in each of the tenants main, second: say which with --tenant");
        var shown = await sandbox.JsonAsync(0, "show", "ada", "--tenant", "second");
        shown.GetProperty("systems").EnumerateObject().Select(system => system.Name).ShouldBe(["shop"]);
        (await sandbox.ExpectAsync(1, "show", "ada", "--tenant", "third")).StandardError.ShouldContain("The tenants are: main, second");
    }

    // SQLite folds ASCII only: our keys find what its own look-up does not.
    [Fact]
    public async Task A_spelling_that_the_system_itself_would_not_find_is_found_by_its_key()
    {
        using var sandbox = await Sandbox.MakeAsync();
        sandbox.Sql("app.db", "INSERT INTO users (id, username) VALUES ('u30', 'ÅSE')");

        (await sandbox.ExpectAsync(2, "show", "åse")).StandardOutput.ShouldContain("u30");
    }

    [Fact]
    public async Task The_doctor_says_what_is_wrong_and_what_to_do()
    {
        using var sandbox = await Sandbox.MakeAsync();

        var ill = await sandbox.JsonAsync(2, "doctor");
        var wrong = ill.GetProperty("examinations").EnumerateArray().Where(examination => examination.GetProperty("answer").GetString() == "no").ToList();
        wrong.ShouldHaveSingleItem().GetProperty("name").GetString().ShouldBe("unique username");
        Answer(ill, "store", "key rules").ShouldBe("yes");
        Answer(ill, "app", "change accounts").ShouldBe("yes");

        File.Delete(sandbox["auth.db"]);
        var lost = await sandbox.ExpectAsync(1, "doctor");
        lost.StandardOutput.ShouldContain("there is no file auth.db");
        lost.StandardOutput.ShouldContain("index 'users_username' is not unique");
    }

    [Fact]
    public async Task The_doctor_says_where_the_links_of_mails_lead()
    {
        using var sandbox = await Sandbox.MakeAsync();
        var config = await File.ReadAllTextAsync(sandbox["selfsame.yaml"]);
        Answer(await sandbox.JsonAsync(2, "doctor"), "settings", "links of main").ShouldBe("yes");
        const string mail = "mail: { host: smtp.example.com, from: accounts@example.com }\n";

        await File.WriteAllTextAsync(sandbox["selfsame.yaml"], $"{config}\n{mail}");
        Answer(await sandbox.JsonAsync(2, "doctor"), "settings", "links of main").ShouldBe("no");
        (await sandbox.ExpectAsync(2, "doctor")).StandardOutput.ShouldContain("publicUrl");

        await File.WriteAllTextAsync(sandbox["selfsame.yaml"], $"{config}\n{mail}tenants: {{ main: {{ hosts: [example.com] }}, second: {{ publicUrl: \"https://example.com\" }} }}\n");
        var named = await sandbox.JsonAsync(2, "doctor");
        Answer(named, "settings", "links of main").ShouldBe("yes");
        Answer(named, "settings", "links of second").ShouldBe("no");
    }

    [Fact]
    public async Task The_doctor_makes_a_user_code_dry()
    {
        using var sandbox = await Sandbox.MakeAsync();

        (await sandbox.ExpectAsync(2, "doctor")).StandardOutput.ShouldMatch("user codes of main: made dry: ac[0-9]{2}[a-z]+ would be free, at try 1");

        sandbox.Sql(Path.Combine("data", "selfsame.db"), "SELECT count(*) FROM identifiers").ShouldBe(["0"]);
    }

    [Fact]
    public async Task The_doctor_says_how_many_keys_were_made_under_other_rules()
    {
        using var sandbox = await Sandbox.MakeAsync();
        var store = Path.Combine("data", "selfsame.db");
        (await SelfsameProcess.RunAsync(["users", "create", "--username", "ada", "--email", "ada@example.org"], "correct horse battery\n", folder: sandbox.Folder)).ExitCode.ShouldBe(0);
        Answer(await sandbox.JsonAsync(2, "doctor"), "store", "key rules").ShouldBe("yes");

        sandbox.Sql(store, "UPDATE identifiers SET rule_version = 'rules of before'");

        Answer(await sandbox.JsonAsync(2, "doctor"), "store", "key rules").ShouldBe("no");
        var shown = (await sandbox.ExpectAsync(2, "doctor")).StandardOutput;
        shown.ShouldContain($"{sandbox.Sql(store, "SELECT count(*) FROM identifiers")[0]} identifiers were keyed under rules of before; these are {KeyRules.Version}");
        shown.ShouldContain("Look with 'selfsame keys'");
    }

    [Fact]
    public async Task The_doctor_is_content_after_the_repair()
    {
        using var sandbox = await Sandbox.MakeAsync();
        await sandbox.ExpectAsync(2, "plan", "-o", "plan.json");
        await sandbox.ExpectAsync(0, "apply", "plan.json");

        (await sandbox.ExpectAsync(0, "doctor")).StandardOutput.ShouldContain("unique username: index 'users_username_selfsame'");
    }

    [Fact]
    [Trait("needs", "postgresql")]
    public async Task A_missing_permission_is_named_with_what_to_grant()
    {
        using var folder = new TemporaryFolder();
        var owner = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();
        var role = $"reader_{Guid.CreateVersion7():N}";
        await using (var source = NpgsqlDataSource.Create(owner))
        {
            await using var command = source.CreateCommand(
                $"CREATE TABLE users (id text PRIMARY KEY, email text UNIQUE); CREATE TABLE posts (id text PRIMARY KEY, user_id text REFERENCES users (id)); CREATE ROLE {role} LOGIN; GRANT SELECT ON users TO {role}");
            await command.ExecuteNonQueryAsync();
        }

        await File.WriteAllTextAsync(folder["selfsame.yaml"], "systems:\n  app: { connector: postgres, connection: \"${APP}\", table: users, identifiers: { email: email } }\n");
        var reader = new NpgsqlConnectionStringBuilder(owner) { Username = role }.ToString();
        var result = await SelfsameProcess.RunAsync(["doctor", "--json"], "", new Dictionary<string, string?> { ["APP"] = reader }, folder.Path);

        result.ExitCode.ShouldBe(2, result.StandardOutput + result.StandardError);
        var report = JsonDocument.Parse(result.StandardOutput).RootElement;
        Answer(report, "app", "read accounts").ShouldBe("yes");
        Answer(report, "app", "delete accounts").ShouldBe("no");
        Answer(report, "app", "make indexes").ShouldBe("no");
        result.StandardOutput.ShouldContain($"GRANT SELECT, UPDATE, DELETE ON \\\"posts\\\" TO \\\"{role}\\\"");
    }

    [Fact]
    public async Task The_audit_tells_how_unique_everybody_is()
    {
        using var sandbox = await Sandbox.MakeAsync();

        var app = (await sandbox.JsonAsync(2, "audit", "--sample", "2")).GetProperty("systems").GetProperty("app");

        app.GetProperty("accounts").GetInt32().ShouldBe(9);
        var usernames = app.GetProperty("values").GetProperty("username");
        (usernames.GetProperty("with").GetInt32(), usernames.GetProperty("distinct").GetInt32(), usernames.GetProperty("unique").GetBoolean()).ShouldBe((9, 6, false));
        app.GetProperty("values").GetProperty("email").GetProperty("unique").GetBoolean().ShouldBeTrue();
        (app.GetProperty("verified").GetInt32(), app.GetProperty("unverified").GetInt32()).ShouldBe((6, 0));
        app.GetProperty("indexes").EnumerateArray().Select(index => index.GetProperty("name").GetString()).ShouldContain("users_username");
        app.GetProperty("sample").GetArrayLength().ShouldBe(2);
        (await sandbox.JsonAsync(2, "audit")).GetProperty("systems").GetProperty("app").TryGetProperty("sample", out _).ShouldBeFalse();
    }

    [Theory]
    [InlineData(0, "no limit on new accounts")]
    [InlineData(1, "1 new accounts per address in 3600 s; now 1 addresses counted, 1 at the limit")]
    [InlineData(2, "2 new accounts per address in 3600 s; now 1 addresses counted, 0 at the limit")]
    public async Task The_audit_of_our_own_users_tells_how_the_limit_on_new_accounts_is_used(int count, string state)
    {
        using var sandbox = await Sandbox.MakeAsync();
        await File.WriteAllTextAsync(
            sandbox["selfsame.yaml"], $"systems: {{ users: {{ connector: selfsame }} }}\ntenants: {{ main: {{ signUpLimit: {{ count: {count}, seconds: 3600 }} }} }}\n");
        await using (var server = await SelfsameProcess.ServeAsync(sandbox["data"], ["--config", sandbox["selfsame.yaml"]]))
        {
            using var client = new HttpClient { BaseAddress = server.Address };
            using var answer = await client.PostAsJsonAsync("/api/v1/sign-ups", new { username = "ada", email = "ada@example.org", password = "correct horse battery" });
            answer.StatusCode.ShouldBe(HttpStatusCode.Created);
        }

        (await sandbox.JsonAsync(0, "audit")).GetProperty("systems").GetProperty("users").GetProperty("creationLimit").GetString().ShouldBe(state);
        (await sandbox.ExpectAsync(0, "audit")).StandardOutput.ShouldContain(state);
    }

    [Fact]
    public async Task An_audit_and_a_plan_can_be_about_one_person_one_system_or_one_kind_of_finding()
    {
        using var sandbox = await Sandbox.MakeAsync();

        var who = await sandbox.JsonAsync(2, "audit", "--who", "PRINTMASTER");
        who.GetProperty("findings").EnumerateArray().Select(finding => finding.GetProperty("kind").GetString()).Distinct().ShouldBe(["Duplicate", "NotCanonical", "Orphan"]);
        (await sandbox.JsonAsync(0, "audit", "--who", "ada")).GetProperty("findings").GetArrayLength().ShouldBe(0);
        (await sandbox.ExpectAsync(1, "audit", "--system", "nope")).StandardError.ShouldContain("auth, app");
        (await sandbox.ExpectAsync(1, "audit", "--tenant", "nope")).StandardError.ShouldContain("main");

        Reasons(await sandbox.JsonAsync(2, "plan", "--only", "Missing,drifted")).ShouldBe(["missingInTarget", "attributesDrifted"]);
        Reasons(await sandbox.JsonAsync(2, "plan", "--who", "dobbeltop")).ShouldBe(["duplicateMerged"]);

        // Without the duplicates the unique index can't be made, so it goes with them.
        Reasons(await sandbox.JsonAsync(2, "plan", "--except", "Duplicate")).ShouldBe(["missingInTarget", "orphanDisabled", "attributesDrifted", "idMismatch"], ignoreOrder: true);
        (await sandbox.ExpectAsync(1, "plan", "--only", "foo")).StandardError.ShouldContain("neither a finding nor a reason");

        await sandbox.ExpectAsync(2, "plan", "--only", "Drifted", "-o", "part.json");
        await sandbox.ExpectAsync(0, "apply", "part.json");
        sandbox.Sql("app.db", "SELECT full_name FROM users WHERE id = 'u04'").ShouldBe(["Grace Hopper"]);
        sandbox.Sql("app.db", "SELECT count(*) FROM users").ShouldBe(["9"]);
    }

    [Fact]
    public async Task A_finding_shows_by_what_it_was_found_and_duplicates_what_tells_them_apart()
    {
        using var sandbox = await Sandbox.MakeAsync();

        var findings = (await sandbox.JsonAsync(2, "audit")).GetProperty("findings").EnumerateArray().ToList();
        findings.ShouldAllBe(finding => finding.GetProperty("evidence").GetArrayLength() > 0);
        var missing = findings.Single(finding => finding.GetProperty("kind").GetString() == "Missing").GetProperty("evidence");
        missing.EnumerateArray().Select(evidence => $"{evidence.GetProperty("rule")} {evidence.GetProperty("key")}").ShouldBe(["id u10", "email katherine@example.org"]);

        var shown = (await sandbox.ExpectAsync(2, "audit")).StandardOutput;
        shown.ShouldContain("looked for by id u10, email katherine@example.org");
        shown.ShouldContain("one person by id u04; fullName 'Grace Hopper' there, 'Grace Hoper' here");
        shown.ShouldContain("found: CREATE INDEX users_username ON users (username)");
        shown.ShouldContain("2 accounts of app have the username dobbeltop: dobbeltop (id u02), Dobbeltop (id u03).");
        shown.ShouldContain("createdAt '2023-02-01', '2023-08-15'; emailVerified '1', '0'; fullName 'Dirk Dobbel', none; lastSignIn '2024-09-30', '2024-10-02'");
        shown.ShouldContain("11 findings (4 Orphan, 2 Duplicate, 1 Drifted, 1 IdMismatch, 1 Missing, 1 NotCanonical, 1 WeakIndex). Next:");
        (await sandbox.ExpectAsync(2, "plan")).StandardOutput.ShouldContain("7 changes (2 merge, 2 update, 1 create, 1 rekey, 1 schema). To apply");
        (await sandbox.ExpectAsync(2, "show", "katherine@example.org")).StandardOutput.ShouldContain("looked for by id u10, email katherine@example.org");
    }

    [Fact]
    public async Task Show_doctor_and_watch_can_be_about_one_system_or_tenant()
    {
        using var sandbox = await Sandbox.MakeAsync();

        var shown = await sandbox.JsonAsync(2, "show", "dobbeltop", "--system", "app");
        shown.GetProperty("systems").EnumerateObject().Select(system => system.Name).ShouldBe(["app"]);
        (await sandbox.ExpectAsync(1, "show", "tracy", "--system", "nope")).StandardError.ShouldContain("auth, app");
        (await sandbox.ExpectAsync(1, "show", "nobody", "--system", "app")).StandardError.ShouldContain("nobody is called 'nobody' in app.");
        (await sandbox.JsonAsync(2, "show", "katherine@example.org", "--system", "app")).GetProperty("missingIn")[0].GetString().ShouldBe("app");

        var examined = (await sandbox.JsonAsync(0, "doctor", "--system", "auth")).GetProperty("examinations").EnumerateArray().ToList();
        examined.Select(examination => examination.GetProperty("area").GetString()).Distinct().ShouldBe(["auth"]);
        (await sandbox.JsonAsync(2, "doctor", "--tenant", "main")).GetProperty("examinations").EnumerateArray().Select(examination => examination.GetProperty("area").GetString()).Distinct()
            .ShouldBe(["auth", "app"]);
        (await sandbox.ExpectAsync(1, "doctor", "--tenant", "nope")).StandardError.ShouldContain("The tenants are: main");

        // What is asked about one person is remembered apart, or each would tell the other's findings anew.
        (await sandbox.ExpectAsync(2, "watch", "--once")).StandardOutput.ShouldContain("11 findings, 11 new");
        (await sandbox.ExpectAsync(2, "watch", "--once", "--who", "tracy")).StandardOutput.ShouldContain("1 finding, 1 new");
        (await sandbox.ExpectAsync(2, "watch", "--once", "--who", "tracy")).StandardOutput.ShouldContain("1 finding, 0 new");
        (await sandbox.ExpectAsync(2, "watch", "--once")).StandardOutput.ShouldContain("11 findings, 0 new");
        (await sandbox.ExpectAsync(1, "watch", "--once", "--system", "nope")).StandardError.ShouldContain("auth, app");
    }

    [Fact]
    public async Task The_report_counts_ids_too_and_names_the_key_that_SQLite_keeps_without_an_index()
    {
        using var sandbox = await Sandbox.MakeAsync();
        sandbox.Sql("app.db", "CREATE TABLE numbered (id integer PRIMARY KEY, email text UNIQUE)");
        sandbox.Sql("app.db", "INSERT INTO numbered VALUES (1, 'a@example.org'), (2, 'b@example.org')");
        await File.WriteAllTextAsync(sandbox["selfsame.yaml"], "systems:\n  app: { connector: sqlite, connection: app.db, table: numbered, identifiers: { email: email } }\n");

        var shown = (await sandbox.ExpectAsync(0, "audit")).StandardOutput;

        shown.ShouldContain("id: 2 have one, each unique");
        shown.ShouldContain("unique: id  constraint INTEGER PRIMARY KEY");
    }

    [Fact]
    public async Task The_newest_are_shown_in_every_system()
    {
        using var sandbox = await Sandbox.MakeAsync();
        (await sandbox.ExpectAsync(1, "audit", "--last", "2")).StandardError.ShouldContain("map 'createdAt'");
        sandbox.Sql("auth.db", "ALTER TABLE accounts ADD COLUMN joined integer");
        sandbox.Sql("auth.db", "UPDATE accounts SET joined = CASE email WHEN 'katherine@example.org' THEN 3 WHEN 'ada@example.org' THEN 2 ELSE 1 END");
        var config = await File.ReadAllTextAsync(sandbox["selfsame.yaml"]);
        await File.WriteAllTextAsync(
            sandbox["selfsame.yaml"], config.Replace("emailVerified: email_confirmed }", "emailVerified: email_confirmed, createdAt: { field: joined, noise: true } }", StringComparison.Ordinal));

        var newest = (await sandbox.JsonAsync(2, "audit", "--last", "2")).GetProperty("newest").GetProperty("auth");
        newest.GetProperty("in").GetProperty("app").GetInt32().ShouldBe(1);
        newest.GetProperty("people").EnumerateArray().Select(person => person.GetProperty("label").GetString()).ShouldBe(["katherine@example.org", "ada@example.org"]);
        newest.GetProperty("people").EnumerateArray().Select(person => person.GetProperty("complete").GetBoolean()).ShouldBe([false, true]);
        (await sandbox.ExpectAsync(2, "audit", "--tenant", "all", "--last", "1")).StandardOutput.ShouldContain("The newest 1 of auth: app 0 of 1");

        (await sandbox.ExpectAsync(1, "audit", "--last", "0")).StandardError.ShouldContain("from 1 to 1000");
        (await sandbox.ExpectAsync(1, "audit", "--last", "2", "--who", "ada")).StandardError.ShouldContain("leave out --who");
        (await sandbox.ExpectAsync(1, "audit", "--tenant", "nope", "--last", "1")).StandardError.ShouldContain("main");
    }

    // The executable suggests "apply" for "pl" too; the shell keeps what begins so.
    [Theory]
    [InlineData("pl", "plan")]
    [InlineData("audit --wh", "--who")]
    public async Task Bash_completes_commands_and_options(string typed, string completed)
    {
        var path = $"{Path.GetDirectoryName(Checkout.Executable)}:{System.Environment.GetEnvironmentVariable("PATH")}";
        var script = $"eval \"$(selfsame completion bash)\"; COMP_LINE='selfsame {typed}'; COMP_POINT=${{#COMP_LINE}}; COMP_WORDS=(selfsame {typed}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _selfsame; echo \"${{COMPREPLY[@]}}\"";
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(60));

        var result = await ChildProcess.RunAsync("bash", ["-c", script], default, new Dictionary<string, string?> { ["PATH"] = path }, user: null, folder: null, timeout.Token);

        result.StandardOutput.Trim().ShouldBe(completed, result.StandardError);
    }

    // These shells need not be installed: the script must ask the executable as System.CommandLine's suggestion directive wants it.
    [Theory]
    [InlineData("zsh", "#compdef selfsame", "selfsame \"[suggest:$CURSOR]\" \"$BUFFER\" 2>/dev/null", "compdef _selfsame selfsame")]
    [InlineData("fish", "complete -c selfsame -a '", "(commandline -cp)", "selfsame \"[suggest:\"(string length -- \"$line\")\"]\" \"$line\" 2>/dev/null)'")]
    public async Task Zsh_and_fish_ask_the_executable_for_the_line_up_to_the_cursor(string shell, params string[] parts)
    {
        using var sandbox = await Sandbox.MakeAsync();

        var script = (await sandbox.ExpectAsync(0, "completion", shell)).StandardOutput;

        var at = 0;
        foreach (var part in parts)
        {
            at = script.IndexOf(part, at, StringComparison.Ordinal);
            at.ShouldBeGreaterThanOrEqualTo(0, $"'{part}' is missing or out of order:\n{script}");
        }

        // What those lines run gives what is completed.
        (await sandbox.ExpectAsync(0, "[suggest:11]", "selfsame pl")).StandardOutput.Split('\n').ShouldContain("plan");
        (await sandbox.ExpectAsync(1, "completion", "tcsh")).StandardError.ShouldContain("fish");
    }

    private static IEnumerable<string?> Reasons(JsonElement plan) => plan.GetProperty("changes").EnumerateArray().Select(change => change.GetProperty("reason").GetString());

    private static string? Answer(JsonElement report, string area, string name)
        => report.GetProperty("examinations").EnumerateArray()
            .Single(examination => examination.GetProperty("area").GetString() == area && examination.GetProperty("name").GetString() == name)
            .GetProperty("answer").GetString();
}
