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

    /// <summary>The systems in which an account stays, disabled, when the user is purged.</summary>
    public IReadOnlyList<string> DisabledIn => [.. context.Tenant(Scope.Tenant).ProvisionTo.Except(DeletedIn, StringComparer.Ordinal)];

    /// <summary>The systems in which it is deleted then.</summary>
    public IReadOnlyList<string> DeletedIn => context.Tenant(Scope.Tenant).DeletePurgedIn;

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
