using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Selfsame.Core.Reconciliation;
using Selfsame.EndToEnd.Tests.Api;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Reconciliation;

/// <summary>A table as Django makes it, whose people move into the user service with the passwords that they have.</summary>
[Trait("needs", "executable")]
public sealed class MoveInTests : IDisposable
{
    private const string App =
        """
          app:
            connector: sqlite
            connection: ${APP_DB}
            table: auth_user
            identifiers: { username: username, email: email }
            attributes:
              passwordHash: password
              active: is_active
              staff: is_staff
              superuser: is_superuser
              firstName: first_name
              lastName: last_name
              createdAt: date_joined
              lastSignIn: { field: last_login, noise: true }
        """;

    private const string Forward = $"systems:\n{App}\n  users: {{ connector: selfsame }}\nminimumAge: 0\nreconcile:\n  - {{ source: app, target: users, correlate: [username], missing: createInTarget, drifted: updateTarget }}\n";

    private const string Backward = $"systems:\n{App}\n  users: {{ connector: selfsame }}\nminimumAge: 0\nreconcile:\n  - {{ source: users, target: app, correlate: [username], orphan: createInSource }}\n";

    private readonly Workspace workspace = new(Forward);

    public MoveInTests() => workspace.Sql(
        "app.db",
        $"""
        CREATE TABLE auth_user (id integer NOT NULL PRIMARY KEY AUTOINCREMENT, password varchar(128) NOT NULL, last_login datetime NULL, is_superuser bool NOT NULL,
          username varchar(150) NOT NULL UNIQUE, last_name varchar(150) NOT NULL, email varchar(254) NOT NULL, is_staff bool NOT NULL, is_active bool NOT NULL,
          date_joined datetime NOT NULL, first_name varchar(150) NOT NULL);
        INSERT INTO auth_user VALUES
          (1, '{Django("ann's old password", "saltOfAnn")}', NULL, 1, 'Ann', 'Åström', 'ann@example.org', 1, 1, '2019-03-04 05:06:07.891011', 'Ann'),
          (2, '{Django("bob's old password", "saltOfBob")}', '2025-01-01 00:00:00', 0, 'bob', '', '', 0, 1, '2020-03-04 05:06:07', ''),
          (3, '!unusablePasswordOfDjango', NULL, 0, 'cy', '', 'cy@example.org', 0, 1, '2021-03-04 05:06:07', 'Cy'),
          (4, '{Django("dora's old password", "saltOfDora")}', NULL, 0, 'dora', '', 'dora@example.org', 0, 0, '2021-03-04 05:06:07', '')
        """);

    public static TheoryData<string> CrashPoints => [.. ApplyCrashPoints.All];

    public void Dispose() => workspace.Dispose();

    [Theory]
    [InlineData(Forward)]
    [InlineData(Backward)]
    public async Task Everybody_signs_in_with_the_old_password_whose_hash_is_renewed_by_that(string config)
    {
        File.WriteAllText(workspace["selfsame.yaml"], config);
        var shown = (await workspace.ExpectAsync(2, "plan", "-o", "plan.json")).StandardOutput;
        shown.ShouldContain("signs in with: the password of app");
        shown.ShouldContain("none of the forms that users takes");
        File.ReadAllText(workspace["plan.json"]).ShouldNotContain("pbkdf2_sha256$");
        await workspace.ExpectAsync(0, "apply", "plan.json", "--notify");

        (await workspace.ExpectAsync(0, "audit")).StandardOutput.ShouldContain("Clean");
        Users("SELECT username, email, email_verified_at, first_name, last_name, is_superuser, is_staff, is_active, substr(password_hash, 1, 14), created_at FROM users ORDER BY username").ShouldBe(
        [
            "Ann|ann@example.org|NULL|Ann|Åström|1|1|1|pbkdf2_sha256$|2019-03-04T05:06:07.891011Z",
            "bob|NULL|NULL|NULL|NULL|0|0|1|pbkdf2_sha256$|2020-03-04T05:06:07.000000Z",
            "cy|cy@example.org|NULL|Cy|NULL|0|0|1|NULL|2021-03-04T05:06:07.000000Z",
            "dora|dora@example.org|NULL|NULL|NULL|0|0|0|pbkdf2_sha256$|2021-03-04T05:06:07.000000Z",
        ]);

        Users("SELECT u.username FROM mails m JOIN users u ON u.id = m.user_id").ShouldBe(["cy"]);
        await using var server = await SelfsameProcess.ServeAsync(workspace.Data, ["--config", workspace["selfsame.yaml"]], workspace.Environment());
        (await StatusAsync(server, "ANN@example.org", "ann's old password")).ShouldBe(201);
        (await StatusAsync(server, "bob", "bob's old password")).ShouldBe(201);
        (await StatusAsync(server, "bob", "ann's old password")).ShouldBe(401);
        (await StatusAsync(server, "cy", "!unusablePasswordOfDjango")).ShouldBe(401);
        (await StatusAsync(server, "dora", "dora's old password")).ShouldBe(401);
        Users("SELECT username FROM users WHERE password_hash LIKE '$argon2id$%' ORDER BY username").ShouldBe(["Ann", "bob"]);
        (await StatusAsync(server, "Ann", "ann's old password")).ShouldBe(201);
    }

    [Fact]
    public async Task A_password_that_changed_between_plan_and_apply_skips_that_person_alone()
    {
        await workspace.ExpectAsync(2, "plan", "-o", "plan.json");
        workspace.Sql("app.db", "UPDATE auth_user SET password = password || 'x' WHERE username = 'bob'");

        (await workspace.ExpectAsync(2, "apply", "plan.json")).StandardOutput.ShouldContain("the password in app changed");

        Users("SELECT username FROM users ORDER BY username").ShouldBe(["Ann", "cy", "dora"]);
    }

    [Fact]
    public async Task Moving_in_is_taken_back_softly_and_again_by_the_same_people()
    {
        await workspace.ExpectAsync(2, "plan", "-o", "plan.json");
        var applied = await workspace.ExpectAsync(0, "apply", "plan.json", "--json");
        var run = JsonDocument.Parse(applied.StandardOutput).RootElement.GetProperty("run").GetString()!;

        await workspace.ExpectAsync(0, "undo", run, "--yes");

        Users("SELECT count(*), count(deleted_at) FROM users").ShouldBe(["4|4"]);
        (await workspace.ExpectAsync(2, "plan", "-o", "again.json")).StandardOutput.ShouldContain("create");
        (await workspace.ExpectAsync(2, "apply", "again.json")).StandardOutput.ShouldContain("can be restored: selfsame users restore");
    }

    [Theory]
    [MemberData(nameof(CrashPoints))]
    public async Task Kill_9_and_the_same_plan_again_move_everybody_in_once_and_leave_nobody_without_their_mail(string point)
    {
        await workspace.ExpectAsync(2, "plan", "-o", "plan.json");

        (await workspace.RunAsync(point, ["apply", "plan.json", "--notify"])).ExitCode.ShouldBe(137);
        await workspace.ExpectAsync(0, "apply", "plan.json", "--notify");

        (await workspace.ExpectAsync(0, "audit")).StandardOutput.ShouldContain("Clean");
        Users("SELECT username FROM users ORDER BY username").ShouldBe(["Ann", "bob", "cy", "dora"]);
        Users("SELECT DISTINCT u.username FROM mails m JOIN users u ON u.id = m.user_id").ShouldBe(["cy"]);
    }

    [Fact]
    public async Task People_of_an_exported_file_move_in_too()
    {
        File.WriteAllText(
            workspace["selfsame.yaml"],
            $"systems:\n  export: {{ connector: files, path: \"{workspace["people.csv"]}\", identifiers: {{ username: login, email: mail }}, attributes: {{ passwordHash: password, emailVerified: proved }} }}\n"
            + "  users: { connector: selfsame }\nminimumAge: 0\nreconcile:\n  - { source: export, target: users, correlate: [username], missing: createInTarget }\n");
        File.WriteAllText(
            workspace["people.csv"],
            $"id,login,mail,proved,password\n7,eve,eve@example.org,true,{Django("eve's old password", "saltOfEve")}\n8,finn,finn@example.org,false,md5$salt$0123\n");

        (await workspace.ExpectAsync(2, "plan", "-o", "plan.json")).StandardOutput.ShouldContain("none of the forms that users takes");
        await workspace.ExpectAsync(0, "apply", "plan.json");

        Users("SELECT username, email_verified_at IS NOT NULL, password_hash IS NOT NULL FROM users ORDER BY username").ShouldBe(["eve|1|1", "finn|0|0"]);
        await using var server = await SelfsameProcess.ServeAsync(workspace.Data, ["--config", workspace["selfsame.yaml"]], workspace.Environment());
        (await StatusAsync(server, "eve", "eve's old password")).ShouldBe(201);
    }

    private static string Django(string password, string salt)
    {
        const int iterations = 20_000;
        var key = Rfc2898DeriveBytes.Pbkdf2(password, Encoding.ASCII.GetBytes(salt), iterations, HashAlgorithmName.SHA256, 32);
        return $"pbkdf2_sha256${iterations}${salt}${Convert.ToBase64String(key)}".Replace("'", "''", StringComparison.Ordinal);
    }

    private static async Task<int> StatusAsync(SelfsameProcess server, string login, string password)
        => (await new ApiClient(server.Address).PostAsync("/api/v1/sessions", new { login, password })).Status;

    private IReadOnlyList<string> Users(string sql) => workspace.Sql(Path.Combine("data", "selfsame.db"), sql);
}
