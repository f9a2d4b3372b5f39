namespace Selfsame.Core.Identifiers;

/// <summary>Why a value cannot be an identifier.</summary>
/// <param name="Rule">The rule that refused it, stable and for programs: <c>username.too-long</c>, <c>email.domain</c>, …</param>
/// <param name="Message">One sentence for the person who typed it: what is wrong, and what to do.</param>
public sealed record Refusal(string Rule, string Message);
