using System.Text.Json;

namespace Selfsame.EndToEnd.Tests.Api.Fuzz;

/// <summary>What the service's own OpenAPI document says, as far as the generator and the checks need it.</summary>
internal sealed class ApiDescription
{
    private readonly JsonElement document;

    public ApiDescription(JsonElement document)
    {
        this.document = document;
        Operations =
        [
            .. from path in document.GetProperty("paths").EnumerateObject()
               from operation in path.Value.EnumerateObject()
               select Read(operation.Name, path.Name, operation.Value),
        ];
    }

    public IReadOnlyList<Operation> Operations { get; }

    /// <summary>The schema itself, or the component that it refers to.</summary>
    public JsonElement Resolve(JsonElement schema)
        => schema.TryGetProperty("$ref", out var reference)
            ? document.GetProperty("components").GetProperty("schemas").GetProperty(reference.GetString()!.Split('/')[^1])
            : schema;

    private Operation Read(string method, string path, JsonElement operation)
    {
        var parameters = operation.TryGetProperty("parameters", out var list) ? list.EnumerateArray().ToList() : [];
        var body = operation.TryGetProperty("requestBody", out var request)
            ? Resolve(request.GetProperty("content").GetProperty("application/json").GetProperty("schema"))
            : (JsonElement?)null;
        return new Operation
        {
            Id = operation.GetProperty("operationId").GetString()!,
            Method = new HttpMethod(method.ToUpperInvariant()),
            Path = path,
            Query = Named(parameters, "query"),
            Headers = Named(parameters, "header"),
            Properties = body is { } schema ? schema.GetProperty("properties").EnumerateObject().ToDictionary(property => property.Name, property => property.Value) : null,
            Required = body is { } shape && shape.TryGetProperty("required", out var required)
                ? [.. required.EnumerateArray().Select(name => name.GetString()!)]
                : [],
            Responses = operation.GetProperty("responses").EnumerateObject().ToDictionary(
                response => int.Parse(response.Name, System.Globalization.CultureInfo.InvariantCulture), response => response.Value),
        };
    }

    private static Dictionary<string, JsonElement> Named(List<JsonElement> parameters, string place)
        => parameters.Where(parameter => parameter.GetProperty("in").GetString() == place)
            .ToDictionary(parameter => parameter.GetProperty("name").GetString()!, parameter => parameter.GetProperty("schema"));
}

/// <summary>One operation of the document.</summary>
internal sealed record Operation
{
    public required string Id { get; init; }

    public required HttpMethod Method { get; init; }

    public required string Path { get; init; }

    public required IReadOnlyDictionary<string, JsonElement> Query { get; init; }

    public required IReadOnlyDictionary<string, JsonElement> Headers { get; init; }

    /// <summary>The body's properties with their schemas; null when the operation takes no body.</summary>
    public required IReadOnlyDictionary<string, JsonElement>? Properties { get; init; }

    public required IReadOnlyList<string> Required { get; init; }

    public required IReadOnlyDictionary<int, JsonElement> Responses { get; init; }
}
