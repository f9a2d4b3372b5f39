using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.RazorPages;
using Selfsame.Server.Requests;
using Selfsame.Store;
using Selfsame.Store.Users;

namespace Selfsame.Server.Pages.Admin;

/// <summary>An administrator makes a user.</summary>
[AdministratorsOnly]
internal sealed class NewUserPage(RequestScope scope, StoreContext context, SignUp signUp) : SelfsamePage(scope), IPersonForm
{
    /// <summary>Stands in a form that came back, and so without the password that was typed.</summary>
    public const string LostPasswordField = "lostPassword";

    private string? newToken;

    public string FormToken => newToken ?? Typed(CreationForm.TokenField) ?? "";

    public bool LostPassword => TypedPassword is not null;

    public User? Present => null;

    /// <summary>The deleted users who have what was typed.</summary>
    public IReadOnlyList<Guid> DeletedHolders { get; private set; } = [];

    public IReadOnlyList<string> PresentGroups => [];

    public bool MayGrant => Scope.User.IsSuperuser;

    public void OnGet() => newToken = CreationForm.NewToken(context.Random);

    public async Task<IActionResult> OnPostAsync()
    {
        if (!MayGrant && (Ticked("isStaff") || Ticked("isSuperuser")))
        {
            return StatusCode(StatusCodes.Status403Forbidden);
        }

        var call = CreationForm.Read(this, Scope.IdempotencyCaller, "/admin/users/new", [.. PersonForm.Fields, "password"]);
        if (call is null)
        {
            newToken = CreationForm.NewToken(context.Random);
            return Refuse(StatusCodes.Status400BadRequest, "The form was not complete. Check it and send it once more.");
        }

        if (TypedPassword is null && Ticked(LostPasswordField))
        {
            return Refuse("password", "The password that you typed before was not kept. Type it again, or send the form once more as it is: then the user is made without one.");
        }

        var request = new SignUpRequest { Tenant = Scope.Tenant, Form = ReadForm(), Actor = Scope.Actor, Call = call };
        var answer = Answer(await signUp.ExecuteAsync(request, Cancellation));
        if (answer is PageResult && LostPassword && !Errors.ByField.ContainsKey("password"))
        {
            AddError("password", "The password is not kept: type it again.");
        }

        return answer;
    }

    private string? TypedPassword => Typed("password") is { Length: > 0 } password ? password : null;

    private SignUpForm ReadForm() => new()
    {
        Username = TypedOrNull("username"),
        Email = TypedOrNull("email"),
        Phone = TypedOrNull("phone"),
        Password = TypedPassword,
        FirstName = TypedOrNull("firstName"),
        LastName = TypedOrNull("lastName"),
        Locale = TypedOrNull("locale"),
        Administrator = new AdministratorFields
        {
            Role = TypedOrNull("role"),
            Groups = PersonForm.Groups(Typed("groups")),
            EmailVerified = Ticked("emailVerified"),
            IsStaff = Ticked("isStaff"),
            IsSuperuser = Ticked("isSuperuser"),
        },
    };

    private IActionResult Answer(SignUpResult result)
    {
        switch (result)
        {
            case SignUpResult.Created created:
                return Continue($"/admin/users/{created.User.Uuid}?done=user-created");
            case SignUpResult.Taken taken:
                DeletedHolders = [.. taken.DeletedHolders.Values.Distinct()];
                return RefuseTaken(taken.Fields, taken.HeldByDeleted);
            case SignUpResult.Invalid invalid:
                return Refuse(invalid.Errors);
            case SignUpResult.KeyReused:
                newToken = CreationForm.NewToken(context.Random);
                return Refuse(StatusCodes.Status409Conflict, "This form has made a user already, and you changed it since. To make another user, send it again.");
            case SignUpResult.InProgress:
                return Refuse(StatusCodes.Status409Conflict, "The user is still being made. Wait a few seconds and send the form again: it will not make a second one.");
            default:
                return Busy();
        }
    }
}
