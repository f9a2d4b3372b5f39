using System.Net;
using System.Text;

namespace Selfsame.EndToEnd.Tests.Pages;

/// <summary>Whatever is posted to a page, by whomever, is answered as what it is, and never as a fault of ours.</summary>
public sealed class FormBodyTests
{
    private static readonly string[] Forms =
    [
        "/sign-up", "/sign-in", "/sign-out", "/forgot-password", "/reset-password?token=x", "/verify-email?token=x", "/verify-email/send",
        "/confirm-email?token=x", "/revert-email?token=x", "/release-email?token=x", "/setup?token=x", "/account/profile", "/account/email", "/account/password", "/account/handle",
        "/account/sessions", "/admin/users/new", "/error/500",
    ];

    private const string Plain = "application/x-www-form-urlencoded";

    [Theory]
    [InlineData("application/x-www-form-urlencoded; charset=utf-7", 415)]
    [InlineData("application/x-www-form-urlencoded; charset=\"utf-7\"", 415)]
    [InlineData("application/x-www-form-urlencoded; charset=utf-16", 415)]
    [InlineData("application/x-www-form-urlencoded; charset=iso-8859-1", 415)]
    [InlineData("application/x-www-form-urlencoded; charset=nonsense", 415)]
    [InlineData("application/x-www-form-urlencoded; charset=", 415)]
    [InlineData("multipart/form-data; boundary=x", 415)]
    [InlineData("multipart/form-data; boundary=x; charset=utf-7", 415)]
    [InlineData("application/json", 415)]
    [InlineData("application/json; charset=utf-7", 415)]
    [InlineData("text/plain; charset=utf-7", 415)]
    [InlineData("*/*", 415)]
    [InlineData(null, 415)]
    [InlineData("application/x-www-form-urlencoded", 400)]
    [InlineData("application/x-www-form-urlencoded; charset=utf-8", 400)]
    [InlineData("APPLICATION/X-WWW-FORM-URLENCODED; Charset=\"UTF-8\"", 400)]
    public async Task A_form_in_another_charset_or_of_another_type_is_refused_on_every_page(string? type, int status)
    {
        await using var server = await PageServer.StartAsync();
        await server.AddSuperuserAsync();
        using var person = server.Client();
        await person.SignInAsync("ada");
        using var program = new HttpClient { BaseAddress = server.Address };
        const string body = "--x\r\nContent-Disposition: form-data; name=\"login\"\r\nContent-Type: text/plain; charset=utf-7\r\n\r\n+AGE-\r\n--x--\r\n";

        foreach (var path in Forms)
        {
            var page = await person.SendAsync(Post(path, body, type));
            page.Status.ShouldBe((HttpStatusCode)(path == "/error/500" && status != 415 ? 500 : status), $"{path} {type}");
            page.Text.ShouldContain("<h1>");
        }

        var problem = await program.SendAsync(Post("/sign-in", body, type));
        ((int)problem.StatusCode).ShouldBe(status);
        problem.Content.Headers.ContentType!.MediaType.ShouldBe("application/problem+json");
        (await problem.Content.ReadAsStringAsync()).Contains("application/x-www-form-urlencoded", StringComparison.Ordinal).ShouldBe(status == 415);
    }

    [Fact]
    public async Task A_nul_in_any_field_of_any_form_is_named_at_its_field_and_what_was_typed_is_kept()
    {
        await using var server = await PageServer.StartAsync();
        var ada = await server.AddSuperuserAsync();
        var river = await server.AddUserAsync("river");
        using var client = server.Client();
        using var stranger = server.Client();
        await client.SignInAsync("ada");
        (PageClient Who, string Path, string From, string[] Fields)[] forms =
        [
            (stranger, "/sign-up", "/sign-up", ["email", "username", "password", "firstName", "lastName"]),
            (stranger, "/sign-in", "/sign-in", ["login", "password"]),
            (stranger, "/forgot-password", "/forgot-password", ["login"]),
            (stranger, "/verify-email/send", "/verify-email/send", ["login"]),
            (stranger, "/setup?token=x", "/sign-in", ["email", "username", "password"]),
            (stranger, "/reset-password?token=x", "/sign-in", ["newPassword"]),
            (stranger, "/revert-email?token=x", "/sign-in", ["newPassword"]),
            (client, "/account/profile", "/account/profile", ["username", "firstName", "lastName", "phone", "locale"]),
            (client, "/account/email", "/account/email", ["email", "password"]),
            (client, "/account/password", "/account/password", ["password", "newPassword"]),
            (client, "/account/handle", "/account/handle", ["handle"]),
            (client, "/admin/users/new", "/admin/users/new", ["username", "email", "password", "firstName", "lastName", "phone", "locale", "role", "groups"]),
            (client, $"/admin/users/{river.Uuid}/edit", $"/admin/users/{river.Uuid}/edit", ["username", "email", "firstName", "lastName", "phone", "locale", "role", "groups"]),
        ];

        foreach (var (who, path, from, fields) in forms)
        {
            var hidden = await who.FormAsync(from);
            foreach (var field in fields)
            {
                var other = fields.FirstOrDefault(name => name != field && !name.Contains("assword", StringComparison.Ordinal));
                var answer = await who.PostAsync(path, hidden, [(field, "a\0b"), .. other is null ? [] : new[] { (other, "kept-as-typed") }]);

                answer.Status.ShouldBe(HttpStatusCode.UnprocessableEntity, $"{path} {field}");
                answer.Text.ShouldContain($"id=\"{field}-error\"", customMessage: $"{path} {field}");
                answer.Text.ShouldContain("This holds the control character U&#x2B;0000. Leave it out.", customMessage: $"{path} {field}");
                if (other is not null)
                {
                    answer.Text.ShouldContain("kept-as-typed", customMessage: $"{path} {field}");
                }
            }
        }

        (await server.UsersAsync()).Select(user => user.Version).ShouldBe([river.Version, ada.Version]);
    }

    [Fact]
    public async Task A_nul_where_a_page_has_no_field_for_it_changes_nothing()
    {
        await using var server = await PageServer.StartAsync();
        await server.AddSuperuserAsync();
        var river = await server.AddUserAsync("river");
        using var client = server.Client();
        await client.SignInAsync("ada");
        var form = await client.FormAsync("/account/profile");
        string[] paths =
        [
            "/sign-out", "/account/sessions", "/admin/webhooks", "/admin/mails", $"/admin/users/{river.Uuid}/delete", $"/admin/users/{river.Uuid}?handler=Active",
            $"/admin/users/{river.Uuid}?handler=Restore", "/verify-email?token=x", "/confirm-email?token=x", "/release-email?token=x",
        ];

        foreach (var path in paths)
        {
            var answer = await client.PostAsync(path, form, ("version", "1\0"));
            answer.Status.ShouldBe(HttpStatusCode.BadRequest, path);
            answer.Text.ShouldContain("This form could not be read", customMessage: path);
        }

        (await client.GetAsync("/account")).Status.ShouldBe(HttpStatusCode.OK);
        (await server.UserAsync("river")).ShouldBe(river with { Id = (await server.UserAsync("river")).Id });
    }

    // Two thousand forms that no page of ours sends, from one seed.
    [Fact]
    public async Task Random_forms_never_cost_a_fault()
    {
        await using var server = await PageServer.StartAsync();
        using var client = server.Client();
        var random = new Random(133);
        string[] names = ["login", "email", "password", "username", "form-check", "form-token", "how", "newPassword", "token", "%00", "%", "=", ""];
        string[] values = ["a", "%00", "%", "%ED%A0%80", "%F4%90%80%80", "\u0000", "+", "&&", "==", "%u0041", "\uFFFF", "%C3", "a%0D%0Ab", "%FF%FE"];
        string[] charsets = ["", "", "", "; charset=utf-8", "; charset=utf-7", "; charset=utf-32", "; charset=us-ascii", "; charset==", "; boundary=x", "; ;;"];
        for (var number = 0; number < 2000; number++)
        {
            var body = string.Join('&', Enumerable.Range(0, random.Next(8)).Select(_ => $"{names[random.Next(names.Length)]}={values[random.Next(values.Length)]}"));
            var path = Forms[random.Next(Forms.Length - 1)];

            var answer = await client.SendAsync(Post(path, body, Plain + charsets[random.Next(charsets.Length)]));

            ((int)answer.Status).ShouldBeLessThan(500, $"{path} {body}");
        }
    }

    private static HttpRequestMessage Post(string path, string body, string? type)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)) };
        if (type is not null)
        {
            request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
        }

        return request;
    }
}
