using Selfsame.Core.Accounts;
using Selfsame.Core.Identifiers;

namespace Selfsame.Core.Reconciliation;

/// <summary>An account with the keys of its identifiers; an identifier that has none is refused, never approximated (CASES 12).</summary>
public sealed record KeyedAccount
{
    public required Account Account { get; init; }

    public required IReadOnlyDictionary<IdentifierKind, string> Keys { get; init; }

    public required IReadOnlyDictionary<IdentifierKind, Refusal> Refusals { get; init; }

    /// <summary>Whether the system says that the e-mail was proved.</summary>
    public bool EmailVerified => Account.Attributes.ValueOrNull(AccountMapping.EmailVerified).IsTruthy;

    public static KeyedAccount Of(Account account, IdentifierKeying keying)
    {
        var keys = new Dictionary<IdentifierKind, string>();
        var refusals = new Dictionary<IdentifierKind, Refusal>();
        foreach (var (kind, text) in account.Identifiers)
        {
            if (keying(kind, text, out var key, out var refusal))
            {
                keys.Add(kind, key);
            }
            else
            {
                refusals.Add(kind, refusal ?? throw new InvalidOperationException($"A {kind.Name()} was refused without a reason."));
            }
        }

        return new KeyedAccount { Account = account, Keys = keys, Refusals = refusals };
    }
}

/// <summary>All that was read of one system.</summary>
public sealed record SystemPicture
{
    public required SystemConfig Config { get; init; }

    public required SystemFacts Facts { get; init; }

    public required IReadOnlyList<KeyedAccount> Accounts { get; init; }

    public IReadOnlyList<UnreadableRecord> Unreadable { get; init; } = [];

    /// <summary>The system's indexes, or null where it can't be asked.</summary>
    public IReadOnlyList<SystemIndex>? Indexes { get; init; }
}
