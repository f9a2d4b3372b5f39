using System.Text.Json.Nodes;
using Selfsame.Connectors.Http;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.AtProto;

/// <summary>Changes and deletes accounts through the administrator's methods. A precondition is compared with a read right before, not in one transaction.</summary>
internal sealed class AtProtoUpdates(string name, AtProtoApi api, AtProtoFailures failures, AtProtoAccounts accounts, AtProtoNames names)
{
    private static readonly HashSet<string> OfTheAuthority = new(StringComparer.Ordinal) { AtProtoFields.Active, AtProtoFields.Status, AtProtoFields.MovedTo };

    /// <summary>The call that disables an account, or enables it again.</summary>
    public static JsonObject Takedown(string did, bool applied)
    {
        var takedown = new JsonObject { ["applied"] = applied };
        if (applied)
        {
            takedown["ref"] = "selfsame";
        }

        return new JsonObject { ["subject"] = new JsonObject { ["$type"] = "com.atproto.admin.defs#repoRef", ["did"] = did }, ["takedown"] = takedown };
    }

    public async Task<WriteOutcome> UpdateAsync(AccountId id, Fields set, Fields precondition, CancellationToken cancellation)
    {
        if (Refuse(set) is { } refused)
        {
            return refused;
        }

        var (present, not) = await ReadForChangeAsync(id, precondition, set.ContainsKey(AtProtoFields.Active), cancellation);
        if (present is null)
        {
            return not!;
        }

        var did = id.ToString();
        var changed = new List<string>();
        foreach (var (field, value) in Stored(set).Where(pair => present.Record[pair.Key] != pair.Value))
        {
            var outcome = await SetAsync(did, field, value, present, cancellation);
            if (outcome is not Done)
            {
                return changed.Count == 0 ? outcome : With(outcome, $"Its {string.Join(" and ", changed)} was changed before that.");
            }

            changed.Add(field);
        }

        return new Done();
    }

    public async Task<WriteOutcome> DeleteAsync(AccountId id, Fields precondition, CancellationToken cancellation)
    {
        var (present, not) = await ReadForChangeAsync(id, precondition, askAuthority: false, cancellation);
        if (present is null)
        {
            return not!;
        }

        var reply = await api.CallAsync("com.atproto.admin.deleteAccount", new JsonObject { ["did"] = id.ToString() }, cancellation);
        return IsDone(reply) ? new Done() : failures.Change(reply);
    }

    /// <summary>The values as the PDS will hold them, the handle first: it alone can be refused by the directory, and then nothing is half-done.</summary>
    private IEnumerable<KeyValuePair<string, FieldValue>> Stored(Fields set)
    {
        foreach (var field in new[] { AtProtoFields.Handle, AtProtoFields.Email, AtProtoFields.Active })
        {
            if (set.TryGetValue(field, out var value))
            {
                yield return KeyValuePair.Create(field, field switch
                {
                    AtProtoFields.Handle => names.ToField(value.ToString()),
                    AtProtoFields.Email => FieldValue.Text(value.ToString().Trim().ToLowerInvariant()),
                    _ => FieldValue.Boolean(value.IsTruthy),
                });
            }
        }
    }

    private Refused? Refuse(Fields set)
    {
        if (set.Keys.Except(AtProtoFields.Settable, StringComparer.Ordinal).ToList() is { Count: > 0 } others)
        {
            return new Refused($"The administrator of a PDS can't set {string.Join(", ", others)}.");
        }

        return (set.TryGetValue(AtProtoFields.Handle, out var handle) ? names.RefuseHandle(handle) : null)
            ?? (set.TryGetValue(AtProtoFields.Email, out var email) ? AtProtoNames.RefuseEmail(email) : null);
    }

    private Task<WriteOutcome> SetAsync(string did, string field, FieldValue value, Account present, CancellationToken cancellation) => field switch
    {
        AtProtoFields.Handle => SetHandleAsync(did, value, cancellation),
        AtProtoFields.Email => SetEmailAsync(did, value, cancellation),
        _ => SetActiveAsync(did, value.IsTruthy, present, cancellation),
    };

    private async Task<WriteOutcome> SetActiveAsync(string did, bool active, Account present, CancellationToken cancellation)
        => present.Record[AtProtoFields.Status].AsText switch
        {
            "moved" => new Refused($"The account lives at {present.Record[AtProtoFields.MovedTo]} now: only that PDS can disable or enable it."),
            "deactivated" when active => new Refused("The owner deactivated the account, and only the owner can activate it again."),
            _ => await CallAsync("com.atproto.admin.updateSubjectStatus", Takedown(did, !active), cancellation),
        };

    /// <summary>The PDS answers 500 to an address that another account has, and does nothing; it has no look-up by address to ask first.</summary>
    private async Task<WriteOutcome> SetEmailAsync(string did, FieldValue email, CancellationToken cancellation)
    {
        const int attempts = 2;
        for (var attempt = 1; ; attempt++)
        {
            var reply = await api.CallAsync("com.atproto.admin.updateAccountEmail", new JsonObject { ["account"] = did, ["email"] = email.ToString() }, cancellation);
            if (!AtProtoFailures.IsInternalError(reply))
            {
                return IsDone(reply) ? new Done() : failures.Change(reply);
            }

            if (attempt == attempts)
            {
                return new AlreadyExists(
                    [AtProtoFields.Email], $"'{name}' answered 500 to the address {email} {attempts} times, as it does where another of its accounts has it.");
            }
        }
    }

    private async Task<WriteOutcome> SetHandleAsync(string did, FieldValue handle, CancellationToken cancellation)
    {
        var body = new JsonObject { ["did"] = did, ["handle"] = names.ToHandle(handle.ToString()) };
        var reply = await api.CallAsync("com.atproto.admin.updateAccountHandle", body, cancellation);
        return IsDone(reply) ? new Done() : failures.HandleChange(reply);
    }

    private async Task<WriteOutcome> CallAsync(string method, JsonObject body, CancellationToken cancellation)
    {
        var reply = await api.CallAsync(method, body, cancellation);
        return IsDone(reply) ? new Done() : failures.Change(reply);
    }

    // These methods answer with an empty body, or with an object: a page is a proxy's.
    private static bool IsDone(HttpReply reply) => reply is Answer { IsSuccess: true, IsPage: false };

    /// <summary>The account if it holds the precondition; else what the change comes to without it.</summary>
    private async Task<(Account? Present, WriteOutcome? Not)> ReadForChangeAsync(AccountId id, Fields precondition, bool askAuthority, CancellationToken cancellation)
    {
        if (id.Parts is not [var did] || !AtProtoNames.IsDid(did))
        {
            return (null, new Drifted("It is gone."));
        }

        Account? present;
        try
        {
            present = (await accounts.ReadAsync([did], askAuthority || precondition.Keys.Any(OfTheAuthority.Contains), cancellation)).SingleOrDefault();
        }
        catch (SystemUnavailableException exception)
        {
            return (null, AtProtoFailures.BeforeChange(exception));
        }

        if (present is null)
        {
            return (null, new Drifted("It is gone."));
        }

        var different = precondition.DifferencesFrom(present.Record, "");
        return different.Count == 0 ? (present, null) : (null, new Drifted($"It changed meanwhile: {string.Join(", ", different)}."));
    }

    private static WriteOutcome With(WriteOutcome outcome, string addition) => outcome switch
    {
        AlreadyExists exists => exists with { Message = $"{exists.Message} {addition}" },
        Refused refused => refused with { Message = $"{refused.Message} {addition}" },
        // The first change has happened: neither "nothing was changed" would be true.
        Unavailable unavailable => new Unknown($"{unavailable.Message} {addition}"),
        Throttled => new Unknown($"It asks to be called later. {addition}"),
        Unknown unknown => unknown with { Message = $"{unknown.Message} {addition}" },
        _ => outcome,
    };
}
