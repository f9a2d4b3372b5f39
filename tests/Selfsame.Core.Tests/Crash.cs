namespace Selfsame.Core.Tests;

/// <summary>The process dies here.</summary>
internal sealed class Crash : Exception;
