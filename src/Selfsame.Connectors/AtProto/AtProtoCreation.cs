using System.Net;
using System.Text.Json.Nodes;
using Selfsame.Connectors.Http;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.AtProto;

/// <summary>
/// Makes accounts, and finds out after a lost answer whether one was made. <c>com.atproto.server.createAccount</c> takes no key for repeats: the
/// account that it made is known again by the password, which was stored before the call.
/// </summary>
internal sealed class AtProtoCreation(string name, AtProtoApi api, AtProtoFailures failures, AtProtoAccounts accounts, AtProtoDirectory directory, AtProtoNames names)
{
    private const string Method = "com.atproto.server.createAccount";

    private static readonly HashSet<string> Known = new(StringComparer.Ordinal)
    {
        AtProtoFields.Did, AtProtoFields.Handle, AtProtoFields.Email, AtProtoFields.EmailConfirmed, AtProtoFields.Active,
        AtProtoFields.Status, AtProtoFields.MovedTo, AtProtoFields.CreatedAt,
    };

    public async Task<CreationOutcome> CreateAsync(Fields fields, string password, CancellationToken cancellation)
    {
        if (Refuse(fields) is { } refused)
        {
            return new NotCreated(refused);
        }

        var body = new JsonObject
        {
            ["handle"] = names.ToHandle(fields[AtProtoFields.Handle].ToString()),
            ["email"] = fields[AtProtoFields.Email].ToString(),
            ["password"] = password,
        };
        var (reply, nothingSent) = await SendAsync(body, cancellation);
        return reply switch
        {
            null => new NotCreated(nothingSent!),
            Answer { IsSuccess: true } made when AtProtoNames.IsDid(made.Text("did")) => await CheckedAsync(made, made.Text("did")!, fields, cancellation),
            _ => new NotCreated(await JudgeAsync(reply, fields, cancellation)),
        };
    }

    public async Task<Ownership> FindOursAsync(Fields fields, string password, CancellationToken cancellation)
    {
        var (handle, email) = (Stored(fields, AtProtoFields.Handle), Stored(fields, AtProtoFields.Email));
        var resolved = handle.IsNull ? null : await accounts.ResolveAsync(names.ToHandle(handle.ToString()), cancellation);
        // By the handle, and by the address: a disabled account's handle resolves to nothing, and a handle may have been changed since.
        foreach (var identifier in new[] { resolved, email.AsText }.OfType<string>())
        {
            if (await SignInAsync(identifier, password, cancellation) is { } did)
            {
                return await OursAsync(did, identifier, email, cancellation);
            }
        }

        return resolved is null ? new Nobodys() : await AnothersAsync(resolved, handle, email, cancellation);
    }

    /// <summary>A field's value as the PDS stores it.</summary>
    private static FieldValue Stored(Fields fields, string field)
        => fields.ValueOrNull(field).AsText is { } text ? FieldValue.Text(text.Trim().ToLowerInvariant()) : FieldValue.Null;

    private Refused? Refuse(Fields fields)
        => fields.Keys.Except(Known, StringComparer.Ordinal).ToList() is { Count: > 0 } unknown
            ? new Refused($"A PDS has no field {string.Join(", ", unknown)}.")
            : names.RefuseHandle(fields.ValueOrNull(AtProtoFields.Handle)) ?? AtProtoNames.RefuseEmail(fields.ValueOrNull(AtProtoFields.Email));

    /// <summary>What the creation was answered; or, where a step before it failed, what that comes to.</summary>
    private async Task<(HttpReply? Reply, WriteOutcome? NothingSent)> SendAsync(JsonObject body, CancellationToken cancellation)
    {
        bool inviteRequired;
        try
        {
            inviteRequired = (await accounts.KnownAsync(cancellation)).InviteRequired;
        }
        catch (SystemUnavailableException exception)
        {
            return (null, AtProtoFailures.BeforeChange(exception));
        }

        if (inviteRequired)
        {
            return await SendWithInviteAsync(body, cancellation);
        }

        var reply = await api.CallOpenlyAsync(Method, body, cancellation);
        // It may have been told to want invite codes since it was asked.
        return AtProtoFailures.WantsInvite(reply) ? await SendWithInviteAsync(body, cancellation) : (reply, null);
    }

    // A code for one use each: one that is lost with its answer lets nobody in twice.
    private async Task<(HttpReply? Reply, WriteOutcome? NothingSent)> SendWithInviteAsync(JsonObject body, CancellationToken cancellation)
    {
        var invite = await api.CallAsync("com.atproto.server.createInviteCode", new JsonObject { ["useCount"] = 1 }, cancellation);
        if (invite is not Answer { IsSuccess: true } answer || answer.Text("code") is not { } code)
        {
            return (null, failures.BeforeChange(invite));
        }

        body["inviteCode"] = code;
        return (await api.CallOpenlyAsync(Method, body, cancellation), null);
    }

    private async Task<WriteOutcome> JudgeAsync(HttpReply reply, Fields fields, CancellationToken cancellation)
    {
        if (!AtProtoFailures.IsInternalError(reply))
        {
            return failures.Change(reply);
        }

        // The loser of a race for a handle or an address, or one whose handle or address a disabled account holds. The first is found by looking
        // again; the second would be tried for ever, and each attempt leaves a DID without an account in the directory.
        try
        {
            var held = await accounts.HeldByDisabledAsync(Stored(fields, AtProtoFields.Handle), Stored(fields, AtProtoFields.Email), cancellation);
            return held.Count > 0
                ? new AlreadyExists(held, $"A disabled account of '{name}' has the {string.Join(" and the ", held)}.")
                : failures.Change(reply);
        }
        catch (SystemUnavailableException)
        {
            return failures.Change(reply);
        }
    }

    /// <summary>
    /// Believes the DID of an answer only where its own document, which comes with the answer, is that of the handle that was asked for; without such a document
    /// only where the PDS says once more that it is the account's.
    /// </summary>
    private async Task<CreationOutcome> CheckedAsync(Answer made, string did, Fields fields, CancellationToken cancellation)
    {
        var id = new AccountId(did);
        if (!await IsNamedByDocumentAsync(made, did, names.ToHandle(fields[AtProtoFields.Handle].ToString()), cancellation)
            && await DoubtAsync(id, fields, cancellation) is { } doubt)
        {
            return new NotCreated(doubt);
        }

        if (!fields.ValueOrNull(AtProtoFields.Active).IsNull && !fields[AtProtoFields.Active].IsTruthy)
        {
            var reply = await api.CallAsync("com.atproto.admin.updateSubjectStatus", AtProtoUpdates.Takedown(did, applied: true), cancellation);
            return reply is Answer { IsSuccess: true } ? new CreatedAccount(id) : new NotCreated(new Unknown("The account was made, and could not be disabled."));
        }

        return new CreatedAccount(id);
    }

    private async Task<bool> IsNamedByDocumentAsync(Answer made, string did, string handle, CancellationToken cancellation)
        => made.Text("handle") == handle && made.Object("didDoc") is { } document
            && directory.IsOf(document, did, handle, (await accounts.KnownAsync(cancellation)).Did);

    /// <summary>Why the account is not the one that was asked for, or can't be told from another; null where the PDS says that it is.</summary>
    private async Task<WriteOutcome?> DoubtAsync(AccountId id, Fields fields, CancellationToken cancellation)
    {
        Account? account;
        try
        {
            account = await accounts.ReadIdentifiersAsync(id.ToString(), cancellation);
        }
        catch (SystemUnavailableException exception)
        {
            return new Unknown($"The account was made, and could not be looked at: {exception.Message}");
        }

        return account is not null && account.Record[AtProtoFields.Handle] == names.ToField(fields[AtProtoFields.Handle].ToString())
            && account.Record[AtProtoFields.Email] == Stored(fields, AtProtoFields.Email)
            ? null
            : new Refused(
                $"'{name}' answered the creation with {id}, which is {(account is null ? "no account of it" : $"the account of {account.Label}")}. Nothing was linked: look at the PDS.");
    }

    /// <summary>The DID of the account whose password this is; null where the password is another's.</summary>
    private async Task<string?> SignInAsync(string identifier, string password, CancellationToken cancellation)
    {
        var body = new JsonObject { ["identifier"] = identifier, ["password"] = password, ["allowTakendown"] = true };
        // The PDS counts sign-ins by identifier: whoever has one of us tried often stops nobody else.
        var reply = await api.CallOpenlyAsync("com.atproto.server.createSession", body, cancellation, limitIsOfAll: false);
        switch (reply)
        {
            case Answer { IsSuccess: true } answer when AtProtoNames.IsDid(answer.Text("did")):
                return answer.Text("did");
            case Answer { Status: HttpStatusCode.Unauthorized, Error: "AuthenticationRequired" }:
                return null;
            case Answer { Status: HttpStatusCode.TooManyRequests } answer:
                throw new SystemUnavailableException($"'{name}' asks to wait {answer.RetryAfter.TotalSeconds:0} s before the next sign-in with the stored password.")
                {
                    RetryAfter = answer.RetryAfter,
                    LimitIsOfAccount = true,
                };
            default:
                throw failures.Unreadable(reply);
        }
    }

    private async Task<Ownership> OursAsync(string did, string identifier, FieldValue email, CancellationToken cancellation)
    {
        var account = await accounts.ReadIdentifiersAsync(did, cancellation);
        return account is not null && (identifier == did || account.Record[AtProtoFields.Email] == email)
            ? new Ours(account.Id)
            : throw new SystemUnavailableException($"'{name}' signed {identifier} in as {did}, which is another account. Nothing was concluded from its answer: look at the PDS.");
    }

    private async Task<Ownership> AnothersAsync(string did, FieldValue handle, FieldValue email, CancellationToken cancellation)
    {
        var account = await accounts.ReadIdentifiersAsync(did, cancellation);
        var sameEmail = account?.Record[AtProtoFields.Email] == email && !email.IsNull;
        return new Anothers(
            sameEmail ? [AtProtoFields.Handle, AtProtoFields.Email] : [AtProtoFields.Handle],
            $"The handle {names.ToHandle(handle.ToString())} is {did}'s, with {(sameEmail ? "the same" : "another")} e-mail address, and the stored password does not sign in there.");
    }
}
