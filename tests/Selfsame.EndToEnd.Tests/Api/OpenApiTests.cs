using System.Text.Json;
using System.Text.RegularExpressions;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Api;

public sealed partial class OpenApiTests(SharedServer shared) : IClassFixture<SharedServer>
{
    private readonly RunningServer server = shared.Server;

    [Fact]
    public async Task Docs_and_OpenAPI_name_the_same_routes()
    {
        var described = (await OperationsAsync()).Select(operation => $"{operation.Method.ToUpperInvariant()} {operation.Path}");
        var documented = Heading().Matches(Documentation()).Select(match => match.Groups["route"].Value);

        documented.ShouldBe(described, ignoreOrder: true);
    }

    [Fact]
    public async Task Docs_and_OpenAPI_name_the_same_problems()
    {
        var described = Problem().Matches((await DocumentAsync()).GetRawText()).Select(match => match.Value).Distinct();
        var documented = ProblemRow().Matches(Documentation()).Select(match => match.Groups["type"].Value);

        // These are answered before any operation is found.
        documented.ShouldBe(described.Concat(["/problems/bad-request", "/problems/method-not-allowed"]), ignoreOrder: true);
    }

    [Fact]
    public async Task Every_example_body_in_the_docs_is_taken()
    {
        foreach (Match example in Example().Matches(Documentation()))
        {
            var (method, path, body) = (example.Groups["method"].Value, example.Groups["path"].Value, example.Groups["body"].Value);
            var superuser = await server.SignInNewUserAsync(new Store.Users.AdministratorFields { IsSuperuser = true, EmailVerified = true });
            var user = await server.MakeUserAsync();

            var answer = await superuser.Api.SendAsync(
                new HttpMethod(method), path.Replace("UUID", user.Uuid.ToString(), StringComparison.Ordinal), body, ("If-Match", "*"));

            answer.Status.ShouldNotBeOneOf(400, 404, 405, 413, 415);
            if (answer.Status == 422)
            {
                // The link of an example is nobody's, and the password is not that of the caller.
                answer.Json.GetProperty("errors").EnumerateObject().Select(field => field.Name).ShouldBeSubsetOf(["token", "password"], example.Value);
            }
        }
    }

    [Fact]
    public async Task It_is_OpenAPI_3_1_and_every_operation_says_what_it_does_and_answers()
    {
        (await DocumentAsync()).GetProperty("openapi").GetString().ShouldNotBeNull().ShouldStartWith("3.1");
        var operations = await OperationsAsync();
        operations.Count.ShouldBeGreaterThan(20);
        foreach (var (_, path, operation) in operations)
        {
            operation.GetProperty("operationId").GetString().ShouldNotBeNullOrEmpty(path);
            operation.GetProperty("summary").GetString().ShouldNotBeNull().ShouldEndWith(".");
            operation.GetProperty("responses").EnumerateObject().ShouldContain(response => response.Name.StartsWith('2'), path);
        }

        operations.Select(operation => operation.Operation.GetProperty("operationId").GetString()).ShouldBeUnique();
    }

    [Fact]
    public async Task Every_property_of_a_body_has_a_description_and_its_limits_and_nothing_else_is_allowed()
    {
        var document = await DocumentAsync();
        foreach (var (_, path, operation) in await OperationsAsync())
        {
            if (!operation.TryGetProperty("requestBody", out var body))
            {
                continue;
            }

            var reference = body.GetProperty("content").GetProperty("application/json").GetProperty("schema").GetProperty("$ref").GetString()!;
            var schema = document.GetProperty("components").GetProperty("schemas").GetProperty(reference.Split('/')[^1]);
            schema.GetProperty("additionalProperties").GetBoolean().ShouldBeFalse(path);
            foreach (var property in schema.GetProperty("properties").EnumerateObject())
            {
                property.Value.GetProperty("description").GetString().ShouldNotBeNullOrEmpty($"{path} {property.Name}");
                var type = property.Value.GetProperty("type").ToString();
                if (type.Contains("string", StringComparison.Ordinal))
                {
                    property.Value.GetProperty("maxLength").GetInt32().ShouldBeGreaterThan(0, $"{path} {property.Name}");
                }
            }
        }
    }

    private async Task<JsonElement> DocumentAsync() => (await server.Anonymous().GetAsync("/openapi/v1.json")).ShouldHaveStatus(200).Json;

    private async Task<List<(string Method, string Path, JsonElement Operation)>> OperationsAsync()
        => [.. from path in (await DocumentAsync()).GetProperty("paths").EnumerateObject()
               from operation in path.Value.EnumerateObject()
               select (operation.Name, path.Name, operation.Value)];

    private static string Documentation() => File.ReadAllText(Path.Combine(Checkout.Root, "docs", "api.md"));

    [GeneratedRegex("^### `(?<route>[A-Z]+ /[^`]*)`", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex("/problems/[a-z-]+")]
    private static partial Regex Problem();

    [GeneratedRegex(@"^\| \d+ \| `(?<type>/problems/[a-z-]+)`", RegexOptions.Multiline)]
    private static partial Regex ProblemRow();

    [GeneratedRegex("""^curl.* -X (?<method>[A-Z]+) "?\$SELFSAME(?<path>/[^ "]+)"?.* -d '(?<body>[^']+)'""", RegexOptions.Multiline)]
    private static partial Regex Example();
}
