namespace Selfsame.Testing;

/// <summary>How much this run of the tests is meant to do: <c>./test --fast</c>, <c>./test</c> or <c>./test --soak</c>.</summary>
public static class TestRun
{
    /// <summary>The number of rounds, seeds or requests that this run should make.</summary>
    public static int Rounds(int fast, int full, int soak) =>
        IsSet("SELFSAME_SOAK") ? soak : IsSet("SELFSAME_FAST") ? fast : full;

    private static bool IsSet(string variable) => Environment.GetEnvironmentVariable(variable) == "1";
}
