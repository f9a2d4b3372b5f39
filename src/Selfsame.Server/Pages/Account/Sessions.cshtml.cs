using Microsoft.AspNetCore.Mvc;
using Selfsame.Server.Requests;
using Selfsame.Store.Sessions;
using Selfsame.Store.Users;

namespace Selfsame.Server.Pages.Account;

/// <summary>Where the user is signed in, and the end of any of it.</summary>
[SignedInOnly]
internal sealed class SessionsPage(RequestScope scope, SessionStore store) : SelfsamePage(scope)
{
    public IReadOnlyList<Session> Sessions { get; private set; } = [];

    public async Task OnGetAsync() => Sessions = await store.ListAsync(Scope.User, Cancellation);

    public async Task<IActionResult> OnPostAsync()
    {
        // One that has ended meanwhile is what was wanted, too.
        if (Guid.TryParse(Typed("session"), out var session))
        {
            await store.EndAsync(Scope.User, session, Scope.Actor, Cancellation);
        }

        return Continue("/account/sessions?done=session-ended");
    }

    protected override Task<IActionResult> RefuseNulAsync(FieldErrors errors) => RefuseUnreadableAsync();
}
