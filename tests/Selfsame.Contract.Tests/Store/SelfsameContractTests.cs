using Selfsame.Contract.Tests.Connectors;
using Selfsame.Core.Accounts;
using Selfsame.Store;

namespace Selfsame.Contract.Tests.Store;

public sealed class SelfsameContractInSqliteMemoryTests() : SelfsameContractTests(Backend.SqliteMemory);

[Trait("needs", "postgresql")]
public sealed class SelfsameContractOnPostgreSqlTests() : SelfsameContractTests(Backend.PostgreSql);

/// <summary>The contract of whatever reads and writes, on our own users.</summary>
public abstract class SelfsameContractTests(Backend backend) : WriteContract
{
    private TestStore store = null!;

    // Each is moved in by itself.
    protected override int Many => 1050;

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await store.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    protected override async Task<IConnectedSystem> OpenAsync()
    {
        store = await TestStore.CreateAsync(backend);
        return new SelfsameConnector(store.Context, TestStore.Tenant);
    }

    protected override AccountId IdOf(int number) => new($"00000000-0000-4000-8000-{number + 1:D12}");

    protected override string PlainField => "first_name";

    protected override Fields RecordOf(int number) => Of(("uuid", IdOf(number).ToString()), ("email", $"user{number}@example.org"), (PlainField, $"Name of user {number}"));

    protected override Task ChangeOutsideAsync(string id, string field, string value)
        => store.ExecuteAsync($"UPDATE users SET {field} = @value WHERE CAST(uuid AS text) = @id", new { value, id });

    protected override async Task FillAsync(int count)
    {
        for (var number = 0; number < count; number++)
        {
            var fields = new Fields([KeyValuePair.Create("email", FieldValue.Text($"user{number}@example.org"))]);
            (await ((ICreatesAccounts)Connected).CreateAsync(IdOf(number), fields, TestStore.Cancellation)).ShouldBeOfType<Done>();
        }
    }
}
