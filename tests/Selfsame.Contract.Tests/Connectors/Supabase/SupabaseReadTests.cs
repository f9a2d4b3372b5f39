using Selfsame.Connectors.Supabase;
using Selfsame.Core.Accounts;

namespace Selfsame.Contract.Tests.Connectors.Supabase;

/// <summary>The reading part of the contract, through the admin API.</summary>
[Trait("needs", "postgresql")]
public sealed class SupabaseReadTests : ReadContract
{
    private readonly Project project = new();

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await project.DisposeAsync();
    }

    protected override async Task<IConnectedSystem> OpenAsync()
    {
        await project.InitializeAsync();
        return project.Opened;
    }

    protected override Task FillAsync(int count) => project.FillWithAsync(count);

    protected override AccountId IdOf(int number) => Project.IdOf(number + 1);

    private sealed class Project : SupabaseProject
    {
        public SupabaseSystem Opened => System;

        public static AccountId IdOf(int number) => Id(number);

        public Task FillWithAsync(int count) => FillAsync(count);
    }
}
