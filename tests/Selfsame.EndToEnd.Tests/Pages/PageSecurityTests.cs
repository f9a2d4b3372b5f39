using System.Net;

namespace Selfsame.EndToEnd.Tests.Pages;

public sealed class PageSecurityTests
{
    private static readonly string[] Public =
    [
        "/", "/sign-up", "/sign-up/done", "/sign-in", "/forgot-password", "/forgot-password?sent=1", "/reset-password?token=x", "/verify-email?token=x",
        "/verify-email/send", "/revert-email?token=x", "/release-email?token=x", "/setup?token=x", "/nothing", "/error/503", "/site/site.css", "/site/site.js", "/lib/htmx.min.js",
    ];

    private static readonly string[] Forms =
    [
        "/sign-up", "/sign-in", "/sign-out", "/forgot-password", "/reset-password?token=x", "/verify-email?token=x", "/verify-email/send",
        "/confirm-email?token=x", "/revert-email?token=x", "/release-email?token=x", "/setup?token=x", "/account/profile", "/account/email", "/account/password", "/account/handle",
        "/account/sessions", "/admin/users/new",
    ];

    [Fact]
    public async Task Every_page_carries_the_security_headers()
    {
        await using var server = await PageServer.StartAsync();
        await server.AddSuperuserAsync();
        using var client = server.Client();
        await client.SignInAsync("ada");
        using var stranger = server.Client();

        string[] own = ["/account", "/account/profile", "/account/email", "/account/password", "/account/handle", "/account/sessions", "/admin/users", "/admin/users/new"];
        foreach (var answer in (PageAnswer[])[.. await AllAsync(stranger, Public), .. await AllAsync(client, own)])
        {
            string Header(string name) => string.Join(",", answer.Message.Headers.TryGetValues(name, out var values) ? values : []);
            var path = answer.Message.RequestMessage!.RequestUri!.AbsolutePath;
            Header("Content-Security-Policy").ShouldContain("default-src 'none'", customMessage: path);
            Header("Content-Security-Policy").ShouldNotContain("unsafe", customMessage: path);
            Header("X-Content-Type-Options").ShouldBe("nosniff", path);
            Header("X-Frame-Options").ShouldBe("DENY", path);
            Header("Referrer-Policy").ShouldBe("same-origin", path);
            Header("X-Correlation-Id").ShouldNotBeEmpty(path);
            if (!path.StartsWith("/site", StringComparison.Ordinal) && !path.StartsWith("/lib", StringComparison.Ordinal))
            {
                Header("Cache-Control").ShouldContain("no-store", customMessage: path);
                answer.Message.Content.Headers.ContentType!.MediaType.ShouldBe("text/html", path);
                answer.Text.ShouldNotContain("<script>", customMessage: path);
                answer.Text.ShouldNotContain(" style=", customMessage: path);
            }
        }
    }

    [Fact]
    public async Task A_form_without_its_check_is_refused_with_a_way_back()
    {
        await using var server = await PageServer.StartAsync();
        await server.AddSuperuserAsync();
        using var client = server.Client();
        await client.SignInAsync("ada");
        using var other = server.Client();
        var foreign = await other.FormAsync("/sign-in");

        foreach (var path in Forms)
        {
            foreach (var form in new[] { [], foreign })
            {
                var answer = await client.PostAsync(path, form, ("email", "eve@example.com"), ("password", PageServer.Password));
                answer.Status.ShouldBe(HttpStatusCode.BadRequest, path);
                answer.Text.ShouldContain("This form is out of date", customMessage: path);
                answer.Text.ShouldContain($"href=\"{WebUtility.HtmlEncode(path)}\"", customMessage: path);
            }
        }

        (await server.UsersAsync()).Count.ShouldBe(1);
        (await client.GetAsync("/account")).Status.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Cookies_are_out_of_reach_of_scripts_and_other_sites()
    {
        await using var server = await PageServer.StartAsync();
        await server.AddUserAsync("river");
        using var client = server.Client();
        var form = await client.FormAsync("/sign-in");
        var answer = await client.PostAsync("/sign-in", form, ("login", "river"), ("password", PageServer.Password));

        var cookies = answer.Message.Headers.GetValues("Set-Cookie").ToList();
        cookies.ShouldContain(cookie => cookie.StartsWith("selfsame_session=", StringComparison.Ordinal));
        cookies.ShouldContain(cookie => cookie.StartsWith("selfsame_browser=", StringComparison.Ordinal));
        cookies.ShouldAllBe(cookie => cookie.Contains("httponly", StringComparison.OrdinalIgnoreCase) && cookie.Contains("samesite=lax", StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task A_page_that_does_not_exist_is_a_page_and_the_api_is_left_alone()
    {
        await using var server = await PageServer.StartAsync();
        using var client = server.Client();

        var page = await client.GetAsync("/nothing/here?x=1");
        page.Status.ShouldBe(HttpStatusCode.NotFound);
        page.Text.ShouldContain("There is no such page");
        (await client.GetAsync("/api/v1/nothing")).Text.ShouldNotContain("<html");
        (await client.GetAsync($"/admin/users/{Guid.Empty}")).Status.ShouldBe(HttpStatusCode.SeeOther);
    }

    [Fact]
    public async Task More_than_any_form_needs_is_refused()
    {
        await using var server = await PageServer.StartAsync();
        using var client = server.Client();
        var form = await client.FormAsync("/sign-up");

        form["email"] = new string('a', 10_000_000);
        var request = new HttpRequestMessage(HttpMethod.Post, "/sign-up") { Content = new FormUrlEncodedContent(form) };
        request.Headers.ExpectContinue = true;

        var answer = await client.SendAsync(request);

        answer.Status.ShouldBe(HttpStatusCode.RequestEntityTooLarge);
        answer.Text.ShouldContain("This is too large");
    }

    // Kestrel reads it in pieces, and nothing says beforehand how much it is.
    [Fact]
    public async Task More_than_any_form_needs_is_refused_where_its_length_is_not_told()
    {
        await using var server = await PageServer.StartAsync();
        using var client = server.Client();
        var form = await client.FormAsync("/sign-up");
        // What is sent after the refusal has room on the way: a client that can't send it would not see the answer.
        form["email"] = new string('a', 100_000);
        var request = new HttpRequestMessage(HttpMethod.Post, "/sign-up") { Content = new FormUrlEncodedContent(form) };
        request.Headers.TransferEncodingChunked = true;

        var answer = await client.SendAsync(request);

        answer.Status.ShouldBe(HttpStatusCode.RequestEntityTooLarge);
        answer.Text.ShouldContain("This is too large");
    }

    [Fact]
    public async Task What_is_no_form_is_refused()
    {
        await using var server = await PageServer.StartAsync();
        using var client = server.Client();
        await client.FormAsync("/sign-up");
        (string Type, string Content, int Status, string Title)[] others =
        [
            ("application/json", "{}", 415, "This kind of content is not taken"),
            ("text/plain", "email=a", 415, "This kind of content is not taken"),
            ("application/x-www-form-urlencoded", "%00=%00&%ED%A0%80&&&===", 400, "This form is out of date"),
            ("application/x-www-form-urlencoded", string.Join('&', Enumerable.Range(0, 5000).Select(number => $"f{number}=1")), 400, "This form could not be read"),
            ("application/x-www-form-urlencoded", $"{new string('n', 5000)}=1", 400, "This form could not be read"),
            ("multipart/form-data; boundary=x", "--x\r\nbroken", 415, "This kind of content is not taken"),
        ];

        foreach (var (type, content, status, title) in others)
        {
            var request = new HttpRequestMessage(HttpMethod.Post, "/sign-up") { Content = new StringContent(content) };
            request.Content.Headers.ContentType = System.Net.Http.Headers.MediaTypeHeaderValue.Parse(type);

            var answer = await client.SendAsync(request);
            ((int)answer.Status).ShouldBe(status, type);
            answer.Text.ShouldContain(title, customMessage: type);
        }
    }

    private static Task<PageAnswer[]> AllAsync(PageClient client, IEnumerable<string> paths) => Task.WhenAll(paths.Select(client.GetAsync));
}
