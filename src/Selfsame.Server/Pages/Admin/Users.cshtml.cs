using System.Globalization;
using Microsoft.AspNetCore.Http.Extensions;
using Selfsame.Server.Requests;
using Selfsame.Store.Users;

namespace Selfsame.Server.Pages.Admin;

/// <summary>The list of users, newest first.</summary>
[AdministratorsOnly]
internal sealed class UsersPage(RequestScope scope, UserReader reader) : SelfsamePage(scope)
{
    private const int PageSize = 25;
    private const int LastReachable = 1_000_000;
    private const int LongestSearch = 254;

    public UserPage Users { get; private set; } = null!;

    public string Search { get; private set; } = "";

    public bool IncludeDeleted { get; private set; }

    public int Number => Users.Page;

    public long Last => Math.Max(1, (Users.Total + PageSize - 1) / PageSize);

    public string Summary => Search.Length == 0
        ? Words.Count(Users.Total, "user")
        : $"{Words.Count(Users.Total, "user")} found for “{Search}”";

    public async Task OnGetAsync()
    {
        Search = Clean(Request.Query["search"].ToString());
        IncludeDeleted = Request.Query["deleted"] == "true";
        var number = int.TryParse(Request.Query["page"], CultureInfo.InvariantCulture, out var typed) ? Math.Clamp(typed, 1, LastReachable) : 1;
        var query = new UserQuery { Tenant = Scope.Tenant, Search = Search, IncludeDeleted = IncludeDeleted, Page = number, PageSize = PageSize };
        Users = await reader.ListAsync(query, Cancellation);
        if (Number > Last)
        {
            Users = await reader.ListAsync(query with { Page = (int)Last }, Cancellation);
        }
    }

    public string PageAddress(int number)
    {
        var query = new QueryBuilder();
        if (Search.Length > 0)
        {
            query.Add("search", Search);
        }

        if (IncludeDeleted)
        {
            query.Add("deleted", "true");
        }

        query.Add("page", number.ToString(CultureInfo.InvariantCulture));
        return $"/admin/users{query.ToQueryString()}";
    }

    /// <summary>Nobody's name holds control characters, and PostgreSQL takes no NUL.</summary>
    private static string Clean(string text)
        => ShortText.Cut(string.Concat(text.Where(c => !char.IsControl(c))).Trim(), LongestSearch);
}
