using System.Text.Json;
using Selfsame.Core;
using Selfsame.Store.Requests;

namespace Selfsame.Server.Pages;

/// <summary>
/// The token that every form which makes a user carries: a double click, a refresh and a browser's retry post the same
/// token and the same fields, and are answered as the first was (promise 2).
/// </summary>
internal static class CreationForm
{
    /// <summary>The hidden field's name.</summary>
    public const string TokenField = "form-token";

    private const int Longest = 100;

    public static string NewToken(RandomSource random) => random.NextToken();

    /// <summary>The call that this post is; null when the form's token is missing or none of ours.</summary>
    /// <param name="page">The page to which the form was posted.</param>
    /// <param name="caller">Whose tokens these are.</param>
    /// <param name="route">Where the form was posted.</param>
    /// <param name="fields">The fields that make the payload; the token against forged posts is none of them.</param>
    public static IdempotentCall? Read(SelfsamePage page, string caller, string route, IEnumerable<string> fields)
    {
        var token = page.Typed(TokenField);
        return token is { Length: >= 32 and <= Longest } && token.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_')
            ? new IdempotentCall(caller, route, token, Payload(page, fields))
            : null;
    }

    public static string Payload(SelfsamePage page, IEnumerable<string> fields)
        => JsonSerializer.Serialize(fields.Order(StringComparer.Ordinal).Select(field => new[] { field, page.Typed(field) }));
}
