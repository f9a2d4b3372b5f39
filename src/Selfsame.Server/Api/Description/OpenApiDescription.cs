using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.OpenApi;
using Selfsame.Server.Api.Fields;
using Selfsame.Server.Api.Problems;

namespace Selfsame.Server.Api.Description;

/// <summary>Builds /openapi/v1.json from what the endpoints say about themselves.</summary>
internal static class OpenApiDescription
{
    private const string Bearer = "bearer";
    private const string Cookie = "cookie";
    private const string Service = "serviceToken";
    private const string ProblemSchema = "Problem";

    public static void AddSelfsameOpenApi(this IServiceCollection services) => services.AddOpenApi("v1", options =>
    {
        options.OpenApiVersion = OpenApiSpecVersion.OpenApi3_1;
        options.AddDocumentTransformer((document, _, _) => Complete(document));
        options.AddOperationTransformer(Complete);
    });

    private static Task Complete(OpenApiDocument document)
    {
        document.Info = new OpenApiInfo
        {
            Title = "Selfsame",
            Version = "v1",
            Description = "One person, one account. Errors are RFC 9457 problems; docs/api.md explains every route.",
        };
        document.Servers = [];
        document.AddComponent(Bearer, new OpenApiSecurityScheme
        {
            Type = SecuritySchemeType.Http,
            Scheme = "bearer",
            Description = "A session's token, from POST /api/v1/sessions.",
        });
        document.AddComponent(Service, new OpenApiSecurityScheme
        {
            Type = SecuritySchemeType.Http,
            Scheme = "bearer",
            Description = "A service token with the scope that the operation names, from `selfsame service-tokens create`.",
        });
        document.AddComponent(Cookie, new OpenApiSecurityScheme
        {
            Type = SecuritySchemeType.ApiKey,
            In = ParameterLocation.Cookie,
            Name = "selfsame_session",
            Description = "A browser's session. From another site's pages it counts for nothing where something would change.",
        });
        return Task.CompletedTask;
    }

    private static Task Complete(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancellation)
    {
        var document = context.Document!;
        var metadata = context.Description.ActionDescriptor.EndpointMetadata;
        DescribeParameters(operation, metadata);
        if (metadata.OfType<BodyShape>().FirstOrDefault() is { } shape)
        {
            operation.RequestBody = Describe(document, shape);
        }

        DescribeSuccess(operation, metadata.OfType<AnsweredHeader>().ToList());
        DescribeRefusals(operation, document, metadata.OfType<Refusals>().SelectMany(refusals => refusals.Problems));
        if (metadata.OfType<Right>().FirstOrDefault() is { } right)
        {
            DescribeRight(operation, document, right);
        }

        return Task.CompletedTask;
    }

    private static void DescribeParameters(OpenApiOperation operation, IList<object> metadata)
    {
        operation.Parameters ??= [];
        foreach (var parameter in operation.Parameters.OfType<OpenApiParameter>().Where(parameter => parameter.In == ParameterLocation.Path))
        {
            var isUuid = parameter.Name == "uuid";
            parameter.Description = isUuid ? "The public id: a uuid." : "A connected system's name in the config.";
            parameter.Schema = new OpenApiSchema { Type = JsonSchemaType.String, Format = isUuid ? "uuid" : null };
        }

        foreach (var header in metadata.OfType<TakenHeader>())
        {
            operation.Parameters.Add(new OpenApiParameter
            {
                Name = header.Name,
                In = ParameterLocation.Header,
                Required = header.IsRequired,
                Description = header.Description,
                Schema = new OpenApiSchema { Type = JsonSchemaType.String, MinLength = 1, MaxLength = header.MaximumLength },
            });
        }

        foreach (var field in metadata.OfType<QueryShape>().SelectMany(query => query.Fields))
        {
            operation.Parameters.Add(new OpenApiParameter
            {
                Name = field.Name,
                In = ParameterLocation.Query,
                Required = field.IsRequired,
                Description = field.Description,
                Schema = Describe(field),
            });
        }
    }

    private static OpenApiRequestBody Describe(OpenApiDocument document, BodyShape shape)
    {
        var schema = new OpenApiSchema
        {
            Type = JsonSchemaType.Object,
            Description = shape.Description,
            AdditionalPropertiesAllowed = false,
            Required = shape.Fields.Where(field => field.IsRequired).Select(field => field.Name).ToHashSet(StringComparer.Ordinal),
            Properties = shape.Fields.ToDictionary(field => field.Name, IOpenApiSchema (field) => Describe(field), StringComparer.Ordinal),
        };
        document.AddComponent(shape.Name, schema);
        return new OpenApiRequestBody
        {
            Required = true,
            Content = new Dictionary<string, OpenApiMediaType>(StringComparer.Ordinal)
            {
                ["application/json"] = new OpenApiMediaType { Schema = new OpenApiSchemaReference(shape.Name, document) },
            },
        };
    }

    private static OpenApiSchema Describe(Field field)
    {
        var schema = new OpenApiSchema
        {
            Type = field.Kind switch
            {
                FieldKind.Text => JsonSchemaType.String,
                FieldKind.Flag => JsonSchemaType.Boolean,
                FieldKind.Whole => JsonSchemaType.Integer,
                _ => JsonSchemaType.Array,
            },
            Description = field.Description,
            Format = field.Format,
        };
        if (field.IsNullable)
        {
            schema.Type |= JsonSchemaType.Null;
        }

        if (field.Example is not null)
        {
            schema.Examples = [JsonValue.Create(field.Example)];
        }

        switch (field.Kind)
        {
            case FieldKind.Text:
                (schema.MinLength, schema.MaxLength) = (field.MinimumLength, field.MaximumLength ?? field.ReadLimit);
                schema.Enum = field.Choices is null ? null : [.. field.Choices.Select(choice => JsonValue.Create(choice))];
                break;
            case FieldKind.Whole:
                schema.Minimum = field.Range.Minimum.ToString(CultureInfo.InvariantCulture);
                schema.Maximum = field.Range.Maximum.ToString(CultureInfo.InvariantCulture);
                break;
            case FieldKind.Texts:
                schema.MaxItems = field.MaximumLength;
                schema.Items = new OpenApiSchema { Type = JsonSchemaType.String, MinLength = 1, MaxLength = field.ReadLimit };
                break;
            default:
                break;
        }

        return schema;
    }

    private static void DescribeSuccess(OpenApiOperation operation, List<AnsweredHeader> headers)
    {
        foreach (var (status, response) in operation.Responses ?? [])
        {
            if (status[0] == '2' && response is OpenApiResponse success && headers.Count > 0)
            {
                success.Headers = headers.ToDictionary(
                    header => header.Name,
                    IOpenApiHeader (header) => new OpenApiHeader
                    {
                        Description = header.Description,
                        Schema = new OpenApiSchema { Type = JsonSchemaType.String },
                    },
                    StringComparer.Ordinal);
            }
        }
    }

    private static void DescribeRefusals(OpenApiOperation operation, OpenApiDocument document, IEnumerable<Problem> problems)
    {
        if (document.Components?.Schemas?.ContainsKey(ProblemSchema) != true)
        {
            document.AddComponent(ProblemSchema, DescribeProblem());
        }

        operation.Responses ??= [];
        foreach (var group in problems.Append(Problem.InternalError).Append(Problem.OutcomeUnknown).Distinct().GroupBy(problem => problem.Status).OrderBy(group => group.Key))
        {
            operation.Responses[group.Key.ToString(CultureInfo.InvariantCulture)] = new OpenApiResponse
            {
                Headers = HeadersOf(group.Key),
                Description = string.Join(" ", group.Select(problem => $"{problem.Title} (`{problem.Type}`).")),
                Content = new Dictionary<string, OpenApiMediaType>(StringComparer.Ordinal)
                {
                    [ProblemAnswer.ContentType] = new OpenApiMediaType { Schema = new OpenApiSchemaReference(ProblemSchema, document) },
                },
            };
        }
    }

    /// <summary>What a refusal of this status says of when to come back.</summary>
    private static Dictionary<string, IOpenApiHeader>? HeadersOf(int status)
    {
        static IOpenApiHeader Text(string description) => new OpenApiHeader { Description = description, Schema = new OpenApiSchema { Type = JsonSchemaType.String } };
        return status switch
        {
            StatusCodes.Status429TooManyRequests => new(StringComparer.Ordinal)
            {
                ["Retry-After"] = Text("In seconds."),
                ["RateLimit-Policy"] = Text("The limit that refuses: name, quota and window in seconds. Absent where it is the back-off for wrong passwords."),
                ["RateLimit"] = Text("What is left of it and for how many seconds."),
            },
            StatusCodes.Status503ServiceUnavailable => new(StringComparer.Ordinal) { ["Retry-After"] = Text("In seconds; absent where the service is not ready.") },
            _ => null,
        };
    }

    private static OpenApiSchema DescribeProblem()
    {
        static OpenApiSchema Text(string description) => new() { Type = JsonSchemaType.String, Description = description };
        return new OpenApiSchema
        {
            Type = JsonSchemaType.Object,
            Description = "A refusal (RFC 9457).",
            Required = new HashSet<string>(["type", "title", "status", "detail", "correlationId"], StringComparer.Ordinal),
            Properties = new Dictionary<string, IOpenApiSchema>(StringComparer.Ordinal)
            {
                ["type"] = Text("What kind of refusal this is, stable and for programs: /problems/NAME."),
                ["title"] = Text("The same for every refusal of this kind."),
                ["status"] = new OpenApiSchema { Type = JsonSchemaType.Integer, Description = "The HTTP status." },
                ["detail"] = Text("A sentence for a person: what is wrong and what to do."),
                ["correlationId"] = Text("Leads to this request in the log."),
                ["errors"] = new OpenApiSchema
                {
                    Type = JsonSchemaType.Object,
                    Description = "Per field the sentences that say what is wrong with it.",
                    AdditionalProperties = new OpenApiSchema { Type = JsonSchemaType.Array, Items = new OpenApiSchema { Type = JsonSchemaType.String } },
                },
            },
        };
    }

    private static void DescribeRight(OpenApiOperation operation, OpenApiDocument document, Right right)
    {
        OpenApiSecurityRequirement Require(string scheme) => new() { [new OpenApiSecuritySchemeReference(scheme, document)] = [] };
        operation.Security = right switch
        {
            { User: true, Scope: null } => [Require(Bearer), Require(Cookie)],
            { User: true } => [Require(Bearer), Require(Cookie), Require(Service)],
            _ => [Require(Service)],
        };
        if (right.Scope is not null)
        {
            operation.Description = right.User
                ? $"For administrators, and for service tokens with the scope `{right.Scope}`."
                : $"For service tokens with the scope `{right.Scope}`.";
        }
    }
}
