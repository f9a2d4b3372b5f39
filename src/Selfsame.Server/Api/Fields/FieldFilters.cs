using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Selfsame.Server.Api.Description;
using Selfsame.Server.Api.Problems;
using Selfsame.Store.Users;

namespace Selfsame.Server.Api.Fields;

/// <summary>Says on an endpoint which fields it takes: they are read before its handler runs, and described by OpenAPI.</summary>
internal static class FieldFilters
{
    // Beyond the limit a body is not read but thrown away, so that the caller hears 413 instead of a broken connection.
    private const long MostThrownAway = 32 * 1024 * 1024;

    /// <param name="builder">The endpoint.</param>
    /// <param name="shape">The body's fields.</param>
    /// <param name="further">What the operation would refuse, asked when the body has errors, so that all are named at once.</param>
    public static RouteHandlerBuilder TakesBody(
        this RouteHandlerBuilder builder, BodyShape shape, Func<HttpContext, RequestFields, ValueTask<FieldErrors>>? further = null)
        => builder.WithMetadata(shape)
            .Refuses(Problem.MalformedBody, Problem.BodyTooLarge, Problem.UnsupportedMediaType, Problem.InvalidFields)
            .AddEndpointFilter(async (invocation, next) =>
            {
                var http = invocation.HttpContext;
                var (refusal, fields) = await BodyReader.ReadAsync(http, shape);
                if (refusal is not null)
                {
                    return refusal;
                }

                if (fields.Errors.Any && further is not null)
                {
                    fields.Add(await further(http, fields));
                }

                http.Features.Set(fields);
                return fields.Errors.Any ? Problem.Of(fields.Errors) : await next(invocation);
            });

    public static RouteHandlerBuilder TakesQuery(this RouteHandlerBuilder builder, QueryShape shape)
        => builder.WithMetadata(shape)
            .Refuses(Problem.InvalidFields)
            .AddEndpointFilter((invocation, next) =>
            {
                var fields = QueryReader.Read(invocation.HttpContext, shape);
                invocation.HttpContext.Features.Set(fields);
                return fields.Errors.Any ? ValueTask.FromResult<object?>(Problem.Of(fields.Errors)) : next(invocation);
            });

    public static TBuilder ThrowsLargeBodiesAway<TBuilder>(this TBuilder builder)
        where TBuilder : IEndpointConventionBuilder
        => builder.AddEndpointFilter((invocation, next) =>
        {
            if (invocation.HttpContext.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
            {
                size.MaxRequestBodySize = MostThrownAway;
            }

            return next(invocation);
        });
}
