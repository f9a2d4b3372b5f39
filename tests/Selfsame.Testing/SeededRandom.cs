using Selfsame.Core;

namespace Selfsame.Testing;

/// <summary>A source whose every value follows from its seed. Threads may share it; then their turns decide who gets what.</summary>
public sealed class SeededRandom(int seed) : RandomSource
{
    private readonly Random random = new(seed);
    private readonly Lock turn = new();

    public override void Fill(Span<byte> bytes)
    {
        lock (turn)
        {
            random.NextBytes(bytes);
        }
    }

    /// <summary>True once in <paramref name="times"/>, on average.</summary>
    public bool OneIn(int times) => NextInt32(times) == 0;

    /// <summary>One of these, each with equal chance.</summary>
    public T Pick<T>(IReadOnlyList<T> choices) => choices[NextInt32(choices.Count)];
}
