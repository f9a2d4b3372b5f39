using Selfsame.Core;
using Selfsame.Store.Users;

namespace Selfsame.Contract.Tests.Store;

public sealed class UserCodesOnSqliteTests() : UserCodeTests(Backend.SqliteMemory);

[Trait("needs", "postgresql")]
public sealed class UserCodesOnPostgreSqlTests() : UserCodeTests(Backend.PostgreSql);

public abstract class UserCodeTests(Backend backend)
{
    [Fact]
    public async Task A_code_made_dry_is_free_grows_when_a_size_is_full_and_is_none_when_no_room_is_left()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var alwaysTheSame = store.Context with { Random = new Zeros() };
        var codes = new List<string>();
        UserCodeTrial trial;
        while ((trial = await UserCodes.TryAsync(alwaysTheSame, TestStore.Unlimited, TestStore.Cancellation)).Code is { } code)
        {
            (await UserCodes.TryAsync(alwaysTheSame, TestStore.Unlimited, TestStore.Cancellation)).Code.ShouldBe(code);
            codes.Add(code);
            await store.CreateAsync(TestStore.Request(TestStore.Form($"user{codes.Count}", null, null) with
            {
                Administrator = new AdministratorFields(),
                MovedIn = new MovedInFields { Uuid = store.Context.Random.NextUuid(), UserCode = code },
            }));
        }

        codes.Count.ShouldBeGreaterThan(1);
        codes.Select(code => code.Length).ShouldBe(codes.Select(code => code.Length).Distinct().Order());
        trial.Attempts.ShouldBeGreaterThan(codes.Count);
    }

    private sealed class Zeros : RandomSource
    {
        public override void Fill(Span<byte> bytes) => bytes.Clear();
    }
}
