using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using Selfsame.Store.Users;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Api;

/// <summary>Every field, every kind of bad value: always a 4xx that names the field, never a half-written user.</summary>
public sealed class BadInputTests(SharedServer shared) : IClassFixture<SharedServer>
{
    private const string SignUps = "/api/v1/sign-ups";
    private readonly RunningServer server = shared.Server;

    private static readonly string[] Fields = ["username", "email", "phone", "password", "firstName", "lastName", "locale"];

    /// <summary>Values that no field takes.</summary>
    public static TheoryData<string, string> RefusedEverywhere { get; } = Cross(
        Fields,
        [
            "7", "1e400", "-0.0", "true", "[]", "[\"x\"]", "{}", "{\"a\":{\"b\":[]}}",
            "\"\\ud800\"", "\"x\\udc00\"", "\"\\u0000\"", "\"a\\u0000b\"", "\"a\\u0007b@example.com\"", "\"\\u202e\\u0085\"",
            $"\"{new string('x', 5000)}\"", $"\"{new string('x', 60_000)}\"",
        ]);

    /// <summary>Values that neither a name nor an identifier takes.</summary>
    public static TheoryData<string, string> RefusedAsText { get; } = Cross(
        ["username", "email", "firstName", "lastName", "locale"],
        ["\"\\u0378\"", "\"\\uffff\"", "\"a\\ue000b\"", "\"a\\u200db\"", "\"a\\u200eb\"", "\"a\\u061cb\"", "\"a\\udb40\\udc41b\"", "\"a\\u202eb\""]);

    /// <summary>Values that an identifier does not take, though a name may.</summary>
    public static TheoryData<string, string> RefusedByIdentifiers { get; } = Cross(
        ["username", "email", "phone", "locale"],
        ["\"a\\u05d0\"", "\"\\u0627a\"", "\"two words\"", "\"\\ufeffx y\"", "\"@\"", "\"a@b@c\""]);

    [Theory]
    [MemberData(nameof(RefusedEverywhere))]
    [MemberData(nameof(RefusedAsText))]
    [MemberData(nameof(RefusedByIdentifiers))]
    public async Task A_bad_value_is_refused_with_the_fields_name_and_a_sentence(string field, string value)
    {
        var body = $$"""{"email":"bad@example.com","password":"{{RunningServer.Password}}","{{field}}":{{value}}}""";
        if (field is "email" or "password")
        {
            var other = field == "email" ? "password" : "email";
            body = $$"""{"{{other}}":"{{(other == "email" ? "bad@example.com" : RunningServer.Password)}}","{{field}}":{{value}}}""";
        }

        var answer = await server.Anonymous().PostAsync(SignUps, body);

        var errors = answer.ShouldBeProblem(422, "invalid-fields");
        errors.Keys.ShouldBe([field], ignoreOrder: true, answer.Text);
        errors[field].ShouldEndWith(".");
        await StoreInvariants.CheckAsync(server.Context.Database);
    }

    [Theory]
    [InlineData("{\"password\":\"a long enough pass phrase\"}", "email")]
    [InlineData("{\"email\":\"\",\"password\":\"a long enough pass phrase\"}", "email")]
    [InlineData("{\"email\":\"   \",\"password\":\"a long enough pass phrase\"}", "email")]
    [InlineData("{\"email\":null,\"password\":\"a long enough pass phrase\"}", "email")]
    [InlineData("{\"email\":\"bad@example.com\"}", "password")]
    [InlineData("{\"email\":\"bad@example.com\",\"password\":\"\"}", "password")]
    [InlineData("{\"email\":\"bad@example.com\",\"password\":null}", "password")]
    [InlineData("{\"email\":\"bad@example.com\",\"password\":\"password1\"}", "password")]
    [InlineData("{\"email\":\"bad-address@example.com\",\"password\":\"Bad-Address@Example.com\"}", "password")]
    [InlineData("{\"email\":\"bad@example.com\",\"email\":\"b@example.com\",\"password\":\"a long enough pass phrase\"}", "email")]
    [InlineData("{\"email\":\"bad@example.com\",\"Email\":\"bad@example.com\",\"password\":\"a long enough pass phrase\"}", "Email")]
    public async Task A_missing_empty_or_repeated_field_is_named(string body, string field)
        => (await server.Anonymous().PostAsync(SignUps, body)).ShouldBeProblem(422, "invalid-fields").Keys.ShouldBe([field]);

    [Theory]
    [InlineData("\"groups\":[\"a\\u0378\"]", "groups", "which nobody sees or which is no character")]
    [InlineData("\"groups\":[\"a\\u0007\"]", "groups", "control character U+0007")]
    [InlineData("\"groups\":[\" \"]", "groups", "must not be blank")]
    [InlineData("\"emailVerified\":true", "emailVerified", "no e-mail address that could be verified")]
    [InlineData("\"phoneVerified\":true", "phoneVerified", "no phone number that could be verified")]
    public async Task What_only_administrators_set_is_checked_too_and_says_one_thing(string member, string field, string told)
    {
        var administrator = await server.SignInNewUserAsync(new AdministratorFields { EmailVerified = true, IsStaff = true, IsSuperuser = true });

        var errors = (await administrator.Api.PostAsync("/api/v1/users", $$"""{"username":"nobody-made",{{member}}}""")).ShouldBeProblem(422, "invalid-fields");

        errors.Keys.ShouldBe([field]);
        errors[field].ShouldContain(told);
        errors[field].Count(character => character == '.').ShouldBe(told.StartsWith("must", StringComparison.Ordinal) ? 1 : 2);
    }

    [Fact]
    public async Task All_wrong_fields_are_named_at_once()
    {
        var errors = (await server.Anonymous().PostAsync(
            SignUps,
            """{"username":"a b","email":"x","phone":"12","password":"short","firstName":7,"lastName":"a\u0001","locale":"?","role":"admin","Ünknown":1}"""))
            .ShouldBeProblem(422, "invalid-fields");

        errors.Keys.ShouldBe(["Ünknown", "email", "firstName", "lastName", "locale", "password", "phone", "role", "username"], ignoreOrder: true);
        errors.Values.ShouldAllBe(sentence => sentence.EndsWith('.'));
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("{")]
    [InlineData("{}}")]
    [InlineData("{} {}")]
    [InlineData("{\"email\":}")]
    [InlineData("{\"email\":\"a\",}")]
    [InlineData("{'email':'a'}")]
    [InlineData("{email:\"a\"}")]
    [InlineData("// comment\n{}")]
    [InlineData("{\"email\":\"\u0001\"}")]
    [InlineData("{\"email\":\"\\x\"}")]
    [InlineData("{\"\\ud800\":1}")]
    [InlineData("{\"email\":01}")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("\"text\"")]
    [InlineData("7")]
    public async Task Broken_JSON_is_refused(string body)
        => (await server.Anonymous().PostAsync(SignUps, body)).ShouldBeProblem(400, "malformed-body").Keys.ShouldBe(["body"]);

    [Fact]
    public async Task Deep_nesting_is_refused()
    {
        var body = $$"""{"email":{{new string('[', 30_000)}}{{new string(']', 30_000)}}}""";

        (await server.Anonymous().PostAsync(SignUps, body)).ShouldBeProblem(400, "malformed-body").Keys.ShouldBe(["body"]);
    }

    [Theory]
    [InlineData(new byte[] { 0x7B, 0x22, 0xFF, 0x22, 0x3A, 0x31, 0x7D })]
    [InlineData(new byte[] { 0xEF, 0xBB, 0xBF, 0x7B, 0x7D })]
    [InlineData(new byte[] { 0xFF, 0xFE, 0x7B, 0x00, 0x7D, 0x00 })]
    [InlineData(new byte[] { 0x7B, 0x22, 0x61, 0x22, 0x3A, 0x22, 0xED, 0xA0, 0x80, 0x22, 0x7D })]
    [InlineData(new byte[] { 0x7B, 0x22, 0x61, 0x22, 0x3A, 0x22, 0xC0, 0x80, 0x22, 0x7D })]
    public async Task Bytes_that_are_no_UTF_8_are_refused(byte[] bytes)
    {
        using var content = new ByteArrayContent(bytes) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };

        (await server.Anonymous().PostAsync(SignUps, content)).ShouldBeProblem(400, "malformed-body").Keys.ShouldBe(["body"]);
    }

    [Theory]
    [InlineData(null, null)]
    [InlineData("text/plain", null)]
    [InlineData("application/x-www-form-urlencoded", null)]
    [InlineData("multipart/form-data; boundary=x", null)]
    [InlineData("application/jsonp", null)]
    [InlineData("application/json; charset=utf-16", null)]
    [InlineData("application/json; charset=latin1", null)]
    [InlineData("application/json; version=2", null)]
    [InlineData("nonsense", null)]
    [InlineData("application/json", "gzip")]
    public async Task Another_content_type_or_encoding_is_refused(string? type, string? encoding)
    {
        using var content = new ByteArrayContent("{}"u8.ToArray());
        if (type is not null)
        {
            content.Headers.TryAddWithoutValidation("Content-Type", type);
        }

        if (encoding is not null)
        {
            content.Headers.TryAddWithoutValidation("Content-Encoding", encoding);
        }

        (await server.Anonymous().PostAsync(SignUps, content)).ShouldBeProblem(415, "unsupported-media-type").Keys.ShouldBe(["Content-Type"]);
    }

    [Theory]
    [InlineData("application/json; charset=UTF-8")]
    [InlineData("Application/JSON;charset=\"utf-8\"")]
    public async Task JSON_in_UTF_8_is_taken_however_it_is_written(string type)
    {
        using var content = new ByteArrayContent("{}"u8.ToArray());
        content.Headers.TryAddWithoutValidation("Content-Type", type);

        (await server.Anonymous().PostAsync(SignUps, content)).ShouldBeProblem(422, "invalid-fields");
    }

    [Theory]
    [InlineData(SignUps, false)]
    [InlineData(SignUps, true)]
    [InlineData("/api/v1/me/handle", false)]
    [InlineData("/api/v1/me/handle", true)]
    public async Task A_body_of_ten_megabytes_is_refused_at_once(string path, bool chunked)
    {
        var user = await server.SignInNewUserAsync();
        using var request = new HttpRequestMessage(path == SignUps ? HttpMethod.Post : HttpMethod.Put, new Uri(server.Address, path))
        {
            Content = new ByteArrayContent(Encoding.ASCII.GetBytes($"{{\"email\":\"{new string('a', 10_000_000)}\"}}")),
        };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", user.Api.Token);
        request.Headers.TransferEncodingChunked = chunked;

        (await ApiClient.SendAsync(request)).ShouldBeProblem(413, "body-too-large").Keys.ShouldBe(["body"]);
    }

    [Fact]
    public async Task A_body_of_just_the_limit_is_read()
    {
        var padding = new string(' ', (64 * 1024) - 2);

        (await server.Anonymous().PostAsync(SignUps, "{" + padding + "}")).ShouldBeProblem(422, "invalid-fields");
        (await server.Anonymous().PostAsync(SignUps, "{" + padding + " }")).ShouldBeProblem(413, "body-too-large");
    }

    [Fact]
    public async Task A_body_that_ends_early_makes_nobody_and_breaks_nothing()
    {
        var before = await server.CountUsersAsync();
        using (var client = new TcpClient())
        {
            await client.ConnectAsync(server.Address.Host, server.Address.Port);
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(
                $"POST {SignUps} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{\"email\":"));
        }

        (await server.Anonymous().GetAsync("/readyz")).ShouldHaveStatus(200);
        (await server.CountUsersAsync()).ShouldBe(before);
    }

    [Theory]
    [InlineData("GET", "/api/v1/nothing", 404, "not-found")]
    [InlineData("GET", "/api/v1/users/a/b/c", 404, "not-found")]
    [InlineData("PUT", SignUps, 405, "method-not-allowed")]
    [InlineData("GET", SignUps, 405, "method-not-allowed")]
    [InlineData("TRACE", "/api/v1/me", 405, "method-not-allowed")]
    [InlineData("NONSENSE", "/api/v1/users", 405, "method-not-allowed")]
    public async Task An_unknown_address_or_method_gets_a_problem_too(string method, string path, int status, string name)
    {
        var answer = await server.Anonymous().SendAsync(new HttpMethod(method), path, null, ("Accept", "text/html"));

        answer.ShouldBeProblem(status, name);
        if (status == 405)
        {
            answer.Header("Allow").ShouldNotBeNull();
        }
    }

    [Fact]
    public async Task A_failure_of_the_service_tells_no_details()
    {
        await using var broken = await RunningServer.StartAsync();
        var user = await broken.SignInNewUserAsync();
        await broken.Context.Database.TransactAsync(transaction => transaction.ExecuteAsync("ALTER TABLE user_group_members RENAME TO gone"));

        var answer = await user.Api.GetAsync("/api/v1/me");

        answer.ShouldBeProblem(500, "internal-error");
        answer.Text.ShouldNotContain("user_group_members");
        answer.Text.ShouldNotContain("SQL", Case.Insensitive);
        answer.TextOf("correlationId").ShouldBe(answer.Header("X-Correlation-Id"));
        answer.Header("Content-Security-Policy").ShouldNotBeNull();
    }

    [Fact]
    public async Task A_long_user_agent_that_would_be_cut_inside_a_character_is_taken()
    {
        var user = await server.MakeUserAsync();
        var agent = new string('a', 299) + "😀😀";

        var answer = await server.Anonymous().PostAsync(
            "/api/v1/sessions", new { login = user.Email, password = RunningServer.Password }, ("User-Agent", agent));

        answer.ShouldHaveStatus(201);
    }

    private static TheoryData<string, string> Cross(string[] fields, string[] values)
    {
        var data = new TheoryData<string, string>();
        foreach (var field in fields)
        {
            foreach (var value in values)
            {
                data.Add(field, value);
            }
        }

        return data;
    }
}
