using System.Net;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc.Filters;
using Selfsame.Store.Users;

namespace Selfsame.Server.Pages;

/// <summary>
/// The framework reads no form that holds a NUL, which only a program sends. On a page with this attribute another control character
/// takes its place before the form is read, and <see cref="Errors"/> names the fields, so that the page can say where it is.
/// </summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class NulInFormAttribute : Attribute, IAsyncAuthorizationFilter, IOrderedFilter
{
    // A form of ours is far smaller; a larger one is left to the framework.
    private const int LargestForm = 64 * 1024;

    /// <summary>Before the form's own token is looked for.</summary>
    public int Order => int.MinValue;

    /// <summary>An error for each field of the posted form that held a NUL.</summary>
    public static FieldErrors Errors(HttpContext http) => http.Items[typeof(NulInFormAttribute)] as FieldErrors ?? new FieldErrors();

    public async Task OnAuthorizationAsync(AuthorizationFilterContext context)
    {
        var http = context.HttpContext;
        if (http.Request is not { ContentLength: > 0 and <= LargestForm and { } length, ContentType: { } type }
            || !type.StartsWith("application/x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase))
        {
            return;
        }

        var form = new byte[(int)length];
        await http.Request.Body.ReadExactlyAsync(form, http.RequestAborted);
        var errors = new FieldErrors();
        for (int start = 0, end; start < form.Length; start = end + 1)
        {
            end = form.AsSpan(start).IndexOf((byte)'&') is var next and >= 0 ? start + next : form.Length;
            if (ReplaceNul(form.AsSpan(start, end - start)))
            {
                var field = WebUtility.UrlDecode(Encoding.UTF8.GetString(form, start, end - start).Split('=')[0]);
                errors.Add(field, $"{field}.nul", "This holds the control character U+0000. Leave it out.");
            }
        }

        http.Request.Body = new MemoryStream(form);
        http.Items[typeof(NulInFormAttribute)] = errors;
    }

    /// <summary>Puts U+0001 in the place of each NUL, written as it is or as <c>%00</c>; whether there was one.</summary>
    private static bool ReplaceNul(Span<byte> pair)
    {
        var found = false;
        for (var index = pair.IndexOf("%00"u8); index >= 0; index = pair.IndexOf("%00"u8))
        {
            found = true;
            pair[index + 2] = (byte)'1';
        }

        found |= pair.Contains((byte)0);
        pair.Replace((byte)0, (byte)1);
        return found;
    }
}
