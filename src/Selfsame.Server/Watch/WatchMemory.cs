using System.Security.Cryptography;
using System.Text;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Server.Watch;

/// <summary>
/// What watches remember: in the data folder one file for each question and channel, so that whoever was not told this time is told the next, and watches that
/// tell different people do not write over each other. A name is a hash, for the address of a webhook may be a secret.
/// </summary>
/// <param name="folder">The data folder.</param>
/// <param name="filter">What is asked; null for everything.</param>
public sealed class WatchMemory(string folder, FindingFilter? filter)
{
    /// <summary>The file of an older version, which knew one memory for all channels of a question.</summary>
    private string Earlier => Path.Combine(folder, filter is null ? "watch.json" : $"watch-{HashOf(filter.Who, filter.System, filter.Tenant)}.json");

    /// <summary>What a channel was told, and has to be told. A channel without a memory takes over what an older version had for its kind.</summary>
    public WatchState Read(AlertChannel channel)
    {
        if (WatchState.Read(PathOf(channel)) is { } own)
        {
            return own;
        }

        var earlier = WatchState.Read(Earlier) ?? new WatchState();
        return earlier with { Pending = [.. earlier.Pending.Where(alert => alert.Left!.Contains(channel.Kind)).Select(alert => alert with { Left = null })] };
    }

    public void Write(AlertChannel channel, WatchState state) => state.Write(PathOf(channel));

    /// <summary>Once channels have written what they took over, nobody else knows what they knew; what another kind of channel was still to be told stays.</summary>
    public void ForgetEarlier(IReadOnlyList<AlertChannel> channels)
    {
        if (channels.Count == 0 || WatchState.Read(Earlier) is not { } earlier)
        {
            return;
        }

        var left = new WatchState
        {
            Pending =
            [
                .. earlier.Pending
                    .Select(alert => alert with { Left = [.. alert.Left!.Except(channels.Select(channel => channel.Kind))] })
                    .Where(alert => alert.Left!.Count > 0),
            ],
        };
        if (left.Pending.Count == 0)
        {
            File.Delete(Earlier);
        }
        else if (left.Pending.Sum(alert => alert.Left!.Count) < earlier.Pending.Sum(alert => alert.Left!.Count) || earlier.Known.Count > 0)
        {
            left.Write(Earlier);
        }
    }

    private string PathOf(AlertChannel channel)
        => Path.Combine(folder, $"watch-{channel.Kind}-{HashOf(filter?.Who, filter?.System, filter?.Tenant, channel.Address)}.json");

    private static string HashOf(params IReadOnlyList<string?> parts)
        => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', parts))))[..16];
}
