using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;
using Selfsame.Core.Reconciliation;
using Selfsame.Testing;
using Selfsame.Testing.Supabase;

namespace Selfsame.EndToEnd.Tests.Examples;

/// <summary>examples/supabase-orphans: a Supabase project whose sign-ups half failed.</summary>
[Trait("needs", "postgresql")]
public sealed class SupabaseOrphansTests : IAsyncLifetime
{
    // Without what differs from one creation to the next: passwords and instants.
    private const string Dump =
        """
        SELECT 'user ' || id || ' ' || email || ' ' || (email_confirmed_at IS NOT NULL) || ' ' || (banned_until IS NULL) || ' ' || (raw_user_meta_data->>'full_name') || ' '
          || (raw_app_meta_data->>'role') FROM auth.users
        UNION ALL SELECT 'row ' || u::text FROM public.users u
        UNION ALL SELECT 'order ' || o::text FROM public.orders o
        ORDER BY 1
        """;

    private SupabaseStandIn project = null!;
    private NpgsqlDataSource database = null!;
    private ExampleFolder example = null!;

    public static TheoryData<string> CrashPoints => [.. ApplyCrashPoints.All];

    public async ValueTask InitializeAsync()
    {
        var connection = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();
        project = await SupabaseStandIn.StartAsync(connection);
        database = NpgsqlDataSource.Create(connection);
        example = new ExampleFolder(
            "supabase-orphans",
            ("SUPABASE_URL", project.Url), ("SUPABASE_SERVICE_ROLE_KEY", SupabaseStandIn.ServiceRoleKey), ("DATABASE_URL", connection + ";Pooling=false"));
        File.WriteAllText(example["selfsame.yaml"], File.ReadAllText(example["selfsame.yaml"]) + "minimumAge: 0\n");
        await RowsAsync(File.ReadAllText(example["make-data.sql"]));
    }

    public async ValueTask DisposeAsync()
    {
        example.Dispose();
        await database.DisposeAsync();
        await project.DisposeAsync();
    }

    [Fact]
    public async Task Afterwards_every_user_has_one_row_and_every_row_one_user_under_one_id()
    {
        var before = await RowsAsync(Dump);
        var audit = await example.ExpectAsync(2, "audit");
        audit.ShouldContain("bob@example.org is in auth and not in app.");
        audit.ShouldContain("eve is in app and is nobody in auth.");

        await example.ExpectAsync(2, "plan", "-o", "plan.json");
        File.ReadAllText(example["plan.json"]).ShouldNotContain(SupabaseStandIn.ServiceRoleKey);
        File.ReadAllText(example["plan.json"]).ShouldNotContain("$2b$10$");
        var applied = await example.ExpectAsync(0, "apply", "plan.json", "--json");

        (await example.ExpectAsync(0, "audit")).ShouldContain("Clean");
        (await RowsAsync("SELECT u.email || ' ' || r.full_name FROM auth.users u FULL JOIN public.users r ON r.id = u.id ORDER BY 1"))
            .ShouldBe(["ann@example.org Ann", "bob@example.org Bob", "cy@example.org Cy", "dora@example.org Dora", "eve@example.org Eve", "finn@example.org Finn", "gina@example.org Gina"]);
        (await RowsAsync("SELECT o.id || ' ' || u.email FROM public.orders o JOIN auth.users u ON u.id = o.user_id ORDER BY 1"))
            .ShouldBe(["1 ann@example.org", "2 cy@example.org", "3 cy@example.org", "4 eve@example.org"]);
        (await RowsAsync("SELECT email || ' ' || (email_confirmed_at IS NOT NULL) || ' ' || (banned_until IS NULL) FROM auth.users WHERE id::text LIKE 'b%' ORDER BY 1"))
            .ShouldBe(["eve@example.org true true", "finn@example.org false false", "gina@example.org true true"]);

        await example.ExpectAsync(0, "undo", JsonDocument.Parse(applied).RootElement.GetProperty("run").GetString()!, "--yes");
        (await RowsAsync(Dump)).ShouldBe(before);
    }

    // Finn is disabled already; nobody else of auth is touched.
    [Fact]
    public async Task Rows_without_a_user_are_disabled_where_the_config_says_so_and_undo_enables_them_again()
    {
        Say("orphan: createInSource", "orphan: disableInTarget");
        var before = await RowsAsync(Dump);
        await example.ExpectAsync(2, "plan", "-o", "plan.json");

        var applied = await example.ExpectAsync(0, "apply", "plan.json", "--json");

        (await example.ExpectAsync(0, "audit")).ShouldContain("Clean");
        (await RowsAsync("SELECT lower(email) || ' ' || is_active FROM public.users ORDER BY 1"))
            .ShouldBe(["ann@example.org true", "bob@example.org true", "cy@example.org true", "dora@example.org true", "eve@example.org false", "finn@example.org false", "gina@example.org false"]);
        (await RowsAsync("SELECT email FROM auth.users ORDER BY 1")).ShouldBe(["ann@example.org", "bob@example.org", "cy@example.org", "dora@example.org"]);
        await example.ExpectAsync(0, "undo", JsonDocument.Parse(applied).RootElement.GetProperty("run").GetString()!, "--yes");
        (await RowsAsync(Dump)).ShouldBe(before);
    }

    // Three of six at once is how a source looks that was emptied, and eve has an order.
    [Fact]
    public async Task Rows_without_a_user_are_deleted_where_the_config_says_so_but_not_whom_an_order_names_and_undo_puts_them_back()
    {
        Say("orphan: createInSource", "orphan: deleteInTarget");
        var before = await RowsAsync(Dump);
        await example.ExpectAsync(2, "plan", "-o", "plan.json");

        var applied = await example.ExpectAsync(2, "apply", "plan.json", "--json", "--max-deletes", "3");

        JsonDocument.Parse(applied).RootElement.GetProperty("refused").EnumerateArray().Select(note => note.GetProperty("label").GetString()).ShouldBe(["eve"]);
        (await RowsAsync("SELECT lower(email) FROM public.users ORDER BY 1")).ShouldBe(["ann@example.org", "bob@example.org", "cy@example.org", "dora@example.org", "eve@example.org"]);
        (await RowsAsync("SELECT id::text FROM public.orders ORDER BY 1")).ShouldBe(["1", "2", "3", "4"]);
        (await example.ExpectAsync(2, "audit")).ShouldContain("eve is in app and is nobody in auth.");
        await example.ExpectAsync(0, "undo", JsonDocument.Parse(applied).RootElement.GetProperty("run").GetString()!, "--yes");
        (await RowsAsync(Dump)).ShouldBe(before);

        await RowsAsync("DELETE FROM public.orders WHERE id = 4");
        await example.ExpectAsync(2, "plan", "-o", "again.json");
        await example.ExpectAsync(0, "apply", "again.json", "--max-deletes", "3");
        (await example.ExpectAsync(0, "audit")).ShouldContain("Clean");
    }

    [Fact]
    public async Task Those_repaired_can_sign_in_with_the_password_that_they_had_or_get_a_mail_to_set_one()
    {
        var plan = await example.ExpectAsync(2, "plan", "-o", "plan.json");
        plan.ShouldContain("signs in with: the password of app");
        plan.ShouldContain("Its password's hash in app has none of the forms that auth takes (bcrypt and argon2). It gets a random password that nobody keeps");

        var applied = JsonDocument.Parse(await example.ExpectAsync(0, "apply", "plan.json", "--notify", "--json")).RootElement;

        foreach (var name in new[] { "bob", "cy", "eve" })
        {
            (await SignInAsync($"{name}@example.org", $"{name}'s own password")).ShouldBe(HttpStatusCode.OK, name);
        }

        (await SignInAsync("gina@example.org", "gina's own password")).ShouldBe(HttpStatusCode.BadRequest);
        project.Recoveries.Order(StringComparer.Ordinal).ShouldBe(["finn@example.org", "gina@example.org"]);
        applied.GetProperty("notified").GetInt32().ShouldBe(2);
    }

    [Theory]
    [MemberData(nameof(CrashPoints))]
    public async Task Kill_9_of_apply_and_the_same_plan_again_end_whole_and_undo_restores_every_row(string point)
    {
        var before = await RowsAsync(Dump);
        await example.ExpectAsync(2, "plan", "-o", "plan.json");

        (await example.CrashAsync(point, "apply", "plan.json")).ShouldBe(137);
        var applied = await example.ExpectAsync(0, "apply", "plan.json", "--json");

        (await example.ExpectAsync(0, "audit")).ShouldContain("Clean");
        await example.ExpectAsync(0, "undo", JsonDocument.Parse(applied).RootElement.GetProperty("run").GetString()!, "--yes");
        (await RowsAsync(Dump)).ShouldBe(before);
    }

    [Fact]
    public async Task A_lost_answer_to_a_creation_is_looked_for_and_nobody_is_made_twice()
    {
        await example.ExpectAsync(2, "plan", "-o", "plan.json");
        project.FailNext("POST", SupabaseFault.DropAfter, SupabaseFault.DropAfter);

        await example.ExpectAsync(0, "apply", "plan.json");

        (await example.ExpectAsync(0, "audit")).ShouldContain("Clean");
        project.Requests.Count(request => request.StartsWith("POST", StringComparison.Ordinal)).ShouldBe(3);
    }

    private void Say(string instead, string of)
    {
        var config = File.ReadAllText(example["selfsame.yaml"]);
        config.ShouldContain(instead);
        File.WriteAllText(example["selfsame.yaml"], config.Replace(instead, of, StringComparison.Ordinal));
    }

    private async Task<HttpStatusCode> SignInAsync(string email, string password)
    {
        using var http = new HttpClient();
        http.DefaultRequestHeaders.Add("apikey", SupabaseStandIn.ServiceRoleKey);
        using var answer = await http.PostAsJsonAsync($"{project.Url}/auth/v1/token?grant_type=password", new { email, password });
        return answer.StatusCode;
    }

    private async Task<IReadOnlyList<string>> RowsAsync(string sql)
    {
        await using var command = database.CreateCommand(sql);
        await using var reader = await command.ExecuteReaderAsync();
        var rows = new List<string>();
        while (await reader.ReadAsync())
        {
            rows.Add(reader.GetString(0));
        }

        return rows;
    }
}
