using System.Globalization;
using Selfsame.Server.Requests;
using Selfsame.Store;
using Selfsame.Store.Users;

namespace Selfsame.Server.Pages.Admin;

/// <summary>Sign-ups that asked for a taken identifier: when, which field, and whether it repeats; never the value.</summary>
[AdministratorsOnly]
internal sealed class ConflictsPage(RequestScope scope, StoreContext context) : SelfsamePage(scope)
{
    private const int PageSize = 50;
    private const int LastReachable = 1_000_000;

    public ConflictPage Report { get; private set; } = null!;

    public int Number => Report.Page;

    public long Last => Math.Max(1, (Report.Total + PageSize - 1) / PageSize);

    public async Task OnGetAsync()
    {
        var number = int.TryParse(Request.Query["page"], CultureInfo.InvariantCulture, out var typed) ? Math.Clamp(typed, 1, LastReachable) : 1;
        Report = await ConflictReport.ReadAsync(context, Scope.Tenant, number, PageSize, Cancellation);
        if (Number > Last)
        {
            Report = await ConflictReport.ReadAsync(context, Scope.Tenant, (int)Last, PageSize, Cancellation);
        }
    }
}
