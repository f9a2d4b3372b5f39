using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.AspNetCore.Mvc;
using Selfsame.Core.Accounts;
using Selfsame.Server.Reconciliation;
using Selfsame.Server.Requests;
using Selfsame.Store.Provisioning;
using Selfsame.Store.Users;

namespace Selfsame.Server.Pages.Admin;

/// <summary>What was made of one account of any system, as of somebody's who signed up at a provider, and what happened when.</summary>
[AdministratorsOnly]
internal sealed class AccountProvisioningPage(RequestScope scope, TenantProvisioning provisioning) : SelfsamePage(scope)
{
    /// <summary>The account's system.</summary>
    public string Source { get; private set; } = "";

    /// <summary>Its id there.</summary>
    public AccountId Account { get; private set; } = null!;

    /// <summary>Its rows, and those of the accounts that were made for it.</summary>
    public IReadOnlyList<ProvisioningStatus> Rows { get; private set; } = [];

    public string Address => AddressOf(Source, Account);

    public static string AddressOf(string source, AccountId account)
        => $"/admin/provisioning/account{new QueryBuilder { { "source", source }, { "account", account.ToText() } }.ToQueryString()}";

    public async Task<IActionResult> OnGetAsync() => await FindAsync() ? Page() : NotFound();

    public async Task<IActionResult> OnPostRetryAsync()
    {
        if (!await FindAsync())
        {
            return NotFound();
        }

        if (ProvisioningPage.PostedKey(this) is { } key)
        {
            await provisioning.RetryAsync(key, Cancellation);
        }

        return Continue($"{Address}&done=provisioning-retried");
    }

    private async Task<bool> FindAsync()
    {
        Source = Request.Query["source"].ToString();
        if (Source.Contains('\0', StringComparison.Ordinal) || !AccountId.TryFromText(Request.Query["account"], out var account))
        {
            return false;
        }

        Account = account;
        Rows = await provisioning.OfAccountAsync(Source, account, Cancellation);
        return Rows.Count > 0;
    }

    protected override Task<IActionResult> RefuseNulAsync(FieldErrors errors) => RefuseUnreadableAsync();
}
