using System.Net;
using System.Text;
using System.Text.Json;
using Selfsame.Connectors.Http;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.AtProto;

/// <summary>Where a DID document says that an account lives.</summary>
internal abstract record Residence;

/// <summary>On this PDS.</summary>
internal sealed record Here : Residence;

/// <summary>On another PDS.</summary>
/// <param name="Endpoint">Its address, as the document has it.</param>
internal sealed record Elsewhere(string Endpoint) : Residence;

/// <summary>The directory knows no such DID, or its owner has deleted it.</summary>
internal sealed record Unregistered : Residence;

/// <summary>
/// Asks the authority on where an account lives, its DID document: after a migration the PDS that it left goes on answering for it
/// (zzstoatzz/plyr.fm#1728). Only <c>did:plc</c> is asked about; what else a DID may name is its owner's host, which we do not call.
/// </summary>
internal sealed class AtProtoDirectory(string name, AtProtoApi api)
{
    private const int OperationsAtOnce = 1000;
    private const string PlcPrefix = "did:plc:";
    private const string WebPrefix = "did:web:";
    private const string HandlePrefix = "at://";

    /// <summary>Where the account lives; throws <see cref="SystemUnavailableException"/> where that can't be told now.</summary>
    /// <param name="did">The account.</param>
    /// <param name="serviceDid">The PDS's own DID.</param>
    /// <param name="cancellation">Ends it.</param>
    public async Task<Residence> FindAsync(string did, string serviceDid, CancellationToken cancellation)
    {
        if (!did.StartsWith(PlcPrefix, StringComparison.Ordinal))
        {
            return new Here();
        }

        return await api.AskDirectoryAsync(did, cancellation) switch
        {
            Answer { Status: HttpStatusCode.NotFound or HttpStatusCode.Gone, Body: not null } => new Unregistered(),
            Answer { IsSuccess: true, Body: { } document } when document.TextOrNull("id") == did => Endpoint(document) is not { } endpoint ? new Unregistered() : IsHere(endpoint, serviceDid) ? new Here() : new Elsewhere(endpoint),
            Answer answer => throw Silent(did, $"answered {(int)answer.Status}", answer.Patience),
            NotAsked not => throw Silent(did, not.Why.TrimEnd('.'), not.Patience),
            NoAnswer none => throw Silent(did, none.Why.TrimEnd('.')),
            var reply => throw new InvalidOperationException($"The reply {reply.GetType().Name} is unknown."),
        };
    }

    /// <summary>
    /// Whether this is the document of the DID, names the handle as its first (AT Protocol, section "DID documents") and says that the account lives here.
    /// </summary>
    public bool IsOf(JsonElement document, string did, string handle, string serviceDid)
        => document.TextOrNull("id") == did && Endpoint(document) is { } endpoint && IsHere(endpoint, serviceDid)
            && document.TryGetProperty("alsoKnownAs", out var known) && known.ValueKind == JsonValueKind.Array
            && known.EnumerateArray().Select(name => name.TextOrNull()).OfType<string>()
                .FirstOrDefault(name => name.StartsWith(HandlePrefix, StringComparison.Ordinal)) == HandlePrefix + handle;

    /// <summary>
    /// The DIDs that were registered for this PDS before <paramref name="before"/>, each with the handle it was registered with: a directory of our
    /// own tells all its operations (<c>/export</c>, JSON lines in the order of time). The public one has too many for that.
    /// </summary>
    public async Task<IReadOnlyDictionary<string, string>> ListRegisteredAsync(string serviceDid, DateTimeOffset before, CancellationToken cancellation)
    {
        var registered = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var after = ""; ;)
        {
            var operations = await ExportAsync(after, cancellation);
            foreach (var operation in operations.Where(operation => operation.Created < before))
            {
                Note(operation.Line, serviceDid, registered);
            }

            if (operations.Count < OperationsAtOnce)
            {
                return registered;
            }

            after = operations[^1].Line.TextOrNull("createdAt")!;
        }
    }

    private async Task<IReadOnlyList<(JsonElement Line, DateTimeOffset Created)>> ExportAsync(string after, CancellationToken cancellation)
    {
        var reply = await api.AskDirectoryAsync($"export?count={OperationsAtOnce}{(after.Length == 0 ? "" : $"&after={Uri.EscapeDataString(after)}")}", cancellation);
        try
        {
            return reply is Answer { IsSuccess: true } answer
                ? [.. Encoding.UTF8.GetString(answer.Content.Span).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(Operation)]
                : throw new SystemUnavailableException($"'{name}': the DID directory does not tell its operations ({(reply as Answer)?.Status.ToString() ?? "no answer"}).");
        }
        catch (JsonException exception)
        {
            throw new SystemUnavailableException($"'{name}': the DID directory's list of operations is not JSON lines.", exception);
        }
    }

    // A line that is skipped might have ended a DID: then nothing is told.
    private (JsonElement Line, DateTimeOffset Created) Operation(string line)
    {
        var operation = JsonSerializer.Deserialize<JsonElement>(line);
        return operation.ValueKind == JsonValueKind.Object && operation.TryGetProperty("createdAt", out var created)
            && created.ValueKind == JsonValueKind.String && created.TryGetDateTimeOffset(out var at)
            ? (operation, at)
            : throw new SystemUnavailableException($"'{name}': the DID directory's list of operations has a line that is no operation. Check that 'plcUrl' is a DID directory.");
    }

    // A later operation may move the DID elsewhere, or end it: the last word counts.
    private void Note(JsonElement line, string serviceDid, Dictionary<string, string> registered)
    {
        if (line.TextOrNull("did") is not { } did || !line.TryGetProperty("operation", out var operation) || operation.ValueKind != JsonValueKind.Object)
        {
            return;
        }

        var here = operation.TryGetProperty("services", out var services) && services.ValueKind == JsonValueKind.Object
            && services.TryGetProperty("atproto_pds", out var service) && service.ValueKind == JsonValueKind.Object
            && service.TextOrNull("endpoint") is { } endpoint && IsHere(endpoint, serviceDid);
        if (!here)
        {
            registered.Remove(did);
            return;
        }

        registered[did] = operation.TryGetProperty("alsoKnownAs", out var names) && names.ValueKind == JsonValueKind.Array
            ? string.Join(", ", names.EnumerateArray().Select(known => known.ToString()))
            : "";
    }

    private SystemUnavailableException Silent(string did, string what, TimeSpan? retryAfter = null)
        => new($"'{name}': whether {did} lives there could not be told, because the DID directory {what}. Check 'plcUrl', or run it again when the directory works.") { RetryAfter = retryAfter };

    private static string? Endpoint(JsonElement document)
        => Answer.Objects(document, "service")?
            .Where(service => service.TextOrNull("id") is { } id && (id == "#atproto_pds" || id.EndsWith("#atproto_pds", StringComparison.Ordinal)))
            .Select(service => service.TextOrNull("serviceEndpoint"))
            .FirstOrDefault();

    // The document has the PDS's public address; ours may be another way to the same PDS, whose own DID has its public name.
    private bool IsHere(string endpoint, string serviceDid)
    {
        if (!Uri.TryCreate(endpoint, UriKind.Absolute, out var there))
        {
            return false;
        }

        var publicName = serviceDid.StartsWith(WebPrefix, StringComparison.Ordinal) ? Uri.UnescapeDataString(serviceDid[WebPrefix.Length..]).Split(':')[0] : "";
        return there.Authority.Equals(api.Address.Authority, StringComparison.OrdinalIgnoreCase) || there.Host.Equals(publicName, StringComparison.OrdinalIgnoreCase);
    }
}
