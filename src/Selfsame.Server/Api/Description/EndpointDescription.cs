using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Selfsame.Server.Api.Problems;

namespace Selfsame.Server.Api.Description;

/// <summary>The refusals that an endpoint can answer with.</summary>
internal sealed record Refusals(IReadOnlyList<Problem> Problems);

/// <summary>A request header that an endpoint takes.</summary>
internal sealed record TakenHeader(string Name, string Description, bool IsRequired, int MaximumLength);

/// <summary>A header field of an endpoint's successful answers.</summary>
internal sealed record AnsweredHeader(string Name, string Description);

/// <summary>What OpenAPI is told about an endpoint.</summary>
internal static class EndpointDescription
{
    public static RouteHandlerBuilder Refuses(this RouteHandlerBuilder builder, params Problem[] problems)
        => builder.WithMetadata(new Refusals(problems));

    public static RouteHandlerBuilder TakesHeader(this RouteHandlerBuilder builder, TakenHeader header) => builder.WithMetadata(header);

    public static RouteHandlerBuilder AnswersHeader(this RouteHandlerBuilder builder, string name, string description)
        => builder.WithMetadata(new AnsweredHeader(name, description));

    public static RouteHandlerBuilder AnswersRateLimit(this RouteHandlerBuilder builder)
        => builder.AnswersHeader("RateLimit-Policy", "The limit: name, quota and window in seconds.")
            .AnswersHeader("RateLimit", "What is left of it and for how many seconds.");

    /// <summary>The name that generated clients use, and one line of what it does.</summary>
    public static RouteHandlerBuilder Described(this RouteHandlerBuilder builder, string name, string tag, string summary)
        => builder.WithName(name).WithTags(tag).WithSummary(summary);
}
