using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Selfsame.Server.Requests;
using Selfsame.Store.Links;
using Selfsame.Store.Users;

namespace Selfsame.Server.Pages;

/// <summary>Frees an address that nobody ever proved of the closed account that holds it. Opened from a mail: only the button acts.</summary>
internal sealed class ReleaseEmailPage(RequestScope scope, EmailRelease release) : SelfsamePage(scope)
{
    public LinkState Link { get; private set; }

    public async Task<IActionResult> OnGetAsync()
    {
        Link = await release.PeekAsync(Scope.Tenant, Token, Cancellation);
        return Show(Link == LinkState.Gone ? StatusCodes.Status404NotFound : StatusCodes.Status200OK);
    }

    public async Task<IActionResult> OnPostAsync()
    {
        Link = await release.ExecuteAsync(Scope.Tenant, Token, Scope.Actor, Cancellation);
        return Link == LinkState.Done ? Continue("/sign-up?done=email-released") : Show(StatusCodes.Status404NotFound);
    }

    protected override Task<IActionResult> RefuseNulAsync(FieldErrors errors) => RefuseUnreadableAsync();
}
