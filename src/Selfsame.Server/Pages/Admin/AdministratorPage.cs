using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.RazorPages;
using Selfsame.Server.Requests;
using Selfsame.Store.Users;

namespace Selfsame.Server.Pages.Admin;

/// <summary>What the pages about one user share: finding the user, and who may touch whom.</summary>
[AdministratorsOnly]
internal abstract class AdministratorPage(RequestScope scope, UserReader reader) : SelfsamePage(scope)
{
    private const string ChangedMeanwhile =
        "Somebody else changed this user meanwhile, and nothing of yours was saved. Open the page again to see the present state.";

    /// <summary>The user whom the page is about, as found by <see cref="FindAsync"/>.</summary>
    public User Subject { get; private set; } = null!;

    protected UserReader Reader { get; } = reader;

    /// <summary>Whether the page is about the administrator's own account.</summary>
    public bool IsOwn => Subject.Uuid == Scope.User.Uuid;

    /// <summary>Only superusers make or touch superusers and staff's rights.</summary>
    public bool MayGrant => Scope.User.IsSuperuser;

    public bool MayTouch => MayGrant || !Subject.IsSuperuser;

    public string Address => $"/admin/users/{Subject.Uuid}";

    /// <summary>What a user is called in lists and titles.</summary>
    public static string NameOf(User user) => user.Username ?? user.Email ?? user.UserCode;

    protected async Task<bool> FindAsync(Guid uuid)
    {
        if (await Reader.FindAsync(Scope.Tenant, uuid, Cancellation) is not { } user)
        {
            return false;
        }

        Subject = user;
        return true;
    }

    /// <summary>
    /// Why this version of the user may not be changed; null when it may. Whoever may touch whom was judged on the user as just read, so
    /// that one is what is changed, and only if it is still the one from which the form was filled in.
    /// </summary>
    protected PageResult? RefuseStale()
        => long.TryParse(Typed("version"), CultureInfo.InvariantCulture, out var number) && number != Subject.Version
            ? Refuse(StatusCodes.Status409Conflict, ChangedMeanwhile)
            : null;

    /// <summary>As <see cref="RefuseStale"/>, for what is not done to deleted users.</summary>
    protected PageResult? RefuseStaleOrDeleted()
        => Subject.DeletedAt is null ? RefuseStale() : Refuse(StatusCodes.Status409Conflict, "This user is deleted. Restore the user first, then change it.");

    /// <summary>Goes on after a change, or says why there was none.</summary>
    protected IActionResult Answer(UserChangeResult result, string done)
    {
        switch (result)
        {
            case UserChangeResult.Changed:
                return Continue($"{Address}?done={done}");
            case UserChangeResult.Taken taken:
                return RefuseTaken(taken.Fields);
            case UserChangeResult.Invalid invalid:
                return Refuse(invalid.Errors);
            case UserChangeResult.VersionMismatch mismatch:
                Subject = mismatch.Present;
                return Refuse(StatusCodes.Status409Conflict, ChangedMeanwhile);
            default:
                return NotFound();
        }
    }

    protected override Task<IActionResult> RefuseNulAsync(FieldErrors errors) => RefuseUnreadableAsync();
}
