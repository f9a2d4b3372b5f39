using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Selfsame.Connectors.AtProto;
using Selfsame.Connectors.Auth0;
using Selfsame.Connectors.Supabase;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Connectors;

/// <summary>Servers, and proxies before them, repeat in an error what they were sent. The messages that come of it are stored and shown.</summary>
public sealed class RepeatedRequestTests : IDisposable
{
    private const string Secret = "a-secret-of-the-config";
    private const string Password = "a-password-that-was-stored-before";

    private readonly Repeating server = new();

    public static TheoryData<int> Lengths => [0, 250, 275];

    public void Dispose() => server.Dispose();

    // Before a message is cut, or half of the secret stays.
    [Theory]
    [MemberData(nameof(Lengths))]
    public async Task Supabase_Auth_that_repeats_a_creation_tells_no_secret_of_it(int before)
    {
        server.Before = before;
        await using var system = new SupabaseSystem(
            Config(SupabaseSystem.Kind, ("url", "https://project.example"), ("serviceRoleKey", Secret)), TimeProvider.System, new SeededRandom(1), new HttpMessageInvoker(server));
        var id = new AccountId("00000000-0000-4000-8000-000000000001");

        var outcome = await system.CreateAsync(id, Fields(("id", id.ToString()), ("email", "ann@example.org")), CancellationToken.None);

        ShouldTellNoSecret(outcome.ShouldBeOfType<Unknown>().Message);
    }

    [Theory]
    [MemberData(nameof(Lengths))]
    public async Task Auth0_that_repeats_a_creation_tells_no_secret_of_it(int before)
    {
        server.Before = before;
        await using var system = new Auth0System(
            Config(Auth0System.Kind, ("domain", "tenant.example"), ("clientId", "client"), ("clientSecret", Secret)), TimeProvider.System, new SeededRandom(1), http: new HttpMessageInvoker(server));

        var outcome = await system.CreateAsync(new AccountId("auth0|1"), Fields(("user_id", "auth0|1"), ("email", "ann@example.org")), CancellationToken.None);

        ShouldTellNoSecret(outcome.ShouldBeOfType<Unknown>().Message);
    }

    [Theory]
    [MemberData(nameof(Lengths))]
    public async Task A_PDS_that_repeats_a_creation_or_a_sign_in_tells_no_secret_of_it(int before)
    {
        server.Before = before;
        await using var system = new AtProtoSystem(
            Config(AtProtoSystem.Kind, ("url", "https://pds.example"), ("adminPassword", Secret), ("handleDomain", "at.example")), TimeProvider.System, new HttpMessageInvoker(server));
        var person = Fields(("handle", "ann"), ("email", "ann@example.org"));

        var outcome = (await system.CreateAsync(person, Password, CancellationToken.None)).ShouldBeOfType<NotCreated>().Outcome;
        var signIn = await Should.ThrowAsync<SystemUnavailableException>(() => system.FindOursAsync(person, Password, CancellationToken.None));

        ShouldTellNoSecret(outcome.ShouldBeOfType<Unknown>().Message);
        ShouldTellNoSecret(signIn.Message);
    }

    private void ShouldTellNoSecret(string message)
    {
        server.Passwords.ShouldNotBeEmpty();
        message.ShouldContain("500");
        foreach (var secret in server.Passwords.Concat([Secret, "access-token"]))
        {
            message.ShouldNotContain(secret[..8]);
        }
    }

    private static Fields Fields(params (string Field, string Value)[] fields) => new(fields.Select(field => KeyValuePair.Create(field.Field, FieldValue.Text(field.Value))));

    private static SystemConfig Config(ConnectorKind kind, params (string Name, string Value)[] settings)
        => new() { Name = "system", Connector = kind.Name, Settings = settings.ToDictionary(pair => pair.Name, pair => pair.Value), Mapping = kind.FixedMapping! };

    /// <summary>Answers what must be known before, and everything else with 500 and what it was sent.</summary>
    private sealed class Repeating : HttpMessageHandler
    {
        public int Before { get; set; }

        public HashSet<string> Passwords { get; } = [];

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var body = request.Content is null ? null : JsonNode.Parse(await request.Content.ReadAsStringAsync(cancellationToken)) as JsonObject;
            var password = body?["password"]?.GetValue<string>();
            Passwords.UnionWith(new[] { password }.OfType<string>());
            return request.RequestUri!.AbsolutePath switch
            {
                "/oauth/token" => Answer(HttpStatusCode.OK, new JsonObject { ["access_token"] = "access-token", ["expires_in"] = 3600 }),
                "/xrpc/com.atproto.server.describeServer" => Answer(HttpStatusCode.OK, new JsonObject { ["did"] = "did:web:pds.example", ["availableUserDomains"] = new JsonArray(".at.example") }),
                "/xrpc/com.atproto.identity.resolveHandle" => Answer(HttpStatusCode.BadRequest, new JsonObject { ["error"] = "InvalidRequest", ["message"] = "Unable to resolve handle" }),
                _ => Answer(HttpStatusCode.InternalServerError, new JsonObject
                {
                    ["error"] = "Failure",
                    ["message"] = $"{new string('x', Before)} {password} {request.Headers.Authorization?.Parameter} {body?.ToJsonString()}",
                }),
            };
        }

        private static HttpResponseMessage Answer(HttpStatusCode status, JsonObject json)
            => new(status) { Content = new StringContent(json.ToJsonString(), new MediaTypeHeaderValue("application/json")) };
    }
}
