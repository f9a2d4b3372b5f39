using Selfsame.Connectors.Auth0;
using Selfsame.Core.Accounts;

namespace Selfsame.Contract.Tests.Connectors.Auth0;

/// <summary>The contract of whatever reads and writes, through the Management API.</summary>
public sealed class Auth0ContractTests : WriteContract
{
    private readonly Tenant tenant = new();

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await tenant.DisposeAsync();
    }

    protected override async Task<IConnectedSystem> OpenAsync()
    {
        await tenant.InitializeAsync();
        return tenant.Opened;
    }

    protected override Task FillAsync(int count)
    {
        tenant.FillWith(count);
        return Task.CompletedTask;
    }

    protected override AccountId IdOf(int number) => Tenant.IdOf(number + 1);

    protected override string PlainField => "name";

    protected override Fields RecordOf(int number) => Of(("user_id", IdOf(number).ToString()), ("email", $"user{number}@example.org"), (PlainField, $"Name of user {number}"));

    protected override Task ChangeOutsideAsync(string id, string field, string value)
    {
        tenant.Change(id, field, value);
        return Task.CompletedTask;
    }

    private sealed class Tenant : Auth0Tenant
    {
        public Auth0System Opened => System;

        public static AccountId IdOf(int number) => Id(number);

        public void FillWith(int count) => Fill(count);

        public void Change(string id, string field, string value) => Server.Users.Set(id, field, value);
    }
}
