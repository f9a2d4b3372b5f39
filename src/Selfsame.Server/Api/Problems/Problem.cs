using Microsoft.AspNetCore.Http;
using Selfsame.Core.Identifiers;
using Selfsame.Store.Users;

namespace Selfsame.Server.Api.Problems;

/// <summary>One kind of refusal (RFC 9457). Programs tell kinds apart by <see cref="Type"/>, never by texts.</summary>
/// <param name="Status">The HTTP status.</param>
/// <param name="Name">Stable; the last part of <see cref="Type"/>.</param>
/// <param name="Title">The same for every refusal of this kind.</param>
internal sealed record Problem(int Status, string Name, string Title)
{
    public static Problem MalformedBody { get; } = new(400, "malformed-body", "The body cannot be read");

    public static Problem BadRequest { get; } = new(400, "bad-request", "The request is not valid HTTP");

    public static Problem InvalidHeader { get; } = new(400, "invalid-header", "A header field is wrong");

    public static Problem SignInRequired { get; } = new(401, "sign-in-required", "Nobody is signed in");

    public static Problem SignInRefused { get; } = new(401, "sign-in-refused", "The sign-in was refused");

    public static Problem WrongToken { get; } = new(401, "wrong-token", "The webhook does not carry the right token");

    public static Problem Forbidden { get; } = new(403, "forbidden", "The caller may not do this");

    public static Problem EmailNotVerified { get; } = new(403, "email-not-verified", "The e-mail address is not verified");

    public static Problem PasswordNeeded { get; } = new(403, "password-needed", "The link alone is not enough");

    public static Problem NotFound { get; } = new(404, "not-found", "There is nothing here");

    public static Problem MethodNotAllowed { get; } = new(405, "method-not-allowed", "This address does not take the method");

    public static Problem IdentifierTaken { get; } = new(409, "identifier-taken", "Another user has this identifier");

    public static Problem RequestInProgress { get; } = new(409, "request-in-progress", "The first call with this key is under way");

    public static Problem UserDeleted { get; } = new(409, "user-deleted", "The user is deleted");

    public static Problem VersionMismatch { get; } = new(412, "version-mismatch", "The user was changed meanwhile");

    public static Problem BodyTooLarge { get; } = new(413, "body-too-large", "The body is too large");

    public static Problem UnsupportedMediaType { get; } = new(415, "unsupported-media-type", "The body is of another kind than is taken");

    public static Problem InvalidFields { get; } = new(422, "invalid-fields", "Some fields are wrong");

    public static Problem IdempotencyKeyReused { get; } = new(422, "idempotency-key-reused", "The key belongs to another call");

    public static Problem InvalidLink { get; } = new(422, "invalid-link", "The link is no longer good");

    public static Problem IfMatchRequired { get; } = new(428, "if-match-required", "The change does not say which version it is for");

    public static Problem TooManyRequests { get; } = new(429, "too-many-requests", "Too many requests");

    public static Problem InternalError { get; } = new(500, "internal-error", "The service failed");

    public static Problem Busy { get; } = new(503, "busy", "The service is busy");

    public static Problem OutcomeUnknown { get; } = new(503, "outcome-unknown", "It is not known whether it happened");

    public static Problem NotReady { get; } = new(503, "not-ready", "The service is not ready");

    /// <summary>A URI reference relative to the service; docs/api.md says what each means.</summary>
    public string Type => $"/problems/{Name}";

    /// <summary>This problem, for this reason: a sentence that says what to do.</summary>
    public ProblemAnswer Because(string detail) => new(this, detail);

    /// <summary>This problem, because of one field.</summary>
    public ProblemAnswer Because(string detail, string field, string sentence)
        => new(this, detail) { Errors = new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal) { [field] = [sentence] } };

    /// <summary>This problem, because of these fields.</summary>
    public ProblemAnswer Because(string detail, FieldErrors errors)
        => new(this, detail)
        {
            Errors = errors.ByField.ToDictionary(
                entry => entry.Key, IReadOnlyList<string> (entry) => [.. entry.Value.Select(refusal => refusal.Message).Distinct()], StringComparer.Ordinal),
        };

    /// <summary>The fields of a request that are wrong, all of them.</summary>
    public static ProblemAnswer Of(FieldErrors errors) => InvalidFields.Because("Correct the fields named in errors and send the request again.", errors);

    /// <summary>The fields that other users have, all of them; some of those users may be deleted (CASES 8).</summary>
    public static ProblemAnswer OfTaken(IEnumerable<string> fields, IReadOnlySet<string>? heldByDeleted = null)
    {
        var errors = new FieldErrors();
        foreach (var field in fields)
        {
            var sentence = heldByDeleted?.Contains(field) == true
                ? $"This belongs to a deleted account. Ask an administrator to restore it, or wait until it is removed for good.{(field == "email" ? ReleaseSentence : "")}"
                : TakenSentence(field);
            errors.Add(field, new Refusal($"{field}.taken", sentence));
        }

        return IdentifierTaken.Because("Choose other values for the fields named in errors, or sign in if the account is yours.", errors);
    }

    private const string ReleaseSentence = " If the address was never confirmed, ask for a password reset: the mail makes it free.";

    private static string TakenSentence(string field) => field switch
    {
        "username" => "This username is taken. Choose another.",
        "email" => "This e-mail address is registered already. Sign in, or reset the password.",
        "phone" => "This phone number belongs to another user.",
        "handle" => "This handle is taken. Choose another.",
        _ => "This value is taken. Choose another.",
    };
}

/// <summary>A refusal as it goes out: <c>application/problem+json</c>.</summary>
internal sealed record ProblemAnswer(Problem Problem, string Detail) : IResult
{
    public const string ContentType = "application/problem+json";

    public IReadOnlyDictionary<string, IReadOnlyList<string>>? Errors { get; init; }

    /// <summary>Sent as <c>Retry-After</c> in whole seconds, at least one.</summary>
    public TimeSpan? RetryAfter { get; init; }

    public Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.StatusCode = Problem.Status;
        if (Problem.Status == StatusCodes.Status401Unauthorized)
        {
            response.Headers.WWWAuthenticate = "Bearer realm=\"selfsame\"";
        }

        if (RetryAfter is { } wait)
        {
            response.Headers.RetryAfter = RateLimitFields.Seconds(wait);
        }

        var document = new ProblemDocument
        {
            Type = Problem.Type,
            Title = Problem.Title,
            Status = Problem.Status,
            Detail = Detail,
            CorrelationId = response.Headers["X-Correlation-Id"].ToString(),
            Errors = Errors,
        };
        return response.WriteAsJsonAsync(document, options: null, ContentType, httpContext.RequestAborted);
    }
}

/// <summary>The members of a problem (RFC 9457 section 3.1), with two of ours.</summary>
internal sealed record ProblemDocument
{
    public required string Type { get; init; }

    public required string Title { get; init; }

    public required int Status { get; init; }

    public required string Detail { get; init; }

    public required string CorrelationId { get; init; }

    [System.Text.Json.Serialization.JsonIgnore(Condition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, IReadOnlyList<string>>? Errors { get; init; }
}
