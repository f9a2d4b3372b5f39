using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Selfsame.Connectors.Http;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.AtProto;

/// <summary>
/// Sends single requests to the PDS (XRPC) and to the DID directory and tells what became of them. Each has its own time limit: a PDS whose
/// directory hangs answers nothing for minutes.
/// </summary>
internal sealed class AtProtoApi
{
    private const int LargestAnswer = 16 * 1024 * 1024;

    // Below the limit of a provisioning's call, so that the reason stands in the row.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(15);

    private readonly Uri directory;
    private readonly string password;
    private readonly string credentials;
    private readonly HttpCalls calls;
    private readonly HttpCalls directoryCalls;

    /// <summary>Throws <see cref="SystemUnavailableException"/> for addresses or a password that can't be right.</summary>
    public AtProtoApi(string name, string url, string directoryUrl, string adminPassword, HttpMessageInvoker http, TimeProvider clock, Patience patience)
    {
        Address = AddressOf(url)
            ?? throw new SystemUnavailableException($"'{name}': 'url' is not the address of a PDS, such as https://pds.example.com. Correct it in the config.");
        directory = AddressOf(directoryUrl)
            ?? throw new SystemUnavailableException($"'{name}': 'plcUrl' is not the address of a PLC directory, such as https://plc.directory. Correct it in the config.");
        password = adminPassword.Length > 0
            ? adminPassword
            : throw new SystemUnavailableException($"'{name}': 'adminPassword' is empty. Set it to the PDS's PDS_ADMIN_PASSWORD.");
        credentials = Convert.ToBase64String(Encoding.UTF8.GetBytes($"admin:{adminPassword}"));
        calls = new HttpCalls(http, clock, Limit, LargestAnswer, "the address in the config", patience);
        // A host of its own: that it wants to be left alone says nothing about the PDS.
        directoryCalls = new HttpCalls(http, clock, Limit, LargestAnswer, "the address in the config", patience);
    }

    /// <summary>Where the PDS is.</summary>
    public Uri Address { get; }

    /// <summary>Asks an XRPC query as administrator, and waits where the PDS asks for it, as often and as long as is bearable.</summary>
    /// <param name="method">The method's NSID.</param>
    /// <param name="parameters">Its parameters; one name may stand several times.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    public Task<HttpReply> QueryAsync(string method, IEnumerable<(string Name, string Value)> parameters, CancellationToken cancellation)
    {
        var query = string.Join('&', parameters.Select(parameter => $"{parameter.Name}={Uri.EscapeDataString(parameter.Value)}"));
        return calls.PatientlyAsync(() => SendAsync(calls, HttpMethod.Get, Method(method, query), null, true, cancellation), cancellation);
    }

    /// <summary>Calls an XRPC procedure once, as administrator.</summary>
    public Task<HttpReply> CallAsync(string method, JsonObject body, CancellationToken cancellation)
        => SendAsync(calls, HttpMethod.Post, Method(method, ""), body, true, cancellation);

    /// <summary>Calls an XRPC procedure once, as anybody may: where accounts are made or sign in, the administrator's password is refused.</summary>
    /// <param name="method">The method's NSID.</param>
    /// <param name="body">What is sent.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <param name="limitIsOfAll">Whether a limit of which the answer tells is one of all accounts.</param>
    public Task<HttpReply> CallOpenlyAsync(string method, JsonObject body, CancellationToken cancellation, bool limitIsOfAll = true)
        => SendAsync(calls, HttpMethod.Post, Method(method, ""), body, false, cancellation, limitIsOfAll);

    /// <summary>Asks the DID directory, whose paths are <c>/</c> and the DID.</summary>
    public Task<HttpReply> AskDirectoryAsync(string path, CancellationToken cancellation)
        // A DID alone would be an address of its own, with the scheme "did".
        => directoryCalls.PatientlyAsync(() => SendAsync(directoryCalls, HttpMethod.Get, new Uri(directory, $"./{path}"), null, false, cancellation), cancellation);

    private static Uri? AddressOf(string url)
        => Uri.TryCreate(url, UriKind.Absolute, out var address) && address.Scheme is "http" or "https" && address.Query.Length == 0 && address.UserInfo.Length == 0
            ? new Uri(address.GetLeftPart(UriPartial.Path).TrimEnd('/') + '/')
            : null;

    private Uri Method(string method, string query) => new(Address, $"xrpc/{method}{(query.Length == 0 ? "" : "?" + query)}");

    private async Task<HttpReply> SendAsync(
        HttpCalls through, HttpMethod method, Uri address, JsonObject? body, bool asAdministrator, CancellationToken cancellation, bool limitIsOfAll = true)
    {
        using var request = new HttpRequestMessage(method, address);
        request.Headers.Authorization = asAdministrator ? new AuthenticationHeaderValue("Basic", credentials) : null;
        request.Content = HttpCalls.Json(body);
        return await through.SendAsync(
            request,
            (response, content) => new Answer
            {
                Status = response.StatusCode,
                Body = HttpCalls.Parsed(content) is { ValueKind: JsonValueKind.Object } json ? json : null,
                Content = content,
                Secrets = [password, credentials, .. HttpCalls.SecretsOf(body)],
                RetryAfter = calls.Patience(response.Headers, Reset(response.Headers)),
            },
            cancellation,
            limitIsOfAll);
    }

    // The PDS tells the instant at which its limit starts anew, in seconds since 1970.
    private static DateTimeOffset? Reset(HttpResponseHeaders headers)
        => headers.TryGetValues("RateLimit-Reset", out var values)
            && long.TryParse(values.First(), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds < 253_402_300_800
            ? DateTimeOffset.FromUnixTimeSeconds(seconds)
            : null;
}
