namespace Selfsame.Core.Reconciliation;

/// <summary>Something in the config that must be put right.</summary>
/// <param name="Line">The line, from 1.</param>
/// <param name="Message">What is wrong and what to do.</param>
public sealed record ConfigError(long Line, string Message)
{
    public override string ToString() => $"line {Line}: {Message}";
}

/// <summary>What came of reading a config: the topology, or every error that was found.</summary>
public sealed record TopologyReading(Topology? Topology, IReadOnlyList<ConfigError> Errors);
