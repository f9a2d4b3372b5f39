using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Selfsame.Server.Requests;
using Selfsame.Store;

namespace Selfsame.Server.Api;

/// <summary>
/// Releases answers only at whole steps after the request began, so that the time taken does not tell whether an
/// address is registered (CASES 31).
/// </summary>
internal static class AnswerGrid
{
    /// <summary>Longer than one password hash and a transaction.</summary>
    public static readonly TimeSpan Step = TimeSpan.FromMilliseconds(250);

    /// <summary>Every answer of the endpoint after its fields were read, in all tenants or only in those that hide who is registered.</summary>
    public static RouteHandlerBuilder AnswersOnGrid(this RouteHandlerBuilder builder, bool inEveryTenant)
        => builder.AddEndpointFilter(async (invocation, next) =>
        {
            var services = invocation.HttpContext.RequestServices;
            var context = services.GetRequiredService<StoreContext>();
            var tenant = context.Tenant(services.GetRequiredService<RequestScope>().Tenant);
            var started = context.Clock.GetTimestamp();
            var answer = await next(invocation);
            if (inEveryTenant || tenant.Disclosure == Disclosure.Hide)
            {
                await HoldAsync(context.Clock, started, invocation.HttpContext.RequestAborted);
            }

            return answer;
        });

    /// <summary>Waits for the next step after <paramref name="started"/>, in whole milliseconds and never less: a timer would leave out what is beyond them, and with it a wait that is shorter.</summary>
    public static Task HoldAsync(TimeProvider clock, long started, CancellationToken cancellation)
    {
        var elapsed = clock.GetElapsedTime(started);
        var steps = Math.Floor(elapsed / Step) + 1;
        return Task.Delay(TimeSpan.FromMilliseconds(Math.Ceiling(((Step * steps) - elapsed).TotalMilliseconds)), clock, cancellation);
    }
}
