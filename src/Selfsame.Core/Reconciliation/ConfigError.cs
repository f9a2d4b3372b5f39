namespace Selfsame.Core.Reconciliation;

/// <summary>Something in the config that must be put right.</summary>
/// <param name="Line">The line, from 1.</param>
/// <param name="Message">What is wrong and what to do.</param>
/// <param name="File">The further file in which it stands, as the config names it; null for the config itself.</param>
public sealed record ConfigError(long Line, string Message, string? File = null)
{
    public override string ToString() => File is null ? $"line {Line}: {Message}" : $"{File}, line {Line}: {Message}";
}

/// <summary>What came of reading a config: the topology, or every error that was found.</summary>
public sealed record TopologyReading(Topology? Topology, IReadOnlyList<ConfigError> Errors);
