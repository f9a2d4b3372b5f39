using System.Diagnostics;
using Selfsame.Store.Passwords;

namespace Selfsame.Contract.Tests.Passwords;

[CollectionDefinition(nameof(PasswordMemoryTests), DisableParallelization = true)]
public sealed class PasswordMemoryCollection;

/// <summary>Runs alone, because it looks at the memory of the whole process.</summary>
[Collection(nameof(PasswordMemoryTests))]
public sealed class PasswordMemoryTests
{
    private const long Mebibyte = 1_048_576;

    [Fact]
    [Trait("needs", "slow")]
    public async Task Two_hundred_passwords_at_once_need_the_memory_of_two()
    {
        using var hashing = PasswordSamples.Create(PasswordSamples.Shipped with { Threads = 2 });
        var before = ResidentMemory();
        var all = Task.WhenAll(Enumerable.Range(0, 200).Select(number =>
            hashing.HashAsync($"correct horse {number}", TestContext.Current.CancellationToken).AsTask()));
        var peak = before;
        while (!all.IsCompleted)
        {
            peak = Math.Max(peak, ResidentMemory());
            await Task.Delay(2, TestContext.Current.CancellationToken);
        }
        (await all).Distinct().Count().ShouldBe(200);
        var growth = (peak - before) / Mebibyte;
        TestContext.Current.TestOutputHelper?.WriteLine($"200 at once took {growth} MiB more");
        growth.ShouldBeLessThan(200);
        // Otherwise the reading would have missed the hashes themselves.
        growth.ShouldBeGreaterThan(10);
    }

    [Fact]
    [Trait("needs", "libargon2")]
    public async Task Large_hashes_of_other_systems_take_turns()
    {
        // 256 MiB each, the most that is allowed: four at once must not need 1 GiB.
        const string Large = "$argon2id$v=19$m=262144,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$ZqZyZaoT97qvb5P/lcLQcDulWE7WlmokoMg/68OQjnQ";
        using var hashing = PasswordSamples.Create(PasswordSamples.Cheap with { Threads = 4 });
        var before = ResidentMemory();
        var all = Task.WhenAll(Enumerable.Range(0, 4).Select(_ =>
            hashing.VerifyAsync(Large, "correct horse", TestContext.Current.CancellationToken).AsTask()));
        var peak = before;
        while (!all.IsCompleted)
        {
            peak = Math.Max(peak, ResidentMemory());
            await Task.Delay(2, TestContext.Current.CancellationToken);
        }
        (await all).ShouldAllBe(check => check == PasswordCheck.Wrong);
        ((peak - before) / Mebibyte).ShouldBeInRange(100, 400);
    }

    private static long ResidentMemory()
    {
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }
}
