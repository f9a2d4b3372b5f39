using Selfsame.Core.Identifiers;
using Selfsame.Databases;
using Selfsame.Store.Audit;
using Selfsame.Store.Links;
using Selfsame.Store.Mail;
using Selfsame.Store.Requests;

namespace Selfsame.Store.Users;

/// <summary>A field that a request may leave as it is.</summary>
public readonly record struct Change<T>(bool IsSet, T? Value)
{
    /// <summary>The new value, or the present one.</summary>
    public T? Or(T? present) => IsSet ? Value : present;
}

/// <summary>What an administrator, or the user for the first five, wants changed.</summary>
public sealed record UserChange
{
    public Change<string> FirstName { get; init; }

    public Change<string> LastName { get; init; }

    public Change<string> Locale { get; init; }

    public Change<string> Username { get; init; }

    public Change<string> Phone { get; init; }

    public Change<string> Email { get; init; }

    public Change<bool> EmailVerified { get; init; }

    public Change<bool> PhoneVerified { get; init; }

    public Change<string> Handle { get; init; }

    public Change<string> Role { get; init; }

    public Change<IReadOnlyList<string>> Groups { get; init; }

    public Change<bool> IsActive { get; init; }

    public Change<bool> IsStaff { get; init; }

    public Change<bool> IsSuperuser { get; init; }

    /// <summary>The user asks, not an administrator: where it is hidden, the answer must not tell whose addresses are registered.</summary>
    public bool ByTheUser { get; init; }
}

/// <summary>What became of a change to a user.</summary>
public abstract record UserChangeResult
{
    public sealed record Changed(User User) : UserChangeResult;

    public sealed record NotFound : UserChangeResult;

    /// <summary>Somebody else changed the user meanwhile.</summary>
    public sealed record VersionMismatch(User Present) : UserChangeResult;

    public sealed record Taken(IReadOnlySet<string> Fields) : UserChangeResult;

    /// <summary>It is reserved, and is made when another system has confirmed it.</summary>
    public sealed record Pending : UserChangeResult;

    /// <summary>The user changed it too often; nothing was changed.</summary>
    public sealed record TooMany(RateLimitState State) : UserChangeResult;

    public sealed record Invalid(FieldErrors Errors) : UserChangeResult;
}

/// <summary>Changes, disables, deletes and restores users; whatever takes a right away ends the sessions in the same transaction.</summary>
public sealed class UserAdministration(StoreContext context)
{
    /// <summary>What is wrong with a change, without making it.</summary>
    public FieldErrors Check(User user, UserChange change)
    {
        var errors = new FieldErrors();
        _ = Apply(user, change, errors, context.Now());
        return errors;
    }

    /// <summary>Applies a change if the user still has <paramref name="version"/> (null: whatever it has).</summary>
    public Task<UserChangeResult> ChangeAsync(
        string tenant, Guid uuid, UserChange change, long? version, Actor actor, CancellationToken cancellation)
        => UpdateAsync(
            tenant,
            uuid,
            version,
            (user, errors, now) => Apply(user, change, errors, now),
            async (transaction, before, after, now) =>
            {
                if (change.Groups.IsSet)
                {
                    var names = UserFields.Groups(change.Groups.Value, "groups", new FieldErrors()) ?? [];
                    await Groups.ReplaceAsync(context, transaction, after, names);
                }

                await AuditTrail.AddAsync(transaction, after.Id, tenant, actor, after.IsActive == before.IsActive ? "user.updated" : Activity(after), now);
            },
            actor,
            cancellation,
            change.Groups.IsSet);

    /// <summary>Disables or enables.</summary>
    public Task<UserChangeResult> SetActiveAsync(string tenant, Guid uuid, bool active, Actor actor, CancellationToken cancellation)
        => ChangeAsync(tenant, uuid, new UserChange { IsActive = new Change<bool>(true, active) }, null, actor, cancellation);

    /// <summary>
    /// Soft deletion: the user can't sign in, its identifiers stay reserved, and it can be restored until the grace
    /// period ends and the purge removes it.
    /// </summary>
    public Task<UserChangeResult> DeleteAsync(string tenant, Guid uuid, long? version, Actor actor, CancellationToken cancellation)
        => UpdateAsync(
            tenant,
            uuid,
            version,
            (user, _, now) => user with { DeletedAt = user.DeletedAt ?? now },
            (transaction, _, after, now) => AuditTrail.AddAsync(transaction, after.Id, tenant, actor, "user.deleted", now),
            actor,
            cancellation);

    /// <summary>Takes a deletion back.</summary>
    public Task<UserChangeResult> RestoreAsync(string tenant, Guid uuid, long? version, Actor actor, CancellationToken cancellation)
        => UpdateAsync(
            tenant,
            uuid,
            version,
            (user, _, _) => user with { DeletedAt = null },
            (transaction, _, after, now) => AuditTrail.AddAsync(transaction, after.Id, tenant, actor, "user.restored", now),
            actor,
            cancellation);

    /// <summary>Sets, changes or (null) gives up the user's handle; decided by the constraint that handles and codes share.</summary>
    public Task<UserChangeResult> SetHandleAsync(string tenant, Guid uuid, string? handle, long? version, Actor actor, CancellationToken cancellation)
        => UpdateAsync(
            tenant,
            uuid,
            version,
            (user, errors, _) => user with { Handle = NewUser.CheckHandle(handle, errors) },
            (transaction, _, after, now) => AuditTrail.AddAsync(transaction, after.Id, tenant, actor, "handle.changed", now),
            actor,
            cancellation);

    private async Task<UserChangeResult> UpdateAsync(
        string tenant,
        Guid uuid,
        long? version,
        Func<User, FieldErrors, DateTimeOffset, User> change,
        Func<Transaction, User, User, DateTimeOffset, Task> record,
        Actor actor,
        CancellationToken cancellation,
        bool groups = false)
    {
        // Of the try that reached COMMIT: what it wrote is recognised by them when the answer is lost.
        var (now, written) = (default(DateTimeOffset), 0L);
        User? wanted = null;
        var result = await context.Database.TransactAsync<UserChangeResult>(
            async transaction =>
            {
                now = context.Now();
                var before = await UserReader.FindForUpdateAsync(transaction, tenant, uuid);
                if (before is null)
                {
                    return new UserChangeResult.NotFound();
                }

                if (version is not null && version != before.Version)
                {
                    return new UserChangeResult.VersionMismatch(before);
                }

                var errors = new FieldErrors();
                var after = change(before, errors, now);
                if (errors.Any)
                {
                    return new UserChangeResult.Invalid(errors);
                }

                if (after == before && !groups)
                {
                    // A repeat has nothing to write: no second line in the history, no new version, nothing to tell anybody.
                    return new UserChangeResult.Changed(before);
                }

                var taken = await UserRow.SaveAsync(context, transaction, before, after, actor.CorrelationId, now, groups);
                if (taken.Count > 0)
                {
                    (transaction.RollBack, wanted) = (true, after);
                    return new UserChangeResult.Taken(taken);
                }

                await FollowUpAsync(transaction, before, after, now);
                await record(transaction, before, after, now);
                written = before.Version + 1;
                return new UserChangeResult.Changed(after with { Version = written, UpdatedAt = now });
            },
            async transaction => await UserReader.FindAsync(transaction, tenant, uuid) is { } present && present.Version == written && present.UpdatedAt == now
                ? new Settled<UserChangeResult>(true, new UserChangeResult.Changed(present))
                : default,
            cancellation);
        if (result is UserChangeResult.Taken { Fields: var fields })
        {
            await IdentifierConflicts.RecordAsync(context, wanted!, fields, anew: false, actor, cancellation);
        }

        return result;
    }

    private async Task FollowUpAsync(Transaction transaction, User before, User after, DateTimeOffset now)
    {
        if (before.CanSignIn && !after.CanSignIn)
        {
            await CredentialReset.DropAllAsync(transaction, after, now);
        }

        if (after.Email != before.Email)
        {
            await CredentialReset.AfterCorrectionAsync(transaction, after, now);
        }

        if (after is { Email: not null, EmailVerifiedAt: null } && after.Email != before.Email)
        {
            var token = context.Random.NextToken();
            var expires = now + context.Tenant(after.Tenant).VerificationLifetime;
            await LinkTokens.InsertAsync(transaction, token, after.Tenant, LinkPurpose.VerifyEmail, after.Id, after.Email, now, expires);
            var text = MailTexts.VerifyEmail(after.Email, new Uri(context.PublicAddress(after.Tenant), $"verify-email?token={token}"));
            await MailOutbox.QueueAsync(context, transaction, after.Tenant, after.Id, text, now);
        }
    }

    private static string Activity(User user) => user.IsActive ? "user.enabled" : "user.disabled";

    private static User Apply(User user, UserChange change, FieldErrors errors, DateTimeOffset now)
    {
        RefuseForeignAddress(user, change, errors);
        var after = ApplyIdentifiers(user, change, errors, now);
        _ = change.Groups.IsSet ? UserFields.Groups(change.Groups.Value, "groups", errors) : null;
        return after with
        {
            FirstName = change.FirstName.IsSet ? UserFields.Name(change.FirstName.Value, "firstName", errors) : user.FirstName,
            LastName = change.LastName.IsSet ? UserFields.Name(change.LastName.Value, "lastName", errors) : user.LastName,
            Locale = (change.Locale.IsSet ? UserFields.Locale(change.Locale.Value, "locale", errors) : null) ?? user.Locale,
            Role = (change.Role.IsSet ? UserFields.Role(change.Role.Value, "role", errors) : null) ?? user.Role,
            IsActive = change.IsActive.Or(user.IsActive),
            IsStaff = change.IsStaff.Or(user.IsStaff),
            IsSuperuser = change.IsSuperuser.Or(user.IsSuperuser),
        };
    }

    /// <summary>What people do themselves; whoever may say what is proved may say this, too.</summary>
    private static void RefuseForeignAddress(User user, UserChange change, FieldErrors errors)
    {
        if (change is not { ByTheUser: true, Username: { IsSet: true, Value: var name } } || name == user.Username
            || !EmailAddress.TryParse(name, out var address, out _))
        {
            return;
        }

        if (!EmailAddress.TryParse(user.Email, out var own, out _) || own.Key != address.Key)
        {
            NewUser.RefuseForeignAddress(errors);
        }
    }

    private static User ApplyIdentifiers(User user, UserChange change, FieldErrors errors, DateTimeOffset now)
    {
        if (change.Username.IsSet)
        {
            var (name, email) = NewUser.CheckUsername(change.Username.Value, errors);
            user = user with { Username = name?.Value ?? email?.Value };
        }

        if (change.Email.IsSet)
        {
            user = ApplyEmail(user, change.Email.Value, errors);
        }

        if (change.EmailVerified.IsSet && user.Email is not null)
        {
            user = user with { EmailVerifiedAt = change.EmailVerified.Value ? user.EmailVerifiedAt ?? now : null };
        }

        if (change.Phone.IsSet)
        {
            var phone = NewUser.CheckPhone(change.Phone.Value, errors)?.Key;
            user = user with { Phone = phone, PhoneVerifiedAt = phone == user.Phone ? user.PhoneVerifiedAt : null };
        }

        if (change.PhoneVerified.IsSet && user.Phone is not null)
        {
            user = user with { PhoneVerifiedAt = change.PhoneVerified.Value ? user.PhoneVerifiedAt ?? now : null };
        }

        if (change.Handle.IsSet)
        {
            user = user with { Handle = NewUser.CheckHandle(change.Handle.Value, errors) };
        }

        if (user is { Username: null, Email: null })
        {
            errors.Add("username", "username.empty", "A user needs a username or an e-mail address.");
        }

        return user;
    }

    private static User ApplyEmail(User user, string? text, FieldErrors errors)
    {
        if (string.IsNullOrWhiteSpace(text))
        {
            return user with { Email = null, EmailVerifiedAt = null };
        }

        if (!EmailAddress.TryParse(text, out var email, out var refusal))
        {
            errors.Add("email", refusal);
            return user;
        }

        return email.Value == user.Email ? user : user with { Email = email.Value, EmailVerifiedAt = null };
    }
}
