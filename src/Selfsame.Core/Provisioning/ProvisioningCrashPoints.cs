namespace Selfsame.Core.Provisioning;

/// <summary>The places in a provisioning at which the kill -9 tests and the simulation end the process.</summary>
public static class ProvisioningCrashPoints
{
    /// <summary>A row is claimed; nothing is decided.</summary>
    public const string Claimed = "provisioning.claimed";

    /// <summary>The intent with the chosen id is durable; nothing has left.</summary>
    public const string IntentDurable = "provisioning.intent-durable";

    /// <summary>The account was asked for; its answer is not durable.</summary>
    public const string CreateLeft = "provisioning.create-left";

    /// <summary>That the account is to be disabled is durable and counted; nothing has left.</summary>
    public const string DisablingDurable = "provisioning.disabling-durable";

    /// <summary>The account was changed; the answer is not durable.</summary>
    public const string UpdateLeft = "provisioning.update-left";

    /// <summary>That the account is to be deleted is durable and counted; nothing has left.</summary>
    public const string DeletionDurable = "provisioning.deletion-durable";

    /// <summary>The account was asked to be deleted; the answer is not durable.</summary>
    public const string DeleteLeft = "provisioning.delete-left";

    /// <summary>The row's new state is durable.</summary>
    public const string OutcomeDurable = "provisioning.outcome-durable";

    /// <summary>Those that the making of one account reaches, in order.</summary>
    public static IReadOnlyList<string> OfCreation { get; } = [Claimed, IntentDurable, CreateLeft, OutcomeDurable];

    /// <summary>Those that the disabling of one account reaches, in order.</summary>
    public static IReadOnlyList<string> OfDisabling { get; } = [Claimed, DisablingDurable, UpdateLeft, OutcomeDurable];

    /// <summary>Those that the deletion of one account of a purged user reaches, in order.</summary>
    public static IReadOnlyList<string> OfDeletion { get; } = [Claimed, DeletionDurable, DeleteLeft, OutcomeDurable];
}
