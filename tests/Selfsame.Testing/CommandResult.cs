namespace Selfsame.Testing;

/// <summary>What a program answered.</summary>
public sealed record CommandResult(int ExitCode, string StandardOutput, string StandardError);
