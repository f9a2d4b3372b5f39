using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Selfsame.Core.Accounts;
using Selfsame.Server.Api;
using Selfsame.Server.Api.Description;
using Selfsame.Server.Api.Problems;
using Selfsame.Server.Reconciliation;
using Selfsame.Server.Requests;
using Selfsame.Store;
using Selfsame.Store.Inbox;

namespace Selfsame.Server.Hooks;

/// <summary>What a webhook is answered.</summary>
/// <param name="Received">So many events are durable that were not before.</param>
/// <param name="Repeats">So many had come already.</param>
internal sealed record HookAnswer(int Received, int Repeats);

/// <summary><c>POST /hooks/{system}</c>: answers once the events are durable, and does nothing else with them.</summary>
internal static class HookEndpoints
{
    // Beyond the limit a body is not read but thrown away, so that the sender hears 413 instead of a broken connection.
    private const long MostThrownAway = 256L * 1024 * 1024;

    public static void MapHooks(this IEndpointRouteBuilder routes)
        => routes.MapPost("/hooks/{system}", ReceiveAsync)
            .Described("receiveEvents", "Webhooks", "Takes events of a connected system.")
            .TakesHeader(new TakenHeader("Authorization", "The token of the system's 'hook' in the config, verbatim.", IsRequired: false, MaximumLength: 4096))
            .Produces<HookAnswer>(StatusCodes.Status202Accepted)
            .Refuses(Problem.WrongToken, Problem.NotFound, Problem.MalformedBody, Problem.BodyTooLarge);

    private static async Task<IResult> ReceiveAsync(string system, HttpContext http, RequestScope scope, StoreContext context, MetricsDisclosure disclosure, ILogger<HookAnswer> logger)
    {
        var systems = http.RequestServices.GetService<ConnectedSystems>();
        if (systems?.Topology.Systems.GetValueOrDefault(system) is not { HookToken: { } token } || systems.Systems[system] is not IReportsEvents reporting)
        {
            return Problem.NotFound.Because("No connected system of this name takes webhooks. Compare the address with the config's 'hook'.");
        }

        if (!disclosure.MayCountSystem(system))
        {
            MetricsDisclosure.DoNotCount(http);
        }

        if (!IsSame(token, http.Request.Headers.Authorization.ToString()))
        {
            ServerLogMessages.WebhookRefused(logger, system, "its token is missing or wrong", scope.CorrelationId);
            return Problem.WrongToken.Because("Send the token of the system's 'hook' in the config as Authorization, verbatim: in Auth0 the log stream's Authorization Token.");
        }

        if (await BodyAsync(http) is not { } body)
        {
            ServerLogMessages.WebhookRefused(logger, system, "its body is too large", scope.CorrelationId);
            return Problem.BodyTooLarge.Because($"A webhook has at most {RequestLimits.LargestHookBody} bytes. Send fewer events at once.");
        }

        var reading = reporting.ReadBody(body);
        if (reading is UnreadableEvents unreadable)
        {
            ServerLogMessages.WebhookRefused(logger, system, unreadable.Problem, scope.CorrelationId);
            return Problem.MalformedBody.Because($"{unreadable.Problem} Nothing of it was taken.", "body", unreadable.Problem);
        }

        var received = await new EventInbox(context).ReceiveAsync(system, ((ReadEvents)reading).Events, scope.CorrelationId, http.RequestAborted);
        if (disclosure.MayCountSystem(system))
        {
            ServerMeters.Received(system, received);
        }

        ServerLogMessages.EventsReceived(logger, system, received.New, received.Repeats, scope.CorrelationId);
        return Results.Json(new HookAnswer(received.New, received.Repeats), statusCode: StatusCodes.Status202Accepted);
    }

    // The digests have one length, so that neither the token's length nor its beginning can be told by time.
    private static bool IsSame(string token, string sent)
        => CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(token)), SHA256.HashData(Encoding.UTF8.GetBytes(sent)));

    /// <summary>The whole body; null when it is over the limit.</summary>
    private static async Task<byte[]?> BodyAsync(HttpContext http)
    {
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = MostThrownAway;
        }

        if (http.Request.ContentLength > RequestLimits.LargestHookBody)
        {
            return null;
        }

        using var body = new MemoryStream((int)(http.Request.ContentLength ?? 0));
        var buffer = new byte[64 * 1024];
        int count;
        while ((count = await http.Request.Body.ReadAsync(buffer, http.RequestAborted)) > 0)
        {
            if (body.Length + count > RequestLimits.LargestHookBody)
            {
                return null;
            }

            body.Write(buffer, 0, count);
        }

        return body.ToArray();
    }
}
