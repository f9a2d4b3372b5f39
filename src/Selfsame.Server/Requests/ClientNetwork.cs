using System.Net;
using System.Net.Sockets;

namespace Selfsame.Server.Requests;

/// <summary>What limits count by: an IPv4 address, or an IPv6 /64, which one subscriber holds whole (CASES 30).</summary>
internal static class ClientNetwork
{
    public static string? Of(IPAddress? address)
    {
        if (address is null)
        {
            return null;
        }

        if (address.IsIPv4MappedToIPv6)
        {
            address = address.MapToIPv4();
        }

        if (address.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return address.ToString();
        }

        var bytes = address.GetAddressBytes();
        bytes.AsSpan(8).Clear();
        return $"{new IPAddress(bytes)}/64";
    }
}
