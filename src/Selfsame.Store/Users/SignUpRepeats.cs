using System.Text.Json;
using Selfsame.Databases;
using Selfsame.Store.Requests;

namespace Selfsame.Store.Users;

/// <summary>Tells whether a sign-up repeats another, and what that was answered (promise 2).</summary>
internal sealed class SignUpRepeats(StoreContext context)
{
    /// <summary>What the call was answered before; null when it was not.</summary>
    public async Task<SignUpResult?> FindAsync(Transaction transaction, SignUpRequest request, DateTimeOffset now)
        => request.Call is { } call && await IdempotencyRecords.PeekAsync(transaction, context.Secrets, request.Tenant, call, now) is { } known
            ? await AnswerAsync(transaction, known.Claim, known.Answer)
            : null;

    /// <summary>Null for the first call of its kind; a repeat that raced it gets the first one's answer, and gives back what it claimed as an attempt.</summary>
    public async Task<SignUpResult?> ClaimAsync(Transaction transaction, SignUpRequest request, TenantSettings tenant, DateTimeOffset now)
    {
        if (request.Call is not { } call)
        {
            return null;
        }

        var (claim, answer) = await IdempotencyRecords.ClaimAsync(transaction, context.Secrets, request.Tenant, call, now);
        if (claim == IdempotencyClaim.Replay && RateLimits.GiveBack(request.Tenant, tenant.SignUpAttemptLimit, request.RateLimitSubject) is { } giveBack)
        {
            await transaction.BatchAsync(giveBack);
        }

        return claim == IdempotencyClaim.First ? null : await AnswerAsync(transaction, claim, answer);
    }

    private static async Task<SignUpResult> AnswerAsync(Transaction transaction, IdempotencyClaim claim, string? answer)
    {
        if (claim == IdempotencyClaim.OtherPayload)
        {
            return new SignUpResult.KeyReused();
        }

        if (JsonSerializer.Deserialize<StoredAnswer>(answer!) is not { User: { } user })
        {
            return new SignUpResult.Accepted(IsReplay: true);
        }

        // The answer as it was told, but for the internal id, which is never written into one.
        var present = await UserReader.FindAsync(transaction, user.Tenant, user.Uuid);
        return new SignUpResult.Created(user with { Id = present?.Id ?? 0 }, IsReplay: true);
    }
}

/// <summary>What an idempotency record keeps of a sign-up: the user as it was answered, or that nothing was told.</summary>
internal sealed record StoredAnswer(User? User)
{
    public static StoredAnswer Accepted { get; } = new((User?)null);
}
