using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Api.Fuzz;

/// <summary>A field that must go out, valid or broken, with nothing else wrong.</summary>
internal sealed record WantedField(string Name, bool Broken);

/// <summary>Makes requests from the document: valid ones, and valid ones with one thing wrong.</summary>
internal sealed class RequestGenerator(SeededRandom random, ConcurrentQueue<string> uuids)
{
    private static readonly string[] ForeignFields = ["role", "is_staff", "isStaff", "email_verified", "tenant", "id", "uuid", "__proto__", "", " ", "a.b", "Ünknown", "$ref", "😀"];

    private int made;

    public FuzzedRequest Next(Operation operation, Caller caller, WantedField? wanted = null)
    {
        var request = new FuzzedRequest { Operation = operation };
        var body = operation.Properties is null ? null : ValidBody(operation, caller, request, wanted);
        var path = operation.Path.Replace("{uuid}", Uuid(operation, caller), StringComparison.Ordinal).Replace("{system}", "app", StringComparison.Ordinal);
        var query = operation.Query.Where(parameter => parameter.Key == wanted?.Name || random.OneIn(2)).ToDictionary(parameter => parameter.Key, parameter => ValidParameter(parameter.Value, caller));
        if (caller.Token is not null)
        {
            request.Headers.Add(("Authorization", $"Bearer {caller.Token}"));
            request.UsesOwnToken = true;
        }

        if (operation.Headers.ContainsKey("If-Match"))
        {
            request.Headers.Add(("If-Match", random.OneIn(4) ? "\"1\"" : "*"));
        }

        if (operation.Headers.ContainsKey("Idempotency-Key") && random.OneIn(3))
        {
            request.Headers.Add(("Idempotency-Key", random.OneIn(2) ? $"k{random.NextInt32(50)}" : random.NextToken()));
        }

        switch (wanted is null ? random.NextInt32(20) : -1)
        {
            case -1 when wanted!.Broken && operation.Query.ContainsKey(wanted.Name):
                BreakTheQuery(wanted.Name, query, request);
                break;
            case -1 when wanted!.Broken:
                BreakField(wanted.Name, operation, body!, request);
                break;
            case < 9:
                break;
            case < 14 when body is not null:
                BreakField(random.Pick([.. operation.Properties!.Keys]), operation, body, request);
                break;
            case 14 when body is not null:
                AddOrDropAField(operation, body, request);
                break;
            case 17:
                BreakAHeader(request);
                break;
            case 18 when operation.Path.Contains('{', StringComparison.Ordinal):
                var segment = random.Pick(NastyValues.PathSegments);
                path = operation.Path.Replace("{uuid}", segment, StringComparison.Ordinal).Replace("{system}", segment, StringComparison.Ordinal);
                request.Mutation = "path";
                break;
            case >= 17 when operation.Query.Count > 0:
                BreakTheQuery(random.OneIn(4) ? "unknown" : random.Pick([.. operation.Query.Keys]), query, request);
                break;
            default:
                break;
        }

        request.Fields.UnionWith(query.Keys);
        request.Fields.UnionWith(operation.Properties?.Keys ?? []);
        request.Path = query.Count == 0 ? path : $"{path}?{string.Join('&', query.Select(parameter => $"{parameter.Key}={parameter.Value}"))}";
        request.Body = body is null ? null : wanted is null ? Write(body, request) : Json(body);
        return request;
    }

    private Dictionary<string, string> ValidBody(Operation operation, Caller caller, FuzzedRequest request, WantedField? wanted)
    {
        var isLink = random.OneIn(2);
        var body = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, schema) in operation.Properties!)
        {
            // Where a body asks for a mail or uses its link, it does one of the two.
            var isWanted = name == wanted?.Name || operation.Required.Contains(name) || (operation.Properties.ContainsKey("token") && operation.Required.Count == 0
                ? name is "login" or "email" ? !isLink : isLink
                : name is "email" or "username" || random.OneIn(3));
            if (isWanted)
            {
                body[name] = ValidValue(operation, name, schema, caller, request);
            }
        }

        return body;
    }

    private string ValidValue(Operation operation, string name, JsonElement schema, Caller caller, FuzzedRequest request)
    {
        var text = name switch
        {
            "username" => $"{random.Pick(["user", "Bruker", "Åse", "用户", "имя"])}{Number()}",
            "email" => random.OneIn(8) ? caller.Login : $"fuzz{Number()}@{random.Pick(["example.com", "Example.org", "bücher.example"])}",
            "phone" => $"+47{900_00_000 + random.NextInt32(9_000_000)}",
            "login" => random.OneIn(2) ? caller.Login : $"login{random.NextInt32(500)}",
            "handle" => $"h{Number()}",
            "locale" => random.Pick(["en", "en-NZ", "nb-no", "zh-Hant-TW"]),
            "role" => random.Pick(["observer", "owner", "a.b-c_d"]),
            "firstName" or "lastName" => random.Pick(["Kari", "  Ola ", "O'Neil", "李", "محمد", "Zoë 😀", ""]),
            "password" when operation.Id is "signUp" or "createUser" => $"a long pass phrase {Number()}",
            "password" => caller.Password,
            "newPassword" => request.NewPassword = $"a new pass phrase {Number()}",
            "source" => random.Pick(["users", "idp"]),
            "account" => random.Pick([caller.Uuid, "auth0|7", "[\"a\",\"b\"]", "[\"a\",null]", "["]),
            "token" => operation.Id == "checkSession" && caller.Token is not null && random.OneIn(2) ? caller.Token : random.NextToken(),
            _ => null,
        };
        if (text is not null)
        {
            return JsonSerializer.Serialize(text);
        }

        // Rights stay as they are, so that a caller remains what it is called.
        var type = schema.GetProperty("type").ToString();
        return type.Contains("boolean", StringComparison.Ordinal) ? (name == "isActive" || (name is not ("isStaff" or "isSuperuser") && random.OneIn(2)) ? "true" : "false")
            : type.Contains("array", StringComparison.Ordinal) ? random.Pick(["[]", "[\"house 7\"]", "[\"a\",\"b\",\"a\"]"])
            : throw new InvalidOperationException($"The generator knows no value for {name}: teach it one.");
    }

    private void BreakField(string name, Operation operation, Dictionary<string, string> body, FuzzedRequest request)
    {
        var limit = operation.Properties![name].TryGetProperty("maxLength", out var length) ? length.GetInt32() : 100;
        body[name] = random.OneIn(3) ? JsonSerializer.Serialize(random.Pick([.. NastyValues.Around(limit)])) : random.Pick(NastyValues.Json);
        request.NewPassword = name == "newPassword" ? null : request.NewPassword;
        request.Mutation = $"field {name}";
        request.Broken = name;
    }

    private void AddOrDropAField(Operation operation, Dictionary<string, string> body, FuzzedRequest request)
    {
        if (random.OneIn(2) && body.Count > 0)
        {
            body.Remove(random.Pick([.. body.Keys]));
            request.NewPassword = body.ContainsKey("newPassword") ? request.NewPassword : null;
            request.Mutation = "missing field";
            return;
        }

        var foreign = random.Pick(ForeignFields);
        if (!operation.Properties!.ContainsKey(foreign))
        {
            body[foreign] = random.Pick(NastyValues.Json);
            request.Fields.Add(foreign);
            request.Mutation = "unknown field";
        }
    }

    private void BreakAHeader(FuzzedRequest request)
    {
        var header = random.Pick(NastyValues.Headers);
        request.Headers.RemoveAll(present => present.Name == header.Name);
        request.Headers.Add(header);
        request.UsesOwnToken &= header.Name != "Authorization";
        request.Mutation = $"header {header.Name}";
    }

    private void BreakTheQuery(string name, Dictionary<string, string> query, FuzzedRequest request)
    {
        query[name] = random.Pick(NastyValues.QueryValues);
        request.Mutation = $"query {name}";
        request.Broken = name;
    }

    private static byte[] Json(Dictionary<string, string> body)
        => Encoding.UTF8.GetBytes($"{{{string.Join(',', body.Select(field => $"{JsonSerializer.Serialize(field.Key)}:{field.Value}"))}}}");

    private byte[] Write(Dictionary<string, string> body, FuzzedRequest request)
    {
        var bytes = Json(body);
        if (request.Mutation != "valid")
        {
            return bytes;
        }

        switch (random.NextInt32(24))
        {
            case 0:
                request.Mutation = "truncated";
                return bytes[..random.NextInt32(bytes.Length)];
            case 1:
                request.Mutation = "one byte changed";
                bytes[random.NextInt32(bytes.Length)] = (byte)random.NextInt32(256);
                request.NewPassword = null;
                return bytes;
            case 2:
                request.Mutation = "content type";
                request.ContentType = random.Pick(NastyValues.ContentTypes);
                return bytes;
            case 3:
                request.Mutation = "huge";
                return [.. bytes, .. new byte[70_000]];
            case 4:
                request.Mutation = "field twice";
                return body.Count == 0 ? bytes : [.. Encoding.UTF8.GetBytes($"{{{JsonSerializer.Serialize(body.First().Key)}:1,"), .. bytes[1..]];
            default:
                return bytes;
        }
    }

    private string ValidParameter(JsonElement schema, Caller caller)
    {
        var type = schema.GetProperty("type").GetString();
        return type switch
        {
            "integer" => (1 + random.NextInt32(Math.Min(200, schema.GetProperty("maximum").GetInt32()))).ToString(System.Globalization.CultureInfo.InvariantCulture),
            "boolean" => random.OneIn(2) ? "true" : "false",
            _ when schema.TryGetProperty("enum", out var choices) => random.Pick([.. choices.EnumerateArray()]).GetString()!,
            _ when schema.TryGetProperty("format", out _) => caller.Uuid,
            _ => random.Pick(["fuzz", "a%40b", "%C3%85se", "1"]),
        };
    }

    private string Uuid(Operation operation, Caller caller)
        => operation.Id == "endSession" && random.OneIn(2) ? caller.SessionUuid
            : random.OneIn(4) || uuids.IsEmpty ? caller.Uuid
            : random.Pick([.. uuids]);

    private string Number() => $"{made++}x{random.NextInt32(100_000)}";
}
