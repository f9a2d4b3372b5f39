using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Selfsame.Server.Requests;
using Selfsame.Store.Users;

namespace Selfsame.Server.Pages.Admin;

/// <summary>An administrator changes a user.</summary>
[AdministratorsOnly]
internal sealed class EditUserPage(RequestScope scope, UserReader reader, UserAdministration users) : AdministratorPage(scope, reader), IPersonForm
{
    public User? Present => Subject;

    public IReadOnlyList<string> PresentGroups { get; private set; } = [];

    public async Task<IActionResult> OnGetAsync(Guid uuid)
    {
        if (!await FindAsync(uuid))
        {
            return NotFound();
        }

        if (Subject.DeletedAt is not null)
        {
            return Continue(Address);
        }

        PresentGroups = await Reader.GroupsAsync(Subject, Cancellation);
        return MayTouch ? Page() : StatusCode(StatusCodes.Status403Forbidden);
    }

    public async Task<IActionResult> OnPostAsync(Guid uuid)
    {
        if (!await FindAsync(uuid))
        {
            return NotFound();
        }

        if (!MayTouch || (!MayGrant && (Ticked("isStaff") || Ticked("isSuperuser"))))
        {
            return StatusCode(StatusCodes.Status403Forbidden);
        }

        if (IsOwn && MayGrant && !Ticked("isSuperuser"))
        {
            return Refuse("isSuperuser", "You can't take this right from yourself. Ask another superuser.");
        }

        return RefuseStaleOrDeleted()
            ?? Answer(await users.ChangeAsync(Scope.Tenant, uuid, ReadChange(), Subject.Version, Scope.Actor, Cancellation), "user-saved");
    }

    protected override async Task<IActionResult> RefuseNulAsync(FieldErrors errors)
    {
        var uuid = Guid.TryParse(RouteData.Values["uuid"]?.ToString(), out var asked) ? asked : Guid.Empty;
        return !await FindAsync(uuid) ? NotFound() : !MayTouch ? StatusCode(StatusCodes.Status403Forbidden) : Refuse(errors);
    }

    private UserChange ReadChange()
    {
        var email = TypedOrNull("email");
        var verified = Ticked("emailVerified");

        // The box speaks of the address that stood beside it: left as it was, it says nothing about another one.
        var sameEmail = string.Equals(email?.Trim(), Subject.Email, StringComparison.Ordinal);
        var change = new UserChange
        {
            Username = new(true, TypedOrNull("username")),
            Email = new(true, email),
            EmailVerified = new(sameEmail || verified != Subject.EmailVerifiedAt is not null, verified),
            FirstName = new(true, TypedOrNull("firstName")),
            LastName = new(true, TypedOrNull("lastName")),
            Phone = new(true, TypedOrNull("phone")),
            Locale = new(true, TypedOrNull("locale")),
            Role = new(true, TypedOrNull("role")),
            Groups = new(true, PersonForm.Groups(Typed("groups"))),
        };
        return MayGrant
            ? change with { IsStaff = new(true, Ticked("isStaff")), IsSuperuser = new(true, Ticked("isSuperuser")) }
            : change;
    }
}
