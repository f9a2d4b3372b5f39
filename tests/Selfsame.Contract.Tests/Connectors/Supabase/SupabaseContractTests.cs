using Selfsame.Connectors.Supabase;
using Selfsame.Core.Accounts;

namespace Selfsame.Contract.Tests.Connectors.Supabase;

/// <summary>The contract of whatever reads and writes, through the admin API.</summary>
[Trait("needs", "postgresql")]
public sealed class SupabaseContractTests : WriteContract
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

    protected override string PlainField => "user_metadata.full_name";

    protected override Fields RecordOf(int number) => Of(("id", IdOf(number).ToString()), ("email", $"user{number}@example.org"), (PlainField, $"Name of user {number}"));

    protected override Task ChangeOutsideAsync(string id, string field, string value) => project.RenameAsync(id, value);

    private sealed class Project : SupabaseProject
    {
        public SupabaseSystem Opened => System;

        public static AccountId IdOf(int number) => Id(number);

        public Task FillWithAsync(int count) => FillAsync(count);

        public Task<object?> RenameAsync(string id, string name) => SqlAsync($$"""UPDATE auth.users SET raw_user_meta_data = '{"full_name": "{{name}}"}' WHERE id = '{{id}}'""");
    }
}
