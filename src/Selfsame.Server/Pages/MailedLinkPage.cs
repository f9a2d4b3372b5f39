using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.RazorPages;
using Selfsame.Server.Requests;

namespace Selfsame.Server.Pages;

/// <summary>Sets a new password by a mailed link that works once; says so where it works no more. Opening it changes nothing.</summary>
internal abstract class MailedLinkPage(RequestScope scope) : SelfsamePage(scope)
{
    public bool IsLinkGood { get; private set; } = true;

    public async Task<IActionResult> OnGetAsync() => await FindLinkAsync() ? Page() : LinkIsGone();

    protected abstract Task<bool> FindLinkAsync();

    /// <summary>Goes on to the sign-in: whatever session this browser had is over.</summary>
    protected IActionResult Done(string done)
    {
        SessionCookie.Remove(HttpContext);
        return Continue($"/sign-in?done={done}");
    }

    protected PageResult LinkIsGone()
    {
        IsLinkGood = false;
        return Show(StatusCodes.Status404NotFound);
    }
}
