using System.Net;
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
    private const string PlcPrefix = "did:plc:";
    private const string WebPrefix = "did:web:";

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
            Answer { IsSuccess: true } answer when answer.Text("id") == did => Endpoint(answer) is not { } endpoint ? new Unregistered() : IsHere(endpoint, serviceDid) ? new Here() : new Elsewhere(endpoint),
            Answer answer => throw Silent(did, $"answered {(int)answer.Status}"),
            NotReached not => throw Silent(did, not.Why.TrimEnd('.')),
            NoAnswer none => throw Silent(did, none.Why.TrimEnd('.')),
            var reply => throw new InvalidOperationException($"The reply {reply.GetType().Name} is unknown."),
        };
    }

    private SystemUnavailableException Silent(string did, string what)
        => new($"'{name}': whether {did} lives there could not be told, because the DID directory {what}. Check 'plcUrl', or run it again when the directory works.");

    private static string? Endpoint(Answer document)
        => document.Objects("service")?
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
