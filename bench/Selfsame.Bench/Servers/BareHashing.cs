using System.Globalization;
using Selfsame.Bench.Load;
using Selfsame.Bench.Stores;
using Selfsame.Store.Passwords;

namespace Selfsame.Bench.Servers;

/// <summary>What is asked of nothing but the password hash.</summary>
internal enum BareWork
{
    /// <summary>Hashing a password.</summary>
    Hash,

    /// <summary>Checking the right password.</summary>
    Check,
}

/// <summary>
/// The bare side of the comparison with the hash, measured in the server's own process while nobody asks it for anything: what a hash costs depends on which memory
/// a process was given, on some machines by a quarter. It is asked for by lines on standard input, and answers by lines on standard output.
/// </summary>
internal sealed class BareHashing(PasswordHashing hashing)
{
    private const string Measured = "Measured ";

    private string? known;

    public static string Question(int number, BareWork work, int callers, TimeSpan settle, TimeSpan window)
        => string.Create(CultureInfo.InvariantCulture, $"{number} {work} {callers} {settle.Ticks} {window.Ticks}");

    public static bool IsAnswer(int number, string line) => line.StartsWith($"{Measured}{number} ", StringComparison.Ordinal);

    public static double ReadAnswer(string line) => double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture);

    /// <summary>Until the questions end.</summary>
    public async Task AnswerAsync(TextReader questions, TextWriter answers)
    {
        while (await questions.ReadLineAsync() is { } question)
        {
            var parts = question.Split(' ');
            var perSecond = await SteadyLoad.PerSecondAsync(
                int.Parse(parts[2], CultureInfo.InvariantCulture),
                TimeSpan.FromTicks(long.Parse(parts[3], CultureInfo.InvariantCulture)),
                TimeSpan.FromTicks(long.Parse(parts[4], CultureInfo.InvariantCulture)),
                Enum.Parse<BareWork>(parts[1]) == BareWork.Hash ? HashAsync : CheckAsync);
            await answers.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{Measured}{parts[0]} {perSecond:R}"));
            await answers.FlushAsync();
        }
    }

    private async Task HashAsync(int caller)
    {
        if (await hashing.HashAsync(BenchStore.Password, CancellationToken.None) is null)
        {
            throw new InvalidOperationException("The queue of the bare hash is full.");
        }
    }

    private async Task CheckAsync(int caller)
    {
        known ??= await hashing.HashAsync(BenchStore.Password, CancellationToken.None);
        if (await hashing.VerifyAsync(known, BenchStore.Password, CancellationToken.None) != PasswordCheck.Right)
        {
            throw new InvalidOperationException("The bare check did not find the password right.");
        }
    }
}
