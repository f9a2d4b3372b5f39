namespace Selfsame.Core.Reconciliation;

/// <summary>Why accounts are held, or not held, to be one person's; or what of a system is a fault.</summary>
/// <param name="Rule">The rule that looked: <c>id</c>, <c>email</c>, <c>username</c>, <c>decision</c> …; of a fault, what is told: <c>wanted</c>, <c>found</c> …</param>
/// <param name="Key">The key that is equal, or that nobody over there has, or the id; of an index its definition. Empty where there is none.</param>
/// <param name="Values">The raw values as the systems hold them; of an index its fields.</param>
/// <param name="Proof">Whether the rule proves that they are one person; equality without proof only casts doubt.</param>
public sealed record Evidence(string Rule, string Key, IReadOnlyList<string> Values, bool Proof);
