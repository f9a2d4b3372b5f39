using System.Net;
using Selfsame.Server.Pages;

namespace Selfsame.EndToEnd.Tests.Pages;

public sealed class SignInPageTests
{
    [Fact]
    public async Task A_wrong_password_and_an_unknown_user_get_the_same_answer()
    {
        // CASES 31.
        await using var server = await PageServer.StartAsync();
        await server.AddUserAsync("river");
        using var client = server.Client();

        var wrong = await client.SubmitAsync("/sign-in", ("login", "river"), ("password", "some other password"));
        var unknown = await client.SubmitAsync("/sign-in", ("login", "maple"), ("password", "some other password"));

        wrong.Status.ShouldBe(HttpStatusCode.Unauthorized);
        Comparable(wrong).ShouldBe(Comparable(unknown));
        wrong.Text.ShouldContain("is not right");
        wrong.Text.ShouldNotContain("some other password");
    }

    [Fact]
    public async Task Too_many_attempts_are_told_how_long_to_wait()
    {
        await using var server = await PageServer.StartAsync();
        await server.AddUserAsync("river");
        using var client = server.Client();
        var form = await client.FormAsync("/sign-in");
        PageAnswer answer;
        var attempts = 0;
        do
        {
            answer = await client.PostAsync("/sign-in", form, ("login", "river"), ("password", "some other password"));
        }
        while (answer.Status == HttpStatusCode.Unauthorized && ++attempts < 20);

        answer.Status.ShouldBe(HttpStatusCode.TooManyRequests);
        var seconds = answer.Message.Headers.RetryAfter!.Delta!.Value.TotalSeconds;
        seconds.ShouldBeGreaterThan(0);
        answer.Text.ShouldContain($"Try again in {Words.Wait(TimeSpan.FromSeconds(seconds))}.");
    }

    [Fact]
    public async Task A_page_that_needs_a_session_leads_to_sign_in_and_back()
    {
        await using var server = await PageServer.StartAsync();
        await server.AddUserAsync("river");
        using var client = server.Client();

        var asked = await client.GetAsync("/account/profile?tab=1");
        asked.Location.ShouldBe("/sign-in?next=%2Faccount%2Fprofile%3Ftab%3D1");
        var signedIn = await client.SubmitAsync(asked.Location!, ("login", "river"), ("password", PageServer.Password));

        signedIn.Location.ShouldBe("/account/profile?tab=1");
        (await client.GetAsync(signedIn.Location!)).Status.ShouldBe(HttpStatusCode.OK);
        (await client.GetAsync("/sign-in?next=/account/email")).Location.ShouldBe("/account/email");
        (await client.GetAsync("/sign-up")).Location.ShouldBe("/account");
    }

    [Fact]
    public async Task Signing_out_ends_the_session_on_the_server()
    {
        await using var server = await PageServer.StartAsync();
        await server.AddUserAsync("river");
        using var client = server.Client();
        await client.SignInAsync("river");
        var cookie = client.Cookies.GetCookies(server.Address)["selfsame_session"]!.Value;

        (await client.SubmitAsync("/sign-out")).Location.ShouldBe("/?done=signed-out");

        client.Cookies.GetCookies(server.Address)["selfsame_session"].ShouldBeNull();
        client.Cookies.Add(server.Address, new Cookie("selfsame_session", cookie));
        (await client.GetAsync("/account")).Status.ShouldBe(HttpStatusCode.SeeOther);
    }

    [Fact]
    public async Task Signing_in_never_leads_to_another_site()
    {
        // CASES 29.
        await using var server = await PageServer.StartAsync();
        await server.AddUserAsync("river");

        foreach (var next in new[] { "//evil.example", "/\\evil.example", "https://evil.example/", "javascript:alert(1)", "%2F%2Fevil.example", "/\t/evil.example" })
        {
            using var client = server.Client();
            var address = $"/sign-in?next={Uri.EscapeDataString(next)}";

            (await client.SubmitAsync(address, ("login", "river"), ("password", PageServer.Password))).Location.ShouldBe("/account", next);

            (await client.GetAsync(address)).Location.ShouldBe("/account", next);
        }
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/account")]
    [InlineData("/verify-email?token=a-b_c&new=1")]
    [InlineData("/sign-in?next=%2Faccount%3Fx%3D%2F%2Fy")]
    [InlineData("/a//b")]
    [InlineData("/%C3%A5")]
    public void An_address_on_this_site_is_accepted(string next) => LocalAddress.Accept(next).ShouldBe(next);

    // CASES 29.
    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("account")]
    [InlineData("//evil.example")]
    [InlineData("///evil.example")]
    [InlineData("/\\evil.example")]
    [InlineData("\\\\evil.example")]
    [InlineData("/\\/evil.example")]
    [InlineData("/%2Fevil.example")]
    [InlineData("/%5Cevil.example")]
    [InlineData("/%5cevil.example")]
    [InlineData("/\t/evil.example")]
    [InlineData("/%09/evil.example")]
    [InlineData("/\n/evil.example")]
    [InlineData("/a%0d%0aSet-Cookie:x")]
    [InlineData(" //evil.example")]
    [InlineData("\u00A0//evil.example")]
    [InlineData("https://evil.example")]
    [InlineData("https:/evil.example")]
    [InlineData("http:evil.example")]
    [InlineData("javascript:alert(1)")]
    [InlineData("JaVaScRiPt:alert(1)")]
    [InlineData("data:text/html,x")]
    [InlineData("@evil.example")]
    [InlineData("?next=//evil.example")]
    [InlineData("/å")]
    [InlineData("/a\\b")]
    public void Every_other_address_is_refused(string? next) => LocalAddress.Accept(next).ShouldBeNull();

    [Fact]
    public void An_endless_address_is_refused() => LocalAddress.Accept("/" + new string('a', 3000)).ShouldBeNull();

    [Fact]
    public void What_is_accepted_stays_on_the_site_by_the_rules_of_the_web()
    {
        var site = new Uri("https://example.com/sign-in");
        foreach (var next in new[] { "/", "/account", "/a//b", "/a?b=//c", "/a#//b" })
        {
            new Uri(site, LocalAddress.Accept(next)!).Host.ShouldBe("example.com");
        }
    }

    /// <summary>Without what is new in every answer.</summary>
    private static string Comparable(PageAnswer answer)
        => System.Text.RegularExpressions.Regex.Replace(answer.Text, "value=\"[^\"]*\"", "");
}
