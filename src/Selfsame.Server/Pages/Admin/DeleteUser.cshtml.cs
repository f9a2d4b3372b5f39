using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Selfsame.Server.Requests;
using Selfsame.Store;
using Selfsame.Store.Users;

namespace Selfsame.Server.Pages.Admin;

/// <summary>Asks before a user is deleted.</summary>
[AdministratorsOnly]
internal sealed class DeleteUserPage(RequestScope scope, StoreContext context, UserReader reader, UserAdministration users)
    : AdministratorPage(scope, reader)
{
    public long GraceDays => (long)context.Tenant(Scope.Tenant).DeletionGracePeriod.TotalDays;

    public async Task<IActionResult> OnGetAsync(Guid uuid)
        => !await FindAsync(uuid) ? NotFound() : MayTouch && !IsOwn ? Page() : StatusCode(StatusCodes.Status403Forbidden);

    public async Task<IActionResult> OnPostAsync(Guid uuid)
    {
        if (!await FindAsync(uuid))
        {
            return NotFound();
        }

        if (!MayTouch || IsOwn)
        {
            return StatusCode(StatusCodes.Status403Forbidden);
        }

        return RefuseStale() ?? Answer(await users.DeleteAsync(Scope.Tenant, uuid, Subject.Version, Scope.Actor, Cancellation), "user-deleted");
    }
}
