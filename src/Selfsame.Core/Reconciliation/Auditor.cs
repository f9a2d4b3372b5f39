using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>What an audit saw and found.</summary>
public sealed record AuditResult(IReadOnlyDictionary<string, SystemPicture> Pictures, IReadOnlyList<Finding> Findings);

/// <summary>Reads every system once, in bulk, and finds what disagrees.</summary>
public sealed class Auditor(Topology topology, IReadOnlyDictionary<string, IConnectedSystem> systems, IdentifierKeying keying)
{
    /// <summary>Throws <see cref="SystemUnavailableException"/> when a read was not complete: half a read finds nothing.</summary>
    public async Task<AuditResult> AuditAsync(Func<string, IProgress<long>?> progress, CancellationToken cancellation)
    {
        var pictures = new Dictionary<string, SystemPicture>(StringComparer.Ordinal);
        foreach (var (name, config) in topology.Systems)
        {
            pictures.Add(name, await ReadAsync(config, systems[name], progress(name), cancellation));
        }

        return new AuditResult(pictures, Situations.Find(topology, pictures));
    }

    private async Task<SystemPicture> ReadAsync(SystemConfig config, IConnectedSystem system, IProgress<long>? progress, CancellationToken cancellation)
    {
        if (system is not IReadsAccounts readable)
        {
            throw new SystemUnavailableException($"The accounts of '{config.Name}' can't be listed, so they can't be audited.");
        }

        var facts = await system.DescribeAsync(cancellation);
        var read = await readable.ReadEverythingAsync(config.Name, progress, cancellation);
        return new SystemPicture
        {
            Config = config,
            Facts = facts,
            Accounts = [.. read.Accounts.Select(account => KeyedAccount.Of(account, keying))],
            Unreadable = read.Unreadable,
            Indexes = system is IInspectsIndexes inspected ? await inspected.ReadIndexesAsync(cancellation) : null,
        };
    }
}
