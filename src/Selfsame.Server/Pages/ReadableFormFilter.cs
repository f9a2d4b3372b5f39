using System.Buffers;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.Filters;
using Microsoft.Net.Http.Headers;
using Selfsame.Server.Requests;
using Selfsame.Store.Users;

namespace Selfsame.Server.Pages;

/// <summary>
/// Reads the posted form of every page before anything else does, so that what is no form of ours gets its own answer and not that of a missing token, nor a
/// fault of ours (the framework decodes by whatever charset the header names). It reads no form that holds a NUL, which only a program sends: another
/// control character takes its place, and <see cref="NulErrors"/> names the fields, so that the page can say where it is.
/// </summary>
internal sealed class ReadableFormFilter : IAsyncAuthorizationFilter, IOrderedFilter
{
    /// <summary>Before the form's own token is looked for.</summary>
    public int Order => int.MinValue;

    /// <summary>An error for each field of the posted form that held a NUL.</summary>
    public static FieldErrors NulErrors(HttpContext http) => http.Items[typeof(ReadableFormFilter)] as FieldErrors ?? new FieldErrors();

    public async Task OnAuthorizationAsync(AuthorizationFilterContext context)
    {
        var http = context.HttpContext;
        if (CarriesNoForm(http.Request.Method) || http.Features.Get<IStatusCodeReExecuteFeature>() is not null)
        {
            return;
        }

        if (!IsOurKindOfForm(http.Request))
        {
            Refuse(context, StatusCodes.Status415UnsupportedMediaType, RefusalReason.NotAForm);
            return;
        }

        if (await ReadAsync(http) is not { } form)
        {
            Refuse(context, StatusCodes.Status413PayloadTooLarge, RefusalReason.FormTooLarge);
            return;
        }

        http.Items[typeof(ReadableFormFilter)] = ReplaceNuls(form);
        http.Request.Body = new MemoryStream(form);
        try
        {
            await http.Request.ReadFormAsync(http.RequestAborted);
        }
        catch (InvalidDataException)
        {
            Refuse(context, StatusCodes.Status400BadRequest, RefusalReason.FormUnreadable);
        }
    }

    private static bool CarriesNoForm(string method)
        => HttpMethods.IsGet(method) || HttpMethods.IsHead(method) || HttpMethods.IsOptions(method) || HttpMethods.IsTrace(method);

    private static bool IsOurKindOfForm(HttpRequest request)
        => request.Headers.ContentEncoding.Count == 0
            && MediaTypeHeaderValue.TryParse(request.ContentType, out var type)
            && type.MediaType.Equals("application/x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase)
            && type.Parameters.All(parameter => !parameter.Name.Equals("charset", StringComparison.OrdinalIgnoreCase)
                || HeaderUtilities.RemoveQuotes(parameter.Value).Equals("utf-8", StringComparison.OrdinalIgnoreCase));

    /// <summary>Null when there is more than the limit, whatever the header says of its length.</summary>
    private static async Task<byte[]?> ReadAsync(HttpContext http)
    {
        if (http.Request.ContentLength > RequestLimits.LargestBody)
        {
            return null;
        }

        var buffer = new ArrayBufferWriter<byte>((int)(http.Request.ContentLength ?? 0) + 1024);
        while (buffer.WrittenCount <= RequestLimits.LargestBody)
        {
            var count = await http.Request.Body.ReadAsync(buffer.GetMemory(1024), http.RequestAborted);
            if (count == 0)
            {
                return buffer.WrittenSpan.ToArray();
            }

            buffer.Advance(count);
        }

        return null;
    }

    private static void Refuse(AuthorizationFilterContext context, int status, RefusalReason reason)
    {
        context.HttpContext.Items[typeof(RefusalReason)] = reason;
        context.Result = new StatusCodeResult(status);
    }

    private static FieldErrors ReplaceNuls(byte[] form)
    {
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

        return errors;
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
