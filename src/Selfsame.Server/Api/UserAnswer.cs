using System.Globalization;
using Microsoft.AspNetCore.Http;
using Selfsame.Store.Users;

namespace Selfsame.Server.Api;

/// <summary>A user as the API shows it. Instants are RFC 3339 in UTC; the internal id is not among them (CASES 32).</summary>
internal sealed record UserAnswer
{
    public required Guid Uuid { get; init; }

    public required string? Username { get; init; }

    public required string? Email { get; init; }

    public required DateTimeOffset? EmailVerifiedAt { get; init; }

    public required string? Phone { get; init; }

    public required DateTimeOffset? PhoneVerifiedAt { get; init; }

    public required string? Handle { get; init; }

    public required string UserCode { get; init; }

    public required string? FirstName { get; init; }

    public required string? LastName { get; init; }

    public required string Locale { get; init; }

    public required string Role { get; init; }

    public required IReadOnlyList<string> Groups { get; init; }

    public required bool IsActive { get; init; }

    public required bool IsStaff { get; init; }

    public required bool IsSuperuser { get; init; }

    public required long Version { get; init; }

    public required DateTimeOffset? LastSignInAt { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; init; }

    public required DateTimeOffset? DeletedAt { get; init; }

    public static UserAnswer Of(User user, IEnumerable<string> groups) => new()
    {
        Uuid = user.Uuid,
        Username = user.Username,
        Email = user.Email,
        EmailVerifiedAt = user.EmailVerifiedAt,
        Phone = user.Phone,
        PhoneVerifiedAt = user.PhoneVerifiedAt,
        Handle = user.Handle,
        UserCode = user.UserCode,
        FirstName = user.FirstName,
        LastName = user.LastName,
        Locale = user.Locale,
        Role = user.Role,
        Groups = [.. groups],
        IsActive = user.IsActive,
        IsStaff = user.IsStaff,
        IsSuperuser = user.IsSuperuser,
        Version = user.Version,
        LastSignInAt = user.LastSignInAt,
        CreatedAt = user.CreatedAt,
        UpdatedAt = user.UpdatedAt,
        DeletedAt = user.DeletedAt,
    };

    /// <summary>The user with its present groups, and with its version as <c>ETag</c>.</summary>
    public static async Task<IResult> AnswerAsync(HttpContext http, UserReader users, User user)
    {
        var groups = await users.GroupsAsync(user, http.RequestAborted);
        http.Response.Headers.ETag = EntityTag(user);
        return Results.Ok(Of(user, groups));
    }

    /// <summary>The version as an entity tag (RFC 9110 section 8.8.3).</summary>
    public static string EntityTag(User user) => $"\"{user.Version.ToString(CultureInfo.InvariantCulture)}\"";
}
