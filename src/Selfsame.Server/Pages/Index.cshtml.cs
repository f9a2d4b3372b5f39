using Microsoft.AspNetCore.Mvc;
using Selfsame.Server.Requests;

namespace Selfsame.Server.Pages;

/// <summary>What this is, for who is not signed in.</summary>
internal sealed class IndexPage(RequestScope scope) : SelfsamePage(scope)
{
    public IActionResult OnGet() => Scope.SignedIn is null
        ? Page()
        : Continue(Request.Query["done"].Count == 0 ? "/account" : $"/account?done={Uri.EscapeDataString(Request.Query["done"].ToString())}");
}
