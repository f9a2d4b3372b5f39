namespace Selfsame.Core.Webhooks;

/// <summary>The types of the messages that an endpoint can ask for; docs/webhooks.md says when each comes.</summary>
public static class WebhookEvents
{
    public const string UserCreated = "user.created";
    public const string UserVerified = "user.verified";
    public const string UserUpdated = "user.updated";
    public const string UserDisabled = "user.disabled";
    public const string UserEnabled = "user.enabled";
    public const string UserDeleted = "user.deleted";
    public const string UserRestored = "user.restored";

    /// <summary>A sign-up has not become whole in time.</summary>
    public const string ProvisioningOverdue = "provisioning.overdue";

    public static IReadOnlyList<string> All { get; } =
        [UserCreated, UserVerified, UserUpdated, UserDisabled, UserEnabled, UserDeleted, UserRestored, ProvisioningOverdue];
}
