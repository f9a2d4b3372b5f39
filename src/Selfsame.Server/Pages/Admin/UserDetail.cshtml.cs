using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Selfsame.Server.Reconciliation;
using Selfsame.Server.Requests;
using Selfsame.Store;
using Selfsame.Store.Audit;
using Selfsame.Store.Provisioning;
using Selfsame.Store.Users;

namespace Selfsame.Server.Pages.Admin;

/// <summary>Everything about one user, and the switches that need no form.</summary>
[AdministratorsOnly]
internal sealed class UserDetailPage(RequestScope scope, StoreContext context, UserReader reader, UserAdministration users, TenantProvisioning provisioning)
    : AdministratorPage(scope, reader)
{
    private const int MostEvents = 100;

    public IReadOnlyList<string> Groups { get; private set; } = [];

    public IReadOnlyList<User> Lookalikes { get; private set; } = [];

    public IReadOnlyList<AuditEvent> Events { get; private set; } = [];

    /// <summary>The user's account in each connected system, and those of the accounts that were made for it.</summary>
    public IReadOnlyList<ProvisioningStatus> Provisioning { get; private set; } = [];

    public async Task<IActionResult> OnGetAsync(Guid uuid)
    {
        if (!await FindAsync(uuid))
        {
            return NotFound();
        }

        await LoadAsync();
        return Page();
    }

    public async Task<IActionResult> OnPostActiveAsync(Guid uuid)
    {
        if (!await FindAsync(uuid))
        {
            return NotFound();
        }

        if (!MayTouch || IsOwn)
        {
            return StatusCode(StatusCodes.Status403Forbidden);
        }

        await LoadAsync();
        if (RefuseStaleOrDeleted() is { } refusal)
        {
            return refusal;
        }

        var active = Ticked("active");
        var change = new UserChange { IsActive = new Change<bool>(true, active) };
        var result = await users.ChangeAsync(Scope.Tenant, uuid, change, Subject.Version, Scope.Actor, Cancellation);
        return Answer(result, active ? "user-enabled" : "user-disabled");
    }

    public async Task<IActionResult> OnPostRestoreAsync(Guid uuid)
    {
        if (!await FindAsync(uuid))
        {
            return NotFound();
        }

        if (!MayTouch)
        {
            return StatusCode(StatusCodes.Status403Forbidden);
        }

        await LoadAsync();
        return RefuseStale() ?? Answer(await users.RestoreAsync(Scope.Tenant, uuid, Subject.Version, Scope.Actor, Cancellation), "user-restored");
    }

    public async Task<IActionResult> OnPostRetryAsync(Guid uuid)
    {
        if (!await FindAsync(uuid))
        {
            return NotFound();
        }

        if (ProvisioningPage.PostedKey(this) is { } key)
        {
            await provisioning.RetryAsync(key, Cancellation);
        }

        return Continue($"{Address}?done=provisioning-retried");
    }

    private async Task LoadAsync()
    {
        Groups = await Reader.GroupsAsync(Subject, Cancellation);
        Lookalikes = await Reader.LookalikesAsync(Subject, Cancellation);
        Events = await AuditTrail.ReadAsync(context, Subject.Uuid, MostEvents, Cancellation);
        Provisioning = await provisioning.OfUserAsync(Subject.Uuid, Cancellation);
    }
}
