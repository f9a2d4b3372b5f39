using System.Net;
using System.Text.RegularExpressions;
using Selfsame.EndToEnd.Tests.Pages;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Api;

/// <summary>What whoever watches for guessing sees of sign-ups and sign-ins. In a process of its own, for the counters are the process's.</summary>
[Trait("needs", "executable")]
public sealed partial class SignInMetricsTests
{
    private const string Administrator = "the administrator's pass phrase";

    [Fact]
    public async Task Sign_ups_and_sign_ins_count_at_the_pages_as_by_the_API_and_who_is_made_by_an_administrator_is_no_sign_up()
    {
        using var folder = new TemporaryFolder();
        (await SelfsameProcess.RunAsync(["users", "create", "--username", "root", "--superuser", "--data", folder.Path], $"{Administrator}\n")).ExitCode.ShouldBe(0);
        await using var server = await SelfsameProcess.ServeAsync(folder.Path);
        using var page = new PageClient(server.Address);
        var api = new ApiClient(server.Address);

        var form = await page.FormAsync("/sign-up");
        (await page.PostAsync("/sign-up", form, MapleWith("maple"))).Status.ShouldBe(HttpStatusCode.SeeOther);
        (await page.PostAsync("/sign-up", form, MapleWith("maple"))).Status.ShouldBe(HttpStatusCode.SeeOther);
        (await page.SubmitAsync("/sign-up", MapleWith("Maple"))).Status.ShouldBe(HttpStatusCode.Conflict);
        (await page.SubmitAsync("/sign-in", ("login", "maple"), ("password", "a guess"))).Status.ShouldBe(HttpStatusCode.Unauthorized);
        await page.SignInAsync("maple");
        (await api.PostAsync("/api/v1/sign-ups", new { email = "birch@example.com", password = PageServer.Password })).ShouldHaveStatus(201);
        (await api.PostAsync("/api/v1/sessions", new { login = "birch@example.com", password = "a guess" })).ShouldHaveStatus(401);
        var root = (await api.PostAsync("/api/v1/sessions", new { login = "root", password = Administrator })).ShouldHaveStatus(201).TextOf("token");
        (await new ApiClient(server.Address, root).PostAsync("/api/v1/users", new { username = "fern" })).ShouldHaveStatus(201);

        SignInsAndSignUps().Matches((await api.GetAsync("/metrics")).Text).Select(line => line.Value).ShouldBe(
            [
                "selfsame_sign_ins_total{result=\"refused\"} 2",
                "selfsame_sign_ins_total{result=\"signed_in\"} 2",
                "selfsame_sign_ups_total{result=\"created\"} 2",
                "selfsame_sign_ups_total{result=\"replayed\"} 1",
                "selfsame_sign_ups_total{result=\"taken\"} 1",
            ]);
    }

    private static (string Name, string Value)[] MapleWith(string username)
        => [("email", "maple@example.com"), ("username", username), ("password", PageServer.Password)];

    [GeneratedRegex("^selfsame_sign_[a-z_]+\\{.*$", RegexOptions.Multiline)]
    private static partial Regex SignInsAndSignUps();
}
