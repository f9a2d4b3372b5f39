using Selfsame.Core.Webhooks;
using Selfsame.Databases;
using Selfsame.Store.Webhooks;

namespace Selfsame.Store.Users;

/// <summary>
/// What other programs are told about users. A message names the user and the version and holds nothing else: whoever
/// gets it reads the user's present state, so that neither order nor repeats matter, and nothing personal lies about.
/// </summary>
internal static class UserEvents
{
    /// <summary>
    /// For the batch that inserts <paramref name="user"/>. The time is that of the insert: who moves in may have had the account for years, and old
    /// messages are given up.
    /// </summary>
    public static IEnumerable<Statement> OfNew(StoreContext context, User user)
        => (user.EmailVerifiedAt is null ? [WebhookEvents.UserCreated] : new[] { WebhookEvents.UserCreated, WebhookEvents.UserVerified })
            .SelectMany(type => Inserts(context, user, type, user.Version, user.UpdatedAt));

    /// <summary>For a batch in the transaction that makes <paramref name="after"/> of <paramref name="before"/>, which it holds.</summary>
    public static IEnumerable<Statement> OfChange(StoreContext context, User before, User after, bool groups, DateTimeOffset now)
        => Between(before, after, groups).SelectMany(type => Inserts(context, after, type, before.Version + 1, now));

    /// <summary>What a change is: one or several of these, and at least <c>user.updated</c>.</summary>
    internal static IReadOnlyList<string> Between(User before, User after, bool groups)
    {
        var events = new List<string>();
        var verified = after.EmailVerifiedAt is not null && (before.EmailVerifiedAt is null || before.Email != after.Email);
        if ((before.DeletedAt is null) != (after.DeletedAt is null))
        {
            events.Add(after.DeletedAt is null ? WebhookEvents.UserRestored : WebhookEvents.UserDeleted);
        }

        if (before.IsActive != after.IsActive)
        {
            events.Add(after.IsActive ? WebhookEvents.UserEnabled : WebhookEvents.UserDisabled);
        }

        if (verified)
        {
            events.Add(WebhookEvents.UserVerified);
        }

        var told = before with
        {
            DeletedAt = after.DeletedAt,
            IsActive = after.IsActive,
            EmailVerifiedAt = verified ? after.EmailVerifiedAt : before.EmailVerifiedAt,
        };
        if (groups || events.Count == 0 || told != after)
        {
            events.Add(WebhookEvents.UserUpdated);
        }

        return events;
    }

    private static IEnumerable<Statement> Inserts(StoreContext context, User user, string type, long version, DateTimeOffset now)
        => WebhookOutbox.Inserts(context, user.Tenant, type, new { uuid = user.Uuid, tenant = user.Tenant, version }, now);
}
