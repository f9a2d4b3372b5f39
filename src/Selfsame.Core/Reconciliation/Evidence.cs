namespace Selfsame.Core.Reconciliation;

/// <summary>Why accounts are held, or not held, to be one person's.</summary>
/// <param name="Rule">The rule that looked: <c>id</c>, <c>email</c>, <c>username</c>, …</param>
/// <param name="Key">The key that is equal, or the id.</param>
/// <param name="Values">The raw values as the systems hold them.</param>
/// <param name="Proof">Whether the rule proves that they are one person; equality without proof only casts doubt.</param>
public sealed record Evidence(string Rule, string Key, IReadOnlyList<string> Values, bool Proof);
